"""Starts and ends a server: the engine opened, what was left behind taken up again, the address answered.

Everything a client was told is on disk; ending the server, by any signal, loses nothing that was acknowledged.
"""

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from tarragon.engine import Documents, Keys, LocalExecutor, Logs, Runner, Series, Supervisor, Workspace
from tarragon.engine import home as default_home
from tarragon.errors import ConflictError
from tarragon.faces.aws.authority import Authority
from tarragon.faces.aws.chain import Gateway
from tarragon.faces.aws.journal import Journal
from tarragon.faces.aws.patience import Patience
from tarragon.faces.aws.proxy import Proxy
from tarragon.faces.aws.server import Server
from tarragon.serve import Endpoints

logger = logging.getLogger(__name__)
RUNNERS = {
    "training": Runner("tarragon.develop.training:run"),
    "processing": Runner("tarragon.train.processing:run"),
    "transform": Runner("tarragon.serve.transform:run"),
    "automl": Runner("tarragon.develop.automl:run"),
}
JOBS = 8  # jobs side by side: most of a job's time it waits for the script it runs
PRELOAD = ("numpy", "scipy.sparse", "sklearn.linear_model", "lightgbm", "xgboost", "tarragon.train.preload")
LOG_BYTES = 20 << 20  # of the request log, per file; five are kept
GRACE_S = 5  # how long requests may take to end once the server is asked to


@dataclass(slots=True)
class Address:
    """Where to listen.

    Parameters
    ----------
    host : str
    port : int
        0 takes a free one.
    names : tuple of str
        Further host names under which clients call.
    proxy : int, optional
        Where the proxy listens, if it does.
    """

    host: str = "127.0.0.1"
    port: int = 4747
    names: tuple[str, ...] = field(default=())
    proxy: int | None = None


def serve(
    home: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 4747,
    ready: Callable[[str], None] | None = None,
    log: Path | None = None,
    proxy: int | None = None,
) -> None:
    """Run a server until it is asked to end (SIGTERM, SIGINT).

    Parameters
    ----------
    home : Path, optional
        :func:`tarragon.engine.home` by default.
    host : str
    port : int
        0 takes a free one.
    ready : callable, optional
        Called with the URL once requests are answered.
    log : Path, optional
        File of the request log; ``<home>/server.log`` by default.
    proxy : int, optional
        A port on loopback on which AWS's own https addresses are answered, too; see :mod:`tarragon.faces.aws.proxy`.

    Raises
    ------
    ConflictError
        When the port is taken.
    """
    place = Path(home or default_home()).absolute()
    place.mkdir(parents=True, exist_ok=True)
    _log_to(log or place / "server.log")
    running = Running(place, Address(host, port, proxy=proxy))
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: running.stop())
    with asyncio.Runner(loop_factory=_loop()) as runner:
        runner.run(running.run(ready))


def _loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Choose the quicker loop where there is one."""
    try:
        import uvloop
    except ImportError:  # Windows
        return None
    return uvloop.new_event_loop


class Running:
    """A server that runs in an event loop, in whichever thread.

    Parameters
    ----------
    home : Path
    address : Address

    Attributes
    ----------
    url : str
        Known once the socket is bound, when the object is made.
    """

    def __init__(self, home: Path, address: Address) -> None:
        self.home, self._address = home, address
        self._socket = _bound(address)
        self.url = f"http://{address.host}:{self._socket.getsockname()[1]}"
        self._uvicorn: uvicorn.Server | None = None
        self._stopped = False

    def stop(self) -> None:
        """End it soon; from any thread, or a signal."""
        self._stopped = True
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True

    async def run(self, ready: Callable[[str], None] | None = None) -> None:
        """Answer until :meth:`stop`."""
        async with opened(self.home, self.url) as server:
            gateway = Gateway(server, (self._address.host, *self._address.names))
            config = uvicorn.Config(
                gateway, log_config=None, access_log=False, proxy_headers=False, lifespan="off", timeout_keep_alive=75,
                server_header=False, timeout_graceful_shutdown=GRACE_S, h11_max_incomplete_event_size=64 << 10,
            )  # fmt: skip
            self._uvicorn = _Uvicorn(config)
            self._uvicorn.should_exit = self._stopped
            task = asyncio.create_task(self._uvicorn.serve(sockets=[self._socket]))
            while not self._uvicorn.started and not task.done():
                await asyncio.sleep(0.005)
            proxy = await self._proxy()
            if ready is not None and not task.done():
                ready(self.url)
            await task
            if proxy is not None:
                await proxy.close()
            gateway.close()

    async def _proxy(self) -> Proxy | None:
        if self._address.proxy is None:
            return None
        proxy = Proxy(Authority(self.home), self.url)
        await proxy.start(port=self._address.proxy)
        return proxy


class _Uvicorn(uvicorn.Server):
    """Signals are the caller's to handle: one way to end, in a thread or not."""

    def install_signal_handlers(self) -> None:
        """Do nothing."""

    def capture_signals(self):  # type: ignore[no-untyped-def]
        """Capture none."""
        from contextlib import nullcontext

        return nullcontext()


@asynccontextmanager
async def opened(home: Path, url: str) -> AsyncIterator[Server]:
    """Open a server's parts, take up what an earlier one left, and close them again."""
    loop = asyncio.get_running_loop()
    with Workspace.open(home) as workspace:
        keys = Keys(home)
        _tell_jobs(url, keys)
        documents, logs, series = Documents(workspace.store), Logs(home), Series(workspace.store)
        executor = LocalExecutor(JOBS, preload=PRELOAD, bounded=False)
        jobs = Supervisor(workspace, RUNNERS, executor)
        endpoints = Endpoints(home, documents, series, logs)
        server = Server(workspace, documents, jobs, endpoints, keys, logs, series, Patience(), url)
        try:
            await loop.run_in_executor(None, jobs.start)
            await endpoints.start()
            yield server
        finally:
            await endpoints.close()
            await loop.run_in_executor(None, jobs.close)


def _tell_jobs(url: str, keys: Keys) -> None:
    """Put into our environment, which every job inherits, how code in it reaches this server."""
    os.environ.update(
        AWS_ENDPOINT_URL=url,
        AWS_ACCESS_KEY_ID=keys.root.access_key,
        AWS_SECRET_ACCESS_KEY=keys.root.secret,
        AWS_EC2_METADATA_DISABLED="true",
    )
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    # Jobs and models share the cores: a thread that waits must not spin on one that another needs.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _bound(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # The protocol is named because asyncio switches Nagle's algorithm off only then; else small answers take 40 ms.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((address.host, address.port))
        made.listen(2048)
    except OSError as error:
        made.close()
        raise ConflictError(
            f"{address.host}:{address.port} cannot be listened on",
            why=error.strerror or str(error),
            fix="End what listens there, or choose another with --port (0 takes a free one)",
        ) from error
    return made


def _log_to(path: Path) -> None:
    handler = Journal(path, LOG_BYTES)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname).1s %(name)s  %(message)s"))
    ours = logging.getLogger("tarragon")
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
