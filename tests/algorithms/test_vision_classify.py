"""Loss and measures against scikit-learn's."""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss, top_k_accuracy_score

from tarragon.algorithms.vision_classify import Classify
from tarragon.data import Pictures
from tarragon.errors import DataError

RNG = np.random.default_rng(0)
RAW, Y = RNG.normal(size=(40, 4)).astype(np.float32), RNG.integers(0, 4, 40)


def same(pixels: np.ndarray, draw: object = None) -> np.ndarray:
    return pixels


def task(labels: np.ndarray, **more: object) -> Classify:
    data = Pictures.of(np.zeros((len(labels), 2, 2, 3), np.uint8), labels=labels)
    return Classify(data, None, 4, same, same, **more)  # type: ignore[arg-type]


def test_measures_are_scikit_learns() -> None:
    made = task(Y, top_k=2)
    found = made.measures(RAW, Y)
    p = np.exp(RAW) / np.exp(RAW).sum(axis=1, keepdims=True)
    assert found["accuracy"] == accuracy_score(Y, RAW.argmax(axis=1))
    assert found["top_k_accuracy_2"] == top_k_accuracy_score(Y, RAW, k=2)
    loss, told = made.loss(torch.from_numpy(RAW), [list(Y)], "cpu")
    assert float(loss) == pytest.approx(log_loss(Y, p), rel=1e-5)
    assert told["train:accuracy"] == found["accuracy"]


def test_rare_labels_weigh_more() -> None:
    hot = np.zeros((40, 4), np.float32)
    hot[:10, 0] = hot[:2, 1] = hot[:, 2] = 1
    made = task(hot, several=True)
    made.check("it")
    plain = float(made.loss(torch.from_numpy(RAW), [list(hot)], "cpu")[0])
    made.weigh()
    assert made.weight == pytest.approx([3.0, 19.0, 0.01, 40.0])
    p = 1 / (1 + np.exp(-RAW.astype(float)))
    expected = -(np.array(made.weight) * hot * np.log(p) + (1 - hot) * np.log(1 - p)).mean()
    assert float(made.loss(torch.from_numpy(RAW), [list(hot)], "cpu")[0]) == pytest.approx(expected, rel=1e-4)
    assert plain != pytest.approx(expected)


@pytest.mark.parametrize(
    "labels", [np.array([4]), np.array([-1]), np.array([0.5]), np.array([np.nan]), np.zeros((1, 4))]
)
def test_labels_that_do_not_fit_are_refused(labels: np.ndarray) -> None:
    with pytest.raises(DataError):
        task(labels).check("it")
