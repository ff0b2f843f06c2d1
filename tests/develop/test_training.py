"""A training job may ask for the whole loop; any other is as the room below runs it."""

from pathlib import Path
from typing import Any

import pytest

from tarragon.develop import training
from tarragon.train import job


def test_the_loop_is_handed_down_as_a_recipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(job, "run", lambda *given: seen.append(given) or {"state": "Completed"})
    assert training.run({"name": "j"}, tmp_path) == {"state": "Completed"}
    assert set(seen[0][2]) == {"autogluon"}
