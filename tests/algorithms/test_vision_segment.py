"""Mean overlap and pixel accuracy against scikit-learn's; pixels of no class count for nothing."""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, jaccard_score

from tarragon.algorithms.vision_segment import Segment, confusion, quality, scores_on
from tarragon.data import Pictures


def test_quality_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    truth, guess = rng.integers(0, 4, 500), rng.integers(0, 4, 500)
    found = quality(confusion(truth, guess, 4))
    assert found["mIOU"] == pytest.approx(jaccard_score(truth, guess, average="macro"))
    assert found["pixel_accuracy"] == pytest.approx(accuracy_score(truth, guess))
    assert confusion(np.array([255, 1]), np.array([0, 1]), 2).tolist() == [[0, 0], [0, 1]]
    assert quality(np.zeros((2, 2), np.int64)) == {"mIOU": 0.0, "pixel_accuracy": 0.0}


def test_pixels_of_no_class_are_not_learnt_from() -> None:
    task = Segment(Pictures.of([np.zeros((2, 2, 3), np.uint8)]), None, 2, 32, 24, 1)
    raw = torch.zeros(1, 2, 2, 2, requires_grad=True)
    loss, _ = task.loss(raw, [[np.array([[0, 255], [255, 255]], np.uint8)]], "cpu")
    loss.backward()
    assert float(loss.detach()) == pytest.approx(np.log(2))
    assert raw.grad is not None
    assert int((raw.grad != 0).sum()) == 2
    empty, _ = task.loss(torch.zeros(1, 2, 1, 1), [[np.full((1, 1), 255, np.uint8)]], "cpu")
    assert float(empty) == 0.0


def test_pictures_of_several_sizes_come_back_in_order_and_size() -> None:
    class Bright(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([-x[:, :1], x[:, :1]], dim=1) * 9

    sizes = [(20, 30), (20, 30), (9, 40), (20, 30)]
    pictures = Pictures.of([np.full((*size, 3), 250 * (i % 2), np.uint8) for i, size in enumerate(sizes)])
    found = list(scores_on(Bright(), pictures, 32, torch.device("cpu"), 2))
    assert [p.shape for p in found] == [(2, *size) for size in sizes]
    assert [int(p.argmax(axis=0)[0, 0]) for p in found] == [0, 1, 0, 1]
