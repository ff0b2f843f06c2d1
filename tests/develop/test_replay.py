"""A replay is byte-equal, and says so when it is not."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from tarragon.develop.replay import array_sha256, replay
from tarragon.develop.snapshot import load_table
from tarragon.engine import Workspace
from tarragon.errors import NotFoundError

pytestmark = pytest.mark.journey


def test_the_work_comes_out_the_same(kept: Any) -> None:
    again = replay(kept.dev.run, home=kept.home)
    assert again.equal
    assert again.differences == ()
    assert again.units == sum(len(t.params) >= 0 for t in kept.dev.leaderboard.standings) * 10


def test_another_table_is_found_out(kept: Any, tmp_path: Any) -> None:
    with Workspace.open(kept.home) as workspace:
        folder = workspace.folder("develop", kept.dev.run)
    first = (folder / "table.arrow").read_bytes()
    table = load_table(folder)
    changed = table.frame.with_columns(pl.col("price").reverse())  # scaling it would teach the same model
    try:
        changed.write_ipc(folder / "table.arrow")
        again = replay(kept.dev.run, home=kept.home)
    finally:
        (folder / "table.arrow").write_bytes(first)
    assert not again.equal
    assert again.differences


def test_unknown_runs(kept: Any) -> None:
    with pytest.raises(NotFoundError):
        replay("never-was", home=kept.home)


def test_hashes_see_shape_and_bytes() -> None:
    a = np.arange(6.0)
    assert array_sha256(a) != array_sha256(a.reshape(2, 3))
    assert array_sha256(a) == array_sha256(a.copy())
