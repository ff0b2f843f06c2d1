import numpy as np
import pytest

from tarragon.algorithms.linear_choice import FINE, Criterion, counted, decision


def merit(cut: float, z: np.ndarray, y: np.ndarray, name: str) -> float:
    guess = z >= cut
    hits, taken, there = (guess & (y == 1)).sum(), guess.sum(), (y == 1).sum()
    precision, recall = hits / max(taken, 1), hits / there
    if name == "accuracy":
        return float((guess == y).mean())
    if name == "f_beta":
        return float(5 * precision * recall / max(4 * precision + recall, 1e-9))
    if name == "f1":
        return float(2 * precision * recall / max(precision + recall, 1e-9))
    if name == "precision_at_target_recall":
        return float(precision if recall >= 0.7 else 0)
    return float(recall if precision >= 0.7 else 0)


@pytest.mark.parametrize(
    "name", ["accuracy", "f_beta", "f1", "precision_at_target_recall", "recall_at_target_precision"]
)
def test_no_other_cut_serves_the_criterion_better(name: str) -> None:
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 120).astype(np.float32)
    z = np.round(y + rng.normal(0, 1.5, 120), 1).astype(np.float32)
    cut = decision(counted(z[:, None], y, FINE)[0], Criterion(name, 0.7, 0.7, 2.0))
    assert merit(cut, z, y, name) == pytest.approx(max(merit(c, z, y, name) for c in np.unique(z)))


def test_counts_of_parts_add_up() -> None:
    rng = np.random.default_rng(0)
    z, y = rng.normal(0, 9, (50, 3)).astype(np.float32), rng.integers(0, 2, 50).astype(np.float32)
    z[0], z[1] = np.inf, np.nan
    whole = counted(z, y, 64)
    np.testing.assert_array_equal(whole, counted(z[:20], y[:20], 64) + counted(z[20:], y[20:], 64))
    assert whole.shape == (3, 2, 64)
    assert whole.sum() == 150
    assert (whole[0].sum(axis=1) == [(y == 0).sum(), (y == 1).sum()]).all()


def test_a_loss_as_criterion_leaves_the_cut_in_the_middle() -> None:
    z, y = np.array([[1.0], [3.0]], np.float32), np.array([0, 1], np.float32)
    assert decision(counted(z, y, FINE)[0], Criterion("loss_function")) == 0
    assert decision(counted(z, np.ones(2, np.float32), FINE)[0], Criterion()) == 0
    assert decision(counted(z, y, FINE)[0], Criterion()) == pytest.approx(2, abs=1e-3)
