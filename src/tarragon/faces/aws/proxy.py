"""An HTTPS proxy on loopback that answers for AWS's names with the local server, and for nobody else's.

For clients that no start-up shim reaches: those in other languages, and programs that ship their own Python. They are
told by ``HTTPS_PROXY`` and ``AWS_CA_BUNDLE``. What they send is decrypted here and handed to the server as it is, so
signatures are verified there as ever. A name that is not AWS's is refused: nothing leaves this machine.
"""

import asyncio
import logging
from contextlib import suppress
from urllib.parse import urlsplit

from tarragon.faces.aws.authority import Authority, ours

logger = logging.getLogger(__name__)
HEAD_BYTES = 16 << 10
BLOCK = 1 << 16
WAIT_S = 30.0  # for a request's head


class Proxy:
    """The proxy of a server.

    Parameters
    ----------
    authority : Authority
    url : str
        Where the server answers.
    """

    def __init__(self, authority: Authority, url: str) -> None:
        self._authority = authority
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._server: asyncio.Server | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, and return the proxy's URL."""
        self._server = await asyncio.start_server(self._answer, host, port, limit=HEAD_BYTES)
        return f"http://{host}:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_S)
            method, _, rest = head.decode("latin-1").partition(" ")
            name = rest.partition(" ")[0].rpartition(":")[0].lower()
            if method != "CONNECT" or not ours(name):
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                logger.info("The proxy refused %.100r", head.partition(b"\r\n")[0])
            else:
                context = await asyncio.to_thread(self._authority.context, name)
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await writer.drain()
                await writer.start_tls(context)
                await self._pass_on(reader, writer)
        with suppress(OSError):
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._host, self._port)
        try:
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        finally:
            back.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copy until the source ends, then end the target."""
    with suppress(OSError):
        while block := await source.read(BLOCK):
            target.write(block)
            await target.drain()
    with suppress(OSError, RuntimeError):
        target.close()
