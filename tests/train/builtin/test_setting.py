"""Texts become values, and what a container would not take is refused in its words."""

from dataclasses import dataclass
from typing import Annotated

import pytest

from tarragon.algorithms import Range
from tarragon.errors import ParameterError
from tarragon.train.builtin import setting

WIRES = {
    "k": setting.count(required=True),
    "rate": setting.number(0, 1, open_low=True, auto=True),
    "flag": setting.flag(),
    "kind": setting.choice("a", "b"),
}


def test_texts_become_values_by_their_kind() -> None:
    given = {"k": "3", "learning": "0.5", "flag": "True", "kind": '"a"', "sagemaker_region": "x", "_kvstore": "y"}
    assert setting.read(given, WIRES, {"learning": "rate"}) == {"k": 3, "rate": 0.5, "flag": True, "kind": "a"}


def test_auto_leaves_the_choice() -> None:
    assert setting.read({"k": "1", "rate": "auto"}, WIRES, {}) == {"k": 1}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"k": "1", "x": "1"}, r"Additional properties are not allowed \('x' was unexpected\)"),
        ({"k": "zero"}, "'zero' is not valid under any of the given schemas"),
        ({"k": "0"}, "'0' is not valid under any"),
        ({"k": "1", "rate": "1"}, "'1' is not valid"),
        ({"k": "1", "flag": "maybe"}, "maybe"),
        ({"k": "1", "kind": "c"}, "kind"),
        ({}, "'k' is a required property"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, str], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        setting.read(given, WIRES, {})


def test_an_algorithms_own_are_known_by_the_name_on_the_wire() -> None:
    @dataclass
    class Sample:
        reg: Annotated[float | None, Range(0, 1, wire="lambda")] = None

    globals()["Sample"] = Sample
    assert setting.read({"lambda": "0.5"}, setting.declarations(Sample), {}) == {"lambda": 0.5}
