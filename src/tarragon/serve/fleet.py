"""The workers of a variant: kept running, each request given to the one with the least to do.

A worker that dies is started again, after a pause that grows while it keeps dying. The request it worked on fails;
those that waited behind it go to another.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tarragon.engine import contained, cores, remove
from tarragon.errors import JobError, NotFoundError, TarragonError
from tarragon.serve.frame import frame
from tarragon.serve.place import prepare
from tarragon.serve.protocol import FIRST, Container, Invocation, Reply, Variant
from tarragon.serve.worker import Answer, Asked, Hub, Worker

logger = logging.getLogger(__name__)
PAUSES_S = (0.05, 0.5, 2.0, 5.0, 15.0)  # before a worker is started the second, third … time in a row
WAITING = 2_000  # requests that may wait for one container's workers
MODELS = 8  # loaded at a time by a container with several
DIED = "The model's process ended while it worked on the request"
OVERDUE = "Your invocation timed out while waiting for a response from container {}"
Pieces = asyncio.Queue[bytes | JobError | None]


@dataclass(frozen=True, slots=True)
class Ground:
    """What every group stands on: the hub, Tarragon's home, and the folder of the deployment."""

    hub: Hub
    home: Path
    folder: Path

    def below(self, name: str) -> "Ground":
        """Go one folder down."""
        return replace(self, folder=contained(self.folder, name))


