"""Endpoints: models that answer requests, kept answering.

An endpoint is a document; what runs for it is made from that document and made again after a restart. Its states::

    Creating → InService | Failed        Updating → InService | RollingBack → InService        Deleting → gone

A new deployment is up and answering before it takes the old one's place, so that no request is ever refused; one that
does not come up leaves the old one as it is, with the reason.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tarragon.engine import (
    Document,
    Documents,
    Logs,
    Objects,
    Series,
    contained,
    from_plain,
    object_root,
    remove,
    to_plain,
    valid_name,
)
from tarragon.errors import ConflictError, NotFoundError, TarragonError
from tarragon.serve.fleet import Fleet, Ground, Pieces
from tarragon.serve.forks import Forks
from tarragon.serve.live import Live
from tarragon.serve.protocol import Deployment, Invocation, Launcher, Reply
from tarragon.serve.queue import Queue
from tarragon.serve.worker import Hub

logger = logging.getLogger(__name__)
KIND = "endpoint"
TEND_S = 0.25
FLUSH_S = 1.0
DRAIN_S = 60.0
WARM_S = 4.0  # after the start, when nothing else is in a hurry
REASON = 1024  # characters of a reason, as AWS allows


class Endpoints:
    """The endpoints of a home. Made anywhere; used in one event loop, from :meth:`start` to :meth:`close`.

    Parameters
    ----------
    home : Path
    documents : Documents
    series : Series
        Is given how often and how fast models answer.
    logs : Logs
        Is given what workers print: group ``/aws/sagemaker/Endpoints/<name>``.
    launcher : Launcher, optional
        Starts workers; processes forked from a loaded one by default.
    """

    def __init__(
        self, home: Path, documents: Documents, series: Series, logs: Logs, launcher: Launcher | None = None
    ) -> None:
        self.home, self._documents, self._series, self._logs = home, documents, series, logs
        self._forks = Forks() if launcher is None else None
        self._hub = Hub(launcher or self._forks)  # type: ignore[arg-type]
        self._live: dict[tuple[str, str], Live] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self.queue = Queue(documents, Objects(object_root(home)), self.invoke)

    async def start(self) -> None:
        """Begin to listen for workers, and bring back every endpoint an earlier server left."""
        await self._hub.open()
        self._do(self._tend())
        self._do(self._warm())
        await self.recover()
        await self.queue.recover()

    async def recover(self) -> None:
        """Start again what the documents say there is; requests wait until it is up."""
        for realm in await asyncio.to_thread(self._documents.realms, KIND):
            for document in await asyncio.to_thread(self._documents.list, realm, KIND):
                if (realm, document.name) in self._live or document.content["status"] == "Failed":
                    continue
                live = self._live[realm, document.name] = Live(realm, document.name, coming=True)
                live.work = self._do(self._return(live, document))

    async def close(self) -> None:
        """End every worker; the documents stay."""
        await self.queue.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for live in self._live.values():
            for fleet in (*live.fleets.values(), *live.starting):
                fleet.close()
        await asyncio.to_thread(self._flush)
        await self._hub.close()
        if self._forks is not None:
            await asyncio.to_thread(self._forks.close)

    async def create(self, realm: str, name: str, deployment: Deployment) -> Document:
        """Record an endpoint and begin to deploy it. Raises ``ConflictError`` when the name is taken."""
        content = {
            "status": "Creating", "reason": "", "current": None, "place": "",
            "next": to_plain(deployment), "next_place": secrets.token_hex(4),
        }  # fmt: skip
        document = await asyncio.to_thread(self._documents.create, realm, KIND, valid_name(name), content)
        live = self._live[realm, name] = Live(realm, name)
        live.work = self._do(self._deploy(live, document.content))
        return document

    async def update(self, realm: str, name: str, deployment: Deployment) -> Document:
        """Begin to put a deployment in the place of the one there is. Raises ``NotFoundError``, ``ConflictError``."""
        document = await self._begin(
            realm, name, {"next": to_plain(deployment), "next_place": secrets.token_hex(4), "reason": ""}
        )
        live = self._live[realm, name]
        live.work = self._do(self._deploy(live, document.content))
        return document

    async def rescale(self, realm: str, name: str, wanted: Mapping[str, tuple[float | None, int | None]]) -> Document:
        """Give variants other weights and numbers of workers. Raises ``NotFoundError``, ``ConflictError``."""
        document = await self._begin(realm, name, {"reason": ""})
        live = self._live[realm, name]
        live.work = self._do(self._rescale(live, dict(wanted)))
        return document

    async def delete(self, realm: str, name: str) -> None:
        """End an endpoint, whatever it is doing. Raises ``NotFoundError``."""
        await asyncio.to_thread(self._change, realm, name, {"status": "Deleting"})
        live = self._live.pop((realm, name), None) or Live(realm, name)
        if live.work is not None:
            live.work.cancel()
            await asyncio.gather(live.work, return_exceptions=True)
        await self._remove(live)

    async def invoke(self, realm: str, name: str, invocation: Invocation) -> Reply:
        """Answer a request.

        Raises
        ------
        NotFoundError
            When there is no such endpoint in service, or no such variant.
        """
        began = time.perf_counter()
        live = await self._answering(realm, name, invocation.timeout_s)
        fleet = live.choose(invocation.target_variant)
        sent = time.perf_counter()
        reply = await fleet.ask(invocation)
        answered = time.perf_counter()
        live.meter(fleet).add(reply.status, answered - sent, sent - began, fleet.variant.instances)
        return reply

    async def stream(self, realm: str, name: str, invocation: Invocation) -> Reply:
        """Answer a request piece by piece; see :meth:`invoke`. The iterator raises ``JobError`` when a model fails."""
        began = time.perf_counter()
        live = await self._answering(realm, name, invocation.timeout_s)
        fleet = live.choose(invocation.target_variant)
        pieces: Pieces = asyncio.Queue()
        sent = time.perf_counter()
        reply = await fleet.ask(invocation, pieces)
        first = time.perf_counter()
        live.meter(fleet).add(reply.status, first - sent, sent - began, fleet.variant.instances)
        if reply.status == 200:
            reply.pieces = _drain(pieces)
        return reply

    async def queue_of(self, realm: str, name: str) -> Mapping[str, object] | None:
        """Say how an endpoint's queued requests are answered: {} when it queues none, None when it is not there."""
        document = await asyncio.to_thread(self._documents.find, realm, KIND, name)
        if document is None or document.content["current"] is None:
            return None
        return _deployment(document.content["current"]).queue

    async def _answering(self, realm: str, name: str, seconds: float) -> Live:
        live = self._live.get((realm, name))
        if live is not None and not live.fleets and live.coming:
            try:
                await asyncio.wait_for(live.up.wait(), seconds)
            except TimeoutError:
                live = None
        if live is None or not live.fleets:
            raise NotFoundError(f"There is no endpoint {name} in service", why=f"none answers in {realm}")
        return live

    async def _begin(self, realm: str, name: str, changes: Mapping[str, Any]) -> Document:
        def edit(content: Mapping[str, Any]) -> Mapping[str, Any]:
            if content["status"] != "InService":
                raise ConflictError("Cannot update in-progress endpoint", why=f"it is {content['status']}")
            return {**content, **changes, "status": "Updating"}

        return await asyncio.to_thread(self._documents.change, realm, KIND, name, edit)

    async def _return(self, live: Live, document: Document) -> None:
        """Bring an endpoint back as its document has it, then go on with what it was about to become."""
        content = document.content
        if content["status"] == "Deleting":
            self._live.pop((live.realm, live.name), None)
            await self._remove(live)
            return
        if content["current"] is not None:
            try:
                self._serve(live, await self._opened(live, _deployment(content["current"]), str(content["place"])))
            except TarragonError as error:
                await self._say(live, {"status": "Failed", "reason": str(error)[:REASON]})
                return
            finally:
                live.coming = False
                live.up.set()
        if content["next"] is not None:
            await self._deploy(live, content)
        elif content["status"] != "InService":
            await self._say(live, {"status": "InService"})

    async def _deploy(self, live: Live, content: Mapping[str, Any]) -> None:
        deployment, place = _deployment(content["next"]), str(content["next_place"])
        done = {"next": None, "next_place": ""}
        try:
            fleets = await self._opened(live, deployment, place)
        except TarragonError as error:
            logger.warning("The endpoint %s was not deployed: %s", live.name, error)
            await asyncio.to_thread(remove, self._folder(live, place))
            reason = str(error)[:REASON]
            if live.fleets:
                await self._say(live, {"status": "RollingBack", "reason": reason})
                await self._say(live, {**done, "status": "InService", "reason": reason})
            else:
                await self._say(live, {**done, "status": "Failed", "reason": reason, "failed": content["next"]})
            return
        old, old_place = list(live.fleets.values()), str(content["place"])
        self._serve(live, fleets)
        current = {"current": content["next"], "place": place, "updated": time.time()}
        await self._say(live, {**done, **current, "status": "InService", "reason": ""})
        if old:
            self._do(self._retire(live, old, old_place))

    async def _opened(self, live: Live, deployment: Deployment, place: str) -> dict[str, Fleet]:
        """Start every variant of a deployment; all of them, or none."""
        folder = self._folder(live, place)
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        ground = Ground(self._hub, self.home, folder)
        fleets = [Fleet(ground.below(str(number)), each) for number, each in enumerate(deployment.variants, 1)]
        live.starting = fleets
        opening = [asyncio.ensure_future(fleet.open()) for fleet in fleets]
        try:
            await asyncio.gather(*opening)
        except BaseException:
            for each in opening:
                each.cancel()
            await asyncio.gather(*opening, return_exceptions=True)
            for fleet in fleets:
                fleet.close()
            await asyncio.to_thread(self._follow)  # the log must tell why before the state does
            raise
        finally:
            live.starting = []
        return {fleet.variant.name: fleet for fleet in fleets}

    def _serve(self, live: Live, fleets: dict[str, Fleet]) -> None:
        live.fleets = fleets
        live.weigh()
        live.up.set()

    async def _rescale(self, live: Live, wanted: Mapping[str, tuple[float | None, int | None]]) -> None:
        try:
            for name, (weight, instances) in wanted.items():
                fleet = live.fleets[name]
                if weight is not None:
                    fleet.variant = replace(fleet.variant, weight=weight)
                if instances is not None:
                    await fleet.resize(instances)
            reason = ""
        except TarragonError as error:
            reason = str(error)[:REASON]
        live.weigh()
        variants = {fleet.variant.name: fleet.variant for fleet in live.fleets.values()}

        def edit(content: Mapping[str, Any]) -> Mapping[str, Any]:
            now = _deployment(content["current"])
            now = replace(now, variants=tuple(variants.get(each.name, each) for each in now.variants))
            return {**content, "current": to_plain(now), "status": "InService", "reason": reason}

        await asyncio.to_thread(self._documents.change, live.realm, KIND, live.name, edit)

    async def _retire(self, live: Live, fleets: list[Fleet], place: str) -> None:
        for fleet in fleets:
            try:
                await asyncio.wait_for(fleet.drained(), DRAIN_S)
            except TimeoutError:
                logger.warning("The endpoint %s has requests that outlast its update", live.name)
            fleet.close()
        if place:
            await asyncio.to_thread(remove, self._folder(live, place))

    async def _remove(self, live: Live) -> None:
        for fleet in (*live.fleets.values(), *live.starting):
            fleet.close()
        live.fleets = {}

        def forget() -> None:
            live.follow(self._logs)
            self._series.add_many(live.points())
            remove(contained(self.home / "endpoints", f"{live.realm}/{live.name}"))
            self._documents.delete(live.realm, KIND, live.name)

        await asyncio.to_thread(forget)

    def _folder(self, live: Live, place: str) -> Path:
        return contained(self.home / "endpoints", f"{live.realm}/{live.name}/{place}")

    async def _say(self, live: Live, changes: Mapping[str, Any]) -> None:
        try:
            await asyncio.to_thread(self._change, live.realm, live.name, changes)
        except NotFoundError:  # deleted meanwhile
            return

    def _change(self, realm: str, name: str, changes: Mapping[str, Any]) -> Document:
        return self._documents.change(realm, KIND, name, lambda content: {**content, **changes})

    async def _warm(self) -> None:
        await asyncio.sleep(WARM_S)
        if self._forks is not None:
            self._forks.warm()

    async def _tend(self) -> None:
        """Look after time limits, logs and metrics."""
        loop = asyncio.get_running_loop()
        flushed = loop.time()
        while True:
            await asyncio.sleep(TEND_S)
            for live in self._live.values():
                for fleet in (*live.fleets.values(), *live.starting):
                    fleet.tend(loop.time())
            if loop.time() - flushed >= FLUSH_S:
                flushed = loop.time()
                await asyncio.to_thread(self._flush)
            elif self._live:
                await asyncio.to_thread(self._follow)

    def _flush(self) -> None:
        self._follow()
        points = [point for live in list(self._live.values()) for point in live.points()]
        if points:
            try:
                self._series.add_many(points)
            except TarragonError as error:
                logger.warning("Metrics of endpoints were lost: %s", error)

    def _follow(self) -> None:
        for live in list(self._live.values()):
            try:
                live.follow(self._logs)
            except (TarragonError, OSError) as error:
                logger.warning("The log of %s was not written: %s", live.name, error)

    def _do(self, work: "Awaitable[None]") -> "asyncio.Task[None]":
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("An endpoint's work failed: %s", error, exc_info=error)


def _deployment(content: Any) -> Deployment:
    return from_plain(content, Deployment)


async def _drain(pieces: Pieces) -> Any:
    while (piece := await pieces.get()) is not None:
        if isinstance(piece, TarragonError):
            raise piece
        yield piece
