"""A network that answers the truth finds every box; judged so, its mean average precision is 1."""

import numpy as np
import torch

from tarragon.algorithms.ssd import anchors, targets
from tarragon.algorithms.vision_detect import MATCH, Detect, found_on
from tarragon.data import Boxes, Pictures, Pixels

SHAPES = ((4, 4), (2, 2), (1, 1))
BOXES = [
    np.array([[0, 0.1, 0.1, 0.4, 0.4], [1, 0.5, 0.5, 1, 1]], np.float32),
    np.array([[1, 0, 0, 0.5, 1]], np.float32),
]


class Settings:
    num_classes, overlap_threshold, nms_threshold, side = 2, 0.5, 0.45, 8

    def changed(self, pixels: Pixels, boxes: Boxes, draw: np.random.Generator) -> tuple[Pixels, Boxes]:
        return pixels, boxes


class Oracle(torch.nn.Module):
    """Answers what it should for the pictures in their order."""

    shapes = SHAPES

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        kinds, offsets = targets(anchors(SHAPES), BOXES[: len(x)], MATCH)
        return torch.eye(3)[torch.from_numpy(kinds)] * 20, torch.from_numpy(offsets)


def test_the_truth_is_found() -> None:
    pictures = Pictures.of(np.zeros((2, 5, 9, 3), np.uint8), boxes=BOXES)
    net = Oracle()
    for rows, truth in zip(found_on(net, pictures, Settings(), torch.device("cpu")), BOXES, strict=True):
        order = np.lexsort(rows[:, 2:].T)
        np.testing.assert_allclose(rows[order][:, [0, 2, 3, 4, 5]], truth[np.lexsort(truth[:, 1:].T)], atol=1e-5)
    task = Detect(pictures, pictures, Settings(), net)
    task.check("it")
    told = task.judge(net, torch.device("cpu"))
    assert told["validation:mAP"] == 1.0
    assert told["validation:smooth_l1"] < 1e-6
    pixels, kinds, offsets = task.example(1, np.random.default_rng(0))
    assert (pixels.shape, kinds.shape, offsets.shape) == ((8, 8, 3), (len(task.anchors),), (len(task.anchors), 4))
