"""Depths, widths and counts of weights as published; maps as fine as promised."""

import pytest
import torch

from tarragon.algorithms.resnet import DEPTHS, SMALL, resnet, widths_of

PUBLISHED = {18: 11_689_512, 34: 21_797_672, 50: 25_557_032, 101: 44_549_160, 152: 60_192_808}  # 1000 classes


@pytest.mark.parametrize("layers", DEPTHS)
def test_weights_and_layers_are_as_many_as_published(layers: int) -> None:
    with torch.device("meta"):
        net = resnet(layers, classes=1000)
    if layers in PUBLISHED:
        assert sum(w.numel() for w in net.parameters()) == PUBLISHED[layers]
    convolutions = [m for n, m in net.named_modules() if isinstance(m, torch.nn.Conv2d) and "downsample" not in n]
    assert len(convolutions) + 1 == layers


@pytest.mark.parametrize(("dilated", "sides"), [(False, [16, 8, 4, 2]), (True, [16, 8, 8, 8])])
def test_maps_are_as_fine_as_promised(dilated: bool, sides: list[int]) -> None:
    maps = resnet(50, width=4, dilated=dilated)(torch.zeros(1, 3, 64, 64))
    assert [m.shape[2] for m in maps] == sides
    assert [m.shape[1] for m in maps] == list(widths_of(50, 4))


@pytest.mark.parametrize("layers", SMALL[:2])
def test_small_pictures_keep_their_resolution_at_first(layers: int) -> None:
    maps = resnet(layers, channels=1)(torch.zeros(2, 1, 28, 28))
    assert [tuple(m.shape[1:]) for m in maps] == [(16, 28, 28), (32, 14, 14), (64, 7, 7)]


def test_names_are_those_of_published_weights() -> None:
    names = set(resnet(50, width=4, classes=10).state_dict())
    assert {
        "conv1.weight",
        "bn1.running_var",
        "layer1.0.downsample.0.weight",
        "layer4.2.conv3.weight",
        "fc.bias",
    } <= names
