"""Probes against scikit-learn: ridge and its leave-one-out, skill, and no look at judged rows."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss, r2_score

from tarragon.choose import probe
from tarragon.choose.probe import design, out_of_fold, random_folds, ridge, skill
from tarragon.choose.sheet import sheet


@pytest.mark.parametrize("d", [5, 200])
def test_ridge_equals_scikit_learn(rng, monkeypatch, d):
    monkeypatch.setattr(probe, "RIDGES", (0.3,))
    Z, Y = rng.normal(size=(80, d)), rng.normal(size=(80, 3))
    train, valid = np.arange(60), np.arange(60, 80)
    told = ridge(Z, Y, train, valid)
    want = Ridge(alpha=0.3 * 60).fit(Z[train], Y[train]).predict(Z[valid])
    np.testing.assert_allclose(told, want, atol=1e-6)


def test_penalty_is_the_one_leave_one_out_prefers(rng):
    Z = rng.normal(size=(60, 30))
    y = Z[:, 0] + rng.normal(size=60)
    train, valid = np.arange(50), np.arange(50, 60)

    def left_out(alpha):
        errors = [
            y[i] - Ridge(alpha=alpha).fit(np.delete(Z[train], i, 0), np.delete(y[train], i)).predict(Z[[i]])[0]
            for i in train
        ]
        return float(np.square(errors).sum())

    best = min(probe.RIDGES, key=lambda penalty: left_out(penalty * 50))
    want = Ridge(alpha=best * 50).fit(Z[train], y[train]).predict(Z[valid])
    np.testing.assert_allclose(ridge(Z, y[:, None], train, valid)[:, 0], want, atol=1e-6)


def test_wide_designs_are_rotated_without_changing_answers(table_of, rng):
    X = rng.normal(size=(40, 90))
    table = table_of({**{f"x{j}": X[:, j] for j in range(90)}, "y": X[:, 0] + rng.normal(size=40)})
    made = sheet(table, np.arange(40))
    Z = design(made)
    assert Z.shape == (40, 40)
    plain = np.clip((X - X.mean(0)) / X.std(0), -5, 5)
    train, valid = np.arange(30), np.arange(30, 40)
    np.testing.assert_allclose(
        ridge(Z, made.y[:, None], train, valid), ridge(plain, made.y[:, None], train, valid), atol=1e-5
    )


def test_skill_is_scikit_learns_scores(rng):
    y, p = rng.integers(0, 3, 200).astype(float), rng.dirichlet(np.ones(3), 200)
    prior = np.bincount(y.astype(int)) / 200
    want = 1 - log_loss(y, p, labels=[0, 1, 2]) / -(prior * np.log(prior)).sum()
    assert skill(y, p, 3).share == pytest.approx(want)
    z = rng.normal(size=200)
    assert skill(z, z + 0.3, 0).share == pytest.approx(r2_score(z, z + 0.3))


def test_out_of_fold_never_sees_the_judged_row(table_of, rng):
    X = rng.normal(size=(120, 3))
    table = table_of({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": rng.normal(size=120)})
    made = sheet(table, np.arange(120))
    folds = random_folds(120, 3, 0)
    before = out_of_fold(made, folds, 0)
    changed = made.y.copy()
    changed[folds[0][1]] += 100.0
    after = out_of_fold(made, folds, 0, y=changed)
    np.testing.assert_array_equal(before[folds[0][1]], after[folds[0][1]])
    assert not np.allclose(before[folds[1][1]], after[folds[1][1]])


def test_many_classes_answer_probabilities(table_of, rng):
    code = rng.integers(0, 6, 300)
    table = table_of({"x": code + rng.normal(size=300) * 0.1, "y": code})
    made = sheet(table, np.arange(300))
    told = out_of_fold(made, random_folds(300, 3, 0), 0)
    np.testing.assert_allclose(told.sum(axis=1), 1.0)
    assert (told.argmax(axis=1) == code).mean() > 0.95
