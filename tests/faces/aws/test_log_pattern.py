"""Filter patterns match what CloudWatch's documentation says they do."""

import time

import pytest

from tarragon.errors import ParameterError
from tarragon.faces.aws.log_pattern import matcher


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("ERROR WARN", "WARN after ERROR", True),
        ("ERROR WARN", "ERROR alone", False),
        ('"connection reset"', "a connection reset by peer", True),
        ('"connection reset"', "reset connection", False),
        ("?ERROR ?WARN", "a WARN", True),
        ("?ERROR ?WARN", "fine", False),
        ("ERROR -retry", "ERROR, will retry", False),
        ("ERROR -retry", "ERROR", True),
        ('ERROR -"will retry"', "ERROR will not retry", True),
        ("-noise", "signal", True),
        (r'"say \"hi\""', 'they say "hi" twice', True),
        ('{ $.loss = 0.5 }', '{"loss": 0.5}', True),
        ('{ $.loss = 0.5 }', '{"loss": "0.5"}', False),
        ('{ $.loss < 0.5 }', '{"loss": 0.25, "x": 1}', True),
        ('{ $.loss >= 5e-1 }', '{"loss": 0.5}', True),
        ('{ $.a.b[1].c = "x*z" }', '{"a": {"b": [0, {"c": "xyz"}]}}', True),
        ('{ $.a = "*b*d*" }', '{"a": "abcd"}', True),
        ('{ $.a = "ab*ba" }', '{"a": "aba"}', False),
        ('{ $.a != "x" }', '{"a": "y"}', True),
        ('{ $.a != "x" }', '{"b": "y"}', False),
        ('{ $.a = x }', '{"a": "x"}', True),
        ('{ $.a IS NULL }', '{"a": null}', True),
        ('{ $.a NOT EXISTS }', '{"b": null}', True),
        ('{ $.a IS TRUE }', '{"a": true}', True),
        ('{ $.a IS TRUE }', '{"a": 1}', False),
        ('{ $.a = 1 && ($.b = 2 || $.b = 3) }', '{"a": 1, "b": 3}', True),
        ('{ $.a = 1 && $.b = 2 || $.b = 3 }', '{"a": 9, "b": 3}', True),
        ('{ $.a = 1 }', "no JSON a = 1", False),
        ('{ $.a = 1 }', '"$.a = 1"', False),
    ],
)  # fmt: skip
def test_matches(pattern: str, message: str, expected: bool) -> None:
    assert matcher(pattern)(message) is expected


@pytest.mark.parametrize(
    "pattern",
    ["{ $.a = 1", "{}", "{ a = 1 }", "{ $.a }", "{ $.a < x }", "{ $.a = 1 && }", "{ ($.a = 1 }", "{ $.a = 1 ) }",
     "[ip, user]", "%x+%", "{ $.a IS MAYBE }", "{" + "(" * 500 + "$.a = 1" + ")" * 500 + "}", "{ $.a = & }"],
)  # fmt: skip
def test_what_cannot_be_understood_is_said(pattern: str) -> None:
    with pytest.raises(ParameterError, match="filter pattern"):
        matcher(pattern)


def test_no_pattern_takes_for_ever() -> None:
    match = matcher('{ $.a = "' + "a*" * 400 + 'b" }')
    began = time.monotonic()
    assert not match('{"a": "' + "a" * 100_000 + '"}')
    assert not matcher("{ $.a = 1 }")("[" * 100_000)
    assert time.monotonic() - began < 1
