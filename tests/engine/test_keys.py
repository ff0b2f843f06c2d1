"""Keys are made once, readable by their owner alone, and temporary ones end."""

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


def test_temporary_keys_are_seen_by_others_and_end(tmp_path: Path) -> None:
    now = [1000.0]
    keys, others = Keys(tmp_path, lambda: now[0]), Keys(tmp_path, lambda: now[0])
    made = keys.issue("role/session", 60)
    assert made.token
    assert others.find(made.access_key) == made
    now[0] = 1061.0
    assert others.find(made.access_key) is None
    assert keys.find(keys.root.access_key) == keys.root
    assert keys.find("AKIANOBODY") is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{")
    with pytest.raises(IntegrityError, match=r"keys\.json"):
        Keys(tmp_path)
