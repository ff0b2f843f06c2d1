"""Univariate strength against scikit-learn's own cross-validated answers and known truths."""

import numpy as np
from sklearn.tree import DecisionTreeRegressor

from tarragon.choose.sheet import sheet
from tarragon.choose.univariate import FOLDS, bin_codes, fold_numbers, strengths


def test_bins_hold_equal_counts_and_gaps_their_own():
    x = np.r_[np.arange(800.0), np.nan]
    codes = bin_codes(x, nominal=False)
    assert codes[-1] == 0
    counts = np.bincount(codes[:-1])[1:]
    assert counts.max() - counts.min() <= 1


def test_few_values_get_a_bin_each():
    np.testing.assert_array_equal(bin_codes(np.repeat([3.0, 1.0, 2.0], 20), nominal=False), np.repeat([3, 1, 2], 20))


def test_strength_of_a_level_is_the_share_of_variance_between_levels(table_of, rng):
    level = rng.integers(0, 4, 4_000)
    y = np.array([0.0, 1.0, 3.0, 7.0])[level] + rng.normal(size=4_000)
    table = table_of({"c": np.array(["a", "b", "c", "d"])[level], "noise": rng.normal(size=4_000), "y": y})
    found = strengths(sheet(table, np.arange(4_000)), seed=0)
    between = np.var(np.array([0.0, 1.0, 3.0, 7.0])[level]) / np.var(y)
    assert abs(found.share[0] - between) < 0.01
    assert found.share[1] == 0.0


def test_regression_share_matches_a_tree_on_the_same_bins(table_of, rng):
    x = rng.integers(0, 12, 900).astype(float)
    y = np.sin(x) + rng.normal(size=900)
    made = sheet(table_of({"x": x, "y": y}), np.arange(900))
    fold = fold_numbers(900, 3)
    left = base = 0.0
    for f in range(FOLDS):
        teach, judge = fold != f, fold == f
        told = DecisionTreeRegressor().fit(x[teach, None], y[teach]).predict(x[judge, None])
        left += ((y[judge] - told) ** 2).sum()
        base += ((y[judge] - y[teach].mean()) ** 2).sum()
    assert abs(strengths(made, seed=3).share[0] - (1 - left / base)) < 0.01


def test_log_loss_share_of_known_probabilities(table_of, rng):
    x = rng.integers(0, 2, 20_000)
    y = (rng.random(20_000) < np.where(x == 1, 0.9, 0.2)).astype(int)
    found = strengths(sheet(table_of({"x": x, "y": y}), np.arange(20_000)), seed=0)
    p = np.where(x == 1, 0.9, 0.2)
    entropy = -(p * np.log(p) + (1 - p) * np.log(1 - p)).mean()
    base = y.mean()
    whole = -(base * np.log(base) + (1 - base) * np.log(1 - base))
    assert abs(found.share[0] - (1 - entropy / whole)) < 0.01
