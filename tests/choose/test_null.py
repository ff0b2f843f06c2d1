"""The null: shuffled labels look like chance, signal does not."""

import numpy as np
import pytest

from tarragon.choose.null import shuffle_within, signal
from tarragon.choose.probe import random_folds
from tarragon.choose.sheet import sheet
from tarragon.metrics import metric


def look(table, name, seed=0):
    made = sheet(table, np.arange(table.n_rows))
    return signal(made, random_folds(table.n_rows, 4, seed), metric(name), seed, lambda: 1.0)


def test_signal_is_found_in_units_of_the_metric(table_of, rng):
    x = rng.normal(size=400)
    y = (x + rng.normal(size=400) > 0).astype(int)
    got = look(table_of({"x": x, "z": rng.normal(size=400), "y": y}), "auc")
    assert got.p_value < 1e-6
    assert 0.7 < got.score < 0.95
    assert abs(got.null_score - 0.5) < 0.05
    assert got.null_score < got.null_high < got.score


def test_interactions_are_found_by_the_forest(table_of, rng):
    X = rng.normal(size=(800, 2))
    y = np.sign(X[:, 0] * X[:, 1]) + 0.5 * rng.normal(size=800)
    got = look(table_of({"a": X[:, 0], "b": X[:, 1], "y": y}), "rmse")
    assert got.probe == "forest"
    assert got.p_value < 1e-4
    assert got.null_high < got.null_score  # smaller is better


def test_shuffled_labels_are_chance(table_of, rng):
    X = rng.normal(size=(120, 5))
    low = 0
    for seed in range(5):
        y = np.random.default_rng(seed).permutation(np.repeat([0, 1], 60))
        low += look(table_of({**{f"x{j}": X[:, j] for j in range(5)}, "y": y}), "auc", seed).p_value <= 0.01
    assert low <= 1


def test_rare_classes_do_not_lower_the_null(table_of):
    """Stratified folds and shuffles across them would give p-values far too small."""
    rng = np.random.default_rng(1)
    code = np.repeat(np.arange(12), 20)
    made = sheet(table_of({"a": rng.normal(size=240), "b": rng.normal(size=240), "y": code}), np.arange(240))
    folds = [(np.flatnonzero(np.arange(240) % 4 != f), np.flatnonzero(np.arange(240) % 4 == f)) for f in range(4)]
    assert signal(made, folds, metric("log_loss"), 0, lambda: 1.0).p_value > 0.01


def test_shuffle_stays_within_parts(rng):
    part = np.repeat([0, 1, -1], 10)
    order = shuffle_within(part, rng)
    np.testing.assert_array_equal(part[order], part)
    assert sorted(order) == list(range(30))
    assert pytest.approx(order) != np.arange(30)
