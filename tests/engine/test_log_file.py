"""A stream's file: lines whole or not there, read from any byte either way, found by time."""

import io
import json
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tarragon.engine.log_file import AHEAD_MS, BLOCK, append, made, near, scan, scan_back


def written(path: Path, count: int, size: int = 10) -> io.BufferedReader:
    for start in range(0, count, 1000):
        chosen = range(start, min(start + 1000, count))
        append(path, [(n * 1000, f"{n} " + "x" * size) for n in chosen], taken=start * 1000 + 500)
    return open(path, "rb")


def test_forward_and_back_are_the_same_events(tmp_path: Path) -> None:
    with written(tmp_path / "s", 3000, size=300) as file:
        end = file.seek(0, 2)
        assert end > 3 * BLOCK
        onward = list(scan(file, 0))
        assert [event.time for event in onward] == [n * 1000 for n in range(3000)]
        assert list(scan_back(file, end)) == onward[::-1]
        assert list(scan(file, onward[1234].place)) == onward[1234:]
        assert list(scan_back(file, onward[1234].place)) == onward[:1234][::-1]
        assert all(a.end == b.place for a, b in pairwise(onward))


def test_lines_longer_than_a_block_are_read_both_ways(tmp_path: Path) -> None:
    append(tmp_path / "s", [(1, "ä" * 60_000), (2, "\0" * 60_000), (3, "z")], taken=5)
    with open(tmp_path / "s", "rb") as file:
        assert [len(event.message) for event in scan(file, 0)] == [60_000, 60_000, 1]
        assert [event.time for event in scan_back(file, file.seek(0, 2))] == [3, 2, 1]


def test_an_unfinished_line_waits_and_a_broken_one_is_closed_off(tmp_path: Path) -> None:
    append(tmp_path / "s", [(1, "a")], taken=5)
    with open(tmp_path / "s", "ab") as file:
        file.write(b'{"t": 2, "i": 5, "m": "ha')
    with open(tmp_path / "s", "rb") as file:
        assert [event.message for event in scan(file, 0)] == ["a"]
        assert [event.message for event in scan_back(file, file.seek(0, 2))] == ["a"]
    append(tmp_path / "s", [(3, "b")], taken=6)
    with open(tmp_path / "s", "rb") as file:
        assert [event.message for event in scan(file, 0)] == ["a", "b"]


def test_a_moment_is_found_without_reading_what_is_before(tmp_path: Path) -> None:
    path = tmp_path / "s"
    for hour in range(40):
        append(path, [(hour * 3_600_000 + n, "x" * 900) for n in range(100)], taken=hour * 3_600_000 + 1000)
    with open(path, "rb") as file:
        for hour in (0, 1, 20, 39):
            ms = hour * 3_600_000
            place = near(file, ms)
            assert all(event.time < ms for event in scan(file, 0) if event.place < place)
        assert near(file, 39 * 3_600_000) > file.seek(0, 2) // 2


def test_times_far_ahead_are_brought_to_the_limit(tmp_path: Path) -> None:
    append(tmp_path / "s", [(10**15, "a")], taken=7)
    with open(tmp_path / "s", "rb") as file:
        assert [event.time for event in scan(file, 0)] == [7 + AHEAD_MS]
    assert made(tmp_path / "s") == 7


def test_a_long_message_is_split(tmp_path: Path) -> None:
    append(tmp_path / "s", [(1, "y" * 150_000 + "\n")], taken=1)
    with open(tmp_path / "s", "rb") as file:
        assert "".join(event.message for event in scan(file, 0)) == "y" * 150_000


@given(st.lists(st.text(max_size=40), max_size=12))
def test_any_text_comes_back(tmp_path_factory: object, messages: list[str]) -> None:
    path = tmp_path_factory.mktemp("log") / "s"  # type: ignore[attr-defined]
    append(path, [(n, text) for n, text in enumerate(messages)], taken=1)
    with open(path, "rb") as file:
        found = [event.message for event in scan(file, 0)]
    assert found == [text.removesuffix("\n") for text in messages]
    assert all(json.loads(line) for line in path.read_bytes().split(b"\n") if line)
