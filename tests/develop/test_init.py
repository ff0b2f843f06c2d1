"""``tarragon.develop`` is the room and the call, whatever was imported first, and costs nothing until it is used."""

import subprocess
import sys

import pytest

from tarragon import develop
from tarragon.develop import api

HEAVY = {"numpy", "polars", "sklearn", "scipy"}


@pytest.mark.parametrize(
    "first",
    ["import tarragon.develop.report", "from tarragon import develop", "from tarragon.develop.run import Run"],
)
def test_it_answers_the_call_in_whichever_order_things_are_imported(first: str) -> None:
    code = (
        f"{first}\nimport tarragon, tarragon.develop.snapshot\n"
        "from tarragon.errors import DataError\n"
        "try:\n    tarragon.develop('no-such-table.csv', 'y', time_limit=5)\n"
        "except DataError as error:\n    print('no-such-table.csv' in error.what)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_it_shows_the_signature_of_the_function() -> None:
    import inspect

    assert inspect.signature(develop) == inspect.signature(api.develop)


def test_every_name_at_the_door_opens() -> None:
    for name in develop.__all__:
        assert getattr(develop, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        develop.nonsense  # noqa: B018


def test_the_door_alone_loads_nothing() -> None:
    code = f"import sys, tarragon.develop\nassert not {HEAVY} & set(sys.modules), sorted(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
