"""Model ids of the hub, and what stands for them."""

import pytest

from tarragon.algorithms.hub_vision import stand_for


@pytest.mark.parametrize(
    ("name", "layers", "side"),
    [
        ("tensorflow-ic-imagenet-mobilenet-v2-100-224-classification-4", 18, 224),
        ("tensorflow-ic-imagenet-resnet-v2-101-classification-4", 101, 224),
        ("tensorflow-ic-imagenet-efficientnet-b0-classification-1", 18, 224),
        ("tensorflow-ic-imagenet-inception-v3-classification-4", 50, 224),
        ("tensorflow-ic-swin-large-patch4-window12-384", 50, 384),
        ("tensorflow-od1-ssd-resnet50-v1-fpn-640x640-coco17-tpu-8", 50, 640),
        ("tensorflow-od1-ssd-mobilenet-v2-320x320-coco17-tpu-8", 18, 320),
        ("tensorflow-od", 50, 320), ("", 50, 224),
    ],
)  # fmt: skip
def test_layers_and_sides(name: str, layers: int, side: int) -> None:
    stand = stand_for(name)
    assert (stand.layers, stand.side) == (layers, side)
