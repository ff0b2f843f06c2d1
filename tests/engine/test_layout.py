import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarragon.engine import contained, home, suggested, valid_name
from tarragon.errors import ParameterError


def test_home_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("TARRAGON_HOME", str(tmp_path / "there"))
    assert home() == tmp_path / "there"
    monkeypatch.delenv("TARRAGON_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    if os.name == "posix" and os.uname().sysname == "Linux":
        assert home() == tmp_path / "data" / "tarragon"


@pytest.mark.parametrize("name", ["a", "A-1", "x" * 63, "a--b", "0"])
def test_names_that_are_names(name):
    assert valid_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "x" * 64, "a_b", "a.b", "a/b", "..", "a\n", "é", "a b", "a\0"])
def test_names_that_are_none(name):
    with pytest.raises(ParameterError, match="letters, digits and hyphens"):
        valid_name(name)


@settings(deadline=None)
@given(st.text())
def test_a_suggestion_is_always_a_name(text):
    assert valid_name(suggested(text))


HOSTILE = [
    "../x", "a/../../x", "a/..", "..", ".", "", "/etc/passwd", "//x", "a//b", "a/./b", "%2e%2e/x", "%2E%2e%2fx",
    "a/%2e%2e/%2e%2e/x", "%252e%252e/x", "%25252525252e%25252525252e/x", "a\0b", "a%00b", "a\nb", "..\\x", "C:\\x",
    "c:/x", "%2fetc/passwd", "x" * 256, "a/" + "é" * 128,
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused(tmp_path, name):
    with pytest.raises(ParameterError):
        contained(tmp_path, name)


@pytest.mark.parametrize("name", ["a", "a/b.csv", "a b/ü.txt", "100%25.txt", "..a/b..", "a%20b", "...x"])
def test_honest_names_are_kept(tmp_path, name):
    path = contained(tmp_path, name)
    assert path == tmp_path.resolve() / name


@settings(deadline=None)
@given(st.text(max_size=40))
def test_whatever_passes_stays_inside(tmp_path_factory, text):
    root = tmp_path_factory.getbasetemp() / "inside"
    try:
        path = contained(root, text)
    except ParameterError:
        return
    assert path != root.resolve()
    assert path.is_relative_to(root.resolve())


def test_a_link_that_leads_out_is_refused(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "out").symlink_to(tmp_path)
    (root / "self").symlink_to(root)
    with pytest.raises(ParameterError, match="leads out"):
        contained(root, "out/secret")
    with pytest.raises(ParameterError, match="leads out"):
        contained(root, "self")
