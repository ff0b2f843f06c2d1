"""Calibration against distortions with known answers."""

import numpy as np
import pytest
from scipy.special import expit, logit, softmax

from tarragon.refine.calibrate import Calibration, calibrate, fit


def binary(n: int = 6_000, slope: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    z = rng.normal(0, 1.5, n)
    y = (rng.random(n) < expit(z)).astype(float)
    p = expit(slope * z)
    return y, np.column_stack([1 - p, p])


def test_overconfidence_is_undone() -> None:
    y, p = binary(slope=3.0)
    found = fit(y, p)
    assert found.slope == pytest.approx(1 / 3, rel=0.1)
    assert found.offset == pytest.approx(0.0, abs=0.1)


def test_offset_of_a_shifted_prior_is_found() -> None:
    y, p = binary()
    shifted = expit(logit(p[:, 1]) + 1.0)
    assert fit(y, np.column_stack([1 - shifted, shifted])).offset == pytest.approx(-1.0, abs=0.15)


def test_temperature_of_many_classes() -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(0, 1.5, (6_000, 4))
    p = softmax(z, axis=1)
    y = np.array([rng.choice(4, p=row) for row in p], dtype=float)
    assert fit(y, softmax(2.0 * z, axis=1)).slope == pytest.approx(0.5, rel=0.1)


def test_good_probabilities_are_left_alone() -> None:
    y, p = binary()
    kept, why = calibrate(y, p)
    assert kept.is_identity
    assert "as good as" in why


def test_bad_probabilities_are_not() -> None:
    y, p = binary(slope=3.0)
    kept, _ = calibrate(y, p)
    assert not kept.is_identity


def test_applied_probabilities_are_probabilities() -> None:
    p = np.array([[0.0, 1.0], [1.0, 0.0], [0.3, 0.7]])
    out = Calibration(1.7, -0.4).apply(p)
    assert np.isfinite(out).all()
    np.testing.assert_allclose(out.sum(axis=1), 1.0)
    assert out[2, 1] == pytest.approx(expit(1.7 * logit(0.7) - 0.4))


def test_values_and_few_rows_pass() -> None:
    assert calibrate(np.zeros(100), np.zeros(100))[0].is_identity
    y, p = binary(40)
    assert calibrate(y, p)[0].is_identity
