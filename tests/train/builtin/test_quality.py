"""Quality metrics are scikit-learn's, and the patterns find each of them in its line again."""

import re

import numpy as np
import pytest
from sklearn import metrics

from tarragon.data import Tabular
from tarragon.train.builtin import quality


def test_a_binary_classifiers_metrics_are_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300).astype(float)
    p = np.clip(0.3 * y + rng.uniform(0, 0.7, 300), 0.01, 0.99).round(2)
    found = quality.binary(p, y, 0.6, 2.0)
    guess = p >= 0.6
    assert found["binary_classification_cross_entropy_objective"] == pytest.approx(metrics.log_loss(y, p))
    assert found["binary_classification_accuracy"] == pytest.approx(metrics.accuracy_score(y, guess))
    assert found["binary_f_2.000"] == pytest.approx(metrics.fbeta_score(y, guess, beta=2))
    assert found["precision"] == pytest.approx(metrics.precision_score(y, guess))
    assert found["recall"] == pytest.approx(metrics.recall_score(y, guess))
    assert found["roc_auc_score"] == pytest.approx(metrics.roc_auc_score(y, p))


def test_a_multiclass_classifiers_metrics_are_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 4, 300)
    p = rng.dirichlet(np.ones(4), 300) * 0.6 + 0.4 * np.eye(4)[y]
    found = quality.multiclass(p, y, 2, 1.0)
    guess = p.argmax(axis=1)
    assert found["multiclass_cross_entropy_objective"] == pytest.approx(metrics.log_loss(y, p))
    assert found["multiclass_accuracy"] == pytest.approx(metrics.accuracy_score(y, guess))
    assert found["multiclass_top_k_accuracy_2"] == pytest.approx(metrics.top_k_accuracy_score(y, p, k=2))
    assert found["macro_f_1.000"] == pytest.approx(metrics.f1_score(y, guess, average="macro"))
    assert found["macro_precision"] == pytest.approx(metrics.precision_score(y, guess, average="macro"))
    assert found["dcg"] == pytest.approx(metrics.ndcg_score(np.eye(4)[y], p))


def test_a_regressions_metrics() -> None:
    found = quality.values(np.array([1.0, 3.0]), np.array([2.0, 5.0]))
    assert found == pytest.approx({"mse_objective": 2.5, "mse": 2.5, "rmse": 2.5**0.5, "absolute_loss": 1.5})


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_every_line_is_found_by_a_pattern_of_its_own(classes: int) -> None:
    y = np.arange(12.0) % (classes or 5)
    p = np.full((12, max(classes, 1)), 1 / max(classes, 1))
    answer = {"probability": p} if classes else {"score": y + 1}
    scores = quality.measured(answer, Tabular(np.zeros((12, 1), np.float32), y=y, n_classes=classes), 0.5, 3, 1.0)
    for line, value in zip(quality.lines("validation", scores), scores.values(), strict=True):
        found = {name: float(m[1]) for name, regex in quality.METRICS if (m := re.search(regex, line))}
        if "balanced" not in line and "log_loss" not in line:
            assert list(found.values()) == [value], line
