"""The race on real learners: who is dropped, what survives a kill, and when it ends."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms.params import OneOf, Range
from tarragon.choose.protocol import Candidate, Plan
from tarragon.data import Fold, Split, Tabular
from tarragon.engine import InlineExecutor
from tarragon.metrics import metric
from tarragon.train import ensure_view, write_folds
from tarragon.tune import Ground, Race, Tick

N, FOLDS = 400, 3
LINEAR = Candidate("linear", {}, "onehot", "cheap", 0.05)
TREES = Candidate(
    "lightgbm", {"num_boost_round": 40, "early_stopping_rounds": 10, "num_leaves": 7}, "codes", "strong", 0.1
)
STUMP = Candidate(
    "lightgbm", {"num_boost_round": 1, "learning_rate": 0.01, "num_leaves": 2}, "codes", "hopeless", 400.0
)


def plan(candidates: tuple[Candidate, ...], spaces: Mapping[str, Mapping[str, Range | OneOf]] | None = None) -> Plan:
    return Plan("rmse", "", candidates, FOLDS, 1, 60.0, 30.0, 2.0, 1, 1, 0, spaces or {})


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 4)).astype(np.float32)
    y = (np.sin(3 * X[:, 0]) + X[:, 1] ** 2 + 0.1 * rng.normal(size=N)).astype(np.float64)
    part = rng.permutation(N) % FOLDS
    folds = tuple(Fold(np.flatnonzero(part != k), np.flatnonzero(part == k)) for k in range(FOLDS))
    split = Split(folds, FOLDS, 1, "random", np.array([], dtype=np.int64), 0)
    write_folds(split, tmp_path / "folds.npz")
    data = Tabular(X, y, None, ("a", "b", "c", "d"), 0)
    floor = -metric("rmse").score(y, np.full(N, y.mean()))
    return Ground(
        tmp_path,
        split,
        y,
        None,
        0,
        metric("rmse"),
        lambda name: ensure_view(tmp_path / "views" / name, lambda: data),
        tmp_path / "folds.npz",
        floor,
    )


def race(ground: Ground, what: Plan, **how: object) -> Race:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.01
        return now[0]

    return Race(what, ground, InlineExecutor(), 1e9, clock=clock, **how)  # type: ignore[arg-type]


def test_every_row_is_predicted_by_a_model_that_did_not_see_it(ground: Ground) -> None:
    outcome = race(ground, plan((LINEAR, TREES))).run()
    assert [t.algorithm for t in outcome.trials] == ["linear", "lightgbm"]
    for trial in outcome.trials:
        assert trial.complete
        assert np.isfinite(trial.oof).all()
        by_fold = [ground.metric.score(ground.y[f.valid], trial.oof[f.valid]) for f in ground.split.folds]
        np.testing.assert_allclose(by_fold, trial.scores)
    assert min(outcome.trials[1].scores) < outcome.trials[0].scores[0], "trees follow the curve, a line does not"


def test_a_candidate_far_behind_is_dropped_after_its_first_fold(ground: Ground) -> None:
    outcome = race(ground, plan((TREES, STUMP))).run()
    assert [t.name for t in outcome.trials] == ["lightgbm-1"]
    name, folds, _, why = outcome.dropped[0]
    assert (name, folds, why) == ("lightgbm-2", 1, "fell behind")


def test_a_race_goes_on_where_it_was(ground: Ground) -> None:
    seen: list[str] = []
    first = race(
        ground, plan((LINEAR, TREES)), on_tick=lambda tick: seen.append(tick.message), stop=lambda: bool(seen)
    ).run()
    assert first.ended == "stopped by the user"
    before = {p: p.stat().st_mtime_ns for p in ground.folder.glob("trials/*/fold-*/record.json")}
    assert before
    second = race(ground, plan((LINEAR, TREES))).run()
    assert len(second.trials) == 2
    for path, stamp in before.items():
        assert path.stat().st_mtime_ns == stamp, "work that was done is not done again"


def test_search_follows_the_portfolio_and_ends_when_nothing_is_gained(ground: Ground) -> None:
    space = {"lightgbm": {"num_leaves": Range(2, 16), "learning_rate": Range(0.05, 0.3)}}
    outcome = race(ground, plan((TREES,), space)).run()
    searched = [t for t in outcome.trials if t.origin == "search"] + [
        d for d in outcome.dropped if d[0] != "lightgbm-1"
    ]
    assert len(searched) >= 14
    assert "nothing more" in outcome.ended


def test_a_failing_candidate_costs_only_itself(ground: Ground) -> None:
    broken = Candidate("lightgbm", {"num_leaves": 7, "monotone_constraints": "1,1,1,1,1,1,1"}, "codes", "broken", 0.01)
    outcome = race(ground, plan((LINEAR, broken))).run()
    assert [t.name for t in outcome.trials] == ["linear-1"]
    assert outcome.dropped[0][0] == "lightgbm-1"
    assert outcome.dropped[0][3]


def test_no_time_no_second_candidate_but_always_a_first(ground: Ground) -> None:
    late = Race(plan((LINEAR, TREES)), ground, InlineExecutor(), deadline=10.0, clock=lambda: 9.99)
    outcome = late.run()
    assert [t.name for t in outcome.trials] == ["linear-1"]


def test_watchers_hear_of_the_leader(ground: Ground) -> None:
    ticks: list[Tick] = []
    race(ground, plan((LINEAR, TREES)), on_tick=ticks.append).run()
    assert ticks[-1].trials_done == 2
    assert ticks[-1].leader is not None
    assert ticks[-1].leader.algorithm == "lightgbm"
