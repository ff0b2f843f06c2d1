"""The words a user types: shared options, and how "60s", "20MB" and "a,b" are read."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from tarragon.errors import ParameterError

Home = Annotated[
    Path | None,
    typer.Option("--home", help="Where Tarragon keeps its things (default: $TARRAGON_HOME).", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No display; print only the essential line.")]

SECONDS: Mapping[str, float] = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
BYTES: Mapping[str, float] = {"b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30}


def _quantity(text: str, units: Mapping[str, float], bare: str, option: str) -> float:
    """Read a positive number with a unit; ``bare`` is the unit of a number without one."""
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([a-zA-Z]*)\s*", text)
    unit = (match.group(2).lower() or bare) if match else ""
    if match is None or unit not in units or float(match.group(1)) <= 0:
        example = {"s": "60s, 2m or 1h", "ms": "5ms", "b": "20MB"}[bare]
        raise ParameterError(
            f"{option} cannot be {text!r}",
            why=f"It takes a positive number with a unit of {', '.join(units)}",
            fix=f"Write for example {example}",
        )
    return float(match.group(1)) * units[unit]


def seconds(text: str, option: str = "--time") -> float:
    """Read a duration as seconds; a bare number is seconds.

    Examples
    --------
    >>> seconds("2m"), seconds("90"), seconds("0.5h")
    (120.0, 90.0, 1800.0)
    """
    return _quantity(text, SECONDS, "s", option)


def milliseconds(text: str, option: str = "--max-latency") -> float:
    """Read a duration as milliseconds; a bare number is milliseconds.

    Examples
    --------
    >>> milliseconds("5ms"), milliseconds("2"), milliseconds("1s")
    (5.0, 2.0, 1000.0)
    """
    return _quantity(text, SECONDS, "ms", option) * 1000.0


def size(text: str, option: str = "--max-size") -> int:
    """Read a size as bytes; a bare number is bytes.

    Examples
    --------
    >>> size("20MB"), size("1.5 KiB"), size("800")
    (20000000, 1536, 800)
    """
    return int(_quantity(text, BYTES, "b", option))


def share(text: str, option: str = "--holdout") -> float:
    """Read a share of the rows.

    Examples
    --------
    >>> share("0.2"), share("20%")
    (0.2, 0.2)
    """
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*(%?)\s*", text)
    if match is None:
        raise ParameterError(f"{option} cannot be {text!r}", why="It takes a share of the rows", fix="Write 0.2 or 20%")
    return float(match.group(1)) / (100.0 if match.group(2) else 1.0)


def names(given: Iterable[str] | None) -> tuple[str, ...]:
    """Read a repeatable option whose values may hold commas; order kept, repeats dropped.

    Examples
    --------
    >>> names(["a,b", "c", "a"])
    ('a', 'b', 'c')
    """
    parts = [part.strip() for text in given or () for part in text.split(",")]
    return tuple(dict.fromkeys(part for part in parts if part))
