"""Who is kept waiting, and what that spares each client, played with a clock that is told the time."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tarragon.faces.aws.patience import FIRST_S, LONGEST_S, REMEMBERED, Patience
from tarragon.faces.aws.protocol import Call

BOTO = "Boto3/1.44.8 md/Botocore#1.44.8 ua/2.1 os/linux md/arch#x86_64 lang/python#3.11.7 m/{} cfg/retry-mode#standard"
V2 = BOTO.format("e,b,E,Z,N") + " Botocore/1.44.8 lib/AWS-SageMaker-Python-SDK#2.257.0"
V3 = BOTO.format("e,b,E,Z,N") + " Botocore/1.44.8 lib/AWS-SageMakerCore#2.27.0"
PLAIN = BOTO.format("e,b,E,Z,N")
WAITING = BOTO.format("B,e,b,E")
ALSO_WAITING = BOTO.format("e,Z,B")
COMMAND_LINE = (
    "aws-cli/2.17.0 md/awscrt#0.20 exec-env/x md/prompt#off md/command#sagemaker.wait.training-job-completed-or-stopped"
)


class World:
    """A job that runs for so many seconds from its creation at 0, and a client that looks at it."""

    def __init__(self, agent: str, runs: float) -> None:
        self.now, self.runs, self.agent = 0.0, runs, agent
        self.patience = Patience(lambda: self.now, self.sleep)
        self.looks = 0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    def over(self) -> bool:
        return self.now >= self.runs

    async def describe(self, *, began: float | None = None, key: str = "arn", agent: str = "", who: str = "AK") -> bool:
        self.looks += 1
        server: Any = SimpleNamespace(clock=lambda: self.now)
        call = Call("sagemaker", "DescribeTrainingJob", {}, "us-east-1", server)
        call.headers, call.principal = {"user-agent": agent or self.agent}, who
        if not self.over():
            await self.patience.wait(call, key, self.over, began=began)
        return self.over()


def play(client: Callable[[World], Any], agent: str, runs: float) -> World:
    world = World(agent, runs)
    asyncio.run(client(world))
    return world


async def v2_fit_with_logs(world: World) -> None:
    """``_logs_for_job``: a look after 5 s; then logs every 10 s, the job when 30 s have gone; 10 s more at the end."""
    await world.sleep(5)
    if await world.describe():
        return
    last = world.now
    while True:
        await world.sleep(10)
        if world.now - last >= 30:
            last = world.now
            if await world.describe():
                await world.sleep(10)
                return


async def v2_wait(world: World) -> None:
    await world.sleep(5)
    while not await world.describe():
        await world.sleep(5)


async def v3_create_and_wait(world: World) -> None:
    await world.describe()
    await world.sleep(0.02)
    while not await world.describe():
        await world.sleep(5)


async def waiter(world: World) -> None:
    while not await world.describe():
        await world.sleep(120)


@pytest.mark.parametrize(
    ("client", "agent", "runs", "at_most"),
    [
        (v2_fit_with_logs, V2, 8, 8.2),  # without patience 55 s
        (v2_fit_with_logs, V2, 3, 5.2),
        (v2_fit_with_logs, V2, 13.5, 13.7),
        (v2_wait, V2, 8, 8.2),
        (v2_wait, V2, 40, 40.2),
        (v3_create_and_wait, V3, 8, 8.2),
        (v3_create_and_wait, V3, 2, 5.2),
        (v3_create_and_wait, V3, 61, 66),
        (waiter, WAITING, 8, 8.2),  # without patience 120 s
        (waiter, ALSO_WAITING, 19, 19.2),
        (waiter, COMMAND_LINE, 8, 8.2),
        (waiter, PLAIN, 130, 130.2),  # somebody's own loop
    ],
)
def test_a_short_job_takes_its_client_no_longer_than_itself(
    client: Any, agent: str, runs: float, at_most: float
) -> None:
    assert play(client, agent, runs).now <= at_most


def test_logs_of_a_long_fit_are_not_held_up_long() -> None:
    async def first(world: World) -> None:
        await world.sleep(5)
        assert not await world.describe()
        assert world.now == pytest.approx(5 + FIRST_S, abs=0.1)

    play(first, V2, 1000)


@pytest.mark.parametrize("agent", [PLAIN, V2, V3, WAITING])
def test_a_client_that_asks_often_is_not_kept(agent: str) -> None:
    async def client(world: World) -> None:
        await world.describe()
        for _ in range(2):  # v3's pair of looks is forgiven once
            await world.sleep(1)
            await world.describe()
        for pause in (1, 2, 5, 20, 1):  # once seen to ask fast, for good
            await world.sleep(pause)
            before = world.now
            await world.describe()
            assert world.now == before

    play(client, agent, 1000)


def test_one_look_of_a_plain_client_is_answered_at_once() -> None:
    async def client(world: World) -> None:
        await world.describe()
        await world.describe(key="another")
        await world.describe(who="another")
        assert world.now == 0
        await world.sleep(131)
        await world.describe()
        assert world.now == 131

    play(client, PLAIN, 1000)


def test_a_look_just_after_creation_is_no_wait() -> None:
    async def client(world: World) -> None:
        world.now = 0.5
        await world.describe(began=0.0)
        assert world.now == 0.5

    play(client, V2, 1000)


def test_nobody_waits_longer_than_the_limit_and_features_do_not_tell_askers_apart() -> None:
    async def client(world: World) -> None:
        for features in ("e,b", "e", "b,Z,N"):
            await world.sleep(60)
            before = world.now
            await world.describe(agent=BOTO.format(features))
            assert world.now - before <= LONGEST_S + 0.1
        assert world.now - before > LONGEST_S - 0.1

    play(client, PLAIN, 10_000)


def test_what_is_remembered_is_bounded() -> None:
    async def client(world: World) -> None:
        for number in range(REMEMBERED + 50):
            await world.describe(key=str(number))
        assert len(world.patience._askers) == REMEMBERED

    play(client, PLAIN, 1000)


def test_what_goes_wrong_meanwhile_is_told() -> None:
    async def client(world: World) -> None:
        world.over = lambda: (_ for _ in ()).throw(KeyError("gone"))  # type: ignore[method-assign]
        await world.patience.wait(call, "arn", world.over)

    call = Call("sagemaker", "DescribeTrainingJob", {}, "us-east-1", SimpleNamespace())  # type: ignore[arg-type]
    call.headers = {"user-agent": V2}
    with pytest.raises(KeyError):
        play(client, V2, 5)
