"""VGG-16 as SSD uses it: thirteen convolutions, and the two full layers after them made convolutions too.

Source: Simonyan & Zisserman (2015), Very deep convolutional networks, ICLR, table 1 (D); Liu et al. (2016), SSD, ECCV,
        §3 (the last pool keeps its resolution, fc6 becomes a dilated convolution, conv4_3 is normalised per position).
Cost:   at 300 × 300 pixels 3 · 10¹⁰ multiplications a picture, 21 million weights.

Convolutions bear the names that published weights have (``features.0.weight``).
"""

from typing import Any

from tarragon.algorithms.resnet import drawn

LAYERS = (64, 64, "M", 128, 128, "M", 256, 256, 256, "C", 512, 512, 512, "M", 512, 512, 512)
SPLIT = 23  # modules up to the activation after conv4_3
SCALE = 20.0  # where the learned length of a normalised position begins (SSD, §3.1)


def vgg(*, width: int = 64) -> Any:
    """Build one that answers two maps: 1/8 of the resolution, normalised, and 1/16.

    Parameters
    ----------
    width : int
        Of the first convolutions, 64 in the paper; the others grow with it.

    Returns
    -------
    torch.nn.Module
        With ``widths``, the channels of the two maps.
    """
    import torch
    from torch import nn

    class Net(nn.Module):  # type: ignore[misc, unused-ignore]
        """Convolutions, and two maps on the way."""

        def __init__(self) -> None:
            super().__init__()
            made, before = [], 3
            for layer in LAYERS:
                if isinstance(layer, str):
                    made.append(nn.MaxPool2d(2, 2, ceil_mode=layer == "C"))
                else:
                    after = layer * width // 64
                    made += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(inplace=True)]
                    before = after
            self.features = nn.Sequential(*made)
            full = 1024 * width // 64
            self.pool5 = nn.MaxPool2d(3, 1, 1)
            self.conv6 = nn.Conv2d(before, full, 3, padding=6, dilation=6)
            self.conv7 = nn.Conv2d(full, full, 1)
            self.relu = nn.ReLU(inplace=True)
            self.scale = nn.Parameter(torch.full((1, before, 1, 1), SCALE))
            self.widths = (before, full)

        def forward(self, x: Any) -> Any:
            """(b, 3, h, w) -> two maps."""
            x = self.features[:SPLIT](x)
            first = self.scale * nn.functional.normalize(x, dim=1)
            x = self.pool5(self.features[SPLIT:](x))
            return [first, self.relu(self.conv7(self.relu(self.conv6(x))))]

    return drawn(Net())
