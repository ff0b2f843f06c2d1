"""Keys are made once, readable by their owner alone, and temporary ones end."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tarragon.engine import Keys
from tarragon.errors import IntegrityError


def test_made_once_whoever_is_first(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = {keys.root for keys in pool.map(lambda _: Keys(tmp_path), range(16))}
    assert len(found) == 1
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
    root = found.pop()
    assert root.access_key.startswith("AKIA")
    assert (len(root.access_key), len(root.secret), root.token) == (20, 40, "")
    assert root.secret not in repr(root)


def test_temporary_keys_are_seen_by_others_and_end(tmp_path: Path) -> None:
    now = [1000.0]
    keys, others = Keys(tmp_path, lambda: now[0]), Keys(tmp_path, lambda: now[0])
    made = keys.issue("role/session", 60)
    assert made.token
    assert others.find(made.access_key) == made
    assert (made.principal, made.expires) == ("role/session", 1060.0)
    now[0] = 90_000.0
    others.issue("role/other", 60)  # what ended over a day ago is forgotten then
    assert keys.find(made.access_key) is None
    assert keys.find(keys.root.access_key) == keys.root == others.root
    assert keys.find("AKIANOBODY") is None


def test_keys_issued_side_by_side_are_all_kept(tmp_path: Path) -> None:
    def issue(number: int) -> str:
        return Keys(tmp_path).issue(f"role/{number}", 600).access_key

    with ThreadPoolExecutor(8) as pool:
        issued = list(pool.map(issue, range(24)))
    assert all(Keys(tmp_path).find(each) for each in issued)


@pytest.mark.parametrize("content", ["{", "[1]", '{"a": 1}', "[]"])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(IntegrityError, match=r"keys\.json"):
        assert Keys(tmp_path).root


def test_a_file_without_an_end_means_the_lasting_key(tmp_path: Path) -> None:
    Keys(tmp_path)
    (content,) = json.loads((tmp_path / "keys.json").read_text())
    assert content["expires"] is None
