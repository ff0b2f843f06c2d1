"""The container's linear learner: its hyperparameters, its choice of a threshold, its lines."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from tarragon.algorithms import get
from tarragon.data import Tabular
from tarragon.errors import DataError, ParameterError
from tarragon.train.builtin.linear_learner import Criterion, decision
from tarragon.train.builtin.teller import SIDECAR

from .conftest import Heard, table

Train = Callable[..., Heard]


def model_of(heard: Heard) -> Any:
    return get("linear-learner").load(heard.folder)


def test_a_regressor_is_ridge_regression(train: Train) -> None:
    data = table(300)
    asked = {"predictor_type": "regressor", "wd": 0.1, "normalize_data": "false", "feature_dim": 5}
    heard = train("linear-learner", asked, train=data, validation=table(100, seed=1))
    expected = Ridge(alpha=0.1 * 300).fit(*data)
    found = model_of(heard).predict(Tabular(data[0]))["score"]
    assert np.corrcoef(found, expected.predict(data[0]))[0, 1] > 0.9999
    mse = float(np.mean((found - data[1]) ** 2))
    assert heard.metrics["train:objective_loss"] == pytest.approx(mse, rel=1e-4)
    assert {"validation:mse", "validation:objective_loss", "validation:objective_loss:final"} <= set(heard.metrics)


def test_a_binary_classifier_is_logistic_regression_with_a_threshold(train: Train) -> None:
    data, held = table(400, 2), table(400, 2, seed=1)
    asked = {"predictor_type": "binary_classifier", "wd": 0.001, "mini_batch_size": 50, "epochs": 3}
    heard = train("linear-learner", asked, train=data, validation=held)
    expected = LogisticRegression(C=1 / (400 * 0.001)).fit(*data).predict_proba(held[0])[:, 1]
    np.testing.assert_allclose(model_of(heard).predict(Tabular(held[0]))["probability"][:, 1], expected, atol=0.02)
    facts = json.loads((heard.folder / SIDECAR).read_text())
    assert facts["predictor_type"] == "binary_classifier"
    assert 0.2 < facts["threshold"] < 0.8
    assert heard.metrics["validation:binary_classification_accuracy"] > 0.9


def test_classes_can_be_weighed_alike(train: Train) -> None:
    X, y = table(600, 2)
    rare = np.flatnonzero((y == 0) | (np.arange(600) % 5 == 0))
    data = (X[rare], y[rare])
    means = []
    for weight in ("1.0", "balanced"):
        asked = {"predictor_type": "binary_classifier", "positive_example_weight_mult": weight}
        means.append(
            model_of(train("linear-learner", asked, train=data)).predict(Tabular(X))["probability"][:, 1].mean()
        )
    assert means[1] > means[0] + 0.03


def test_several_classes_and_a_test_channel(train: Train) -> None:
    asked = {"predictor_type": "multiclass_classifier", "num_classes": 3, "balance_multiclass_weights": "true"}
    heard = train("linear-learner", asked, train=table(300, 3), test=table(100, 3, seed=1))
    assert heard.metrics["test:multiclass_accuracy"] > 0.75
    assert "train:objective_loss" in heard.metrics


@pytest.mark.parametrize("name", ["accuracy", "f_beta", "precision_at_target_recall", "recall_at_target_precision"])
def test_no_other_cut_serves_the_criterion_better(name: str) -> None:
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 120).astype(float)
    score = np.round(np.clip(y * 0.3 + rng.uniform(0, 0.7, 120), 0, 1), 2)
    criterion = Criterion(name, 0.7, 0.7, 2.0)

    def merit(cut: float) -> float:
        guess = score >= cut
        hits, taken, there = (guess & (y == 1)).sum(), guess.sum(), (y == 1).sum()
        precision, recall = hits / max(taken, 1), hits / there
        if name == "accuracy":
            return float((guess == y).mean())
        if name == "f_beta":
            return float(5 * precision * recall / max(4 * precision + recall, 1e-9))
        if name == "precision_at_target_recall":
            return float(precision if recall >= 0.7 else 0)
        return float(recall if precision >= 0.7 else 0)

    best = max(merit(cut) for cut in np.unique(score))
    assert merit(decision(score, y, criterion)) == pytest.approx(best)


def test_a_loss_as_criterion_leaves_the_threshold_in_the_middle() -> None:
    assert decision(np.array([0.1, 0.9]), np.array([0.0, 1.0]), Criterion("loss_function")) == 0.5
    assert decision(np.array([0.1, 0.9]), np.array([1.0, 1.0]), Criterion()) == 0.5


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "predictor_type"), ({"predictor_type": "regressor", "l1": 0.1}, "l1=0.1 is not supported"),
        ({"predictor_type": "regressor", "loss": "quantile_loss"}, "quantile_loss"),
        ({"predictor_type": "regressor", "use_bias": "False"}, "use_bias"),
        ({"predictor_type": "multiclass_classifier"}, "num_classes"),
        ({"predictor_type": "regressor", "epochs": 0}, "epochs"),
        ({"predictor_type": "regressor", "x": 0}, "unexpected"),
    ],
)  # fmt: skip
def test_hyperparameters_that_make_another_model_are_refused(train: Train, asked: Any, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        train("linear-learner", asked, train=table(30))


def test_data_that_do_not_fit_are_refused(train: Train) -> None:
    with pytest.raises(DataError, match="feature_dim is 9"):
        train("linear-learner", {"predictor_type": "regressor", "feature_dim": 9}, train=table(30))
    with pytest.raises(DataError, match="labels that are no classes"):
        train("linear-learner", {"predictor_type": "binary_classifier"}, train=table(30, 3))
