"""One unit of work on real folds: what it leaves behind is true, repeatable, and only counts when it is whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tarragon.data import Fold, Split, Tabular
from tarragon.metrics import metric
from tarragon.train import load_model, output, read_oof, read_record, read_view, write_folds, write_view
from tarragon.train.unit import work

N = 200
FOLDS = tuple(Fold(np.flatnonzero(np.arange(N) % 2 != k), np.flatnonzero(np.arange(N) % 2 == k)) for k in range(2))


@pytest.fixture
def argument(tmp_path: Path) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 3)).astype(np.float32)
    y = X[:, 0] * X[:, 1] + 0.1 * rng.normal(size=N)
    write_view(Tabular(X, y, names=("a", "b", "c")), tmp_path / "view")
    write_folds(Split(FOLDS, 2, 1, "random", np.array([], dtype=np.int64), 0), tmp_path / "folds.npz")
    return {
        "view": str(tmp_path / "view"), "folds_file": str(tmp_path / "folds.npz"), "trial": str(tmp_path / "trial"),
        "algorithm": "lightgbm", "params": {"num_boost_round": 30, "num_leaves": 7}, "folds": [0, 1],
        "metric": "rmse", "seed": 3, "threads": 1, "time_limit": None,
    }  # fmt: skip


def done(argument: Mapping[str, Any], folder: Path, **change: Any) -> Path:
    """Work, somewhere else if asked, and return the trial's folder."""
    asked = {**argument, **change}
    work(asked, folder)
    return Path(asked["trial"])


def test_what_is_left_behind_is_what_the_models_say(argument: dict[str, Any], tmp_path: Path) -> None:
    trial = done(argument, tmp_path)
    data = read_view(tmp_path / "view")
    for k, fold in enumerate(FOLDS):
        model, record = load_model("lightgbm", trial / f"fold-{k}"), read_record(trial / f"fold-{k}")
        assert record is not None
        held_out = output(model.predict(data.rows(fold.valid)))
        np.testing.assert_array_equal(read_oof(trial / f"fold-{k}"), held_out)
        assert record.score == metric("rmse").score(np.asarray(data.y)[fold.valid], held_out)
        seen = output(model.predict(data.rows(fold.train)))
        assert record.train_score == pytest.approx(metric("rmse").score(np.asarray(data.y)[fold.train], seen))
        assert record.train_score < record.score
        assert record.size_bytes == sum(f.stat().st_size for f in (trial / f"fold-{k}" / "model").iterdir())
        assert not record.stopped


def test_the_same_work_leaves_the_same_bytes(argument: dict[str, Any], tmp_path: Path) -> None:
    first = done(argument, tmp_path)
    again = done(argument, tmp_path, trial=str(tmp_path / "again"), folds=[1, 0])  # the order is no matter
    for k in range(2):
        assert (first / f"fold-{k}" / "oof.npy").read_bytes() == (again / f"fold-{k}" / "oof.npy").read_bytes()


def test_a_replay_goes_as_far_as_it_is_told(argument: dict[str, Any], tmp_path: Path) -> None:
    trial = done(argument, tmp_path, epochs=[4, None])
    records = [read_record(trial / f"fold-{k}") for k in range(2)]
    assert [r is not None and r.epochs <= 4 for r in records] == [True, False]


def test_when_time_is_up_the_fold_is_kept_and_the_next_not_begun(argument: dict[str, Any], tmp_path: Path) -> None:
    argument = {**argument, "params": {"num_boost_round": 100_000, "early_stopping_rounds": 100_000}, "time_limit": 0.0}
    assert work(argument, tmp_path) == {"folds": [0]}
    trial = Path(argument["trial"])
    record = read_record(trial / "fold-0")
    assert record is not None
    assert record.stopped
    assert np.isfinite(read_oof(trial / "fold-0")).all()
    assert read_record(trial / "fold-1") is None


def test_without_its_record_a_fold_does_not_count(argument: dict[str, Any], tmp_path: Path) -> None:
    trial = done(argument, tmp_path, folds=[0])
    (trial / "fold-0" / "record.json").unlink()
    assert (trial / "fold-0" / "model").is_dir()
    assert read_record(trial / "fold-0") is None
