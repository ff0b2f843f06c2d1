"""The server: each request goes down one chain, and whatever happens an answer in AWS's shape comes back.

::

    route → guard → authenticate → read → parse → validate → dispatch → serialise → log

What depends on an operation is in the service models (``wire``) and in the resource families (``families``).
"""

import asyncio
import hashlib
import inspect
import logging
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from tarragon.errors import ConflictError, DataError, NotFoundError, ParameterError, TarragonError
from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.families import functions
from tarragon.faces.aws.protocol import Answer, Call
from tarragon.faces.aws.server import Server
from tarragon.faces.aws.wire.chunked import Body
from tarragon.faces.aws.wire.model import function_names, operation_model
from tarragon.faces.aws.wire.parse import Request, parse
from tarragon.faces.aws.wire.route import Incoming, Route, route, signing_name
from tarragon.faces.aws.wire.serialize import Response, serialize, serialize_error
from tarragon.faces.aws.wire.signature import Identity, Secret, Signed, verify
from tarragon.faces.aws.wire.validate import check

logger = logging.getLogger(__name__)
requests = logging.getLogger("tarragon.requests")
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
HEALTH = "/_tarragon/health"  # no bucket's name begins so
BODY_BYTES = 16 << 20  # of a request that is not an object: the largest real ones are a few hundred kilobytes
INVOCATION_BYTES = 6 << 20  # AWS's limit for InvokeEndpoint
THREADS = 16
REST_BYTES, REST_S = 8 << 20, 2.0  # of a body that is not wanted: read so that its sender gets to hear why
DEFAULT_REGION = "us-east-1"  # of a presigned URL of version 2, which names none
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})


@dataclass(slots=True)
class Exchange:
    """One request as the chain fills it in.

    Parameters
    ----------
    incoming : Incoming
    receive : callable
    request_id : str
    route : Route, optional
    identity : Identity, optional
    body : bytes
    """

    incoming: Incoming
    receive: Receive
    request_id: str
    route: Route | None = None
    identity: Identity | None = None
    body: bytes = b""

    @property
    def protocol(self) -> str:
        """How an error must be written, also before the route is known."""
        if self.route is not None:
            return self.route.protocol
        kind = self.incoming.header("content-type")
        if "x-www-form-urlencoded" in kind:
            return "ec2" if signing_name(self.incoming) == "ec2" else "query"
        return "json" if "json" in kind else "rest-xml"


