"""The greedy blend against brute force, and its honesty about gains within noise."""

import itertools

import numpy as np
import pytest

from tarragon.metrics import metric
from tarragon.refine import blend, greedy, mix, selection
from tarragon.tune import Trial


def trial(name: str, oof: np.ndarray) -> Trial:
    return Trial(
        name, "knn", {}, "dense", "portfolio", (0,), (0.0,), (0.0,), oof, True, (0,), 1.0, 0.1, 100, ("x",), False
    )


def noisy(y: np.ndarray, spread: float, seed: int) -> np.ndarray:
    return y + np.random.default_rng(seed).normal(0, spread, len(y))


@pytest.fixture
def y() -> np.ndarray:
    return np.random.default_rng(0).normal(size=2_000)


def test_greedy_comes_close_to_the_best_of_all_weightings(y: np.ndarray) -> None:
    stack = np.stack([noisy(y, 1.0, 1), noisy(y, 1.0, 2), noisy(y, 1.5, 3)])
    rmse = metric("rmse")
    weights = greedy(stack, y, rmse)
    grid = [np.array(w) / 24 for w in itertools.product(range(25), repeat=3) if sum(w) == 24]
    best = min(rmse.score(y, mix(stack, w)) for w in grid)
    assert weights.sum() == pytest.approx(1.0)
    assert rmse.score(y, mix(stack, weights)) <= best * 1.005


def test_greedy_is_never_worse_than_the_best_single(y: np.ndarray) -> None:
    stack = np.stack([noisy(y, 0.1, 1), noisy(y, 3.0, 2)])
    weights = greedy(stack, y, metric("rmse"))
    assert metric("rmse").score(y, mix(stack, weights)) <= metric("rmse").score(y, stack[0])


def test_a_blend_of_independent_errors_is_kept(y: np.ndarray) -> None:
    trials = [trial(f"t{i}", noisy(y, 1.0, i)) for i in range(4)]
    made = blend(selection(trials, metric("rmse"), y), len(y), seed=0)
    assert len(made.members) == 4
    assert made.gain > 2 * made.noise > 0
    assert made.score == pytest.approx(metric("rmse").score(y, made.oof))
    assert sum(w for _, w in made.members) == pytest.approx(1.0)


def test_a_blend_of_equal_models_is_not_kept(y: np.ndarray) -> None:
    same = noisy(y, 1.0, 1)
    made = blend(selection([trial("a", same), trial("b", same.copy())], metric("rmse"), y), len(y), seed=0)
    assert [t.name for t, _ in made.members] == ["a"]
    assert "within noise" in made.why


def test_one_model_when_one_was_asked_for(y: np.ndarray) -> None:
    trials = [trial(f"t{i}", noisy(y, 1.0, i)) for i in range(3)]
    made = blend(selection(trials, metric("rmse"), y, single=True), len(y), seed=0)
    assert len(made.members) == 1


def test_rows_no_one_judged_stay_out(y: np.ndarray) -> None:
    oof = noisy(y, 1.0, 1)
    oof[:100] = np.nan
    made = blend(selection([trial("a", oof), trial("b", noisy(y, 1.0, 2))], metric("rmse"), y), len(y), seed=0)
    assert np.isnan(made.oof[:100]).all()
    assert np.isfinite(made.oof[100:]).all()


def test_selection_repeats_on_other_rows(y: np.ndarray) -> None:
    half = len(y) // 2
    good_first = np.concatenate([noisy(y[:half], 0.1, 1), noisy(y[half:], 5.0, 2)])
    good_last = np.concatenate([noisy(y[:half], 5.0, 3), noisy(y[half:], 0.1, 4)])
    choice = selection([trial("first", good_first), trial("last", good_last)], metric("rmse"), y, single=True)
    names = [t.name for t in choice.trials]
    assert names[int(choice.weights(np.arange(half)).argmax())] == "first"
    assert names[int(choice.weights(np.arange(half, len(y))).argmax())] == "last"
