"""Frames are read by botocore's own decoder."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from botocore.eventstream import EventStreamBuffer

from tarragon.faces.aws.wire.event import frame, frames
from tarragon.faces.aws.wire.model import operation_model


def messages(data: bytes) -> list[Any]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return list(buffer)


def test_a_frame() -> None:
    (message,) = messages(frame({":event-type": "PayloadPart", ":note": "é"}, b"\x00\x01"))
    assert message.headers == {":event-type": "PayloadPart", ":note": "é"}
    assert message.payload == b"\x00\x01"


def test_events_and_an_error_in_the_middle() -> None:
    async def events() -> AsyncIterator[dict[str, Any]]:
        yield {"PayloadPart": {"Bytes": b"one"}}
        yield {"error": ("ModelStreamError", "it broke")}
        yield {"PayloadPart": {"Bytes": b"never"}}

    shape = operation_model("sagemaker-runtime", "InvokeEndpointWithResponseStream").output_shape.members["Body"]

    async def collected() -> bytes:
        return b"".join([piece async for piece in frames("rest-json", shape, events())])

    first, second = messages(asyncio.run(collected()))
    assert first.payload == b"one"
    assert first.headers[":event-type"] == "PayloadPart"
    assert second.headers[":exception-type"] == "ModelStreamError"
