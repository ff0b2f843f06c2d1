"""What segmenting is to the training loop: cross-entropy per pixel, mean overlap of classes, answers for pictures.

Notation: K classes; a mask's 255 is of none.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms import augment
from tarragon.algorithms.vision_training import ROOM, tensor
from tarragon.data import IGNORED, Pictures, Pixels
from tarragon.errors import DataError


class Segment:
    """The task of :mod:`tarragon.algorithms.vision_training`.

    Parameters
    ----------
    data, valid : Pictures
        With masks.
    classes : int
    base, crop : int
        Longer side around which training varies; side of the squares learnt from.
    rows : int
        Validation pictures at a time, where they are of one size.
    """

    def __init__(self, data: Pictures, valid: Pictures | None, classes: int, base: int, crop: int, rows: int) -> None:
        self.data, self.valid, self.classes = data.held(ROOM), None if valid is None else valid.held(ROOM), classes
        self.base, self.crop, self.rows = base, crop, rows

    def check(self, who: str) -> None:
        """Refuse pictures that are none or have no masks. Raises ``DataError``."""
        for part in (self.data, *([] if self.valid is None else [self.valid])):
            if not len(part) or part.mask is None:
                raise DataError(
                    f"{who} learns from pictures with masks",
                    why=f"There are {len(part)} pictures, {'without' if part.mask is None else 'with'} masks",
                    fix="Give a mask for each picture",
                )

    def mask(self, part: Pictures, i: int, shape: tuple[int, ...]) -> Pixels:
        """Read a mask and hold it against its picture's height and width and the classes. Raises ``DataError``."""
        assert part.mask is not None
        mask = part.mask(i)
        if mask.shape != shape[:2]:
            raise DataError(
                f"Mask {i} does not fit its picture",
                why=f"It is {mask.shape[1]} × {mask.shape[0]}, the picture {shape[1]} × {shape[0]}",
                fix="Draw masks of the picture's size",
            )
        worst = int(mask[mask != IGNORED].max(initial=0))
        if worst >= self.classes:
            raise DataError(
                f"Mask {i} holds class {worst}",
                why=f"num_classes is {self.classes}, and {IGNORED} is for pixels of none",
                fix="Give a label_map, or set num_classes",
            )
        return mask

    def example(self, i: int, draw: np.random.Generator) -> tuple[Any, ...]:
        """Make a square of a training picture, and of its mask."""
        pixels = self.data.read(i)
        return augment.scaled_crop(pixels, self.mask(self.data, i, pixels.shape), self.base, self.crop, draw)

    def loss(self, answer: Any, wanted: Sequence[list[Any]], device: Any) -> tuple[Any, dict[str, float]]:
        """Return the mean cross-entropy of the pixels that are of a class."""
        import torch
        from torch.nn import functional

        y = torch.from_numpy(np.stack([np.ascontiguousarray(m) for m in wanted[0]]).astype(np.int64)).to(device)
        total = functional.cross_entropy(answer.float(), y, ignore_index=IGNORED, reduction="sum")
        loss = total / (y != IGNORED).sum().clamp(min=1)
        return loss, {"train:loss": float(loss.detach())}

    def judge(self, net: Any, device: Any) -> dict[str, float]:
        """Measure mean overlap and the share of pixels that are right on validation pictures."""
        if self.valid is None:
            return {}
        counts = np.zeros((self.classes, self.classes), np.int64)
        for i, p in enumerate(scores_on(net, self.valid, self.base, device, self.rows)):
            truth = self.mask(self.valid, i, p.shape[1:])
            counts += confusion(truth, p.argmax(axis=0), self.classes)
        return {f"validation:{n}": v for n, v in quality(counts).items()}


def confusion(truth: NDArray[Any], guess: NDArray[Any], classes: int) -> NDArray[np.int64]:
    """Count pixels by class and answer, (K, K); those of no class are left out."""
    there = truth != IGNORED
    both = truth[there].astype(np.int64) * classes + guess[there]
    return np.bincount(both, minlength=classes**2).reshape(classes, classes)


def quality(counts: NDArray[np.int64]) -> dict[str, float]:
    """Mean intersection over union, and pixel accuracy.

    Examples
    --------
    >>> quality(np.array([[2, 1], [0, 1]]))
    {'mIOU': 0.5833333333333333, 'pixel_accuracy': 0.75}
    """
    hits = np.diag(counts)
    union = counts.sum(axis=0) + counts.sum(axis=1) - hits
    seen = union > 0
    shares = hits[seen] / union[seen]
    return {
        "mIOU": float(shares.mean()) if len(shares) else 0.0,
        "pixel_accuracy": float(hits.sum() / max(1, counts.sum())),
    }


def scores_on(net: Any, data: Pictures, base: int, device: Any, rows: int = 1) -> Iterator[NDArray[np.float32]]:
    """Answer pictures one by one, each in its own size: probabilities (K, h, w).

    Parameters
    ----------
    net : torch.nn.Module
    data : Pictures
    base : int
        Length the longer side is made for the network.
    device : torch.device
    rows : int
        Pictures of one size that are answered together.
    """
    import torch

    net.eval()
    held: list[Pixels] = []

    def answered() -> Iterator[NDArray[np.float32]]:
        h, w = held[0].shape[:2]
        small = [augment.resized(p, *augment.longest((h, w), base)) for p in held]
        with torch.no_grad():
            scores = net(tensor(torch, small, device)).float()
            scores = torch.nn.functional.interpolate(scores, size=(h, w), mode="bilinear", align_corners=False)
            yield from torch.softmax(scores, dim=1).cpu().numpy()

    for i in range(len(data)):
        pixels = data.read(i)
        if held and (len(held) == rows or held[0].shape != pixels.shape):
            yield from answered()
            held = []
        held.append(pixels)
    if held:
        yield from answered()
