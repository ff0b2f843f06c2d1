"""GO, CAUTION and STOP."""

from dataclasses import replace

import numpy as np
import pytest

from tarragon.choose import feasibility, profile
from tarragon.data import split


def judge(table, metric, **more):
    return feasibility(table, split(table, n_folds=4, seed=0), profile(table), metric=metric, seed=0, **more)


def features(rng, n=600):
    X = rng.normal(size=(n, 4))
    return X, {f"x{j}": X[:, j] for j in range(4)}


def test_go(table_of, rng):
    X, columns = features(rng)
    got = judge(table_of({**columns, "y": (X[:, 0] + X[:, 1] + 0.5 * rng.normal(size=600) > 0).astype(int)}), "auc")
    assert got.verdict == "GO"
    assert got.probe_score > got.null_high > got.null_score
    assert got.p_value < 0.01
    assert got.label_noise < 0.1
    assert got.curve is not None
    assert got.findings == ()


def test_stop_without_signal(table_of, rng):
    _, columns = features(rng)
    got = judge(table_of({**columns, "y": rng.integers(0, 2, 600)}), "auc")
    assert got.verdict == "STOP"
    assert got.findings[0].fault == "random_labels"
    assert "no signal" in got.reasons[0]


def test_caution_for_noise(table_of, rng):
    X, columns = features(rng, 1_500)
    y = X[:, 0] * 3 + X[:, 1]
    hit = np.flatnonzero(rng.random(1_500) < 0.3)
    y[hit] = y[rng.permutation(hit)]
    got = judge(table_of({**columns, "y": y}), "rmse")
    assert got.verdict == "CAUTION"
    assert [f.fault for f in got.findings] == ["noisy_labels"]
    assert got.label_noise == pytest.approx(0.3, abs=0.08)


def test_dropped_leaks_are_not_shown_to_the_probes(table_of, rng):
    _, columns = features(rng)
    y = rng.integers(0, 2, 600)
    got = judge(table_of({**columns, "flag": np.where(y == 1, "p", "q"), "y": y}), "auc")
    assert got.verdict == "STOP"
    assert {f.fault for f in got.findings} == {"proxy", "random_labels"}


def test_held_out_rows_are_never_read(table_of, rng):
    X, columns = features(rng)
    table = table_of({**columns, "y": X[:, 0] + rng.normal(size=600)})
    folds = split(table, n_folds=4, seed=0, holdout=0.2)
    frame = table.frame.to_pandas()
    frame.loc[folds.holdout, "y"] = 1e6
    import polars as pl

    spoiled = replace(table, frame=pl.from_pandas(frame))
    seen = profile(table)
    first = feasibility(table, folds, seen, metric="rmse", clock=lambda: 0.0)
    second = feasibility(spoiled, folds, seen, metric="rmse", clock=lambda: 0.0)
    assert first == second


def test_unexplained_share_of_values(table_of, rng):
    X, columns = features(rng, 800)
    got = judge(table_of({**columns, "y": X[:, 0] + rng.normal(size=800)}), "rmse")
    assert got.label_noise == pytest.approx(0.5, abs=0.1)  # half of the variance is noise
