"""Near-copies of the target."""

import numpy as np
import pytest

from tarragon.choose.disguise import cuts_classes, fine_share, is_copy, mirrored_class, near_copy, segments
from tarragon.choose.sheet import sheet


def test_fine_share_of_a_noisy_copy_is_its_r2(rng):
    y = rng.normal(size=2_000)
    assert fine_share(y**3, y, nominal=False) > 0.99
    noisy = y + rng.normal(size=2_000) * 0.5
    assert abs(fine_share(noisy, y, nominal=False) - 0.8) < 0.05  # 1 / (1 + 0.25)
    assert fine_share(rng.normal(size=2_000), y, nominal=False) < 0.05


@pytest.mark.parametrize(
    "make", [np.exp, lambda y: np.round(y, 1), lambda y: -3 * y, lambda y: np.argsort(np.argsort(y))]
)
def test_monotone_copies_of_values(table_of, rng, make):
    y = rng.normal(size=500)
    made = sheet(table_of({"copy": make(y), "other": y + rng.normal(size=500), "y": y}), np.arange(500))
    assert "rank correlation" in near_copy(made, 0, 0.0)
    assert near_copy(made, 1, 0.0) == ""


def test_class_codes_with_a_little_noise(table_of, rng):
    y = rng.integers(0, 3, 400)
    made = sheet(
        table_of({"a": y + rng.normal(size=400) * 0.05, "b": y + rng.normal(size=400) * 0.4, "y": y}), np.arange(400)
    )
    assert is_copy(made, 0)
    assert not is_copy(made, 1)


def test_segments_are_bins_of_the_target(rng):
    y = rng.normal(size=600)
    assert segments(np.digitize(y, [-0.5, 0.5]).astype(float), y)
    assert segments(np.digitize(y + 0.3 * rng.normal(size=600), [-0.5, 0.5]).astype(float), y) == ""
    assert segments(rng.integers(0, 3, 600).astype(float), np.round(y * 2)) == ""


def test_classes_cut_from_a_column(table_of, rng):
    score = rng.normal(size=400)
    level = np.digitize(score, [-0.5, 0.7])
    blurred = np.digitize(score + 0.02 * rng.normal(size=400), [-0.5, 0.7])
    made = sheet(table_of({"score": score, "y": level}), np.arange(400))
    assert cuts_classes(made, 0)
    assert not cuts_classes(sheet(table_of({"score": score, "y": blurred}), np.arange(400)), 0)
    assert not cuts_classes(sheet(table_of({"score": score, "y": (score > 0).astype(int)}), np.arange(400)), 0)


def test_mirrored_class(table_of, rng):
    y = rng.integers(0, 3, 300)
    made = sheet(table_of({"is_b": y == 1, "mixed": (y == 1) ^ (rng.random(300) < 0.1), "y": y}), np.arange(300))
    assert mirrored_class(made, 0)
    assert mirrored_class(made, 1) == ""
