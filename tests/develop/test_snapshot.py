"""The table and the question of a run come back as they were."""

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tarragon.data import ReadOptions, read_table
from tarragon.develop.protocol import Limits, Spec
from tarragon.develop.snapshot import is_as_kept, load_table, save_table, spec_of
from tarragon.engine import Workspace, to_plain

N = 60
FRAME = pl.DataFrame(
    {
        "when": [datetime(2024, 1, 1 + i % 28, i % 24) for i in range(N)],
        "paid": [None if i % 9 == 0 else i / 7 for i in range(N)],
        "said": [f"{'good' if i % 3 else 'poor'} service on floor {i}" for i in range(N)],
        "member": [i % 2 == 0 for i in range(N)],
        "group": [f"g{i % 6}" for i in range(N)],
        "stars": [1 + i % 3 for i in range(N)],
    }
)


@pytest.mark.parametrize(("target", "task"), [("stars", "multiclass"), ("member", "binary"), ("paid", "regression")])
def test_a_table_of_every_kind(tmp_path: Path, target: str, task: str) -> None:
    table = read_table(FRAME, target, options=ReadOptions(task=task, group="group", sensitive=("said",)))
    save_table(table, tmp_path)
    back = load_table(tmp_path)
    assert back.frame.equals(table.frame)
    assert back.frame.schema == table.frame.schema
    for part in ("columns", "target", "task", "classes", "source", "sha256", "dropped_rows", "notes", "recipes"):
        assert getattr(back, part) == getattr(table, part), part
    assert sorted(p.name for p in tmp_path.iterdir()) == ["table.arrow", "table.json"]


def test_changed_cells_are_noticed(tmp_path: Path) -> None:
    table = read_table(FRAME, "stars")
    save_table(table, tmp_path)
    assert is_as_kept(tmp_path)
    table.frame.with_columns(pl.col("paid") + 1).write_ipc(tmp_path / "table.arrow", compression="lz4")
    assert not is_as_kept(tmp_path)


def test_a_question_is_kept_with_the_job(home: Path) -> None:
    spec = Spec("y", "m", budget_s=9.5, sensitive=("a", "b"), limits=Limits(size_bytes=10), algorithms=("knn",))
    asked: Any = to_plain(spec)
    with Workspace.open(home) as workspace:
        with workspace.start("develop", "r", asked) as job:
            job.finish()
        assert spec_of(workspace.job("develop", "r")) == spec
