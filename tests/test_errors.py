"""The family as it is drawn, and what its members say."""

import re

import pytest

from tarragon import errors
from tarragon.errors import TarragonError, near_miss

FAMILY = sorted(TarragonError.__subclasses__(), key=lambda kind: kind.__name__)


def test_the_drawing_shows_the_whole_family() -> None:
    drawn = re.findall(r"[├└]── (\w+)", str(errors.__doc__))
    assert sorted(drawn) == [kind.__name__ for kind in FAMILY]


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
def test_what_why_and_fix_are_said_in_this_order(kind: type[TarragonError]) -> None:
    error = kind("k=0 is too few", why="A neighbour is needed", fix="Use 5")
    assert str(error) == "k=0 is too few. A neighbour is needed. Use 5"
    assert (error.what, error.why, error.fix) == ("k=0 is too few", "A neighbour is needed", "Use 5")
    assert str(kind("gone")) == "gone"


def test_callers_who_know_only_python_can_catch_them() -> None:
    bases = {kind.__name__: kind.__mro__ for kind in FAMILY}
    assert ValueError in bases["DataError"]
    assert ValueError in bases["ParameterError"]
    assert KeyError in bases["NotFoundError"]
    assert ImportError in bases["MissingExtraError"]
    assert OSError in bases["StorageError"]


def test_a_long_list_is_cut() -> None:
    assert near_miss("zzz", map(str, range(100, 120))).endswith("110, 111 and 8 more")
    assert near_miss("tenur", ["tenure", "price"]) == 'Did you mean "tenure"?'
