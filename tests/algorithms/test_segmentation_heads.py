"""Every head answers every pixel; the dilated base sees as far as its papers say."""

import pytest
import torch

from tarragon.algorithms.segmentation_heads import KINDS, segmenter


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(24, 40), (17, 19)])
def test_each_pixel_is_answered(kind: str, size: tuple[int, int]) -> None:
    net = segmenter(5, kind, 50, 2).train()
    assert net(torch.zeros(2, 3, *size)).shape == (2, 5, *size)


def test_fcn_has_as_many_weights_as_its_parts() -> None:
    with torch.device("meta"):
        net = segmenter(21, "fcn", 50)
    base = sum(w.numel() for w in net.base.parameters())
    assert base == 25_557_032 - 2_049_000  # ResNet-50 without its last layer
    assert sum(w.numel() for w in net.head.parameters()) == 2048 * 512 * 9 + 2 * 512 + 512 * 21 + 21
