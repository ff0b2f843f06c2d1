"""Anchors lie where the network answers; the loss is the paper's, computed plainly."""

import numpy as np
import pytest
import torch

from tarragon.algorithms.ssd import NEGATIVES, anchors, detector, losses, targets


@pytest.mark.parametrize("base", ["vgg-16", "resnet-18"])
@pytest.mark.parametrize("side", [33, 64, 101, 300])
def test_as_many_anchors_as_answers(base: str, side: int) -> None:
    with torch.device("meta"):
        net = detector(2, base, side, 4)
        scores, offsets = net(torch.zeros(2, 3, side, side))
    assert scores.shape == (2, len(anchors(net.shapes)), 3)
    assert offsets.shape == (2, len(anchors(net.shapes)), 4)


def test_anchors_cover_the_picture_and_lie_in_order() -> None:
    laid = anchors(((2, 2), (1, 1)))
    assert ((laid >= 0) & (laid <= 1)).all()
    centres = (laid[:, :2] + laid[:, 2:]) / 2
    assert centres[0] == pytest.approx([0.25, 0.25])
    assert centres[4] == pytest.approx([0.75, 0.25])  # to the right first
    assert centres[-1] == pytest.approx([0.5, 0.5])


def test_losses_are_the_papers() -> None:
    rng = np.random.default_rng(0)
    laid = anchors(((4, 4), (2, 2), (1, 1)))
    boxes = [np.array([[1, 0.1, 0.1, 0.5, 0.6]], np.float32), np.zeros((0, 5), np.float32)]
    kinds, wanted = targets(laid, boxes, 0.5)
    assert (kinds[0] == 2).any()
    assert not kinds[1].any()
    scores = rng.normal(size=(2, len(laid), 3)).astype(np.float32)
    moves = rng.normal(size=(2, len(laid), 4)).astype(np.float32)
    found = losses(*(torch.from_numpy(a) for a in (scores, moves, kinds, wanted)))
    matched = int((kinds > 0).sum())
    entropy = smooth = 0.0
    for s, m, k, w in zip(scores, moves, kinds, wanted, strict=True):
        p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
        own = -np.log(p[np.arange(len(k)), k])
        hard = np.sort(own[k == 0])[::-1][: NEGATIVES * max(1, int((k > 0).sum()))]
        entropy += own[k > 0].sum() + hard.sum()
        gap = np.abs(m - w)[k > 0]
        smooth += np.where(gap < 1, 0.5 * gap**2, gap - 0.5).sum()
    assert float(found[0]) == pytest.approx(entropy / matched, rel=1e-4)
    assert float(found[1]) == pytest.approx(smooth / matched, rel=1e-4)
