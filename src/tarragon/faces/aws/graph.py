"""Walks over a graph of lineage: who came before, who comes after, and on which ways. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edge:
    """An association.

    Parameters
    ----------
    source, destination : str
        ARNs; the source comes before.
    kind : str
        "ContributedTo", or nothing.
    """

    source: str
    destination: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk met.

    Parameters
    ----------
    depth : mapping of str to int
        ARNs in the order they were met, with how many steps they are away; the starts are 0 away.
    edges : tuple of Edge
        Those that were gone along.
    """

    depth: Mapping[str, int]
    edges: tuple[Edge, ...]


def walk(edges: Iterable[Edge], starts: Iterable[str], direction: str = "Both", most: int | None = None) -> Walk:
    """Go from some entities to all that lead to them, that come from them, or both.

    "Both" is up from the starts and down from the starts, never down and up again: siblings are no ancestors.

    Parameters
    ----------
    edges : iterable of Edge
    starts : iterable of str
    direction : {"Ascendants", "Descendants", "Both"}
    most : int, optional
        Steps to go; as far as it leads by default.

    Examples
    --------
    >>> chain = [Edge("data", "job"), Edge("job", "model"), Edge("data", "other")]
    >>> dict(walk(chain, ["job"]).depth)
    {'job': 0, 'data': 1, 'model': 1}
    """
    edges, starts = tuple(edges), tuple(dict.fromkeys(starts))
    depth: dict[str, int] = dict.fromkeys(starts, 0)
    gone: dict[Edge, None] = {}
    for up in (True, False):
        if direction != ("Descendants" if up else "Ascendants"):
            _one_way(edges, starts, up, most, depth, gone)
    return Walk(depth, tuple(gone))


def _one_way(
    edges: tuple[Edge, ...], starts: tuple[str, ...], up: bool, most: int | None, depth: dict[str, int],
    gone: dict[Edge, None],
) -> None:  # fmt: skip
    beside: dict[str, list[Edge]] = {}
    for edge in edges:
        beside.setdefault(edge.destination if up else edge.source, []).append(edge)
    seen, front, steps = set(starts), list(starts), 0
    while front and (most is None or steps < most):
        steps += 1
        following: list[str] = []
        for each in front:
            for edge in beside.get(each, ()):
                gone[edge] = None
                other = edge.source if up else edge.destination
                if other not in seen:
                    seen.add(other)
                    following.append(other)
                    depth.setdefault(other, steps)
        front = following
