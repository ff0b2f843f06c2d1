import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, NewType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tarragon.engine import from_plain, to_plain
from tarragon.errors import IntegrityError

Rows = NewType("Rows", int)


class Colour(Enum):
    RED = 1
    BLUE = 2


class Word(StrEnum):
    YES = "yes"


@dataclass(frozen=True, slots=True)
class Leaf:
    label: str
    score: float
    size: int = 3
    colour: Colour = Colour.RED


@dataclass(frozen=True, slots=True)
class Other:
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Tree:
    name: str
    leaves: tuple[Leaf, ...]
    pair: tuple[str, float]
    by_name: Mapping[str, tuple[int, ...]]
    by_number: dict[int, str]
    mode: Literal["a", "b", 1] = "a"
    folder: Path | None = None
    value: int | float | str | bool | None = None
    best: Leaf | None = None
    either: Leaf | Other | None = None
    word: Word = Word.YES
    rows: Rows = Rows(0)
    tags: frozenset[str] = frozenset()
    items: Sequence[float] = ()
    ranged: Annotated[int, "a remark"] = 1
    child: "Tree | None" = None
    loose: Mapping[str, object] = field(default_factory=dict)


floats = st.floats(allow_nan=False)  # nan equals nothing; it has its own test
scalars = st.one_of(st.none(), st.booleans(), st.integers(), floats, st.text())
leaves = st.builds(Leaf, st.text(), floats, st.integers(), st.sampled_from(Colour))
loose = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6)
trees = st.builds(
    Tree,
    name=st.text(),
    leaves=st.lists(leaves, max_size=3).map(tuple),
    pair=st.tuples(st.text(), floats),
    by_name=st.dictionaries(st.text(), st.lists(st.integers(), max_size=3).map(tuple), max_size=3),
    by_number=st.dictionaries(st.integers(), st.text(), max_size=3),
    mode=st.sampled_from(["a", "b", 1]),
    folder=st.none() | st.sampled_from([Path("a/b"), Path("/x")]),
    value=scalars,
    best=st.none() | leaves,
    tags=st.frozensets(st.text(), max_size=1),
    items=st.lists(floats, max_size=3).map(tuple),
    rows=st.integers().map(Rows),
    loose=st.dictionaries(st.text(), loose, max_size=3),
)


@settings(deadline=None)
@given(trees, st.none() | trees)
def test_a_value_comes_back_equal_and_of_the_same_types(tree, child):
    value = replace(tree, child=child)
    text = json.dumps(to_plain(value), allow_nan=False)
    back = from_plain(json.loads(text), Tree)
    assert back == value
    assert repr(back) == repr(value)  # True is no 1, 1 is no 1.0, a tuple is no list


@settings(deadline=None)
@given(loose)
def test_untyped_json_comes_back(value):
    assert repr(from_plain(json.loads(json.dumps(to_plain(value))), object)) == repr(value)


def test_not_a_number_survives():
    back = from_plain(to_plain((math.nan, math.inf, -math.inf, -0.0)), tuple[float, ...])
    assert math.isnan(back[0])
    assert back[1:3] == (math.inf, -math.inf)
    assert math.copysign(1, back[3]) == -1


def test_arrays_as_lists_take_the_hinted_type():
    back = from_plain(to_plain(np.array([1, 2], dtype=np.int64)), NDArray[np.float32])
    assert back.dtype == np.float32
    assert back.tolist() == [1.0, 2.0]


def test_a_new_field_takes_its_default():
    assert from_plain({"label": "x", "score": 1.0}, Leaf) == Leaf("x", 1.0, 3, Colour.RED)


@pytest.mark.parametrize(
    ("plain", "kind", "match"),
    [
        ({"label": "x"}, Leaf, "Leaf with label, score"),
        ({"label": "x", "score": 1.0, "nonsense": 1}, Leaf, "nonsense"),
        ({"label": 1, "score": 1.0}, Leaf, r"value\.label is 1 where a text"),
        ([{"label": "x", "score": "1"}], tuple[Leaf, ...], r"value\[0\]\.score"),
        ({"label": "x", "score": 1.0, "colour": 7}, Leaf, "a Colour"),
        (1.5, int, "a whole number"),
        (1, bool, "true or false"),
        (True, Literal[1, 2], "one of 1, 2"),
        ([1, 2, 3], tuple[int, int], "an array of 2"),
        ({"a": 1}, tuple[int, ...], "an array"),
        ([1], Mapping[str, int], "an object"),
        ("x", int | None, "int or None"),
        ({"$array": "a0"}, NDArray[np.float64], "an array of numbers"),
        (["x"], NDArray[np.float64], "an array of"),
    ],
)
def test_what_does_not_fit_is_named(plain, kind, match):
    with pytest.raises(IntegrityError, match=match):
        from_plain(plain, kind)


@pytest.mark.parametrize("kind", [complex, type(lambda: 0), bytes])
def test_a_hint_without_a_way_back_is_an_error_in_the_program(kind):
    with pytest.raises(TypeError, match="no way to rebuild"):
        from_plain(1, kind)


def test_any_and_object_are_the_same():
    assert from_plain({"a": [1]}, Any) == from_plain({"a": [1]}, object) == {"a": [1]}
