"""Hyperparameters, declared once: the annotated line is validator, search space, wire spec, form and docs."""

import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from tarragon.errors import ParameterError, near_miss


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from ``low`` to ``high``.

    Parameters
    ----------
    low, high : float
        Bounds of what is allowed; inclusive unless ``open_low`` / ``open_high``.
    log : bool
        Search on a logarithmic scale.
    tune : (float, float), optional
        The narrower range worth searching; None: not searched.
    wire : str
        SageMaker's name for it; "" when equal to the field's name.
    about : str
        One sentence: what more or less of it does.
    """

    low: float
    high: float
    log: bool = False
    tune: tuple[float, float] | None = None
    wire: str = ""
    about: str = ""
    open_low: bool = False
    open_high: bool = False

    def allows(self, value: Any) -> bool:
        """Whether a number lies in the range."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        above = value > self.low if self.open_low else value >= self.low
        return above and (value < self.high if self.open_high else value <= self.high)

    def __str__(self) -> str:
        low, high = (str(int(v)) if float(v).is_integer() else f"{v:g}" for v in (self.low, self.high))
        return f"{'(' if self.open_low else '['}{low}, {high}{')' if self.open_high else ']'}"


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few values; ``tune`` names those worth searching."""

    values: tuple[Any, ...]
    tune: tuple[Any, ...] | None = None
    wire: str = ""
    about: str = ""

    def allows(self, value: Any) -> bool:
        """Whether the value is one of them."""
        return any(value is v or (type(value) is type(v) and value == v) for v in self.values)

    def __str__(self) -> str:
        return "{" + ", ".join(map(str, self.values)) + "}"


@dataclass(frozen=True, slots=True)
class Text:
    """Words matching ``pattern`` from end to end, for settings no list could enumerate; never searched."""

    pattern: str
    tune: None = None
    wire: str = ""
    about: str = ""

    def allows(self, value: Any) -> bool:
        """Whether the value is a text of that form."""
        return isinstance(value, str) and re.fullmatch(self.pattern, value) is not None

    def __str__(self) -> str:
        return f"text like {self.pattern}"


Rule = Range | OneOf | Text


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """One declared line, as a value."""

    name: str
    type: type
    rule: Rule
    default: Any
    optional: bool

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is MISSING

    @property
    def wire(self) -> str:
        """SageMaker's name."""
        return self.rule.wire or self.name


def declared(algorithm: type) -> tuple[Hyperparameter, ...]:
    """List the hyperparameters of an algorithm class in the order they were written."""
    if not is_dataclass(algorithm):
        raise TypeError(f"{algorithm.__name__} is not a dataclass")
    hints = get_type_hints(algorithm, include_extras=True)
    found = []
    for f in fields(algorithm):
        hint = hints[f.name]
        if f.init and get_origin(hint) is Annotated:
            kind, *extras = get_args(hint)
            rule = next((e for e in extras if isinstance(e, (Range, OneOf, Text))), None)
            if rule is not None:
                members = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
                plain = next(m for m in members if m is not type(None))
                found.append(Hyperparameter(f.name, plain, rule, f.default, type(None) in members))
    return tuple(found)


def space(algorithm: type) -> tuple[Hyperparameter, ...]:
    """List the hyperparameters worth searching: those declared with ``tune``."""
    return tuple(h for h in declared(algorithm) if h.rule.tune is not None)


def chosen(algorithm: object) -> dict[str, Any]:
    """Return an instance's hyperparameters by name, in the order they were declared."""
    return {h.name: getattr(algorithm, h.name) for h in declared(type(algorithm))}


def check(algorithm: object) -> None:
    """Hold an instance against its declarations. Raises ``ParameterError`` naming the first that does not fit."""
    for h in declared(type(algorithm)):
        value = getattr(algorithm, h.name)
        if value is None and h.optional:
            continue
        right_type = isinstance(value, (int, float)) if h.type is float else isinstance(value, h.type)
        if not right_type or not h.rule.allows(value):
            raise ParameterError(
                f"{type(algorithm).__name__}: {h.name}={value!r} is not allowed",
                why=f"{h.name} is {h.type.__name__} in {h.rule}",
                fix="Give a value in that range" if h.required else f"The default is {h.default!r}",
            )


def build(algorithm: type, params: Mapping[str, Any]) -> Any:
    """Make an instance from named values. Raises ``ParameterError`` for unknown names and values out of range."""
    known = {h.name for h in declared(algorithm)}
    for name in params:
        if name not in known:
            raise ParameterError(
                f"{algorithm.__name__} has no hyperparameter {name!r}",
                why="It is not declared",
                fix=near_miss(name, sorted(known)),
            )
    for h in declared(algorithm):
        if h.required and h.name not in params:
            raise ParameterError(
                f"'{h.name}' is a required property",
                why=f"{algorithm.__name__} has no default for it",
                fix=f"Set {h.name}: {h.rule}",
            )
    made = algorithm(**params)
    check(made)
    return made
