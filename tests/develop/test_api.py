"""What a user gets from one call, and what a wrong call says."""

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tarragon
from tarragon.develop.api import resume
from tarragon.engine import Workspace
from tarragon.errors import ConflictError, DataError, NotFoundError, ParameterError
from tarragon.metrics import metric
from tarragon.refine import TableModel
from tarragon.registry import Registry

from .conftest import log_odds, shop

pytestmark = pytest.mark.journey


def test_the_verdict_the_score_and_its_interval(kept: Any) -> None:
    dev = kept.dev
    assert dev.verdict.decision in ("SHIP", "REVIEW")
    assert 0.7 < float(dev.score) < 0.95
    assert dev.score.low < float(dev.score) < dev.score.high
    assert dev.report.value.analysis.baselines[0].gain_low > 0
    assert dev.leaderboard.metric == "auc"


def test_the_model_ranks_new_rows_nearly_as_well_as_the_truth_does(kept: Any) -> None:
    # drawn anew and many: on a hundred rows of the table itself the truth has 0.717, and only overfitting has more
    new = shop(4_000, seed=9)
    p = kept.dev.model.predict_proba(new)
    assert p.shape == (4_000, 2)
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    y = (new["left"] == "yes").cast(pl.Float64).to_numpy()
    leaves = 1 / (1 + np.exp(-log_odds(new).to_numpy()))
    truth = metric("auc").score(y, np.stack([1 - leaves, leaves], axis=1))
    assert truth > 0.8
    assert metric("auc").score(y, p) > truth - 0.03
    assert list(kept.dev.model.classes_) == ["no", "yes"]
    assert set(kept.dev.model.predict(new)) <= {"no", "yes"}


def test_columns_may_be_missing_reordered_or_extra(kept: Any) -> None:
    model = kept.dev.model
    new = kept.frame.head(5).select("plan", "months", "price", pl.lit(3).alias("extra"))
    assert model.predict_proba(new).shape == (5, 2)
    assert any("age" in note for note in model.notes)
    unseen = kept.frame.head(5).with_columns(pl.lit("gold").alias("plan"))
    assert np.isfinite(model.predict_proba(unseen)).all()


def test_the_id_column_is_not_learned_from(kept: Any) -> None:
    assert "customer" not in kept.dev.model.columns


def test_the_report_is_written_three_times_and_copied(kept: Any) -> None:
    report = kept.dev.report
    for path in (report.path, report.json, report.markdown):
        assert path.stat().st_size > 1_000
        assert (kept.home / "out" / path.name).read_bytes() == path.read_bytes()
    told = json.loads(report.json.read_text())
    assert told


def test_the_package_is_registered_with_its_lineage(kept: Any) -> None:
    with Workspace.open(kept.home) as workspace:
        registry = Registry(workspace)
        package = registry.show(kept.dev.package.name)
        assert package.lineage["run"] == kept.dev.run
        model = TableModel.load(registry.open(package.name) / "model")
        np.testing.assert_array_equal(model.predict_proba(kept.frame), kept.dev.model.predict_proba(kept.frame))
        assert str(workspace.job("develop", kept.dev.run).state) == "Completed"


def test_progress_names_stages_and_a_first_model(kept: Any) -> None:
    stages = [p.stage for p in kept.heard]
    assert stages[-1] == "report"
    assert {"profile", "trials", "blend", "analysis", "package"} <= set(stages)
    assert kept.heard[-1].best is not None
    assert kept.dev.first_model_s is not None


def test_a_finished_run_is_not_resumed(kept: Any) -> None:
    with pytest.raises(ConflictError):
        resume(kept.dev.run, home=kept.home)
    with pytest.raises(NotFoundError):
        resume("nothing-of-this-name", home=kept.home)


def test_stop_ends_with_the_best_so_far(kept: Any, tmp_path: Path) -> None:
    stop = threading.Event()

    def watch(progress: Any) -> None:
        if progress.trials_done:
            stop.set()

    dev = tarragon.develop(
        kept.frame,
        "left",
        time_limit=60,
        algorithms=("linear", "lightgbm"),
        home=tmp_path,
        progress=watch,
        stop=stop,
    )
    assert dev.report.value.stopped_early == "stopped by the user"
    assert dev.package is not None


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"target": "lefft"}, DataError, "left"),
        ({"metric": "acuracy"}, ParameterError, "accuracy"),
        ({"time_limit": 0.5}, ParameterError, "10 s"),
        ({"algorithms": ("autogluon",)}, ParameterError, "loop itself"),
        ({"holdout": 0.9}, ParameterError, "holdout"),
        ({"max_latency": -1.0}, ParameterError, "latency"),
        ({"max_size": 0}, ParameterError, "size"),
        ({"name": "../up"}, ParameterError, "name"),
        ({"algorithms": ("lightgmb",)}, NotFoundError, "lightgbm"),
        ({"metric": "rmse"}, ParameterError, "binary"),
    ],
)
def test_wrong_calls_say_what_to_do_and_leave_nothing(
    change: dict[str, Any], error: type[Exception], says: str, tmp_path: Path, kept: Any
) -> None:
    call: dict[str, Any] = {"target": "left", "home": tmp_path / "home", **change}
    with pytest.raises(error, match=says):
        tarragon.develop(kept.frame, **call)
    assert not (tmp_path / "home").exists()