class Group:
    """The workers of one container.

    Parameters
    ----------
    ground : Ground
    container : Container
    count : int
        How many workers.
    """

    def __init__(self, ground: Ground, container: Container, count: int) -> None:
        self._ground, self.container, self.count = ground, container, count
        self.workers: list[Worker] = []
        self._start: Mapping[str, Any] = {}
        self._up = asyncio.Event()
        self._deaths = self._number = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def open(self) -> None:
        """Fetch the model and start the workers. Raises what they say when they fail."""
        self._start = await asyncio.to_thread(prepare, self.container, self._ground.folder, self._ground.home)
        await asyncio.gather(*(self._add() for _ in range(self._wanted())))

    async def resize(self, count: int) -> None:
        """Have so many workers."""
        self.count = count
        while len(self.workers) > self._wanted():
            worker = min(self.workers, key=lambda each: len(each.asked))
            self.workers.remove(worker)
            await _drained(worker)
            worker.close()
        await asyncio.gather(*(self._add() for _ in range(self._wanted() - len(self.workers))))

    async def ask(self, invocation: Invocation, pieces: Pieces | None = None) -> Answer:
        """Ask the least busy worker; a status of 0 means that there is no answer."""
        loop = asyncio.get_running_loop()
        head = {"type": invocation.content_type, "accept": invocation.accept}
        if invocation.custom_attributes:
            head["custom"] = invocation.custom_attributes
        if invocation.inference_id:
            head["id"] = invocation.inference_id
        until = loop.time() + invocation.timeout_s
        asked = Asked(frame(head, invocation.body), loop.create_future(), until, pieces)
        worker = self._free()
        if worker is None:
            worker = await self._waited(until)
            if worker is None:
                return {"status": 0, "type": "text/plain"}, OVERDUE.format(self.title).encode()
        elif len(worker.asked) >= WAITING:
            return {"status": 503, "type": "text/plain"}, b"Too many requests wait for this model already"
        worker.ask(asked)
        return await asked.future

    def tend(self, now: float) -> None:
        """End workers whose request has taken too long."""
        for worker in self.workers:
            if worker.up and worker.expired(now):
                worker.asked.popleft().fail(OVERDUE.format(self.title))
                worker.up = False
                worker.close()
                self._died(worker, hurt=False)

    @property
    def title(self) -> str:
        """What errors call it."""
        return self.container.name or "primary"

    def close(self) -> None:
        """End all of it."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        for worker in self.workers:
            worker.close()
            for asked in worker.asked:
                asked.fail("The endpoint was deleted")
        self.workers.clear()

    async def drained(self) -> None:
        """Wait until nothing is asked any more."""
        for worker in list(self.workers):
            await _drained(worker)

    def _wanted(self) -> int:
        told = self.container.environment.get("SAGEMAKER_MODEL_SERVER_WORKERS", "")
        each = int(told) if told.isdigit() and 0 < int(told) < 100 else 1
        return max(1, min(self.count * each, cores()))

    def _free(self) -> Worker | None:
        best, least = None, 1 << 30
        for worker in self.workers:
            if worker.up and len(worker.asked) < least:
                best, least = worker, len(worker.asked)
        return best

    async def _waited(self, until: float) -> Worker | None:
        loop = asyncio.get_running_loop()
        while (worker := self._free()) is None:
            self._up.clear()
            try:
                await asyncio.wait_for(self._up.wait(), max(0.0, until - loop.time()))
            except TimeoutError:
                return None
        return worker

    async def _add(self) -> None:
        self._number += 1
        folder = self._ground.folder / "workers" / str(self._number)
        worker = Worker(self._ground.hub, self._start, folder, self._died)
        self.workers.append(worker)
        try:
            await worker.open()
        except (JobError, asyncio.CancelledError):
            worker.close()
            if worker in self.workers:
                self.workers.remove(worker)
            raise
        self._up.set()

    def _died(self, worker: Worker, *, hurt: bool = True) -> None:
        if worker in self.workers:
            self.workers.remove(worker)
        waiting = list(worker.asked)
        worker.asked.clear()
        if waiting and hurt:
            waiting.pop(0).fail(DIED)
        if not self._closed:
            self._do(self._again(waiting))

    async def _again(self, waiting: list[Asked]) -> None:
        """Start a worker in place of one that died, and find others for what it had not begun."""
        loop = asyncio.get_running_loop()
        for asked in waiting:
            other = self._free() or await self._waited(loop.time() + 1.0)
            if other is None:
                break
            other.ask(asked)
            waiting = waiting[1:]
        pause = PAUSES_S[min(self._deaths, len(PAUSES_S) - 1)]
        self._deaths += 1
        await asyncio.sleep(pause)
        while not self._closed and len(self.workers) < self._wanted():
            try:
                await self._add()
            except TarragonError as error:
                logger.warning("A worker of %s did not start again: %s", self._ground.folder, error)
                await asyncio.sleep(PAUSES_S[-1])
        for asked in waiting:
            if (other := self._free()) is not None:
                other.ask(asked)
            else:
                asked.fail(DIED)
        await asyncio.sleep(PAUSES_S[-1])
        self._deaths = 0

    def _do(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Models:
    """A container with several models, each loaded when it is first asked for; the least used make room."""

    def __init__(self, ground: Ground, container: Container, count: int) -> None:
        self._ground, self.container, self.count = ground, container, count
        self._groups: OrderedDict[str, asyncio.Task[Group]] = OrderedDict()

    async def open(self) -> None:
        """Do nothing: models are loaded when they are asked for."""

    async def resize(self, count: int) -> None:
        """Have so many workers for each model that is loaded from now on."""
        self.count = count

    async def ask(self, invocation: Invocation, pieces: Pieces | None = None) -> Answer:
        """Ask the model the request names."""
        name = invocation.target_model
        if not name:
            return {"status": 400, "type": "text/plain"}, b"This endpoint holds several models: name one in TargetModel"
        try:
            group = await asyncio.shield(self._loaded(name))
        except TarragonError as error:
            self._groups.pop(name, None)
            return {"status": 404, "type": "text/plain"}, f"The model {name} was not loaded: {error}".encode()
        return await group.ask(invocation, pieces)

    def tend(self, now: float) -> None:
        """See :meth:`Group.tend`."""
        for group in self._open():
            group.tend(now)

    @property
    def title(self) -> str:
        """What errors call it."""
        return self.container.name or "primary"

    @property
    def workers(self) -> list[Worker]:
        """Those of all models."""
        return [worker for group in self._open() for worker in group.workers]

    def close(self) -> None:
        """End all of it."""
        for group in self._open():
            group.close()
        for task in self._groups.values():
            task.cancel()

    async def drained(self) -> None:
        """Wait until nothing is asked any more."""
        for group in self._open():
            await group.drained()

    def _open(self) -> list[Group]:
        return [t.result() for t in self._groups.values() if t.done() and not t.cancelled() and not t.exception()]

    def _loaded(self, name: str) -> "asyncio.Task[Group]":
        if (task := self._groups.get(name)) is None:
            task = self._groups[name] = asyncio.get_running_loop().create_task(self._load(name))
        self._groups.move_to_end(name)
        while len(self._groups) > MODELS:
            _, old = self._groups.popitem(last=False)
            if old.done() and not old.cancelled() and not old.exception():
                old.result().close()
        return task

    async def _load(self, name: str) -> Group:
        one = replace(self.container, model=f"{self.container.model.rstrip('/')}/{name}", several=False)
        ground = self._ground.below("models").below(name)
        remove(ground.folder / "ready.json")  # the archive may have been replaced since it was last loaded
        group = Group(ground, one, self.count)
        await group.open()
        return group


class Fleet:
    """A variant's containers, in order.

    Parameters
    ----------
    ground : Ground
    variant : Variant
    """

    def __init__(self, ground: Ground, variant: Variant) -> None:
        self.variant = variant
        self.groups: list[Group | Models] = [
            (Models if each.several else Group)(ground.below(str(number)), each, variant.instances)
            for number, each in enumerate(variant.containers, 1)
        ]

    async def open(self) -> None:
        """Start every container. Raises ``JobError`` naming the variant."""
        opened = await asyncio.gather(*(group.open() for group in self.groups), return_exceptions=True)
        for group, error in zip(self.groups, opened, strict=True):
            if isinstance(error, TarragonError):
                raise JobError(
                    f"The {group.title} container for production variant {self.variant.name} did not pass the ping"
                    f" health check: {error}. Please check CloudWatch logs for this endpoint"
                ) from error
            if isinstance(error, BaseException):
                raise error

    async def resize(self, instances: int) -> None:
        """Have so many workers in each container."""
        for group in self.groups:
            await group.resize(instances)
        self.variant = replace(self.variant, instances=instances)

    async def ask(self, invocation: Invocation, pieces: Pieces | None = None) -> Reply:
        """Answer a request, by all containers in turn or by the one it names."""
        chosen = self.groups
        if self.variant.direct:
            chosen = [self._named(invocation.target_container)]
        for group in chosen[:-1]:
            reply = self._reply(group, await group.ask(invocation))
            if reply.status != 200:
                return reply
            invocation = replace(invocation, body=reply.body, content_type=reply.content_type)
        return self._reply(chosen[-1], await chosen[-1].ask(invocation, pieces))

    def tend(self, now: float) -> None:
        """See :meth:`Group.tend`."""
        for group in self.groups:
            group.tend(now)

    def close(self) -> None:
        """End all of it."""
        for group in self.groups:
            group.close()

    async def drained(self) -> None:
        """Wait until nothing is asked any more."""
        for group in self.groups:
            await group.drained()

    def _named(self, name: str) -> "Group | Models":
        for number, group in enumerate(self.groups, 1):
            if name and name in (group.container.name, f"container_{number}"):
                return group
        raise NotFoundError(f"The variant {self.variant.name} has no container {name or FIRST!r}")

    def _reply(self, group: "Group | Models", answer: Answer) -> Reply:
        head, body = answer
        return Reply(
            body, str(head.get("type", "")), int(head.get("status", 500)), self.variant.name,
            str(head.get("custom", "")), group.title,
        )  # fmt: skip


async def _drained(worker: Worker) -> None:
    while worker.asked and worker.up:
        await asyncio.sleep(0.02)
