"""What detecting is to the training loop: the multibox loss, mean average precision, and answers for pictures."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms import augment
from tarragon.algorithms.boxes import decoded, detections, mean_average_precision
from tarragon.algorithms.ssd import anchors, losses, targets
from tarragon.algorithms.vision_training import tensor
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
        self.data, self.valid, self.settings = data, valid, settings
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
        """Measure mean average precision on validation pictures."""
        if self.valid is None:
            return {}
        found = found_on(net, self.valid, self.settings, device)
        assert self.valid.boxes is not None
        score = mean_average_precision(found, self.valid.boxes, self.settings.overlap_threshold)
        return {"validation:mAP": score, **self.losses_on(net, device)}

    def losses_on(self, net: Any, device: Any) -> dict[str, float]:
        """Mean losses on validation pictures, unchanged."""
        import torch

        assert self.valid is not None
        assert self.valid.boxes is not None
        sums, parts = np.zeros(2), 0
        for first in range(0, len(self.valid), ROWS):
            rows = range(first, min(len(self.valid), first + ROWS))
            answer = net(_batch(torch, self.valid, rows, self.settings.side, device))
            kinds, offsets = targets(self.anchors, [self.valid.boxes[i] for i in rows], MATCH)
            both = losses(
                answer[0], answer[1], torch.from_numpy(kinds).to(device), torch.from_numpy(offsets).to(device)
            )
            sums += [float(one) for one in both]
            parts += 1
        return {"validation:cross_entropy": float(sums[0] / parts), "validation:smooth_l1": float(sums[1] / parts)}


def found_on(net: Any, data: Pictures, settings: Settings, device: Any) -> list[NDArray[np.float32]]:
    """Find objects: per picture (m, 6) class, score, corners, surest first."""
    import torch

    net.eval()
    laid = anchors(net.shapes)
    found = []
    with torch.no_grad():
        for first in range(0, len(data), ROWS):
            rows = range(first, min(len(data), first + ROWS))
            scores, offsets = net(_batch(torch, data, rows, settings.side, device))
            likely = torch.softmax(scores.float(), dim=2).cpu().numpy()
            moves = offsets.float().cpu().numpy().astype(np.float64)
            for p, move in zip(likely, moves, strict=True):
                found.append(detections(decoded(laid, move), p, settings.nms_threshold, LEAST, MOST))
    return found


def _batch(torch: Any, data: Pictures, rows: range, side: int, device: Any) -> Any:
    return tensor(torch, [augment.resized(data.read(i), side, side) for i in rows], device)
