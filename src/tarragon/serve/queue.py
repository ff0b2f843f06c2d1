"""Queued invocations: the request lies in the object store, and so will the answer; none is forgotten.

Each is a document until its answer or failure is stored.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tarragon.engine import Document, Documents, Objects
from tarragon.errors import NotFoundError, TarragonError
from tarragon.serve.protocol import Invocation, Reply

logger = logging.getLogger(__name__)
KIND = "queued-invocation"
CONCURRENCY = 4  # per instance, unless the endpoint says otherwise
PAUSE_S = 2.0  # before an endpoint that is not in service is tried again
MOST_BYTES = 1 << 30
Invoke = Callable[[str, str, Invocation], Awaitable[Reply]]


class Queue:
    """The queued invocations of a home.

    Parameters
    ----------
    documents : Documents
    objects : Objects
    invoke : callable
        Asks an endpoint: ``await invoke(realm, name, invocation)``.
    """

    def __init__(self, documents: Documents, objects: Objects, invoke: Invoke) -> None:
        self._documents, self._objects, self._invoke = documents, objects, invoke
        self._turns: dict[tuple[str, str], asyncio.Semaphore] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, realm: str, number: str, request: Mapping[str, Any]) -> None:
        """Take a request; it is durable once this returns.

        Parameters
        ----------
        realm, number : str
            The number is its own.
        request : mapping
            "endpoint", "input", "output", "failure" (``s3://`` URIs, the last may be ""), "type", "accept", "custom",
            "variant", "id", "until" (seconds since 1970), "timeout_s", "concurrency".
        """
        document = await asyncio.to_thread(self._documents.create, realm, KIND, number, dict(request))
        self._launch(document)

    async def recover(self) -> None:
        """Go on with what an earlier server left."""
        for realm in await asyncio.to_thread(self._documents.realms, KIND):
            for document in await asyncio.to_thread(self._documents.list, realm, KIND):
                self._launch(document)

    async def close(self) -> None:
        """Leave what is not done to the next server."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _launch(self, document: Document) -> None:
        task = asyncio.get_running_loop().create_task(self._work(document))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, document: Document) -> None:
        request, realm = document.content, document.realm
        key = (realm, str(request["endpoint"]))
        turn = self._turns.setdefault(key, asyncio.Semaphore(int(request.get("concurrency") or CONCURRENCY)))
        async with turn:
            try:
                words, reply = await self._answer(realm, request)
                await asyncio.to_thread(self._store, request, words, reply)
            except (TarragonError, OSError) as error:
                logger.warning("The queued invocation %s came to nothing: %s", document.name, error)
            await asyncio.to_thread(self._forget, document)

    async def _answer(self, realm: str, request: Mapping[str, Any]) -> tuple[str, Reply | None]:
        if time.time() > float(request["until"]):
            return "The request was not processed before its time to live had passed", None
        try:
            body = await asyncio.to_thread(self._read, str(request["input"]))
        except TarragonError as error:
            return f"Failed to download input from {request['input']}: {error}", None
        invocation = Invocation(
            body, str(request["type"]), str(request["accept"]), str(request["custom"]), str(request["variant"]),
            inference_id=str(request["id"]), timeout_s=float(request["timeout_s"]),
        )  # fmt: skip
        while True:
            try:
                reply = await self._invoke(realm, str(request["endpoint"]), invocation)
            except NotFoundError as error:
                if await asyncio.to_thread(self._gone, realm, str(request["endpoint"])):
                    return str(error), None
                if time.time() > float(request["until"]):
                    return "The request was not processed before its time to live had passed", None
                await asyncio.sleep(PAUSE_S)
                continue
            if reply.status == 200:
                return "", reply
            said = reply.body.decode("utf-8", "replace")
            return f'Received server error ({reply.status}) from {reply.container} with message "{said}".', None

    def _gone(self, realm: str, endpoint: str) -> bool:
        found = self._documents.find(realm, "endpoint", endpoint)
        return found is None or found.content["status"] in ("Failed", "Deleting")

    def _read(self, uri: str) -> bytes:
        if self._objects.stat(uri).size_bytes > MOST_BYTES:
            raise NotFoundError(f"{uri} is larger than a request may be", why=f"the limit is {MOST_BYTES >> 20} MiB")
        return self._objects.get(uri)

    def _store(self, request: Mapping[str, Any], words: str, reply: Reply | None) -> None:
        if reply is not None:
            self._objects.put(str(request["output"]), reply.body)
        elif request["failure"]:
            self._objects.put(str(request["failure"]), words.encode())
        else:
            logger.warning("A queued invocation of %s failed: %s", request["endpoint"], words)

    def _forget(self, document: Document) -> None:
        try:
            self._documents.delete(document.realm, KIND, document.name)
        except NotFoundError:
            return
