"""Residual networks: layers learn what to add to their input, so that many of them can be stacked.

Source: He, Zhang, Ren & Sun (2016), Deep residual learning for image recognition, CVPR, §3.4 and §4.2;
        Yu, Koltun & Funkhouser (2017), Dilated residual networks, CVPR (``dilated``).
Cost:   50 layers at 224 × 224 pixels: 4.1 · 10⁹ multiplications a picture, 25.6 million weights; both linear in pixels
        and in width².

Two families. Large pictures (18, 34, 50, 101, 152, 200 layers): a first convolution of stride 2 and a pool, then four
stages, each half as fine as the one before; 50 layers and more have bottlenecks, with the stride in the 3 × 3
convolution. Small pictures (20, 32, 44, 56, 110): 6·n + 2 layers, three stages from full resolution on. With
``dilated``, the last two stages keep the resolution of the second and dilate their kernels instead: maps of 1/8.

Parameters bear the names that published weights have (``layer1.0.conv1.weight``), so that those fit as they are.
"""

from typing import Any

LARGE = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}
SMALL = (20, 32, 44, 56, 110)
DEPTHS = (*SMALL, *LARGE)
BOTTLENECK = 50  # layers from which blocks are bottlenecks
EXPANSION = 4


def blocks_of(layers: int) -> tuple[int, ...]:
    """Blocks per stage.

    Examples
    --------
    >>> blocks_of(50), blocks_of(20)
    ((3, 4, 6, 3), (3, 3, 3))
    """
    return LARGE[layers] if layers in LARGE else ((layers - 2) // 6,) * 3


def widths_of(layers: int, width: int) -> tuple[int, ...]:
    """Channels after each stage; ``width`` is the first stage's inner one (64 in the paper; a quarter if small)."""
    start = width if layers in LARGE else max(1, width // 4)
    grown = EXPANSION if layers in LARGE and layers >= BOTTLENECK else 1
    return tuple(start * 2**stage * grown for stage in range(len(blocks_of(layers))))


def resnet(
    layers: int, *, channels: int = 3, width: int = 64, classes: int = 0, dilated: bool = False, dropout: float = 0.0
) -> Any:
    """Build one.

    Parameters
    ----------
    layers : int
        One of ``DEPTHS``.
    channels : int
        Of the picture.
    width : int
        64 in the paper; less makes a smaller net.
    classes : int
        0: it answers the maps after each stage, a list of (b, c, h, w); else scores, (b, classes).
    dilated : bool
    dropout : float
        Share of the last maps' means that is silenced in training, where classes are asked for.

    Returns
    -------
    torch.nn.Module
    """
    from torch import nn

    class Net(nn.Module):  # type: ignore[misc, unused-ignore]
        """Stem, stages, and a head where classes are asked for."""

        def __init__(self) -> None:
            super().__init__()
            large = layers in LARGE
            first = width if large else max(1, width // 4)
            self.conv1 = nn.Conv2d(channels, first, 7 if large else 3, 2 if large else 1, 3 if large else 1, bias=False)
            self.bn1 = nn.BatchNorm2d(first)
            self.relu = nn.ReLU(inplace=True)
            self.maxpool = nn.MaxPool2d(3, 2, 1) if large else nn.Identity()
            before, dilation = first, 1
            self.stages = len(blocks_of(layers))
            for stage, count in enumerate(blocks_of(layers)):
                stride, former = (1 if stage == 0 else 2), dilation
                if dilated and stage >= 2:
                    dilation, stride = dilation * 2, 1
                inner = first * 2**stage
                made = []
                for i in range(count):
                    block = _block(nn, layers, before, inner, (stride if i == 0 else 1, former if i == 0 else dilation))
                    made.append(block)
                    before = widths_of(layers, width)[stage]
                setattr(self, f"layer{stage + 1}", nn.Sequential(*made))
            self.drop = nn.Dropout(dropout)
            self.fc = nn.Linear(before, classes) if classes else None

        def forward(self, x: Any) -> Any:
            """(b, channels, h, w) -> maps, or scores."""
            x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
            maps = []
            for stage in range(self.stages):
                x = getattr(self, f"layer{stage + 1}")(x)
                maps.append(x)
            return self.fc(self.drop(x.mean(dim=(2, 3)))) if self.fc is not None else maps

    return drawn(Net())


def _block(nn: Any, layers: int, before: int, inner: int, how: tuple[int, int]) -> Any:
    """Make a block: two 3 × 3 convolutions, or 1 × 1, 3 × 3, 1 × 1; ``how`` is stride and dilation of the 3 × 3."""
    stride, dilation = how
    bottleneck = layers in LARGE and layers >= BOTTLENECK
    after = inner * EXPANSION if bottleneck else inner

    class Block(nn.Module):  # type: ignore[misc, unused-ignore]
        """x + f(x), where x is projected if its shape changes."""

        def __init__(self) -> None:
            super().__init__()
            around = {"padding": dilation, "dilation": dilation, "bias": False}
            if bottleneck:
                self.conv1 = nn.Conv2d(before, inner, 1, bias=False)
                self.bn1 = nn.BatchNorm2d(inner)
                self.conv2 = nn.Conv2d(inner, inner, 3, stride, **around)
                self.bn2 = nn.BatchNorm2d(inner)
                self.conv3 = nn.Conv2d(inner, after, 1, bias=False)
                self.bn3 = nn.BatchNorm2d(after)
            else:
                self.conv1 = nn.Conv2d(before, inner, 3, stride, **around)
                self.bn1 = nn.BatchNorm2d(inner)
                self.conv2 = nn.Conv2d(inner, inner, 3, 1, **around)
                self.bn2 = nn.BatchNorm2d(inner)
            self.relu = nn.ReLU(inplace=True)
            self.downsample = None
            if stride != 1 or before != after:
                self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

        def forward(self, x: Any) -> Any:
            """(b, before, h, w) -> (b, after, h', w')."""
            kept = x if self.downsample is None else self.downsample(x)
            x = self.relu(self.bn1(self.conv1(x)))
            x = self.bn2(self.conv2(x))
            if bottleneck:
                x = self.bn3(self.conv3(self.relu(x)))
            return self.relu(x + kept)

    return Block()


def drawn(net: Any) -> Any:
    """Draw first weights from torch's generator: He normal for convolutions, small ones for a linear head."""
    from torch import nn

    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)
    return net
