"""Reports that are really computed, each once."""

from dataclasses import replace

import pytest

from tarragon.develop.protocol import Reason, Verdict

from .computed import build, strip_to_minimum

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "x" * 5000,
    "\u202eevil\u202c reversed",
    "عمود بالعربية",
    "🙂👩‍👩‍👧‍👦 emoji",
    "pipe | back`tick` *star* _under_",
    "line\nbreak\ttab\x00nul",
    "</style><b>",
    "{{ 7*7 }}",
    "",
    "a&amp;b",
)


@pytest.fixture(scope="session")
def binary():
    return build()


@pytest.fixture(scope="session")
def multiclass():
    return build("multiclass", n=700, n_classes=12, n_columns=14, target="kind", source="kinds.parquet")


@pytest.fixture(scope="session")
def regression():
    return build("regression", target="price", source="houses.csv")


@pytest.fixture(scope="session")
def hostile():
    evil = build(names=HOSTILE, classes=(HOSTILE[2], HOSTILE[0]), target=HOSTILE[1], source=HOSTILE[0], n=400)
    reasons = tuple(Reason(f"{name} is bad", "against") for name in HOSTILE[:3])
    package = replace(evil.package, group="a; rm -rf '$HOME'")
    return replace(evil, verdict=Verdict("REVIEW", reasons), notes=HOSTILE, package=package, run=HOSTILE[0])


@pytest.fixture(scope="session")
def minimal(binary):
    return strip_to_minimum(binary)
