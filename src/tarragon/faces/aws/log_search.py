"""A search across a group's streams: what matches, in the order of time, a page at a time.

A page's token names the streams that have more and where each goes on, so that a search needs no memory of earlier
pages, costs what it reads, and may be given up at any time.
"""

import base64
import binascii
import heapq
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tarragon.engine import Excerpt, LogEvent, Logs
from tarragon.errors import NotFoundError, ParameterError
from tarragon.faces.aws.log_pattern import matcher

PAGE_BYTES = 1 << 20  # of messages in a page
LOOKED_BYTES = 64 << 20  # of logs looked at for a page: one without matches ends too
HELD_BYTES = 64 << 20  # of all streams' blocks together
TOKEN_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for.

    Parameters
    ----------
    realm, group : str
    streams : tuple of str
    excerpt : Excerpt
        Times, how many, and the token of an earlier page.
    pattern : str
        See :mod:`tarragon.faces.aws.log_pattern`.
    """

    realm: str
    group: str
    streams: tuple[str, ...]
    excerpt: Excerpt
    pattern: str = ""


def page(logs: Logs, search: Search) -> tuple[list[Mapping[str, Any]], str | None]:
    """Find the next matches, in CloudWatch's words, and the token of what follows.

    Raises ``ParameterError`` for a pattern or token that cannot be used.
    """
    match, excerpt = matcher(search.pattern), search.excerpt
    places = _places(logs, search)
    size = max(4096, min(1 << 18, HELD_BYTES // max(1, len(places))))
    merged = heapq.merge(*(_keyed(logs, search, name, place, size) for name, place in places.items()))
    found: list[Mapping[str, Any]] = []
    told = looked = 0
    for _, name, place, event in merged:
        if len(found) >= excerpt.limit or told >= PAGE_BYTES or looked >= LOOKED_BYTES:
            return found, _token({**places, name: place})
        looked += event.end - event.place
        places[name] = event.end
        if excerpt.holds(event) and match(event.message):
            found.append(_written(name, event))
            told += len(event.message)
    return found, None


def _places(logs: Logs, search: Search) -> dict[str, int]:
    """Say where to begin in each stream."""
    if search.excerpt.token:
        return _told(search.excerpt.token)
    if search.excerpt.start is None:
        return dict.fromkeys(search.streams, 0)
    places = {}
    for name in search.streams:
        try:
            places[name] = logs.near(search.realm, search.group, name, search.excerpt.start)
        except NotFoundError:  # removed meanwhile
            continue
    return places


def _keyed(
    logs: Logs, search: Search, name: str, place: int, size: int
) -> Iterator[tuple[int, str, int, LogEvent]]:  # fmt: skip
    latest = 0
    for event in logs.scan(search.realm, search.group, name, place, size):
        latest = max(latest, event.time)  # what was written late stays behind what it was written after
        yield latest, name, event.place, event


def _written(name: str, event: LogEvent) -> Mapping[str, Any]:
    # As long as CloudWatch's ids; unique in a group, and the same however it was found.
    number = f"{event.time:020d}{zlib.crc32(name.encode(errors='replace')):012d}{event.place:024d}"
    return {
        "logStreamName": name, "timestamp": event.time, "message": event.message, "ingestionTime": event.taken,
        "eventId": number,
    }  # fmt: skip


def _token(places: Mapping[str, int]) -> str:
    return base64.urlsafe_b64encode(zlib.compress(json.dumps(places).encode())).decode()


def _told(token: str) -> dict[str, int]:
    try:
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(base64.urlsafe_b64decode(token.encode()), TOKEN_BYTES)
        places = json.loads(text) if unpacking.eof else None
    except (ValueError, binascii.Error, zlib.error, RecursionError):
        places = None
    if not isinstance(places, dict) or not all(type(at) is int and 0 <= at < 2**62 for at in places.values()):
        raise ParameterError("The specified nextToken is invalid.", why="no search gave it")
    return places
