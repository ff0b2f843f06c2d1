"""Hyperparameters as they arrive, text by name, held against what an algorithm declares and its container takes."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tarragon.algorithms import OneOf, Range, Text, declared
from tarragon.errors import ParameterError, near_miss

Rule = Range | OneOf | Text
IGNORED = frozenset(
    {
        "_kvstore", "_num_gpus", "_num_kv_servers", "_log_level", "_tuning_objective_metric", "_enable_profiler",
        "_data_format", "_ftp_port", "_disable_wait_to_read", "force_dense", "save_model_on_termination",
    }
)  # fmt: skip
BIG = 2**31 - 1
WORDS = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class Wire:
    """A hyperparameter on the wire.

    Parameters
    ----------
    kind : type
        int, float, bool or str.
    rule : Range, OneOf or Text
    required : bool
    auto : bool
        "auto" is allowed and means None.
    """

    kind: type
    rule: Rule
    required: bool = False
    auto: bool = False


def count(low: int = 1, high: int = BIG, *, required: bool = False, auto: bool = False) -> Wire:
    """Declare a whole number."""
    return Wire(int, Range(low, high), required, auto)


def number(low: float, high: float = float("inf"), *, open_low: bool = False, auto: bool = False) -> Wire:
    """Declare a number below ``high``."""
    return Wire(float, Range(low, high, open_low=open_low, open_high=True), False, auto)


def flag(*, auto: bool = False) -> Wire:
    """Declare a switch."""
    return Wire(bool, OneOf((True, False)), False, auto)


def choice(*values: str, required: bool = False) -> Wire:
    """Declare one of a few words."""
    return Wire(str, OneOf(values), required)


def text(pattern: str = ".*") -> Wire:
    """Declare words of a form."""
    return Wire(str, Text(pattern))


def declarations(algorithm: type, required: Collection[str] = ()) -> dict[str, Wire]:
    """List an algorithm's own hyperparameters by SageMaker's names.

    Parameters
    ----------
    algorithm : type
    required : collection of str
        Those a container insists on though the algorithm can do without: "feature_dim", which the data say too.
    """
    return {h.wire: Wire(h.type, h.rule, h.required or h.wire in required, h.optional) for h in declared(algorithm)}


def by_wire(algorithm: type) -> dict[str, str]:
    """Map SageMaker's names to the algorithm's own."""
    return {h.wire: h.name for h in declared(algorithm)}


def values(algorithm: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given by the algorithm's own names, for ``build``."""
    names = by_wire(algorithm)
    return {names[wire]: value for wire, value in given.items() if wire in names}


def read(given: Mapping[str, str], wires: Mapping[str, Wire], aliases: Mapping[str, str]) -> dict[str, Any]:
    """Turn texts into values by SageMaker's name; what was not given, or left to "auto", is not in the answer.

    Raises
    ------
    ParameterError
        An unknown name, a value out of range, or a required one missing; worded as the containers do.
    """
    values = {}
    for name, raw in given.items():
        if name in IGNORED or name.startswith("sagemaker_"):
            continue
        wire = wires.get(aliases.get(name, name))
        if wire is None:
            raise ParameterError(
                f"Additional properties are not allowed ('{name}' was unexpected)",
                why="The algorithm has no such hyperparameter",
                fix=near_miss(name, sorted(wires)),
            )
        if wire.auto and raw.strip().lower() in ("auto", ""):
            continue
        values[aliases.get(name, name)] = _value(name, raw, wire)
    for name, wire in wires.items():
        if wire.required and name not in values:
            raise ParameterError(
                f"'{name}' is a required property",
                why="The hyperparameters do not name it",
                fix=f"Set {name}: {wire.kind.__name__} in {wire.rule}",
            )
    return values


def _value(name: str, raw: str, wire: Wire) -> Any:
    plain = _unquoted(raw)
    value: Any = plain
    try:
        if wire.kind is int:
            value = int(plain)
        elif wire.kind is float:
            value = float(plain)
        elif wire.kind is bool:
            value = WORDS[plain.lower()]
    except (ValueError, KeyError) as error:
        raise _refused(name, raw, wire) from error
    if wire.kind is bool and isinstance(wire.rule, OneOf) and value in wire.rule.values:
        return value
    if not wire.rule.allows(value):
        raise _refused(name, raw, wire)
    return value


def _unquoted(raw: str) -> str:
    """Take a text out of the JSON quotes that script-mode estimators put around it."""
    plain = raw.strip()
    if len(plain) > 1 and plain[0] == plain[-1] == '"':
        try:
            return str(json.loads(plain))
        except ValueError:
            return plain
    return plain


def _refused(name: str, raw: str, wire: Wire) -> ParameterError:
    return ParameterError(
        f"Hyperparameter {name}: '{raw[:60]}' is not valid under any of the given schemas",
        why=f"{name} is {wire.kind.__name__} in {wire.rule}",
        fix="Give a value in that range",
    )


def unsupported(name: str, value: object, instead: str) -> ParameterError:
    """Say that a setting of the container has no counterpart here: better no model than another model."""
    return ParameterError(
        f"Hyperparameter {name}={value} is not supported here", why="This algorithm does not do it yet", fix=instead
    )
