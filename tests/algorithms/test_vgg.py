"""Layers, names and maps of VGG-16 as SSD has it."""

import torch

from tarragon.algorithms.vgg import vgg


def test_names_and_shapes_are_those_of_published_weights() -> None:
    with torch.device("meta"):
        shapes = {name: tuple(w.shape) for name, w in vgg().state_dict().items()}
    assert shapes["features.0.weight"] == (64, 3, 3, 3)
    assert shapes["features.28.weight"] == (512, 512, 3, 3)
    assert len([name for name in shapes if name.startswith("features.")]) == 26


def test_maps_at_300_pixels_are_38_and_19_and_the_first_is_normalised() -> None:
    net = vgg(width=4)
    first, second = net(torch.randn(1, 3, 300, 300))
    assert (first.shape[2:], second.shape[2:]) == ((38, 38), (19, 19))
    assert (first.shape[1], second.shape[1]) == net.widths == (32, 64)
    length = first.detach().norm(dim=1)
    assert float(length.max()) < 20.01
