"""Which algorithms there are: entry points of the group ``tarragon.algorithms``, ours and strangers' alike.

Listing reads installed metadata only. A class is imported when asked for, the library behind it when it is first fitted
or loaded, so that the command line stays quick and a card can be shown for what is not installed.
"""

import importlib.metadata as metadata
import re
from functools import cache

from tarragon.algorithms.protocol import Algorithm, Card
from tarragon.errors import MissingExtraError, NotFoundError, near_miss

GROUP = "tarragon.algorithms"
OURS = "tarragon"


def names() -> tuple[str, ...]:
    """List every known algorithm by its catalogue name, sorted, installed or not."""
    return tuple(_entries())


def get(name: str) -> type[Algorithm]:
    """Return the class of an algorithm that can be used here.

    Raises
    ------
    NotFoundError
        No such name; near misses are named.
    MissingExtraError
        It needs an extra that is not installed.
    """
    kind = _load(name)
    lacking = _lacking(name, kind.card.extra)
    if lacking:
        raise MissingExtraError(
            f"{kind.card.title} is an optional part",
            why=f"{' and '.join(lacking)} is not installed",
            fix=_install(name, kind.card.extra),
        )
    return kind


def kind_of(name: str) -> type[Algorithm]:
    """Return the class of an algorithm, also of one whose extra is missing. Raises ``NotFoundError``."""
    return _load(name)


def installed(name: str) -> bool:
    """Whether an algorithm exists and everything it needs is installed; imports no library."""
    try:
        get(name)
    except (NotFoundError, MissingExtraError):
        return False
    return True


def cards() -> dict[str, Card]:
    """Return each algorithm's card by name, sorted; also of those whose extra is missing."""
    found = {}
    for name in names():
        try:
            found[name] = _load(name).card
        except MissingExtraError:
            continue
    return found


@cache
def _entries() -> dict[str, metadata.EntryPoint]:
    """Entry points by name, sorted; where two packages offer one name, ours wins, then the alphabet."""
    points = sorted(metadata.entry_points(group=GROUP), key=lambda p: (p.name, _package(p) != OURS, _package(p)))
    found: dict[str, metadata.EntryPoint] = {}
    for point in points:
        found.setdefault(point.name, point)
    return found


def _package(point: metadata.EntryPoint) -> str:
    return point.dist.name if point.dist else ""


def _load(name: str) -> type[Algorithm]:
    entries = _entries()
    if name not in entries:
        raise NotFoundError(
            f'There is no algorithm "{name}"', why="No installed package offers it", fix=near_miss(name, entries)
        )
    try:
        kind: type[Algorithm] = entries[name].load()
    except (ImportError, AttributeError, SyntaxError) as error:
        raise MissingExtraError(
            f'The algorithm "{name}" cannot be imported',
            why=str(error),
            fix=f"Install what {_package(entries[name])} needs",
        ) from error
    return kind


def _lacking(name: str, extra: str) -> tuple[str, ...]:
    """Distributions of the extra that are not installed, by the metadata of the package that offers the algorithm."""
    if not extra:
        return ()
    dist = _entries()[name].dist
    marked = re.compile(rf"extra\s*==\s*['\"]{re.escape(extra)}['\"]")
    wanted = [r for r in (dist.requires or [] if dist else []) if marked.search(r)]
    return tuple(n for n in (re.split(r"[^A-Za-z0-9._-]", r, maxsplit=1)[0] for r in wanted) if not _present(n))


def _present(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _install(name: str, extra: str) -> str:
    return f'pip install "{_package(_entries()[name])}[{extra}]"'
