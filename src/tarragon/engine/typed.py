"""Plain JSON back to values of a given type: the way home from :mod:`tarragon.engine.plain`."""

import types
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import lru_cache
from pathlib import PurePath
from typing import (
    Annotated,
    Any,
    Literal,
    NewType,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from tarragon.engine.plain import NON_FINITE, Plain
from tarragon.errors import IntegrityError

T = TypeVar("T")
Arrays: TypeAlias = Mapping[str, object]
Decode: TypeAlias = Callable[[Any, Arrays], Any]
SEQUENCES = (Sequence, Collection, Iterable)


class Mismatch(Exception):  # noqa: N818 - an internal signal, turned into IntegrityError at the door
    """The plain value is not of the hinted type; collects the way to it."""

    def __init__(self, plain: object, expected: str) -> None:
        self.plain, self.expected, self.way = plain, expected, ""

    def at(self, step: str) -> "Mismatch":
        """Add a step to the way."""
        self.way = step + self.way
        return self


def from_plain(plain: Plain, kind: type[T], arrays: Arrays | None = None) -> T:
    """Rebuild a value from its plain form.

    Parameters
    ----------
    plain : JSON-able
    kind : type
        What it was: a dataclass, ``tuple[float, ...]``, ``Mapping[str, int]`` …
    arrays : mapping, optional
        Arrays by the name their ``{"$array": name}`` gives.

    Raises
    ------
    IntegrityError
        When the plain value does not fit the type.

    Examples
    --------
    >>> from_plain({"a": [1, 2]}, dict[str, tuple[int, ...]])
    {'a': (1, 2)}
    """
    try:
        return cast(T, decoder(cast(Any, kind))(plain, arrays or {}))
    except Mismatch as mismatch:
        raise IntegrityError(
            f"Saved data does not fit {getattr(kind, '__name__', kind)}",
            why=f"{'value' + mismatch.way} is {repr(mismatch.plain)[:80]} where {mismatch.expected} is expected",
            fix="It was written by another version of Tarragon or changed since: start the run again under a new name",
        ) from None


@lru_cache(maxsize=2048)
def decoder(hint: Any) -> Decode:
    """Build the function that decodes one type; compiled once per type."""
    if hint in SCALARS:
        return SCALARS[hint]
    if hint is Any or hint is object or isinstance(hint, TypeVar):
        return _untyped
    if isinstance(hint, NewType):
        return decoder(hint.__supertype__)
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return decoder(args[0])
    if origin is Literal:
        return _literal(args)
    if origin in (Union, types.UnionType):
        return _union(args)
    if isinstance(origin or hint, type):
        return _by_class(origin or hint, args, hint)
    raise TypeError(f"no way to rebuild values of type {hint!r} from JSON; hint it as a plain value or dataclass")


def _by_class(cls: type, args: tuple[Any, ...], hint: Any) -> Decode:
    if cls is tuple:
        return _tuple(args)
    if cls in (list, set, frozenset) or cls in SEQUENCES:
        return _collection(tuple if cls in SEQUENCES else cls, args)
    if issubclass(cls, Mapping):
        return _mapping(args)
    if is_dataclass(cls):
        return _record(cls)
    if issubclass(cls, Enum):
        return _constructed(cls, (ValueError, KeyError))
    if issubclass(cls, PurePath):
        return _constructed(cls, (TypeError,))
    if cls.__module__ == "numpy":
        return _array(cls, args)
    raise TypeError(f"no way to rebuild values of type {hint!r} from JSON; hint it as a plain value or dataclass")


def _none(plain: Any, arrays: Arrays) -> None:
    if plain is not None:
        raise Mismatch(plain, "null")


def _bool(plain: Any, arrays: Arrays) -> bool:
    if not isinstance(plain, bool):
        raise Mismatch(plain, "true or false")
    return plain


def _int(plain: Any, arrays: Arrays) -> int:
    if not isinstance(plain, int):  # a bool is an int to Python, and to hints
        raise Mismatch(plain, "a whole number")
    return plain


def _float(plain: Any, arrays: Arrays) -> float:
    if type(plain) is float:
        return plain
    if isinstance(plain, int) and not isinstance(plain, bool):
        return plain  # a whole number given where a float is hinted comes back as it was
    if isinstance(plain, dict) and plain.get("$float") in NON_FINITE:
        return NON_FINITE[plain["$float"]]
    raise Mismatch(plain, "a number")


def _str(plain: Any, arrays: Arrays) -> str:
    if not isinstance(plain, str):
        raise Mismatch(plain, "a text")
    return plain


def _untyped(plain: Any, arrays: Arrays) -> Any:
    if isinstance(plain, list):
        return [_untyped(item, arrays) for item in plain]
    if not isinstance(plain, dict):
        return plain
    if plain.get("$float") in NON_FINITE and len(plain) == 1:
        return NON_FINITE[plain["$float"]]
    if "$array" in plain:
        return arrays[plain["$array"]]
    if "$dict" in plain:
        return {_untyped(key, arrays): _untyped(item, arrays) for key, item in plain["$dict"]}
    return {key: _untyped(item, arrays) for key, item in plain.items() if key != "$type"}


SCALARS: dict[Any, Decode] = {None: _none, type(None): _none, bool: _bool, int: _int, float: _float, str: _str}


def _literal(values: tuple[Any, ...]) -> Decode:
    def decode(plain: Any, arrays: Arrays) -> Any:
        for value in values:
            given = value.value if isinstance(value, Enum) else value
            if type(given) is type(plain) and given == plain:
                return value
        raise Mismatch(plain, f"one of {', '.join(map(repr, values))}")

    return decode


def _rank(hint: Any) -> int:
    """Order a union's members so that the exact ones are tried first: True is no 1, 1 is no 1.0."""
    order = [type(None), bool, int, float]
    if hint in order:
        return order.index(hint)
    return 9 if hint in (str, Any, object) else 8 if isinstance(hint, type) and issubclass(hint, PurePath) else 5


def _union(members: tuple[Any, ...]) -> Decode:
    ordered = sorted(members, key=_rank)

    def decode(plain: Any, arrays: Arrays) -> Any:
        for member in ordered:
            if member is int and isinstance(plain, bool):
                continue
            try:
                return decoder(member)(plain, arrays)
            except Mismatch:
                continue
        raise Mismatch(plain, " or ".join(getattr(m, "__name__", str(m)) for m in members))

    return decode


def _items(plain: Any, arrays: Arrays, decode: Decode) -> list[Any]:
    if not isinstance(plain, list):
        raise Mismatch(plain, "an array")
    done: list[Any] = []
    for item in plain:
        try:
            done.append(decode(item, arrays))
        except Mismatch as mismatch:
            raise mismatch.at(f"[{len(done)}]") from None
    return done


def _tuple(args: tuple[Any, ...]) -> Decode:
    if not args:
        return lambda plain, arrays: tuple(_items(plain, arrays, _untyped))
    if len(args) == 2 and args[1] is Ellipsis:
        each = args[0]
        return lambda plain, arrays: tuple(_items(plain, arrays, decoder(each)))
    places = () if args == ((),) else args

    def decode(plain: Any, arrays: Arrays) -> tuple[Any, ...]:
        if not isinstance(plain, list) or len(plain) != len(places):
            raise Mismatch(plain, f"an array of {len(places)}")
        done = []
        for number, (item, hint) in enumerate(zip(plain, places, strict=True)):
            try:
                done.append(decoder(hint)(item, arrays))
            except Mismatch as mismatch:
                raise mismatch.at(f"[{number}]") from None
        return tuple(done)

    return decode


def _collection(cls: Any, args: tuple[Any, ...]) -> Decode:
    each = args[0] if args else Any
    return lambda plain, arrays: cls(_items(plain, arrays, decoder(each)))


def _mapping(args: tuple[Any, ...]) -> Decode:
    of_key, of_item = args if args else (Any, Any)

    def decode(plain: Any, arrays: Arrays) -> dict[Any, Any]:
        if not isinstance(plain, dict) or ("$dict" not in plain and any(key.startswith("$") for key in plain)):
            raise Mismatch(plain, "an object")
        key_of, item_of = decoder(of_key), decoder(of_item)
        done = {}
        for key, item in plain["$dict"] if "$dict" in plain else plain.items():
            try:
                done[key_of(key, arrays)] = item_of(item, arrays)
            except Mismatch as mismatch:
                raise mismatch.at(f"[{key!r}]") from None
        return done

    return decode


def _constructed(cls: Any, refusals: tuple[type[Exception], ...]) -> Decode:
    def decode(plain: Any, arrays: Arrays) -> Any:
        try:
            return cls(plain)
        except refusals:
            raise Mismatch(plain, f"a {cls.__name__}") from None

    return decode


def _record(cls: Any) -> Decode:
    parts = {each.name: each for each in fields(cls) if each.init}
    needed = {name for name, each in parts.items() if each.default is MISSING and each.default_factory is MISSING}
    hints: dict[str, Any] = {}

    def decode(plain: Any, arrays: Arrays) -> Any:
        if not hints:  # late, so that types may refer to each other
            hints.update(get_type_hints(cls, include_extras=True))
        if not isinstance(plain, dict) or plain.get("$type", cls.__name__) != cls.__name__:
            raise Mismatch(plain, cls.__name__)
        given = plain.keys() - {"$type"}
        if given - parts.keys() or needed - given:
            raise Mismatch(sorted(given), f"{cls.__name__} with {', '.join(parts)}")
        done = {}
        for name in parts:
            if name in given:
                try:
                    done[name] = decoder(hints[name])(plain[name], arrays)
                except Mismatch as mismatch:
                    raise mismatch.at(f".{name}") from None
        return cls(**done)

    return decode


def _array(cls: type, args: tuple[Any, ...]) -> Decode:
    import numpy as np

    # float64 in ndarray[Any, dtype[float64]]; None where the hint leaves it open
    named = [get_args(arg)[0] for arg in args if get_origin(arg) is np.dtype]
    wanted = np.dtype(named[0]) if named and isinstance(named[0], type) and named[0] is not Any else None

    def decode(plain: Any, arrays: Arrays) -> Any:
        if isinstance(plain, dict) and plain.get("$array") in arrays:
            return arrays[plain["$array"]]
        if not isinstance(plain, (list, int, float)) or not issubclass(cls, np.ndarray):
            raise Mismatch(plain, "an array of numbers")
        try:
            return np.asarray(_untyped(plain, arrays), dtype=wanted)
        except (TypeError, ValueError):
            raise Mismatch(plain, f"an array of {wanted}") from None

    return decode
