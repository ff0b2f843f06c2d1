import math
from dataclasses import dataclass
from typing import Annotated

import pytest

from tarragon.algorithms.params import OneOf, Range, Text, build, check, chosen, declared, space
from tarragon.errors import ParameterError


@dataclass(eq=False)
class Toy:
    depth: Annotated[int, Range(1, 10, tune=(2, 8), about="Levels.")] = 3
    rate: Annotated[float, Range(0, 1, open_low=True, wire="eta", about="Step.")] = 0.1
    kind: Annotated[str, OneOf(("a", "b"), tune=("a", "b"), about="Kind.")] = "a"
    fast: Annotated[bool, OneOf((False, True), about="Speed.")] = False
    patience: Annotated[int | None, Range(1, 99, about="Wait.")] = None
    signs: Annotated[str, Text(r"(-?[01](,-?[01])*)?", about="Directions.")] = ""
    note: str = "not a hyperparameter"


def test_declared_lists_annotated_fields_in_order() -> None:
    assert [(h.name, h.type, h.wire, h.default, h.optional) for h in declared(Toy)] == [
        ("depth", int, "depth", 3, False),
        ("rate", float, "eta", 0.1, False),
        ("kind", str, "kind", "a", False),
        ("fast", bool, "fast", False, False),
        ("patience", int, "patience", None, True),
        ("signs", str, "signs", "", False),
    ]


def test_space_is_what_has_a_range_worth_searching() -> None:
    assert [h.name for h in space(Toy)] == ["depth", "kind"]


def test_chosen_reads_an_instance() -> None:
    assert chosen(Toy(depth=5)) == {"depth": 5, "rate": 0.1, "kind": "a", "fast": False, "patience": None, "signs": ""}


@pytest.mark.parametrize(
    "good", [{"depth": 1}, {"rate": 1}, {"rate": 1.0}, {"patience": 5}, {"fast": True}, {"signs": "1,0,-1"}]
)
def test_allowed(good: dict[str, object]) -> None:
    check(Toy(**good))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [("depth", 0), ("depth", 11), ("depth", 2.0), ("depth", True), ("depth", None), ("rate", 0), ("rate", math.nan),
     ("kind", "c"), ("fast", 1), ("fast", "True"), ("patience", 0), ("signs", "1,2"), ("signs", "1,0;"), ("signs", 1)],
)  # fmt: skip
def test_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=name):
        check(Toy(**{name: value}))  # type: ignore[arg-type]


def test_build_refuses_what_is_not_declared() -> None:
    assert build(Toy, {"depth": 4}).depth == 4
    with pytest.raises(ParameterError, match="Did you mean"):
        build(Toy, {"dept": 4})
    with pytest.raises(ParameterError):
        build(Toy, {"note": "x"})
