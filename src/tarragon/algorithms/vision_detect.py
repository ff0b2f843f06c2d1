"""What detecting is to the training loop: the multibox loss, mean average precision, and answers for pictures."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms import augment
from tarragon.algorithms.boxes import decoded, detections, mean_average_precision
from tarragon.algorithms.ssd import anchors, losses, targets
from tarragon.algorithms.vision_training import ROOM, tensor
from tarragon.data import Boxes, Pictures, Pixels
from tarragon.errors import DataError

ROWS = 16  # pictures answered at a time
LEAST, MOST = 0.01, 400  # MXNet's: probability below which a box is not looked at, boxes that are
MATCH = 0.5  # overlap from which an anchor stands for a box (§2.2)


class Settings(Protocol):
    """What the loop asks of a detector."""

    num_classes: int
    overlap_threshold: float
    nms_threshold: float

    @property
    def side(self) -> int:
        """Side of the network's pictures."""

    def changed(self, pixels: Pixels, boxes: Boxes, draw: np.random.Generator) -> tuple[Pixels, Boxes]:
        """Change a training picture and its boxes."""


class Detect:
    """The task of :mod:`tarragon.algorithms.vision_training`.

    Parameters
    ----------
    data, valid : Pictures
        With boxes.
    settings : Settings
    net : torch.nn.Module
        An SSD: its maps say where anchors lie.
    """

    def __init__(self, data: Pictures, valid: Pictures | None, settings: Settings, net: Any) -> None:
        self.data, self.valid, self.settings = data.held(ROOM), None if valid is None else valid.held(ROOM), settings
        self.anchors = anchors(net.shapes)

    def check(self, who: str) -> None:
        """Refuse pictures that are none, boxes that do not fit, and data without any object. Raises ``DataError``."""
        for part in (self.data, *([] if self.valid is None else [self.valid])):
            boxes = part.boxes
            if not len(part) or boxes is None or len(boxes) != len(part):
                raise DataError(
                    f"{who} learns from pictures with boxes",
                    why=f"There are {len(part)} pictures and boxes for {len(boxes or ())}",
                    fix="Give boxes for each picture, none where it is empty",
                )
            flat = np.concatenate(boxes)
            if flat.shape[1:] != (5,) or not np.isfinite(flat).all():
                raise DataError(
                    f"{who}: a box is no five finite numbers", why=f"Boxes are {flat.shape}", fix="Correct it"
                )
            if not len(flat):
                raise DataError(f"{who}: there is no object at all", why="No picture has a box", fix="Give some")
            kinds = flat[:, 0]
            if kinds.min() < 0 or kinds.max() >= self.settings.num_classes or (kinds % 1).any():
                raise DataError(
                    f"{who}: the classes do not fit",
                    why=f"They run from {kinds.min():g} to {kinds.max():g}, num_classes is {self.settings.num_classes}",
                    fix="Code classes from 0, or set num_classes",
                )
            if (flat[:, 3:] <= flat[:, 1:3]).any() or flat[:, 1:].min() < 0 or flat[:, 1:].max() > 1:
                raise DataError(f"{who}: a box is empty or outside", why="Corners are shares, 0 to 1", fix="Correct it")

    def example(self, i: int, draw: np.random.Generator) -> tuple[Any, ...]:
        """Make a training picture, and what each anchor should answer."""
        assert self.data.boxes is not None
        pixels, boxes = self.settings.changed(self.data.read(i), self.data.boxes[i], draw)
        side = self.settings.side
        kinds, offsets = targets(self.anchors, [boxes], MATCH)
        return augment.resized(np.ascontiguousarray(pixels), side, side), kinds[0], offsets[0]

    def loss(self, answer: Any, wanted: Sequence[list[Any]], device: Any) -> tuple[Any, dict[str, float]]:
        """Return the sum of both losses, and each."""
        import torch

        kinds, offsets = (torch.from_numpy(np.stack(column)).to(device) for column in wanted)
        entropy, smooth = losses(answer[0], answer[1], kinds, offsets)
        told = {"train:cross_entropy": float(entropy.detach()), "train:smooth_l1": float(smooth.detach())}
        return entropy + smooth, told

    def judge(self, net: Any, device: Any) -> dict[str, float]:
        """Measure mean average precision and both losses on validation pictures."""
        if self.valid is None:
            return {}
        assert self.valid.boxes is not None
        found: list[NDArray[np.float32]] = []
        told = self.losses_on(net, device, found)
        score = mean_average_precision(found, self.valid.boxes, self.settings.overlap_threshold)
        return {"validation:mAP": score, **told}

    def losses_on(self, net: Any, device: Any, found: list[NDArray[np.float32]] | None = None) -> dict[str, float]:
        """Mean losses on validation pictures, unchanged; what is found on them goes to ``found``."""
        import torch

        assert self.valid is not None
        assert self.valid.boxes is not None
        sums, parts = np.zeros(2), 0
        for rows, scores, offsets in _answers(net, self.valid, self.settings.side, device):
            wanted = targets(self.anchors, [self.valid.boxes[i] for i in rows], MATCH)
            sums += [
                float(one) for one in losses(scores, offsets, *(torch.from_numpy(part).to(device) for part in wanted))
            ]
            parts += 1
            if found is not None:
                found += _listed(scores, offsets, self.anchors, self.settings.nms_threshold)
        return {"validation:cross_entropy": float(sums[0] / parts), "validation:smooth_l1": float(sums[1] / parts)}


def found_on(net: Any, data: Pictures, settings: Settings, device: Any) -> list[NDArray[np.float32]]:
    """Find objects: per picture (m, 6) class, score, corners, surest first."""
    laid = anchors(net.shapes)
    parts = _answers(net, data, settings.side, device)
    return [one for _, scores, offsets in parts for one in _listed(scores, offsets, laid, settings.nms_threshold)]


def _answers(net: Any, data: Pictures, side: int, device: Any) -> Iterator[tuple[range, Any, Any]]:
    """Yield which pictures, their scores (b, A, K + 1) and offsets (b, A, 4), some at a time."""
    import torch

    net.eval()
    for first in range(0, len(data), ROWS):
        rows = range(first, min(len(data), first + ROWS))
        with torch.no_grad():
            batch = tensor(torch, [augment.resized(data.read(i), side, side) for i in rows], device)
            scores, offsets = net(batch)
        yield rows, scores.float(), offsets.float()


def _listed(scores: Any, offsets: Any, laid: NDArray[np.float64], threshold: float) -> list[NDArray[np.float32]]:
    likely, moves = scores.softmax(dim=2).cpu().numpy(), offsets.cpu().numpy().astype(np.float64)
    both = zip(likely, moves, strict=True)
    return [detections(decoded(laid, move), p, threshold, LEAST, MOST) for p, move in both]
