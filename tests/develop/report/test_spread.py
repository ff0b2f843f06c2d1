"""How a regression errs."""

import numpy as np
import pytest

from tarragon.analyze.protocol import Pictures
from tarragon.develop.report import spread


def test_errors_that_grow_are_told_from_those_that_do_not():
    rng = np.random.default_rng(0)
    x = np.linspace(1, 100, 600)
    growing = tuple(zip(x.tolist(), (rng.normal(size=600) * x).tolist(), strict=True))
    steady = tuple(zip(x.tolist(), rng.normal(size=600).tolist(), strict=True))
    assert spread.residuals(Pictures(residuals=growing), "y").caption.startswith("Errors grow")
    assert spread.residuals(Pictures(residuals=tuple((-a, b) for a, b in growing)), "y").caption.startswith(
        "Errors shrink"
    )
    assert spread.residuals(Pictures(residuals=steady), "y").caption.startswith("Errors are about as large")


@pytest.mark.parametrize(
    ("bins", "said"),
    [
        (((-2.0, 0.0, 50), (0.0, 2.0, 50)), "about as often"),
        (((-2.0, 0.0, 80), (0.0, 2.0, 20)), "80\u202f% of the predictions are too high"),
        (((-1.0, 3.0, 100),), "75\u202f% of the predictions are too low"),
    ],
)
def test_a_lean_to_one_side_is_told(bins, said):
    assert said in spread.histogram(Pictures(residual_histogram=bins), "y").caption


def test_nothing_is_drawn_of_nothing():
    assert spread.actual(Pictures(), "y") is None
    assert spread.residuals(Pictures(), "y") is None
    assert spread.histogram(Pictures(), "y") is None
