"""Every metric against scikit-learn, with and without weights, ties included."""

import numpy as np
import pytest
from sklearn import metrics as sk

from tarragon.metrics import confusion, labels, log_losses, metric


def _table(k, n=400, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n).astype(float)
    raw = rng.normal(size=(n, k)) + 1.2 * np.eye(k)[y.astype(int)]
    p = np.round(np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True), 2) + 1e-3  # rounding makes ties
    return y, p / p.sum(axis=1, keepdims=True), rng.random(n) + 0.1


BINARY = {
    "auc": lambda y, p, a, w: sk.roc_auc_score(y, p[:, 1], sample_weight=w),
    "average_precision": lambda y, p, a, w: sk.average_precision_score(y, p[:, 1], sample_weight=w),
    "log_loss": lambda y, p, a, w: sk.log_loss(y, p, sample_weight=w),
    "brier": lambda y, p, a, w: sk.brier_score_loss(y, p[:, 1], sample_weight=w),
    "accuracy": lambda y, p, a, w: sk.accuracy_score(y, a, sample_weight=w),
    "balanced_accuracy": lambda y, p, a, w: sk.balanced_accuracy_score(y, a, sample_weight=w),
    "f1": lambda y, p, a, w: sk.f1_score(y, a, sample_weight=w),
    "precision": lambda y, p, a, w: sk.precision_score(y, a, sample_weight=w),
    "recall": lambda y, p, a, w: sk.recall_score(y, a, sample_weight=w),
    "specificity": lambda y, p, a, w: sk.recall_score(y, a, pos_label=0, sample_weight=w),
    "mcc": lambda y, p, a, w: sk.matthews_corrcoef(y, a, sample_weight=w),
    "kappa": lambda y, p, a, w: sk.cohen_kappa_score(y, a, sample_weight=w),
}
MULTI = {
    **{k: BINARY[k] for k in ("log_loss", "accuracy", "balanced_accuracy", "mcc", "kappa")},
    "macro_f1": lambda y, p, a, w: sk.f1_score(y, a, average="macro", sample_weight=w),
    "macro_precision": lambda y, p, a, w: sk.precision_score(y, a, average="macro", sample_weight=w),
    "macro_recall": lambda y, p, a, w: sk.recall_score(y, a, average="macro", sample_weight=w),
    "average_precision": lambda y, p, a, w: np.mean(
        [sk.average_precision_score(y == k, p[:, k], sample_weight=w) for k in range(p.shape[1])]
    ),
    "auc": lambda y, p, a, w: np.mean([sk.roc_auc_score(y == k, p[:, k], sample_weight=w) for k in range(p.shape[1])]),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", BINARY)
def test_binary_equals_scikit_learn(name, weighted):
    y, p, w = _table(2)
    w = w if weighted else None
    assert np.isclose(metric(name).score(y, p, w), BINARY[name](y, p, labels(p), w), rtol=1e-10)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", MULTI)
def test_multiclass_equals_scikit_learn(name, weighted):
    y, p, w = _table(4)
    w = w if weighted else None
    assert np.isclose(metric(name).score(y, p, w), MULTI[name](y, p, labels(p), w), rtol=1e-10)


def test_multiclass_auc_equals_scikit_learns_own_average():
    y, p, _ = _table(5)
    assert np.isclose(metric("auc").score(y, p), sk.roc_auc_score(y, p, multi_class="ovr"))


def test_brier_of_many_classes_is_half_of_the_summed_squares():
    y, p, _ = _table(3)
    assert np.isclose(metric("brier").score(y, p), ((p - np.eye(3)[y.astype(int)]) ** 2).sum(axis=1).mean() / 2)


def test_a_class_never_answered_counts_as_scikit_learn_counts_it():
    y, a = np.array([0.0, 1, 2, 2]), np.array([0, 1, 1, 0])
    for name, theirs in (("macro_f1", sk.f1_score), ("macro_precision", sk.precision_score)):
        assert np.isclose(metric(name).score(y, a), theirs(y, a, average="macro", zero_division=0))


def test_log_loss_of_a_sure_mistake_is_finite_and_clipped_where_scikit_learn_clips():
    y, p = np.array([1.0, 0.0]), np.array([[1.0, 0.0], [1.0, 0.0]])
    assert np.isclose(metric("log_loss").score(y, p), sk.log_loss(y, p, labels=[0, 1]))
    assert np.isclose(log_losses(y, p)[0], -np.log(np.finfo(float).eps))


def test_calibration_error_by_hand():
    y = np.array([0.0, 1, 1, 1])
    p = np.array([0.30, 0.30, 0.90, 0.90])
    assert np.isclose(metric("calibration_error").score(y, np.c_[1 - p, p]), (2 * 0.2 + 2 * 0.1) / 4)


def test_undefined_is_nan_not_a_number_made_up():
    ones, p = np.ones(5), np.c_[np.full(5, 0.4), np.full(5, 0.6)]
    assert np.isnan(metric("auc").score(ones, p))
    assert np.isnan(metric("precision").score(ones, p, threshold=0.9))
    assert np.isnan(metric("average_precision").score(np.zeros(5), p))


def test_confusion_has_a_cell_for_every_class_even_unseen():
    assert confusion(np.array([0.0, 1]), np.array([1, 1]), None, 3).tolist() == [[0, 1, 0], [0, 1, 0], [0, 0, 0]]