class Gateway:
    """The server as an ASGI application.

    Parameters
    ----------
    server : Server
    hosts : collection of str
        Further names under which it may be called, beside loopback's.
    """

    def __init__(self, server: Server, hosts: tuple[str, ...] = ()) -> None:
        self._server = server
        self._hosts = LOOPBACK | frozenset(hosts)
        self._functions = functions()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="tarragon-operation")

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        began = time.perf_counter()
        incoming = _incoming(scope)
        inbox = _Inbox(receive, incoming)
        exchange = Exchange(incoming, inbox, _request_id())
        head = exchange.incoming.method == "HEAD"
        try:
            response = await self._answer(exchange)
        except AwsError as error:
            response = serialize_error(exchange.protocol, error, exchange.request_id, head=head)
        except TarragonError as error:
            translated = translate(error, exchange.route.service if exchange.route else "")
            response = serialize_error(exchange.protocol, translated, exchange.request_id, head=head)
        except Exception:  # a request's boundary: a fault of ours must not look like the network's
            logger.exception("The request %s failed", exchange.request_id)
            fault = AwsError("InternalFailure", f"A fault in Tarragon; its log has {exchange.request_id}", status=500)
            response = serialize_error(exchange.protocol, fault, exchange.request_id, head=head)
        if not await inbox.emptied():
            response.headers["connection"] = "close"
        sent = await _send(response, send, head=head)
        _log(exchange, response, sent, time.perf_counter() - began)

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _answer(self, exchange: Exchange) -> Response:
        incoming = exchange.incoming
        if incoming.path == HEALTH and incoming.method == "GET":
            return Response(200, {"content-type": "application/json"}, b'{"status": "ok"}')
        self._guard(incoming)
        exchange.route = route(incoming)
        if exchange.route.service == "s3" and exchange.route.operation in STREAMED:
            exchange.identity = self._authenticate(exchange, None)
            body = Body(_chunks(exchange.receive), exchange.identity, dict(incoming.headers))
            return await self._operate(exchange, body)
        limit = INVOCATION_BYTES if exchange.route.operation == "InvokeEndpoint" else BODY_BYTES
        exchange.body = await _read(exchange.receive, limit, incoming)
        exchange.identity = self._authenticate(exchange, hashlib.sha256(exchange.body).hexdigest())
        if exchange.route.operation == "InvokeEndpoint":
            return await self._invoke(exchange)
        return await self._operate(exchange, None)

    def _guard(self, incoming: Incoming) -> None:
        """Refuse what a web page in a browser could be made to send here."""
        host = incoming.header("host")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if name not in self._hosts and not name.endswith((".localhost", ".amazonaws.com")):
            raise AwsError("AccessDenied", f"This server does not answer to the host {name[:100]!r}", status=403)
        origin = incoming.header("origin")
        if origin and origin.partition("://")[2] != host:
            raise AwsError("AccessDenied", "Requests from other origins are not answered", status=403)

    def _authenticate(self, exchange: Exchange, payload_sha256: str | None) -> Identity:
        incoming, found = exchange.incoming, exchange.route
        assert found is not None
        signed = Signed(
            incoming.method, incoming.path, incoming.query, incoming.headers, payload_sha256,
            signing_name(incoming) or found.service, found.bucket,
        )  # fmt: skip
        return verify(signed, self._secret, self._server.clock())

    def _secret(self, access_key: str) -> Secret | None:
        key = self._server.keys.find(access_key)
        return None if key is None else Secret(key.secret, key.token, key.expires)

    async def _invoke(self, exchange: Exchange) -> Response:
        """Take the short way to a model: what the models would parse and validate here is a name and some headers."""
        from tarragon.faces.aws.runtime import invoke

        assert exchange.route is not None
        assert exchange.identity is not None
        name = exchange.route.labels["EndpointName"]
        headers = dict(exchange.incoming.headers)
        status, more, body = await invoke(self._server, exchange.identity.region, name, headers, exchange.body)
        return Response(status, {"x-amzn-requestid": exchange.request_id, **more}, body)

    async def _operate(self, exchange: Exchange, body: Body | None) -> Response:
        found, identity = exchange.route, exchange.identity
        assert found is not None
        assert identity is not None
        incoming = exchange.incoming
        query = parse_qs(incoming.query, keep_blank_values=True)
        if not found.operation:
            found.operation = _action(exchange.body, query)
        operation = operation_model(found.service, found.operation)
        function = self._functions.get(found.service, {}).get(function_names(found.service).get(found.operation, ""))
        if operation is None or function is None:
            raise _unanswered(found)
        headers = dict(incoming.headers)
        params = parse(found.protocol, operation, Request(found.labels, query, headers, exchange.body))
        check(found.service, operation.input_shape, params)
        call = Call(
            found.service, found.operation, params, identity.region or DEFAULT_REGION, self._server, headers,
            exchange.request_id, body, identity.access_key,
        )  # fmt: skip
        return serialize(found.protocol, operation, await self._dispatch(function, call), exchange.request_id)

    async def _dispatch(self, function: Callable[[Call], Any], call: Call) -> Answer:
        if inspect.iscoroutinefunction(function):
            answer: Answer = await function(call)
            return answer
        return await asyncio.get_running_loop().run_in_executor(self._threads, _finished, function, call)


def _finished(function: Callable[[Call], Any], call: Call) -> Any:
    """Call a function in its thread; a StopIteration would never come out of a future, and the request hang."""
    try:
        return function(call)
    except StopIteration as error:
        raise RuntimeError("an iterator ended early") from error


CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # in a header's value they would end it, and begin another
STREAMED = frozenset({"PutObject", "UploadPart"})
"""S3's operations whose body is the object: read piece by piece, never whole."""


