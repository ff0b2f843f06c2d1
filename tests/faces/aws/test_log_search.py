"""A search goes on where it stopped, and gives up in time."""

from pathlib import Path

import pytest

from tarragon.engine import Excerpt, Logs
from tarragon.errors import ParameterError
from tarragon.faces.aws import log_search
from tarragon.faces.aws.log_search import Search, page


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path)


def test_a_page_without_matches_ends_and_goes_on(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_search, "LOOKED_BYTES", 1000)
    logs.write("r", "g", "s", [(n, "x" * 50) for n in range(100)] + [(100, "needle")])
    token, pages = "", 0
    while True:
        found, following = page(logs, Search("r", "g", ("s",), Excerpt(token=token), "needle"))
        pages += 1
        if following is None:
            break
        assert found == []
        token = following
    assert [each["message"] for each in found] == ["needle"]
    assert 5 < pages < 20


def test_a_stream_that_is_removed_meanwhile_is_left_out(logs: Logs) -> None:
    for name in ("a", "b"):
        logs.write("r", "g", name, [(n, f"{name}{n}") for n in range(4)])
    found, token = page(logs, Search("r", "g", ("a", "b"), Excerpt(limit=3)))
    assert [each["message"] for each in found] == ["a0", "b0", "a1"]
    logs.delete_stream("r", "g", "a")
    found, token = page(logs, Search("r", "g", (), Excerpt(token=str(token), start=0)))
    assert [each["message"] for each in found] == ["b1", "b2", "b3"]
    assert token is None
    assert page(logs, Search("r", "g", ("gone",), Excerpt(start=1))) == ([], None)


@pytest.mark.parametrize("token", ["!", "eJw=", "AAAA", "eJyLNtJRAAECgADW"])
def test_a_foreign_token_is_refused(logs: Logs, token: str) -> None:
    with pytest.raises(ParameterError, match="nextToken"):
        page(logs, Search("r", "g", (), Excerpt(token=token)))
