"""A patient Describe: the answer about a running job is held back when its asker would otherwise sleep through the end.

Clients look at a job every 5 to 120 seconds whatever it does, so that an eight-second job takes some of them a minute.
How they really look:

==========================================  ==============================================================
SDK v2, ``fit`` with logs                   after 5 s; then logs every 10 s and the job every 30 s; and if the
                                            first look says that the job is over, it returns at once
SDK v2, any wait without logs               after 5 s, every 5 s; endpoints every 30 s
SDK v3, ``wait``                            twice within milliseconds (after creating, and as the wait begins),
                                            then every 5 s
botocore's waiters, also in the CLI         at once, then every 30 to 120 s; their User-Agent says so
==========================================  ==============================================================

So the first look of v2 and of a waiter is held, and so are later looks of whoever is seen to leave seconds between
them, for about as long as they would sleep. Nobody waits for a List, and nobody who has asked in quick succession.
"""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tarragon.faces.aws.protocol import Call

FIRST_S = 9.0  # a fit with logs shows none before its first look is answered: what is printed must not wait longer
LONGEST_S = 20.0  # a third of the time after which botocore gives a request up
SLOW_S = (3.5, 130.0)  # the interval of an asker that is spared something
LOOK_S = 0.05
REMEMBERED = 2_000  # askers; whoever has not asked for longest is forgotten first
SDK = re.compile(r"AWS-SageMaker-Python-SDK#")
CORE = re.compile(r"AWS-SageMakerCore#")  # what SDK v3's resources send
WAITER = re.compile(r"(?:^|\s)m/(?:[^\s,]+,)*B(?:,|\s|$)")  # botocore's mark of a request made by a waiter
COMMAND = re.compile(r"\bcommand[#/]\S*\.wait\b")  # the AWS CLI's
FEATURES = re.compile(r"(?:^|\s)m/\S+")


@dataclass(slots=True)
class _Asker:
    last: float  # when it was answered
    looks: int = 1
    fast: bool = False


class Patience:
    """Who asked about what, and when.

    Parameters
    ----------
    clock : callable
        Seconds that only go forward.
    sleep : callable
        Waits for so many seconds of that clock.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._askers: OrderedDict[tuple[str, str, str], _Asker] = OrderedDict()

    async def wait(self, call: Call, key: str, over: Callable[[], bool], *, began: float | None = None) -> None:
        """Hold the answer back until something is over, for as long as this asker can be made to wait.

        Parameters
        ----------
        call : Call
        key : str
            What is asked about: an ARN.
        over : callable
            Reads the state; called in a thread.
        began : float, optional
            When what is asked about was made, by the server's clock. Somebody who looks just after is not waiting.
        """
        seconds = self.seconds(call, key, 0.0 if began is None else call.server.clock() - began)
        if not seconds:
            return
        loop = asyncio.get_running_loop()
        end = self._clock() + seconds
        try:
            while not await loop.run_in_executor(None, over) and self._clock() < end:
                await self._sleep(LOOK_S)
        finally:
            if asker := self._askers.get(_who(call, key)):
                asker.last = self._clock()  # the asker sleeps from the answer on

    def seconds(self, call: Call, key: str, age: float = 0.0) -> float:
        """Say how long an asker may be kept waiting, and remember that it asked.

        Parameters
        ----------
        call : Call
        key : str
        age : float
            Seconds since what is asked about was made; 0 for unknown.
        """
        who, now = _who(call, key), self._clock()
        agent = call.headers.get("user-agent", "")
        asker = self._askers.get(who)
        if asker is None:
            self._askers[who] = _Asker(now)
            if len(self._askers) > REMEMBERED:
                self._askers.popitem(last=False)
            if WAITER.search(agent) or COMMAND.search(agent):
                return LONGEST_S
            return FIRST_S if SDK.search(agent) and not 0 < age < SLOW_S[0] else 0.0
        self._askers.move_to_end(who)
        gap, asker.last = now - asker.last, now
        asker.looks += 1
        if gap < SLOW_S[0]:
            asker.fast = asker.fast or not (CORE.search(agent) and asker.looks == 2)
            return 0.0
        return 0.0 if asker.fast or gap > SLOW_S[1] else min(LONGEST_S, 2 * gap)


def _who(call: Call, key: str) -> tuple[str, str, str]:
    """Tell askers apart: by their key and their client, whatever features one request of it uses."""
    return call.principal, FEATURES.sub("", call.headers.get("user-agent", "")), key
