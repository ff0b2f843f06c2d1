"""Single shot detection: on maps of several resolutions, each position answers class and offset for a few anchors.

Source: Liu, Anguelov, Erhan, Szegedy, Reed, Fu & Berg (2016), SSD: Single shot multibox detector, ECCV, §2.
Cost:   the base network's, and a tenth more; memory O(pictures · anchors · classes). 8,732 anchors at 300 pixels.

Departures: anchors of the first map have scale 0.1, those of the others grow in equal steps from 0.2 to 0.9 however
many maps there are; anchors that stand out of the picture are kept and cut. After a residual base, maps are taken from
its last two stages. Further maps are added, each half as fine, until one holds a single position.
Notation: A anchors, K classes, b pictures.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.boxes import encoded, matched
from tarragon.algorithms.resnet import drawn, resnet, widths_of
from tarragon.algorithms.vgg import vgg

FIRST, LOW, HIGH = 0.1, 0.2, 0.9
WIDE = (1.0, 2.0, 0.5, 3.0, 1.0 / 3.0)
NARROW = (1.0, 2.0, 0.5)
NEGATIVES = 3  # anchors of nothing that are learnt from, per matched one (§2.2, hard negative mining)
EXTRA = 256  # channels of an added map at full width
Shape = tuple[int, int]


def ratios(maps: int) -> tuple[tuple[float, ...], ...]:
    """Aspect ratios per map: five on the inner maps, three on the first and on the last two."""
    return tuple(WIDE if 0 < i < max(1, maps - 2) else NARROW for i in range(maps))


@lru_cache(maxsize=8)
def anchors(shapes: tuple[Shape, ...]) -> NDArray[np.float64]:
    """Lay anchors out, (A, 4) corners: map by map, row by row, at each position one per ratio and one in between.

    Examples
    --------
    >>> anchors(((38, 38), (19, 19), (10, 10), (5, 5), (3, 3), (1, 1))).shape  # as in the paper
    (8732, 4)
    """
    count = len(shapes)
    steps = np.linspace(LOW, HIGH, max(1, count - 1)).tolist()
    scales = [FIRST, *steps][:count]
    following = [*scales[1:], 1.0]
    made = []
    for (height, width), scale, after, shape in zip(shapes, scales, following, ratios(count), strict=True):
        sizes = [(scale * math.sqrt(r), scale / math.sqrt(r)) for r in shape]
        sizes.insert(1, (math.sqrt(scale * after),) * 2)
        y, x = np.meshgrid((np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width, indexing="ij")
        centre = np.stack([x, y], axis=-1)[:, :, None, :]
        half = np.array(sizes)[None, None] / 2
        made.append(np.concatenate([centre - half, centre + half], axis=-1).reshape(-1, 4))
    laid = np.concatenate(made).clip(0.0, 1.0)
    laid.setflags(write=False)
    return laid


def sides(size: int, base: str) -> tuple[Shape, ...]:
    """Say which maps a picture of ``size`` × ``size`` gets, by the strides of the layers."""
    half = _halved
    quarter = half(half(size))
    if base == "vgg-16":
        quarter = size // 2 // 2
        eighth = -(-quarter // 2)
        found = [eighth, eighth // 2]
    else:
        sixteenth = half(half(quarter))
        found = [sixteenth, half(sixteenth)]
    while found[-1] > 1:
        found.append(half(found[-1]))
    return tuple((side, side) for side in found)


def _halved(side: int) -> int:
    """Side after a 3 × 3 convolution of stride 2 with one position around."""
    return (side - 1) // 2 + 1


def detector(classes: int, base: str, size: int, width: int = 64) -> Any:
    """Build the network.

    Parameters
    ----------
    classes : int
        K, without "nothing".
    base : {"vgg-16", "resnet-50", ...}
    size : int
        Side of the pictures in pixels.
    width : int
        Of the base; 64 in the papers.

    Returns
    -------
    torch.nn.Module
        (b, 3, size, size) -> scores (b, A, K + 1) and offsets (b, A, 4); ``shapes`` are its maps.
    """
    import torch
    from torch import nn

    class Net(nn.Module):  # type: ignore[misc, unused-ignore]
        """Base, added maps, and two heads a map."""

        def __init__(self) -> None:
            super().__init__()
            self.shapes = sides(size, base)
            deep = base != "vgg-16"
            layers = int(base.rpartition("-")[2])
            self.base = resnet(layers, width=width) if deep else vgg(width=width)
            widths = list(widths_of(layers, width)[-2:] if deep else self.base.widths)
            extra = EXTRA * width // 64
            self.extra = nn.ModuleList()
            for _ in self.shapes[2:]:
                self.extra.append(
                    nn.Sequential(
                        nn.Conv2d(widths[-1], max(1, extra // 2), 1), nn.ReLU(inplace=True),
                        nn.Conv2d(max(1, extra // 2), extra, 3, 2, 1), nn.ReLU(inplace=True),
                    )
                )  # fmt: skip
                widths.append(extra)
            each = [len(r) + 1 for r in ratios(len(self.shapes))]
            self.kind = nn.ModuleList(
                nn.Conv2d(w, k * (classes + 1), 3, padding=1) for w, k in zip(widths, each, strict=True)
            )
            self.place = nn.ModuleList(nn.Conv2d(w, k * 4, 3, padding=1) for w, k in zip(widths, each, strict=True))
            for part in (self.extra, self.kind, self.place):
                drawn(part)
            for head in (*self.kind, *self.place):  # large scores at first would drown what the base knows
                nn.init.normal_(head.weight, std=0.01)

        def forward(self, x: Any) -> Any:
            """(b, 3, size, size) -> (b, A, K + 1), (b, A, 4)."""
            maps = self.base(x)[-2:]
            for step in self.extra:
                maps.append(step(maps[-1]))
            flat = [
                [head(m).permute(0, 2, 3, 1).reshape(len(x), -1, n) for head, m in zip(heads, maps, strict=True)]
                for heads, n in ((self.kind, classes + 1), (self.place, 4))
            ]
            return torch.cat(flat[0], dim=1), torch.cat(flat[1], dim=1)

    return Net()


def targets(
    laid: NDArray[Any], boxes: Sequence[NDArray[Any]], threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Say what each anchor should answer: class from 1 or 0 for nothing, (b, A); offsets, (b, A, 4).

    Parameters
    ----------
    laid : ndarray of shape (A, 4)
    boxes : sequence of b ndarrays, each (m, 5)
        Class from 0, corners.
    threshold : float
        Overlap from which an anchor stands for a box.
    """
    kinds = np.zeros((len(boxes), len(laid)), np.int64)
    offsets = np.zeros((len(boxes), len(laid), 4), np.float32)
    for i, own in enumerate(boxes):
        found = matched(laid, own[:, 1:], threshold)
        taken = found >= 0
        kinds[i, taken] = own[found[taken], 0].astype(np.int64) + 1
        offsets[i, taken] = encoded(laid[taken], own[found[taken], 1:])
    return kinds, offsets


def losses(scores: Any, offsets: Any, kinds: Any, wanted: Any) -> tuple[Any, Any]:
    """Cross-entropy and smooth L1 (equations 1 and 2), each over the matched anchors of the batch.

    Of the anchors of nothing, the three per matched one that are answered worst are learnt from.

    Parameters
    ----------
    scores, offsets : torch.Tensor of shape (b, A, K + 1), (b, A, 4)
    kinds, wanted : torch.Tensor of shape (b, A), (b, A, 4)
    """
    from torch.nn import functional

    entropy = functional.cross_entropy(scores.transpose(1, 2).float(), kinds, reduction="none")
    there = kinds > 0
    count = there.sum(dim=1)
    hard = entropy.detach().masked_fill(there, -1.0)
    rank = hard.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    taken = there | (rank < (NEGATIVES * count.clamp(min=1))[:, None])
    total = count.sum().clamp(min=1)
    smooth = functional.smooth_l1_loss(offsets.float(), wanted, reduction="none").sum(dim=2)
    return (entropy * taken).sum() / total, (smooth * there).sum() / total
