import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarragon.engine.key_path import BESIDE, CONTINUED, names_of, part_of
from tarragon.engine.layout import danger

PARTS = st.text(st.characters(blacklist_characters="/", blacklist_categories=("Cs",)), max_size=400)


def back(names):
    read = [part_of(name.encode()) for name in names]
    assert all(suffix == CONTINUED for _, suffix in read[:-1])
    return b"".join(part for part, _ in read).decode(), read[-1][1]


@given(PARTS, st.booleans(), st.booleans())
def test_any_part_comes_back_and_is_safe(part, folded, beside):
    names = names_of(part, folded=folded, beside=beside)
    assert back(names) == (part, BESIDE if beside else "")
    for name in names:
        assert not danger(name)
        if folded:
            assert name.startswith("~~") or (name.isascii() and name == name.lower())


@given(PARTS, PARTS, st.booleans())
def test_different_parts_have_different_names(one, other, folded):
    if one != other:
        assert names_of(one, folded=folded) != names_of(other, folded=folded)


@pytest.mark.parametrize(
    "part", ["model.tar.gz", "part-00000-of-00001.csv", ".hidden", "year=2024", "a b", "é", "a%20b", "x" * 255, "A"]
)
def test_ordinary_names_stay(part):
    assert names_of(part) == [part]


@pytest.mark.parametrize("part", ["", ".", "..", "a\x00b", "a\\b", "~~x", "%2e%2e", "C:", "x" * 256, "\x7f"])
def test_awkward_names_are_escaped(part):
    assert names_of(part)[0].startswith("~~")


def test_capitals_are_escaped_where_the_disk_ignores_them():
    for letter in string.ascii_uppercase:
        assert names_of(letter, folded=True)[0].lower() != names_of(letter.lower(), folded=True)[0]
