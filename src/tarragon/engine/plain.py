"""Values to plain JSON and back, led by their type hints.

What becomes what:

=========================  ===============================================================
None, bool, int, str       themselves
float                      a JSON number; nan, inf, -inf as ``{"$float": "nan"}`` (valid JSON; or null if asked)
Enum, Path                 the member's value, the path as text
tuple, list, frozenset     a JSON array (sets sorted)
mapping                    a JSON object; ``{"$dict": [[key, value], …]}`` if a key is no text or starts with "$"
frozen dataclass           an object with one member per field
numpy array                nested arrays of numbers (type and shape come back from the hint and the nesting), or
                           ``{"$array": name}`` beside a ``.npz`` (see :mod:`tarragon.engine.record`)
=========================  ===============================================================

Going back needs the type: a field hinted ``tuple[Path, ...]`` becomes that. Without a hint, arrays become lists.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import PurePath
from typing import Literal, TypeAlias, cast

from tarragon.errors import ParameterError

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class _Refused(Exception):  # noqa: N818 - never leaves this module
    """A value that has no plain form; collects the way to it while the stack unwinds."""

    def __init__(self, value: object, reason: str) -> None:
        self.reason, self.value, self.way = reason, value, ""

    def at(self, step: str) -> "_Refused":
        self.way = step + self.way
        return self


def to_plain(
    value: object, *, floats: Literal["tagged", "null"] = "tagged", arrays: Literal["list", "refuse"] = "list"
) -> Plain:
    """Turn a value into what ``json`` can write.

    Parameters
    ----------
    value : object
        Built of the types in the module's table.
    floats : {"tagged", "null"}
        How nan and infinities are written: so that they come back, or as null for readers that know no better.
    arrays : {"list", "refuse"}
        Whether numpy arrays become lists or an error.

    Raises
    ------
    ParameterError
        For anything else, naming where in the value it sits.

    Examples
    --------
    >>> to_plain({"auc": 0.5, "gap": float("nan"), "folds": (1, 2)})
    {'auc': 0.5, 'gap': {'$float': 'nan'}, 'folds': [1, 2]}
    """
    return Encoder(floats=floats, keep_array=None if arrays == "list" else _no_array).encode(value)


def _no_array(array: object) -> Plain:
    raise _Refused(array, "arrays are kept in files, not here")


class Encoder:
    """One way of turning values into plain ones.

    Parameters
    ----------
    floats : {"tagged", "null"}
    keep_array : callable, optional
        Takes a numpy array, returns what stands for it; nested lists by default.
    tag_types : bool
        Write each dataclass's name as ``"$type"``, so that unions of dataclasses come back as what they were.
    """

    def __init__(
        self,
        *,
        floats: Literal["tagged", "null"] = "tagged",
        keep_array: Callable[[object], Plain] | None = None,
        tag_types: bool = False,
    ) -> None:
        self.floats, self.keep_array, self.tag_types = floats, keep_array, tag_types

    def encode(self, value: object) -> Plain:
        """Return the plain form. Raises ``ParameterError`` naming what has none."""
        try:
            return self._plain(value)
        except _Refused as refused:
            raise ParameterError(
                f"A {type(refused.value).__name__} cannot be saved",
                why=f"{'value' + refused.way} is {repr(refused.value)[:80]}: {refused.reason}",
                fix="Use numbers, texts, tuples, mappings, enums, paths, numpy arrays or dataclasses made of them",
            ) from None

    def _plain(self, value: object) -> Plain:
        kind = type(value)
        if kind is float:
            return self._float(cast(float, value))
        if value is None or kind in (bool, int, str):
            return cast(Plain, value)
        if isinstance(value, Enum):
            return self._plain(value.value)
        if isinstance(value, (tuple, list)):
            return self._list(value)
        if isinstance(value, Mapping):
            return self._mapping(value)
        if is_dataclass(value) and not isinstance(value, type):
            return self._record(value)
        return self._other(value)

    def _other(self, value: object) -> Plain:
        if isinstance(value, PurePath):
            return str(value)
        if isinstance(value, (set, frozenset)):
            return self._list(sorted(value, key=lambda item: (type(item).__name__, item)))
        if isinstance(value, (bool, int, float, str)):  # subclasses: numpy's float64 and str_ among them
            for base in (bool, int, float, str):
                if isinstance(value, base):
                    return self._plain(base(value))
        if type(value).__module__ == "numpy":
            return self._numpy(value)
        raise _Refused(value, "it has no plain form")

    def _numpy(self, value: object) -> Plain:
        import numpy as np

        if isinstance(value, np.ndarray):
            if value.dtype.hasobject:
                raise _Refused(value.dtype, "an array of Python objects could only be pickled")
            return self.keep_array(value) if self.keep_array else self._plain(value.tolist())
        if isinstance(value, (np.bool_, np.integer, np.floating)):
            return self._plain(value.item())
        raise _Refused(value, "it has no plain form")

    def _float(self, value: float) -> Plain:
        if math.isfinite(value):
            return value
        return None if self.floats == "null" else {"$float": str(value)}

    def _list(self, values: "tuple[object, ...] | list[object]") -> Plain:
        plain = []
        for number, item in enumerate(values):
            try:
                plain.append(self._plain(item))
            except _Refused as refused:
                raise refused.at(f"[{number}]") from None
        return plain

    def _mapping(self, values: Mapping[object, object]) -> Plain:
        pairs = []
        simple = True
        for key, item in values.items():
            simple = simple and type(key) is str and not key.startswith("$")
            try:
                pairs.append((key, self._plain(item)))
            except _Refused as refused:
                raise refused.at(f"[{key!r}]") from None
        if simple:
            return cast(Plain, dict(pairs))
        if all(isinstance(key, str) and not str(key).startswith("$") for key, _ in pairs):
            return {str(self._plain(key)): item for key, item in pairs}
        return {"$dict": [[self._plain(key), item] for key, item in pairs]}

    def _record(self, value: object) -> Plain:
        plain: dict[str, Plain] = {"$type": type(value).__name__} if self.tag_types else {}
        for each in fields(cast(type, value)):
            if each.init:
                try:
                    plain[each.name] = self._plain(getattr(value, each.name))
                except _Refused as refused:
                    raise refused.at(f".{each.name}") from None
        return plain
