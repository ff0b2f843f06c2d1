import json
import math
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path

import numpy as np
import pytest

from tarragon.engine import to_plain
from tarragon.errors import ParameterError


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: tuple[int, ...] = ()
    cache: int = field(default=0, init=False)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        (10**30, 10**30),
        (0.1, 0.1),
        (math.nan, {"$float": "nan"}),
        (-math.inf, {"$float": "-inf"}),
        ("é\0\ud800", "é\0\ud800"),
        (Colour.RED, "red"),
        (Level.LOW, 1),
        (Path("a/b"), "a/b"),
        ((1, (2, 3)), [1, [2, 3]]),
        (frozenset({"b", "a"}), ["a", "b"]),
        ({"a": 1}, {"a": 1}),
        ({1: "a"}, {"$dict": [[1, "a"]]}),
        ({"$float": "nan"}, {"$dict": [["$float", "nan"]]}),
        ({Colour.RED: 1}, {"red": 1}),
        (Point(1.5, (1, 2)), {"x": 1.5, "y": [1, 2]}),
        (np.float32(0.5), 0.5),
        (np.float64(math.inf), {"$float": "inf"}),
        (np.int8(3), 3),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array([[1.0, math.nan]]), [[1.0, {"$float": "nan"}]]),
    ],
)
def test_every_row_of_the_table(value, plain):
    done = to_plain(value)
    assert done == plain
    assert type(done) is type(plain)
    json.loads(json.dumps(done, allow_nan=False))


def test_null_for_readers_that_know_no_better():
    assert to_plain({"a": (math.nan, 1.0)}, floats="null") == {"a": [None, 1.0]}


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (object(), r"value is "),
        ({"a": (1, {2: lambda: 0})}, r"value\['a'\]\[1\]\[2\] is "),
        (Point(b"bytes"), r"value\.x is "),
        (np.array([object()]), r"pickled"),
        (np.datetime64("2020-01-01"), r"no plain form"),
        (1j, r"no plain form"),
    ],
)
def test_what_cannot_be_saved_is_named(value, where):
    with pytest.raises(ParameterError, match=where):
        to_plain(value)


def test_arrays_can_be_refused():
    with pytest.raises(ParameterError, match=r"value\['oof'\].*kept in files"):
        to_plain({"oof": np.zeros(2)}, arrays="refuse")
