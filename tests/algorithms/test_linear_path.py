"""Losses against finite differences, and the path's coordinates."""

import numpy as np
import pytest

from tarragon.algorithms.linear_path import Loss, Problem, walk
from tarragon.algorithms.protocol import Standalone
from tarragon.algorithms.target import Target
from tarragon.data import Tabular


@pytest.mark.parametrize("name", ["squared_loss", "absolute_loss", "huber_loss", "logistic", "softmax_loss"])
def test_slopes_are_those_of_the_loss(name: str) -> None:
    rng = np.random.default_rng(0)
    K = 3 if name == "softmax_loss" else 1
    scores, s = rng.normal(size=(20, K)), rng.dirichlet(np.ones(20))
    y = (
        rng.integers(0, max(2, K), 20).astype(float)
        if name in ("logistic", "softmax_loss")
        else rng.normal(size=20) * 2
    )
    loss = Loss(name, 0.7)
    _, slope = loss.of(scores, y, s)
    for i, k in [(0, 0), (7, K - 1), (19, 0)]:
        step = np.zeros_like(scores)
        step[i, k] = 1e-6
        numeric = (loss.of(scores + step, y, s)[0] - loss.of(scores - step, y, s)[0]) / 2e-6
        assert slope[i, k] == pytest.approx(numeric, abs=1e-8)


def problem(n: int = 200, d: int = 5) -> Problem:
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    data = Tabular(Z.astype(np.float32), y=(Z[:, 0] + rng.normal(size=n) > 0).astype(float), n_classes=2)
    return Problem.make(Z - Z.mean(axis=0), Target.learn(data), data, Loss("logistic"))


def test_rotated_columns_are_uncorrelated_and_unpack_turns_back() -> None:
    made = problem()
    gram = made.Z.T @ made.Z / 200
    np.testing.assert_allclose(gram, np.diag(made.curve), atol=1e-9)
    flat = np.arange(6.0)
    weights, bias = made.unpack(flat)
    np.testing.assert_allclose((made.Z @ made.rotation.T) @ weights + bias, made.scores(flat), atol=1e-9)


def test_more_columns_than_rows_are_rotated_to_what_rows_span() -> None:
    made = problem(n=20, d=60)
    assert made.Z.shape[1] < 20


def test_solution_has_no_slope_left() -> None:
    made = problem()
    flat = made.solve(0.01, made.start(), fine=True)
    _, slope = made.loss.of(made.scores(flat), made.y, made.share)
    np.testing.assert_allclose(made.Z.T @ slope[:, 0] + 0.01 * flat[:-1], 0.0, atol=1e-4)
    assert abs(slope.sum()) < 1e-4


def test_folds_judge_every_row_once_and_hold_both_classes() -> None:
    made = problem()
    folds = made.folds(5, 0, used=5)
    assert sum(judge.n_rows for _, judge in folds) == 200
    assert all(0.3 < judge.y.mean() < 0.7 for _, judge in folds)


class _Once(Standalone):
    def stop_asked(self) -> bool:
        return True


def test_walk_ends_when_asked_and_when_nothing_is_gained() -> None:
    made = problem()
    judge = made.folds(2, 0, used=2)
    path = tuple(10.0 ** np.arange(1.0, -9.0, -0.5))
    lines, (best, _) = walk(judge, path, Standalone())
    assert 3 < len(lines) < len(path)
    assert best == min(lines, key=lambda line: line[2])[0] or lines[-1][2] > 0.999 * min(line[2] for line in lines)
    assert len(walk(judge, path, _Once())[0]) == 1
