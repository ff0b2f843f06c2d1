"""Networks that answer a class for each pixel: a dilated residual network, a head, and a resize.

Source: Long, Shelhamer & Darrell (2015), Fully convolutional networks, CVPR (``fcn``: one convolution and a
        classifier); Zhao et al. (2017), Pyramid scene parsing network, CVPR (``psp``: means over 1, 2, 3 and 6 parts a
        side beside each position); Chen et al. (2017), Rethinking atrous convolution, arXiv:1706.05587 (``deeplab``:
        convolutions dilated by 12, 24 and 36 side by side, and the picture's mean).
Cost:   the dilated base's: about four times that of the plain one, linear in pixels.

Departures: no auxiliary loss on an inner stage; FCN has no skip connections, as its maps are 1/8 fine already.
"""

from typing import Any

from tarragon.algorithms.resnet import drawn, resnet, widths_of

KINDS = ("fcn", "psp", "deeplab")
PARTS = (1, 2, 3, 6)
RATES = (12, 24, 36)
DROPOUT = 0.1
ATROUS = 256  # channels of each of deeplab's branches at full width


def segmenter(classes: int, kind: str, layers: int, width: int = 64) -> Any:
    """Build a network, (b, 3, h, w) -> scores (b, classes, h, w).

    Parameters
    ----------
    classes : int
    kind : {"fcn", "psp", "deeplab"}
    layers : int
        Of the base.
    width : int
        Of the base; 64 in the papers.
    """
    from torch import nn

    class Net(nn.Module):  # type: ignore[misc, unused-ignore]
        """Base, head, resize."""

        def __init__(self) -> None:
            super().__init__()
            self.base = resnet(layers, width=width, dilated=True)
            inner = widths_of(layers, width)[-1]
            self.head = drawn(_head(nn, kind, inner, classes, max(1, ATROUS * width // 64)))
            nn.init.normal_(self.head[-1].weight, std=0.01)  # all classes alike at first

        def forward(self, x: Any) -> Any:
            """(b, 3, h, w) -> (b, classes, h, w)."""
            scores = self.head(self.base(x)[-1])
            return nn.functional.interpolate(scores, size=x.shape[2:], mode="bilinear", align_corners=False)

    return Net()


def _head(nn: Any, kind: str, inner: int, classes: int, branch: int) -> Any:
    import torch

    def block(before: int, after: int, kernel: int = 3, dilation: int = 1) -> Any:
        around = dilation if kernel == 3 else 0
        convolution = nn.Conv2d(before, after, kernel, padding=around, dilation=dilation, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True))

    def pooled(before: int, after: int) -> Any:
        """Make a branch for means over parts: no normalisation, as one picture's single mean has no variance."""
        return nn.Sequential(nn.Conv2d(before, after, 1), nn.ReLU(inplace=True))

    def spread(small: Any, like: Any) -> Any:
        return nn.functional.interpolate(small, size=like.shape[2:], mode="bilinear", align_corners=False)

    class Pyramid(nn.Module):  # type: ignore[misc, unused-ignore]
        """Means over parts of the picture, laid beside each position."""

        def __init__(self) -> None:
            super().__init__()
            self.branches = nn.ModuleList(pooled(inner, max(1, inner // 4)) for _ in PARTS)

        def forward(self, x: Any) -> Any:
            parts = [
                spread(branch(nn.functional.adaptive_avg_pool2d(x, n)), x)
                for branch, n in zip(self.branches, PARTS, strict=True)
            ]
            return torch.cat([x, *parts], dim=1)

    class Atrous(nn.Module):  # type: ignore[misc, unused-ignore]
        """Convolutions that look 12, 24 and 36 positions around, the position itself, and the whole picture."""

        def __init__(self) -> None:
            super().__init__()
            self.branches = nn.ModuleList([block(inner, branch, 1), *(block(inner, branch, 3, r) for r in RATES)])
            self.whole = pooled(inner, branch)

        def forward(self, x: Any) -> Any:
            mean = spread(self.whole(x.mean(dim=(2, 3), keepdim=True)), x)
            return torch.cat([*(one(x) for one in self.branches), mean], dim=1)

    if kind == "fcn":
        middle = max(1, inner // 4)
        parts = [block(inner, middle), nn.Dropout(DROPOUT), nn.Conv2d(middle, classes, 1)]
    elif kind == "psp":
        middle = max(1, inner // 4)
        joined = inner + len(PARTS) * middle
        parts = [Pyramid(), block(joined, middle), nn.Dropout(DROPOUT), nn.Conv2d(middle, classes, 1)]
    else:
        joined = (len(RATES) + 2) * branch
        parts = [Atrous(), block(joined, branch, 1), nn.Dropout(DROPOUT), nn.Conv2d(branch, classes, 1)]
    return nn.Sequential(*parts)
