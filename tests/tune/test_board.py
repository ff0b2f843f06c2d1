"""The leaderboard: order, ties by paired intervals, the front."""

import numpy as np
import pytest

from tarragon.metrics import metric
from tarragon.tune import Trial, judged, rank

N = 3_000


def trial(name: str, oof: np.ndarray, size: int = 100, ms: float = 1.0) -> Trial:
    return Trial(
        name, "knn", {}, "dense", "portfolio", (0,), (0.0,), (0.0,), oof, True, (0,), 1.0, ms, size, ("x",), False
    )


@pytest.fixture
def y() -> np.ndarray:
    return np.random.default_rng(0).normal(size=N)


def noise(spread: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, spread, N)


def test_best_first_with_scores_and_intervals(y: np.ndarray) -> None:
    good, bad = trial("good", y + noise(0.5, 1)), trial("bad", y + noise(1.0, 2))
    board = rank([bad, good], metric("rmse"), y)
    assert [s.trial for s in board.standings] == ["good", "bad"]
    first, second = board.standings
    assert first.low < first.score < first.high
    assert first.score == pytest.approx(np.sqrt(np.mean((good.oof - y) ** 2)))
    assert (first.gap, first.tied) == (0.0, True)
    assert second.gap == pytest.approx(first.score - second.score, rel=0.05)
    assert not second.tied


def test_equals_are_tied_and_the_cheapest_is_named(y: np.ndarray) -> None:
    base = y + noise(0.5, 1)
    board = rank([trial("dear", base, size=900), trial("cheap", base + noise(0.001, 2), size=10)], metric("rmse"), y)
    assert all(s.tied for s in board.standings)
    assert board.cheapest == "cheap"


def test_a_paired_gap_sees_what_intervals_hide(y: np.ndarray) -> None:
    shared = noise(1.0, 1)
    a, b = trial("a", y + shared), trial("b", y + shared * 1.01)
    first, second = rank([a, b], metric("rmse"), y).standings
    assert second.low < first.score < second.high, "the intervals overlap"
    assert not second.tied, "and yet the pair differs"


def test_the_front_is_what_nothing_beats_in_everything(y: np.ndarray) -> None:
    trials = [
        trial("best", y + noise(0.1, 1), size=100, ms=5.0),
        trial("small", y + noise(0.5, 2), size=1, ms=5.0),
        trial("beaten", y + noise(0.6, 3), size=100, ms=6.0),
    ]
    front = {s.trial: s.on_front for s in rank(trials, metric("rmse"), y).standings}
    assert front == {"best": True, "small": True, "beaten": False}


def test_rows_that_all_were_judged_on(y: np.ndarray) -> None:
    half = y.copy()
    half[: N // 2] = np.nan
    assert len(judged([trial("a", y), trial("b", half)])) == N // 2
