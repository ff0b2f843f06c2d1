"""Weights to begin from go in where they belong, and what was sealed is believed only within bounds."""

import logging
from typing import Any

import numpy as np
import pytest

from tarragon.algorithms.object_detection import ObjectDetection
from tarragon.algorithms.vision_model import MOST_WIDTH, VisionModel, whole
from tarragon.errors import IntegrityError, NotFittedError


class Line(VisionModel):
    """A base and a head of a weight each."""

    card = ObjectDetection.card

    def _built(self) -> Any:
        import torch

        return torch.nn.ModuleDict({"base": torch.nn.Linear(1, 1, bias=False), "fc": torch.nn.Linear(1, 1, bias=False)})


def weights(**values: float) -> dict[str, np.ndarray]:
    return {f"{name}.weight": np.full((1, 1), value, np.float32) for name, value in values.items()}


def begun(model: Line, *where: str) -> dict[str, float]:
    net = model._built()
    model._begin(net, *where)
    return {name: float(weight.detach()) for name, weight in net.named_parameters()}


def test_a_former_model_goes_in_whole_and_published_weights_as_far_as_they_fit(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert begun(Line(start=weights(base=2, fc=3))) == {"base.weight": 2, "fc.weight": 3}
    with pytest.raises(IntegrityError, match=r"fc\.weight"):
        begun(Line(start=weights(base=2)))
    found = begun(Line(pretrained=weights(base=2, fc=7)), "", "fc.")
    assert found["base.weight"] == 2
    assert found["fc.weight"] != 7
    assert begun(Line(pretrained={"weight": np.full((1, 1), 4.0)}), "base.")["base.weight"] == 4
    with caplog.at_level(logging.WARNING):
        begun(Line(pretrained=weights(other=1)))
    assert "none of the weights to begin from fits this network of object detection" in caplog.text


def test_its_network_is_made_of_its_weights() -> None:
    model = Line()
    with pytest.raises(NotFittedError, match="Object detection is not fitted"):
        model._network()
    model.weights_ = weights(base=5, fc=6)
    assert float(model._network()["fc"].weight.detach()) == 6
    assert model._network() is model._network()


@pytest.mark.parametrize("width", [0, MOST_WIDTH + 1, "wide", None])
def test_spoilt_facts_are_refused(width: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        Line()._recall({"width": width})
    with pytest.raises(KeyError):
        Line()._recall({})
    assert whole({"width": "8"}, "width", 1, 8) == 8
