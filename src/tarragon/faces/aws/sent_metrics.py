"""Where metrics are kept that clients send for a trial component: every value, with its step and time.

Each batch is a document of its own, so that sending costs the same however much was sent before.
"""

import hashlib
import secrets
from collections.abc import Sequence
from typing import TypeAlias

from tarragon.errors import NotFoundError
from tarragon.faces.aws.server import Server

Point: TypeAlias = tuple[float, int | None, float]
Sent: TypeAlias = tuple[str, float, int | None, float]


def add(server: Server, region: str, component: str, sent: Sequence[Sent]) -> None:
    """Keep one batch for a trial component: name, time in seconds since 1970, step and value of each."""
    server.documents.create(region, _kind(component), secrets.token_hex(16), {"points": [list(each) for each in sent]})


def points(server: Server, region: str, component: str) -> dict[str, list[Point]]:
    """Read what was sent for a trial component.

    Parameters
    ----------
    server : Server
    region : str
    component : str
        Its name; case makes no difference, since SDK v2 sends it in lower case.

    Returns
    -------
    dict of str to list of (float, int or None, float)
        By metric: time in seconds since 1970, step and value, in the order they were sent.
    """
    found: dict[str, list[Point]] = {}
    for document in server.documents.list(region, _kind(component)):
        for name, time, step, value in document.content["points"]:
            found.setdefault(name, []).append((time, step, value))
    return found


def drop(server: Server, region: str, component: str) -> None:
    """Forget what was sent for a trial component."""
    for document in server.documents.list(region, _kind(component)):
        try:
            server.documents.delete(region, _kind(component), document.name)
        except NotFoundError:  # somebody was quicker
            continue


def _kind(component: str) -> str:
    # A kind of its own for each component: a look at one reads nothing of the others.
    return "component-metrics-" + hashlib.sha256(component.lower().encode()).hexdigest()[:40]
