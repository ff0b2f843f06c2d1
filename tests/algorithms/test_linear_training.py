"""Models side by side: each learns as it would alone, and hosts that share rows learn what one host would."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms import Standalone
from tarragon.algorithms.gradient_steps import Steps
from tarragon.algorithms.linear_grid import Asked, grid
from tarragon.algorithms.linear_learner import LinearLearner
from tarragon.algorithms.linear_loss import Loss
from tarragon.algorithms.linear_scaler import Scaler, Wish
from tarragon.algorithms.linear_training import Bias, Classes, SideBySide
from tarragon.data import Tabular


class Sum:
    """Adds the arrays of some threads, as hosts do."""

    def __init__(self, world: int) -> None:
        self.barrier, self.world, self.brought = threading.Barrier(world, timeout=60), world, {}

    def __call__(self, rank: int, arrays: Mapping[str, Any]) -> Mapping[str, Any]:
        self.brought[rank] = arrays
        self.barrier.wait()
        total = {name: sum(np.asarray(self.brought[r][name]) for r in range(self.world)) for name in arrays}
        self.barrier.wait()
        return total


@dataclass(slots=True)
class Host(Standalone):
    """One of several hosts."""

    total: Any = field(default=None)

    def reduce(self, arrays: Mapping[str, Any]) -> Mapping[str, Any]:
        return self.total(self.rank, arrays)


def together(parts: list[Tabular], fit: Callable[[Tabular, Host], Any]) -> list[Any]:
    total = Sum(len(parts))
    with ThreadPoolExecutor(len(parts)) as pool:
        hosts = [Host(rank=r, world=len(parts), total=total) for r in range(len(parts))]
        return list(pool.map(fit, parts, hosts))


def made(n: int, *, sparse: bool = False) -> Tabular:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 6)) * (rng.random((n, 6)) < (0.3 if sparse else 1))
    y = (X[:, 0] - X[:, 1] + 0.3 + 0.2 * rng.normal(size=n) > 0).astype(float)
    X = X.astype(np.float32)
    return Tabular(sp.csr_matrix(X) if sparse else X, y=y, n_classes=2)


def side_by_side(data: Tabular, n_models: int | None, reduce: Any = lambda arrays: arrays) -> SideBySide:
    scaler = Scaler.learn(data, Wish(True, None, None, None), reduce, regression=False)
    settings = grid(Asked("adam", None, None, None, (None, None, None), True, (1.0,)), n_models)
    lazy = data.is_sparse
    models = SideBySide(settings, 1, Loss("logistic"), Steps("adam"), scaler, Bias(), Classes(), lazy, reduce, 1)
    models.begin(np.zeros((data.n_features, len(settings)), np.float32), 0.0)
    return models


@pytest.mark.parametrize("sparse", [False, True])
def test_a_model_among_others_learns_as_it_would_alone(sparse: bool) -> None:
    data = made(200, sparse=sparse)
    many, one = side_by_side(data, None), side_by_side(data, 1)
    for _ in range(20):
        for models in (many, one):
            models.learn(data, models.empty())
    np.testing.assert_allclose(many.chosen(0)[0], one.chosen(0)[0], atol=1e-5)
    losses = many.measured(data, None, 0, Classes()).loss
    assert losses.shape == (32,)
    assert losses.min() < 0.3


def test_nothing_to_learn_from_moves_nothing() -> None:
    models = side_by_side(made(50), 2)
    assert not models.learn(None, models.empty())
    assert models.t == 0


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("sizes", [(300, 300, 300, 300), (600, 1, 400, 199)])
def test_four_hosts_learn_what_one_does(sizes: tuple[int, ...], sparse: bool) -> None:
    data = made(1200, sparse=sparse)
    ends = np.cumsum((0, *sizes))
    parts = [data.rows(np.arange(a, b)) for a, b in pairwise(ends)]

    def fit(rows: Tabular, context: Standalone) -> LinearLearner:
        model = LinearLearner(
            predictor_type="binary_classifier", mini_batch_size=100, epochs=6, learning_rate=0.05, wd=1e-3, l1=0.0,
            num_point_for_scaler=4000,
        )  # fmt: skip
        return model.fit(rows, context=context)

    alone, shared = fit(data, Standalone()), together(parts, fit)
    for model in shared[1:]:
        np.testing.assert_array_equal(model.weights_, shared[0].weights_)
        assert model.threshold_ == shared[0].threshold_
    p, q = (model.predict(data)["probability"][:, 1] for model in (alone, shared[0]))
    assert np.corrcoef(p, q)[0, 1] > 0.99
    assert np.mean((p >= alone.threshold_) == data.y) == pytest.approx(
        np.mean((q >= shared[0].threshold_) == data.y), abs=0.02
    )


def test_weights_of_rows_and_classes_multiply() -> None:
    data = replace(made(4), weight=np.array([1.0, 2.0, 3.0, 4.0]))
    y = np.array([0, 1, 1, 0], np.float32)
    assert Classes().of(data, y).tolist() == [1, 2, 3, 4]  # type: ignore[union-attr]
    found = Classes(np.array([1, 10], np.float32), np.array([1, 0.5], np.float32)).of(data, y)
    assert found is not None
    assert found.tolist() == [[1, 1], [20, 10], [30, 15], [4, 4]]
