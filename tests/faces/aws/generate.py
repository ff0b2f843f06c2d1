"""Inputs made from botocore's service models: the smallest and the fullest that are valid, for any operation.

Texts follow the model's patterns: a pattern is parsed by Python's own parser and walked, choosing at each turn; what
the walk cannot promise (look-behinds, lengths) is checked, and tried again.
"""

import datetime
import re
from collections.abc import Mapping
from functools import lru_cache
from random import Random
from typing import Any

from botocore.model import Shape

from tarragon.faces.aws.wire.validate import CLASSES

LETTERS = "abcdefghijklmnopqrstuvwxyz"
PRINTABLE = [chr(code) for code in range(33, 127)]
LONG = 120  # characters of a long text, or of each long part of one that has a pattern
DEEP = 7  # levels below which only what is required is given
TRIES = 300
KINDS = 4  # different texts per pattern
NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
parser: Any = re._parser  # type: ignore[attr-defined]  # the standard library's only parser of expressions


class Generator:
    """Makes inputs.

    Parameters
    ----------
    seed : int
    full : bool
        Whether optional members are given, lists have several elements and texts are long.
    known : mapping, optional
        Values for members of these names, wherever they are: things that exist.
    """

    def __init__(self, seed: int, *, full: bool, known: Mapping[str, Any] | None = None) -> None:
        self.random, self.full, self.known = Random(seed), full, known or {}

    def input(self, shape: Shape | None) -> dict[str, Any]:
        """Make an operation's input."""
        return {} if shape is None else self._structure(shape, 0)

    def value(self, shape: Shape, depth: int = 0, name: str = "") -> Any:
        """Make a value of a shape."""
        if name in self.known:
            return self.known[name]
        kind = shape.type_name
        if kind == "structure":
            return {} if shape.is_document_type else self._structure(shape, depth + 1)
        if kind == "list":
            return [self.value(shape.member, depth + 1) for _ in range(self._count(shape, depth))]
        if kind == "map":
            keys = [self.value(shape.key, depth + 1) for _ in range(self._count(shape, depth))]
            return {key: self.value(shape.value, depth + 1) for key in keys}
        if kind == "string":
            return self.text(shape)
        if kind == "blob":
            return bytes(self.random.randrange(256) for _ in range(max(int(shape.metadata.get("min", 0)), 8)))
        if kind == "boolean":
            return self.full
        if kind == "timestamp":
            return NOW
        return self._number(shape)

    def text(self, shape: Shape) -> str:
        """Make a text that a string's enum, pattern and length allow."""
        if shape.enum:
            return str(shape.enum[-1 if self.full else 0])
        low = int(shape.metadata.get("min", 0))
        high = int(shape.metadata.get("max", max(low, LONG)))
        pattern = shape.metadata.get("pattern")
        if pattern:
            return from_pattern(pattern, self.random.randrange(KINDS), low, high, long=self.full)
        size = min(high, max(low, LONG)) if self.full else max(low, min(high, 3))
        return "".join(self.random.choice(LETTERS) for _ in range(size))

    def _structure(self, shape: Any, depth: int) -> dict[str, Any]:
        wanted = set(shape.required_members)
        if getattr(shape, "is_tagged_union", False):
            wanted = {list(shape.members)[-1 if self.full and depth < DEEP else 0]}
        elif self.full and depth < DEEP:
            wanted = {name for name, member in shape.members.items() if not member.serialization.get("eventstream")}
        return {name: self.value(shape.members[name], depth, name) for name in shape.members if name in wanted}

    def _count(self, shape: Shape, depth: int) -> int:
        low, high = int(shape.metadata.get("min", 0)), int(shape.metadata.get("max", 2))
        return max(low, min(high, 2)) if self.full and depth < DEEP else low

    def _number(self, shape: Shape) -> int | float:
        whole = shape.type_name in ("integer", "long")
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        chosen = (high if self.full else low) if (high if self.full else low) is not None else low or high or 1
        return int(chosen) if whole else float(chosen)


@lru_cache(maxsize=4096)
def from_pattern(pattern: str, seed: int, low: int, high: int, *, long: bool = False) -> str:
    """Make a text that a pattern matches whole, of a length between two."""
    random, text = Random(seed), pattern
    for java, ours in CLASSES.items():
        text = text.replace(java, ours)
    try:
        whole = re.compile(text, re.DOTALL)
        parsed = parser.parse(text)
    except re.error:
        return "a" * max(low, 1)
    for attempt in range(TRIES):
        # Begin with what is wanted and come closer to the middle: some lengths cannot be had.
        ease = 1 - attempt / TRIES
        made = "".join(_walk(parsed, random, (low, min(high, max(low, LONG))), ease if long else -ease))
        if low <= len(made) <= high and whole.fullmatch(made):
            return made
    raise AssertionError(f"no text found for {pattern!r} of {low} to {high} characters")


def _walk(parsed: Any, random: Random, lengths: tuple[int, int], greed: float) -> list[str]:
    made: list[str] = []
    for operation, argument in parsed:
        made += _turn(str(operation), argument, random, lengths, greed)
    return made


def _turn(operation: str, argument: Any, random: Random, lengths: tuple[int, int], greed: float) -> list[str]:
    if operation == "LITERAL":
        return [chr(argument)]
    if operation == "NOT_LITERAL":
        return [random.choice([letter for letter in LETTERS if ord(letter) != argument])]
    if operation == "ANY":
        return [random.choice(LETTERS)]
    if operation == "IN":
        return [random.choice(_members(tuple(argument)))]
    if operation == "BRANCH":
        return _walk(random.choice(argument[1]), random, lengths, greed)
    if operation == "SUBPATTERN":
        return _walk(argument[-1], random, lengths, greed)
    if operation in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        made: list[str] = []
        inner = (0, 3)  # of what is repeated within a repetition there is little: lengths multiply
        for _ in range(_times(argument, random, lengths, greed)):
            made += _walk(argument[2], random, inner, greed)
            if len(made) > lengths[1]:
                break
        return made
    return []  # AT, ASSERT, ASSERT_NOT: held against the result


def _times(argument: Any, random: Random, lengths: tuple[int, int], greed: float) -> int:
    least, most = int(argument[0]), int(argument[1])
    low, high = lengths
    most = min(most, max(least, high))
    if random.random() < abs(greed):
        return most if greed > 0 else min(most, max(least, low if len(argument[2]) == 1 else least))
    return random.randint(least, min(most, least + random.choice((1, 3, 10, 40, 200))))


@lru_cache(maxsize=4096)
def _members(argument: Any) -> list[str]:
    """List characters of a class, out of the printable ones if it holds any."""
    negated = bool(argument) and str(argument[0][0]) == "NEGATE"
    written = "".join(_written(each) for each in argument if str(each[0]) != "NEGATE")
    matches = re.compile(f"[{'^' if negated else ''}{written}]")
    found = [letter for letter in (*PRINTABLE, " ") if matches.fullmatch(letter)]
    plain = [letter for letter in found if letter.isalnum()]
    return plain * 4 + found or ["\t"]


def _written(each: Any) -> str:
    kind, value = str(each[0]), each[1]
    if kind == "LITERAL":
        return re.escape(chr(value))
    if kind == "RANGE":
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    words = {"CATEGORY_DIGIT": r"\d", "CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_SPACE": r"\s"}
    words |= {"CATEGORY_NOT_SPACE": r"\S", "CATEGORY_WORD": r"\w", "CATEGORY_NOT_WORD": r"\W"}
    return words[str(value)]
