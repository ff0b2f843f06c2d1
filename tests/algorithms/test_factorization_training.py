"""Hosts that share rows learn what one host would, and measures are sums over rows."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms import Standalone
from tarragon.algorithms.factorization_machines import FactorizationMachines
from tarragon.algorithms.factorization_training import Sums, measured, told
from tarragon.data import Tabular


@dataclass(slots=True)
class Host(Standalone):
    """One of several hosts that meet in a thread each."""

    meeting: Any = field(default=None)
    brought: Any = field(default=None)

    def reduce(self, arrays: Mapping[str, Any]) -> Mapping[str, Any]:
        self.brought[self.rank] = arrays
        self.meeting.wait()
        total = {name: sum(np.asarray(self.brought[r][name]) for r in range(self.world)) for name in arrays}
        self.meeting.wait()
        return total


def made(n: int) -> Tabular:
    rng = np.random.default_rng(0)
    u, i = rng.integers(0, 20, n), rng.integers(0, 15, n)
    y = np.sin(u) * np.cos(i) + rng.normal(0, 0.05, n)
    columns = np.column_stack([u, 20 + i]).ravel()
    X = sp.csr_matrix((np.ones(2 * n, np.float32), columns, np.arange(0, 2 * n + 1, 2)), shape=(n, 35))
    return Tabular(X, y=y)


@pytest.mark.parametrize("sizes", [(600, 600, 600, 600), (1300, 2, 800, 298)])
def test_four_hosts_learn_what_one_does(sizes: tuple[int, ...]) -> None:
    data = made(2400)

    def fit(rows: Tabular, context: Standalone) -> FactorizationMachines:
        model = FactorizationMachines(
            feature_dim=35, num_factors=3, predictor_type="regressor", epochs=30, mini_batch_size=100, factors_lr=0.02,
            linear_lr=0.02, factors_init_sigma=0.1,
        )  # fmt: skip
        return model.fit(rows, context=context)

    ends, meeting, brought = np.cumsum((0, *sizes)), threading.Barrier(4, timeout=60), {}
    parts = [data.rows(np.arange(ends[r], ends[r + 1])) for r in range(4)]
    hosts = [Host(rank=r, world=4, meeting=meeting, brought=brought) for r in range(4)]
    with ThreadPoolExecutor(4) as pool:
        shared = list(pool.map(fit, parts, hosts))
    alone = fit(data, Standalone())
    for model in shared[1:]:
        np.testing.assert_array_equal(model.factors_, shared[0].factors_)
    assert [e["records"] for e in hosts[0].epochs] == [2400] * 30
    errors = [np.sqrt(np.mean((m.predict(data)["score"] - data.y) ** 2)) for m in (alone, shared[0])]
    assert errors[0] < 0.15
    assert errors[1] == pytest.approx(errors[0], rel=0.25, abs=0.02)


def test_measures_are_sums_over_rows() -> None:
    z, y = np.array([2.0, -1, 0.5, -3]), np.array([1.0, 1, 0, 0])
    p = 1 / (1 + np.exp(-z))
    seen = Sums()
    for part in (slice(0, 1), slice(1, 4)):
        seen.add(len(z[part]), measured(z[part], p[part], y[part], logistic=True))
    found = told(seen.sums, seen.rows, logistic=True)
    assert found["binary_classification_accuracy"] == 0.5
    assert found["binary_f_1.000"] == pytest.approx(0.5)
    assert found["binary_classification_cross_entropy"] == pytest.approx(-np.log(np.where(y == 1, p, 1 - p)).mean())
    values = told(measured(z, z, y, logistic=False), 4, logistic=False)
    assert values["mse"] == pytest.approx(np.mean((z - y) ** 2))
    assert values["rmse"] == pytest.approx(values["mse"] ** 0.5)
    assert values["absolute_loss"] == pytest.approx(np.abs(z - y).mean())
    assert told({}, 0, logistic=True)["binary_f_1.000"] == 0
