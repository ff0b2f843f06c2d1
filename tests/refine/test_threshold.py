"""The threshold against a search over every possible one."""

import numpy as np
import pytest

from tarragon.metrics import metric
from tarragon.refine import choose_threshold


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    p = rng.beta(1, 6, 2_000)
    return (rng.random(2_000) < p).astype(float), np.column_stack([1 - p, p])


@pytest.mark.parametrize("name", ["f1", "balanced_accuracy", "mcc"])
def test_is_as_good_as_any(name: str, scored: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = scored
    m = metric(name)
    best = max(np.nan_to_num(m.score(y, p, threshold=float(t))) for t in np.unique(p[:, 1]))
    assert m.score(y, p, threshold=choose_threshold(m, y, p)) >= best - 0.01


def test_probabilities_and_values_need_none(scored: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = scored
    assert choose_threshold(metric("auc"), y, p) == 0.5
    assert choose_threshold(metric("rmse"), y, p[:, 1]) == 0.5


def test_perfect_answers_keep_the_half() -> None:
    y = np.repeat([0.0, 1.0], 50)
    p = np.column_stack([1 - 0.9 * y - 0.05, 0.9 * y + 0.05])
    assert choose_threshold(metric("f1"), y, p) == 0.5
