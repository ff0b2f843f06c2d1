"""Factorization machines on ratings, beside a plain fit of the same model in torch: same steps, dense Adam.

python -m benchmarks.methods.factorization_machines       peak memory and time at 1× and 16× the rows
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from benchmarks.algorithms import SHARED, Line, Measured, timed
from benchmarks.streams import compared

from tarragon.algorithms import Standalone
from tarragon.algorithms.factorization_machines import FactorizationMachines
from tarragon.algorithms.threads import limited
from tarragon.data import Batches, Tabular

BAR = "RMSE within 1 % of a reference fit; at least 100,000 records/s at 64 factors"
FACTORS, EPOCHS, SIZE = 64, 12, 1000
ASKED = {
    "factors_lr": 0.005, "linear_lr": 0.01, "bias_lr": 0.01, "factors_wd": 1e-3, "linear_wd": 1e-4, "bias_wd": 0.0,
    "factors_init_sigma": 0.01,
}  # fmt: skip
RECORDS = 75_000


def ratings() -> tuple[Tabular, Tabular]:
    """MovieLens 100k as one-hot rows of user and film, train and test."""
    import pandas as pd

    table = pd.read_csv(SHARED / "data" / "ratings" / "movielens_100k.csv.gz")
    held = np.zeros(len(table), bool)
    held[pd.read_csv(SHARED / "data" / "splits" / "movielens_100k.test.csv", header=None)[0]] = True
    users, user = np.unique(table["user_id"], return_inverse=True)
    items, item = np.unique(table["item_id"], return_inverse=True)
    n = len(table)
    columns = np.column_stack([user, len(users) + item]).ravel()
    values = np.ones(2 * n, np.float32)
    X = sp.csr_matrix((values, columns, np.arange(0, 2 * n + 1, 2)), shape=(n, len(users) + len(items)))
    whole = Tabular(X, y=table["rating"].to_numpy(float))
    return whole.rows(np.flatnonzero(~held)), whole.rows(np.flatnonzero(held))


def reference(data: Tabular, seed: int, threads: int) -> Any:
    """Fit the same model by dense Adam; returns a function that scores rows."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    d = data.n_features
    v = (torch.randn(d, FACTORS) * ASKED["factors_init_sigma"]).requires_grad_()
    w = (torch.randn(d, 1) * 0.01).requires_grad_()
    b = torch.zeros(1, requires_grad=True)
    groups = [(v, "factors"), (w, "linear"), (b, "bias")]
    optimizer = torch.optim.Adam(
        [{"params": [p], "lr": ASKED[f"{n}_lr"], "weight_decay": ASKED[f"{n}_wd"]} for p, n in groups]
    )

    def score(pairs: Any) -> Any:
        a, c = pairs[:, 0], pairs[:, 1]
        return b + w[a, 0] + w[c, 0] + (v[a] * v[c]).sum(1)

    def pairs_of(rows: Tabular) -> Any:
        return torch.tensor(np.asarray(rows.X.indices).reshape(-1, 2), dtype=torch.long)

    pairs, y = pairs_of(data), torch.tensor(data.y, dtype=torch.float32)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(y)).split(SIZE):
            optimizer.zero_grad()
            (((score(pairs[batch]) - y[batch]) ** 2).mean() / 2).backward()
            optimizer.step()

    def answer(rows: Tabular) -> Any:
        with torch.no_grad():
            return score(pairs_of(rows)).numpy()

    return answer


def machine(d: int, epochs: int = EPOCHS) -> FactorizationMachines:
    """Set ours up."""
    return FactorizationMachines(
        feature_dim=d, num_factors=FACTORS, predictor_type="regressor", epochs=epochs, mini_batch_size=SIZE, **ASKED
    )


def measure(seed: int, threads: int) -> list[Measured]:
    """Fit both."""
    data, test = ratings()
    machine(data.n_features, 1).fit(data.rows(np.arange(100)))  # loads the compiled loops

    def error(found: Any) -> float:
        return float(np.sqrt(np.mean((found - test.y) ** 2)))

    with limited(threads):
        seconds, model = timed(
            lambda: machine(data.n_features).fit(data, context=Standalone(seed=seed, threads=threads))
        )
        theirs, answer = timed(lambda: reference(data, seed, threads))
    ours = error(model.predict(test)["score"])
    return [Measured("movielens-100k, 64 factors", "rmse", seconds, ours, "torch", theirs, error(answer(test)))]


def met(lines: Mapping[str, Line]) -> bool:
    """Whether error and speed are as asked."""
    return all(
        line.quality <= 1.01 * line.peer_quality and EPOCHS * RECORDS / line.seconds >= 1e5 for line in lines.values()
    )


def memory(blocks: int) -> None:
    """Fit a stream of so many blocks of 10,000 rows."""
    d = 50_000

    def opened() -> Iterator[Tabular]:
        for n in range(blocks):
            rng = np.random.default_rng(n)
            columns = rng.integers(0, d, 50_000)
            X = sp.csr_matrix((np.ones(50_000, np.float32), columns, np.arange(0, 50_001, 5)), shape=(10_000, d))
            yield Tabular(X, y=rng.normal(size=10_000))

    model = FactorizationMachines(feature_dim=d, num_factors=16, predictor_type="regressor")
    model.fit(Batches(opened, d), context=Standalone())


if __name__ == "__main__":
    compared(memory, 4)
