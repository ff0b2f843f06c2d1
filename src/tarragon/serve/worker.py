"""A worker as the server sees it: a process with a loaded model, asked in order over one connection.

The connections of all workers come in at one hub, a Unix socket in a folder only this user may enter.
"""

import asyncio
import os
import secrets
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tarragon.errors import JobError
from tarragon.serve.frame import Frames
from tarragon.serve.protocol import Endings, Launcher

LOAD_S = 600.0  # how long a model may take to load, as SageMaker's health check allows by default
LOOK_S = 0.02  # how often a process that has not reported yet is looked at
TAIL_BYTES = 4_000
Answer = tuple[Mapping[str, Any], bytes]
OVERLONG: Mapping[str, Any] = {"status": 0, "type": "text/plain"}


@dataclass(slots=True, eq=False)
class Asked:
    """A request on its way.

    Parameters
    ----------
    data : bytes
        Its frame.
    future : Future
        Is given the answer's head and body; with ``pieces``, those of its first frame.
    until : float
        When it has taken too long, on the loop's clock.
    pieces : Queue, optional
        Is given the body piece by piece, then None; a ``JobError`` when there will be no more.
    parts : list of bytes, optional
        Pieces gathered for a request that wants a whole answer.
    """

    data: bytes
    future: "asyncio.Future[Answer]"
    until: float
    pieces: "asyncio.Queue[bytes | JobError | None] | None" = None
    parts: list[bytes] | None = None

    def take(self, head: Mapping[str, Any], body: bytes) -> bool:
        """Take a frame of the answer; whether it was the last."""
        more = bool(head.get("more"))
        if self.pieces is not None:
            if body or more:
                self.pieces.put_nowait(body)
            if not more:
                self.pieces.put_nowait(None)
            if not self.future.done():
                self.future.set_result((head, body))
            return not more
        if more:
            self.parts = [*(self.parts or ()), body]
            return False
        if not self.future.done():  # whoever asked may have gone
            self.future.set_result((head, body if self.parts is None else b"".join([*self.parts, body])))
        return True

    def fail(self, words: str) -> None:
        """Answer that there is no answer."""
        if not self.future.done():
            self.future.set_result((OVERLONG, words.encode()))
        elif self.pieces is not None:
            self.pieces.put_nowait(JobError(words))


class Hub:
    """Where workers report.

    Parameters
    ----------
    launcher : Launcher
    """

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher
        self._folder = Path(tempfile.mkdtemp(prefix="tarragon-"))  # a home's path may be too long for a socket's
        self.path = self._folder / "hub"
        self._expected: dict[str, Callable[[Connection], None]] = {}
        self._server: asyncio.AbstractServer | None = None

    async def open(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: Connection(self), str(self.path))

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def launch(self, start: Mapping[str, Any], folder: Path, greet: "Callable[[Connection], None]") -> Endings:
        """Start a worker; ``greet`` is called with its connection once it reports."""
        token = secrets.token_hex(16)
        self._expected[token] = greet
        return self._launcher.launch({**start, "socket": str(self.path), "token": token}, folder)

    def greeted(self, token: object, connection: "Connection") -> bool:
        """Hand a connection to whom its worker belongs; False for a stranger."""
        greet = self._expected.pop(str(token), None)
        if greet is not None:
            greet(connection)
        return greet is not None


class Connection(asyncio.Protocol):
    """The server's end of a worker's line."""

    def __init__(self, hub: Hub) -> None:
        self._hub, self._frames = hub, Frames()
        self.transport: asyncio.Transport | None = None
        self.heard: Callable[[Mapping[str, Any], bytes], None] | None = None
        self.lost: Callable[[], None] = lambda: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the way back."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's only looks like one

    def data_received(self, data: bytes) -> None:
        """Take frames in; the first must hold a token that was given out."""
        assert self.transport is not None
        try:
            found = self._frames.feed(data)
        except ValueError:
            self.transport.abort()
            return
        for head, body in found:
            if self.heard is not None:
                self.heard(head, body)
            elif not self._hub.greeted(head.get("token"), self):
                self.transport.abort()
                return

    def connection_lost(self, _: Exception | None) -> None:
        """Tell the worker's owner."""
        self.lost()


class Worker:
    """One process and what it was asked.

    Parameters
    ----------
    hub : Hub
    start : mapping
        See :func:`tarragon.serve.place.prepare`.
    folder : Path
        Its files.
    lost : callable
        Called with what it was asked and has not answered, once it has ended unasked.
    """

    def __init__(self, hub: Hub, start: Mapping[str, Any], folder: Path, lost: "Callable[[Worker], None]") -> None:
        self._hub, self._start, self.folder, self._lost = hub, start, folder, lost
        self.asked: deque[Asked] = deque()
        self._connection: Connection | None = None
        self._handle: Endings | None = None
        self._said = ""
        self.up = self.over = False
        self._loop = asyncio.get_running_loop()
        self._loaded: asyncio.Future[None] = self._loop.create_future()

    async def open(self, seconds: float = LOAD_S) -> None:
        """Start the process and wait until its model is loaded. Raises ``JobError`` with its own words."""
        # Not in a thread, though it takes some milliseconds: a transform job forks here, and must do that alone.
        self._handle = self._hub.launch(self._start, self.folder, self._greeted)
        end = self._loop.time() + seconds
        while not self._loaded.done():
            await asyncio.wait([self._loaded], timeout=LOOK_S if self._connection is None else 1.0)
            if self._loaded.done():
                break
            if self._loop.time() > end:
                self._fail(f"the model was not loaded after {seconds:.0f} s")
            elif self._connection is None and self._handle.done():
                self._fail(self._last_words())
        try:
            await self._loaded
        except JobError:
            self.close()
            raise

    def ask(self, request: Asked) -> None:
        """Send a request; its future is given the answer."""
        assert self._connection is not None
        assert self._connection.transport is not None
        self.asked.append(request)
        self._connection.transport.write(request.data)

    def expired(self, now: float) -> bool:
        """Whether what it works on has taken too long."""
        return bool(self.asked) and self.asked[0].until < now

    def close(self) -> None:
        """End it."""
        self.over, self.up = True, False
        if self._connection is not None and self._connection.transport is not None:
            self._connection.transport.abort()
        if self._handle is not None:
            self._handle.kill()

    def _greeted(self, connection: Connection) -> None:
        self._connection = connection
        connection.heard, connection.lost = self._heard, self._gone

    def _heard(self, head: Mapping[str, Any], body: bytes) -> None:
        if self.asked:
            if self.asked[0].take(head, body):
                self.asked.popleft()
        elif "ready" in head and not self._loaded.done():
            self.up = True
            self._loaded.set_result(None)
        elif "failed" in head:
            self._said = str(head["failed"])
            self._fail(self._said)

    def _gone(self) -> None:
        was, self.up = self.up, False
        if not self._loaded.done():
            self._fail(self._last_words())
        elif was and not self.over:
            if self._handle is not None:
                self._handle.kill()
            self._lost(self)

    def _fail(self, words: str) -> None:
        if not self._loaded.done():
            self._loaded.set_exception(JobError(words))

    def _last_words(self) -> str:
        """Say why it ended, as far as its error output tells."""
        if self._said:
            return self._said
        try:
            with open(self.folder / "stderr.txt", "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
                lines = file.read().decode("utf-8", "replace").strip().splitlines()
        except OSError:
            lines = []
        return " | ".join(lines[-3:]) or "its process ended without a word"