def translate(error: TarragonError, service: str) -> AwsError:
    """Put an error of the rooms into AWS's words; families raise the exact ones where AWS has them."""
    suffix = "" if service.startswith("sagemaker") else "Exception"
    if isinstance(error, NotFoundError):
        return AwsError(f"ResourceNotFound{suffix}", str(error), status=404 if service == "s3" else 400)
    if isinstance(error, ConflictError):
        return AwsError(f"ResourceInUse{suffix}", str(error), status=409 if service == "s3" else 400)
    if isinstance(error, (ParameterError, DataError)):
        return AwsError("InvalidArgument" if service == "s3" else "ValidationException", str(error))
    logger.error("%s", error)
    return AwsError("ServiceUnavailable", str(error), status=503)


def _unanswered(found: Route) -> AwsError:
    named = f"{found.service}'s {found.operation or 'unnamed action'}"
    words = f"Tarragon does not answer {named}; docs/aws.md lists what it does"
    if found.protocol == "query":
        return AwsError("InvalidAction", words)
    if found.protocol == "rest-xml":
        return AwsError("NotImplemented", words, status=501)
    return AwsError("UnknownOperationException", words)


def _action(body: bytes, query: Mapping[str, list[str]]) -> str:
    form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10_000) if body.count(b"&") < 10_000 else {}
    return (form.get("Action") or query.get("Action") or [""])[0][:128]


def _incoming(scope: Mapping[str, Any]) -> Incoming:
    path = scope.get("raw_path") or scope["path"].encode()
    return Incoming(
        scope["method"],
        path.decode("latin-1").partition("?")[0],
        scope["query_string"].decode("latin-1"),
        [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
    )


def _request_id() -> str:
    text = secrets.token_hex(16)
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class _Inbox:
    """Receives a body, and knows whether it has all come: what is left would be read as the next request."""

    def __init__(self, receive: Receive, incoming: Incoming) -> None:
        self._receive, self._begun = receive, False
        self._over = incoming.header("content-length") in ("", "0") and not incoming.header("transfer-encoding")
        self._waits = bool(incoming.header("expect"))  # for a word from us before it sends anything

    async def __call__(self) -> Mapping[str, Any]:
        self._begun = True
        message = await self._receive()
        self._over = self._over or message["type"] == "http.disconnect" or not message.get("more_body")
        return message

    async def emptied(self) -> bool:
        """Read what little is left of a body; False when the connection is better closed."""
        left = REST_BYTES
        try:
            async with asyncio.timeout(REST_S):
                while not self._over and left > 0 and (self._begun or not self._waits):
                    left -= len((await self()).get("body", b""))
        except TimeoutError:
            return False
        return self._over


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise AwsError("RequestTimeout", "The connection was closed before the whole body had come")
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return


async def _read(receive: Receive, limit: int, incoming: Incoming) -> bytes:
    told = incoming.header("content-length")
    if told.isdigit() and int(told) > limit:
        raise _too_large(limit)
    parts, size = [], 0
    async for chunk in _chunks(receive):
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> AwsError:
    return AwsError("RequestEntityTooLarge", f"The body may have {limit:,} bytes", status=413)


async def _send(response: Response, send: Send, *, head: bool) -> int:
    headers = [
        (name.encode("latin-1", "replace"), CONTROL.sub(" ", value).encode("utf-8"))  # a value may repeat what was sent
        for name, value in response.headers.items()
    ]
    body = response.body
    if isinstance(body, bytes):
        if "content-length" not in response.headers and response.status not in (204, 304):
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else body})
        return len(body)
    if body.length is not None and "content-length" not in response.headers:
        headers.append((b"content-length", str(body.length).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    sent = 0
    async for chunk in body.chunks:
        sent += len(chunk)
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
    return sent


def _log(exchange: Exchange, response: Response, sent: int, seconds: float) -> None:
    if not requests.isEnabledFor(logging.INFO):
        return
    found = exchange.route
    what = f"{found.service}.{found.operation}" if found else exchange.incoming.method
    code = response.headers.get("x-amzn-errortype", "")
    requests.info(
        "%d %s %s%s %.1f ms, %d bytes in, %d out, %s", response.status, what, exchange.incoming.path[:120],
        f" {code}" if code else "", seconds * 1000, len(exchange.body), sent, exchange.request_id,
    )  # fmt: skip
