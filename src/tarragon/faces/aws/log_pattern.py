"""CloudWatch's filter patterns: which log messages contain what was asked for.

::

    ERROR "connection reset" -retry          all of these words and phrases, none of those with a hyphen
    ?ERROR ?WARN                             any of these
    { $.loss < 0.5 && $.host = "algo-*" }    messages that are JSON, by their fields

Words match wherever they stand in a message; upper and lower case differ.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from tarragon.errors import ParameterError

Match = Callable[[str], bool]
Test = Callable[[Any], bool]
TERM = re.compile(r'\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))')
TOKEN = re.compile(
    r'\s*(?:(?P<operator>&&|\|\||!=|>=|<=|=|<|>|\(|\))|(?P<path>\$(?:\.[\w\-]+|\[\d+\])+)|"(?P<quoted>(?:[^"\\]|\\.)*)"'
    r"|(?P<word>[^\s&|!=<>()]+))"
)
NESTED = 20  # parentheses inside each other
ABSENT = object()
COMPARED: dict[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def matcher(pattern: str) -> Match:
    """Understand a pattern.

    Raises
    ------
    ParameterError
        When it cannot be, or is of a kind that is not answered here: space-delimited fields and regular expressions.

    Examples
    --------
    >>> find = matcher('?ERROR ?"out of memory"')
    >>> find("CUDA out of memory"), find("all is well")
    (True, False)
    >>> matcher('{ $.epoch = 3 && $.host = "algo-*" }')('{"epoch": 3, "host": "algo-1"}')
    True
    """
    text = pattern.strip()
    if text.startswith("{"):
        if not text.endswith("}"):
            raise _wrong(pattern, "it has no closing brace")
        return _of_json(_Parser(text[1:-1], pattern).whole())
    if text.startswith("[") or "%" in text[:1]:
        raise _wrong(pattern, "space-delimited and regular-expression patterns are not answered here")
    return _of_terms(text)


def _of_terms(text: str) -> Match:
    found: dict[str, list[str]] = {"": [], "?": [], "-": []}
    for sign, quoted, word in TERM.findall(text):
        found[sign].append(re.sub(r"\\(.)", r"\1", quoted) if quoted else word)
    needed, any_of, none_of = found[""], found["?"], found["-"]

    def match(message: str) -> bool:
        if any(term in message for term in none_of) or not all(term in message for term in needed):
            return False
        # Beside needed words, CloudWatch takes no notice of optional ones.
        return bool(needed) or not any_of or any(term in message for term in any_of)

    return match


def _of_json(test: Test) -> Match:
    def match(message: str) -> bool:
        try:
            content = json.loads(message)
        except (ValueError, RecursionError):
            return False
        return isinstance(content, (dict, list)) and test(content)

    return match


class _Parser:
    """Reads ``a && (b || c)``; ``&&`` binds closer."""

    def __init__(self, text: str, pattern: str) -> None:
        self._pattern = pattern
        self._tokens: Iterator[tuple[str, str]] = self._split(text)
        self._next: tuple[str, str] = next(self._tokens, ("end", ""))
        self._depth = 0

    def whole(self) -> Test:
        test = self._any()
        if self._next[0] != "end":
            raise _wrong(self._pattern, f"{self._next[1]!r} is not expected there")
        return test

    def _split(self, text: str) -> Iterator[tuple[str, str]]:
        at, text = 0, text.rstrip()
        while at < len(text):
            found = TOKEN.match(text, at)
            if found is None:
                raise _wrong(self._pattern, f"{text[at : at + 20]!r} cannot be understood")
            kind = str(found.lastgroup)
            yield kind, found[kind]
            at = found.end()

    def _take(self, kind: str, *values: str) -> str | None:
        if self._next[0] != kind or (values and self._next[1] not in values):
            return None
        value = self._next[1]
        self._next = next(self._tokens, ("end", ""))
        return value

    def _any(self) -> Test:
        tests = [self._all()]
        while self._take("operator", "||"):
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda content: any(test(content) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._take("operator", "&&"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda content: all(test(content) for test in tests)

    def _one(self) -> Test:
        if self._take("operator", "("):
            self._depth += 1
            if self._depth > NESTED:
                raise _wrong(self._pattern, f"more than {NESTED} parentheses inside each other")
            test = self._any()
            self._depth -= 1
            if not self._take("operator", ")"):
                raise _wrong(self._pattern, "a closing parenthesis is missing")
            return test
        path = self._take("path")
        if path is None:
            raise _wrong(self._pattern, "a field such as $.name is expected")
        if word := self._take("word", "IS", "NOT"):
            return self._state(path, word)
        operator = self._take("operator", *COMPARED)
        if operator is None:
            raise _wrong(self._pattern, f"a comparison is expected after {path}")
        return self._comparison(path, operator)

    def _state(self, path: str, word: str) -> Test:
        wanted = self._take("word", *(("EXISTS",) if word == "NOT" else ("NULL", "TRUE", "FALSE")))
        if wanted is None:
            raise _wrong(self._pattern, f"{word} is followed by {'EXISTS' if word == 'NOT' else 'NULL, TRUE or FALSE'}")
        value = {"EXISTS": ABSENT, "NULL": None, "TRUE": True, "FALSE": False}[wanted]
        return lambda content: _field(content, path) is value

    def _comparison(self, path: str, operator: str) -> Test:
        quoted = self._take("quoted")
        word = self._take("word") if quoted is None else None
        if quoted is None and word is None:
            raise _wrong(self._pattern, f"a value is expected after {operator}")
        number = None if word is None else _number(word)
        if number is not None:
            compare = COMPARED[operator]
            return lambda content: _compared(compare, _field(content, path), number)
        if operator not in ("=", "!="):
            raise _wrong(self._pattern, f"{operator} compares numbers")
        text = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else str(word)
        return lambda content: _alike(_field(content, path), text) is (operator == "=")


def _field(content: Any, path: str) -> Any:
    for name, number in re.findall(r"\.([\w\-]+)|\[(\d+)\]", path):
        if name and isinstance(content, dict):
            content = content.get(name, ABSENT)
        elif number and isinstance(content, list):
            content = content[int(number)] if int(number) < len(content) else ABSENT
        else:
            return ABSENT
    return content


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _compared(compare: Callable[[float, float], bool], value: Any, number: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and compare(value, number)


def _alike(value: Any, text: str) -> bool | None:
    """Compare a text with one in which ``*`` stands for anything; None for what is no text."""
    if value is ABSENT or isinstance(value, (dict, list)) or value is None:
        return None
    if not isinstance(value, str):
        value = json.dumps(value)
    first, *middle = text.split("*")
    if not middle:
        return bool(value == text)
    last = middle.pop()
    if not value.startswith(first) or not value.endswith(last) or len(value) < len(first) + len(last):
        return False
    at, end = len(first), len(value) - len(last)
    for piece in middle:  # piece by piece: a regular expression could be made to take for ever
        at = value.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


def _wrong(pattern: str, why: str) -> ParameterError:
    return ParameterError(f"The filter pattern {pattern[:100]!r} cannot be used", why=why)
