"""The contract; scores ranked as by a plain Python forest; streams, shards and damaged artifacts."""

import math
import random
import threading
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import spearmanr

from tarragon.algorithms import Standalone
from tarragon.algorithms.model_contract import ModelContract
from tarragon.algorithms.random_cut_forest import FILE, Forest, RandomCutForest
from tarragon.data import Batches, Tabular, read_ndarrays, write_ndarrays
from tarragon.errors import DataError, IntegrityError
from tarragon.metrics import auc

from .test_reservoir import Together


def crowd(n: int, seed: int = 0, d: int = 4) -> np.ndarray:
    """Rows around nought, every twentieth far away."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    X[::20] += rng.choice([-4.0, 4.0], size=(len(X[::20]), d))
    return X.astype(np.float32)


class TestRandomCutForest(ModelContract):
    algorithm = RandomCutForest(num_trees=50, num_samples_per_tree=32)

    def data(self, seed):
        return Tabular(crowd(300, seed))

    def bad(self):
        X, gap, infinity = (crowd(10) for _ in range(3))
        gap[3, 2], infinity[3, 2] = np.nan, np.inf
        return {
            "no rows": Tabular(X[:0]), "no columns": Tabular(X[:, :0]), "a gap": Tabular(gap),
            "infinity": Tabular(infinity), "an empty stream": Batches(lambda: iter(()), 4),
        }  # fmt: skip


def plain_forest(X: np.ndarray, asked: np.ndarray, trees: int, samples: int, seed: int) -> list[float]:
    """Score with a forest written out plainly: dictionaries, the random module, the recursion as published."""
    dice = random.Random(seed)

    def grown(rows: list[list[float]]) -> dict:
        low, high = [min(c) for c in zip(*rows, strict=True)], [max(c) for c in zip(*rows, strict=True)]
        sides = [b - a for a, b in zip(low, high, strict=True)]
        node = {"low": low, "high": high, "mass": len(rows), "point": rows[0]}
        if sum(sides):
            f = dice.choices(range(len(sides)), sides)[0]
            cut = low[f] + dice.random() * sides[f]
            node |= {"f": f, "cut": cut}
            node |= {"left": grown([r for r in rows if r[f] <= cut]), "right": grown([r for r in rows if r[f] > cut])}
        return node

    def visited(node: dict, x: list[float], depth: int, total: int) -> float:
        if "f" not in node:
            if node["point"] == x:
                return (1 - node["mass"] / (2 * total)) / (depth + math.log2(node["mass"] + 1))
            return 1 / (depth + 1)
        found = visited(node["left"] if x[node["f"]] <= node["cut"] else node["right"], x, depth + 1, total)
        box = list(zip(node["low"], node["high"], x, strict=True))
        whole = sum(max(b, v) - min(a, v) for a, b, v in box)
        p = (whole - sum(b - a for a, b, _ in box)) / whole
        return p / (depth + 1) + (1 - p) * found

    rows = X.tolist()
    forest = [grown(dice.sample(rows, min(samples, len(rows)))) for _ in range(trees)]
    factor = [math.log2(tree["mass"] + 1) for tree in forest]
    return [
        sum(visited(tree, x, 0, tree["mass"]) * k for tree, k in zip(forest, factor, strict=True)) / trees
        for x in asked.tolist()
    ]


@pytest.mark.parametrize("case", ["all in every tree", "samples", "two columns"])
def test_scores_rank_as_a_plain_forests(case: str) -> None:
    X = {"all in every tree": crowd(60), "samples": crowd(150, 1), "two columns": crowd(80, 2, 2)}[case]
    asked = np.concatenate([X[:50], crowd(50, 3, X.shape[1])])
    samples = 40 if case == "samples" else 100
    model = RandomCutForest(num_trees=200, num_samples_per_tree=samples).fit(Tabular(X))
    expected = plain_forest(X, asked, 200, samples, 0)
    found = model.predict(Tabular(asked))["score"]
    assert spearmanr(found, expected)[0] >= 0.95
    np.testing.assert_allclose(found, expected, rtol=0.2)


def test_rows_are_dealt_without_replacement_where_they_suffice() -> None:
    X = np.arange(10_000, dtype=np.float32)[:, None]
    model = RandomCutForest(num_trees=50, num_samples_per_tree=200).fit(Tabular(X))
    assert sorted(model.forest_.points[:, 0].tolist()) == X[:, 0].tolist()
    few = RandomCutForest(num_trees=50, num_samples_per_tree=200).fit(Tabular(X[:300]))
    assert np.diff(few.forest_.first).tolist() == [200] * 50
    tiny = RandomCutForest(num_trees=50, num_samples_per_tree=200).fit(Tabular(X[:7]))
    assert np.diff(tiny.forest_.first).tolist() == [7] * 50


def test_one_row_is_a_model() -> None:
    model = RandomCutForest(num_trees=50).fit(Tabular(np.ones((1, 3), np.float32)))
    found = model.predict(Tabular(np.array([[1, 1, 1], [1, 1, 2]], np.float32)))["score"]
    np.testing.assert_allclose(found, [0.5, 1.0])


def test_odd_rows_are_found_and_flagged() -> None:
    odd = np.zeros(200)
    odd[::20] = 1
    model = RandomCutForest(num_trees=100, num_samples_per_tree=100).fit(Tabular(crowd(2_000, 1)))
    found = model.predict(Tabular(crowd(200, 5)))
    assert auc(odd, np.column_stack([-found["score"], found["score"]])) > 0.97
    assert not found["anomaly"][odd == 0].any()
    assert found["anomaly"].tolist() == (found["score"] > model.threshold_).tolist()


def test_threads_change_nothing() -> None:
    one, two = (
        RandomCutForest(num_trees=50)
        .fit(Tabular(crowd(500)), context=Standalone(threads=n))
        .predict(Tabular(crowd(99)))
        for n in (1, 3)
    )
    np.testing.assert_array_equal(one["score"], two["score"])


def test_a_stream_is_its_rows() -> None:
    X = crowd(3_000)
    stream = Batches(lambda: (Tabular(part) for part in np.array_split(X, 7)), 4)
    whole, parts = (RandomCutForest(num_trees=50, num_samples_per_tree=20).fit(data) for data in (Tabular(X), stream))
    np.testing.assert_array_equal(whole.predict(Tabular(X))["score"], parts.predict(stream)["score"])


def test_sparse_rows_are_dense_rows() -> None:
    X = np.where(np.random.default_rng(0).random((200, 6)) < 0.6, 0, crowd(200, d=6)).astype(np.float32)
    dense, sparse = (RandomCutForest(num_trees=50).fit(data) for data in (Tabular(X), Tabular(sp.csr_matrix(X))))
    found = [m.predict(d)["score"] for m in (dense, sparse) for d in (Tabular(X), Tabular(sp.csr_matrix(X)))]
    for each in found[1:]:
        np.testing.assert_array_equal(each, found[0])


def test_four_hosts_fit_as_one() -> None:
    X, world = crowd(6_000), 4
    meeting, brought, models = threading.Barrier(world), {}, [None] * world
    make = partial(RandomCutForest, num_trees=100, num_samples_per_tree=32)

    def host(rank: int) -> None:
        context = Together(rank=rank, world=world, meeting=meeting, brought=brought)
        models[rank] = make().fit(Tabular(X[rank::world]), context=context)

    threads = [threading.Thread(target=host, args=(rank,)) for rank in range(world)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    asked = Tabular(crowd(300, 9))
    scores = [model.predict(asked)["score"] for model in models]
    for each in scores[1:]:
        np.testing.assert_array_equal(each, scores[0])
    one, other = (make().fit(Tabular(X), context=Standalone(seed=s)).predict(asked)["score"] for s in (0, 1))
    assert np.abs(scores[0] - one).mean() < 1.5 * np.abs(other - one).mean()  # as close as another seed
    assert spearmanr(scores[0], one)[0] > 0.9


def test_other_columns_are_refused() -> None:
    with pytest.raises(DataError, match="4 features"):
        RandomCutForest(feature_dim=3).fit(Tabular(crowd(10)))
    model = RandomCutForest(num_trees=50).fit(Tabular(crowd(10)))
    with pytest.raises(DataError, match="fitted on 4 columns"):
        model.predict(Tabular(crowd(10, d=5)))
    with pytest.raises(DataError, match="missing"):
        model.predict(Tabular(np.full((1, 4), np.nan, np.float32)))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("first", lambda a: a + 1), ("first", lambda a: a[::-1]), ("mass", lambda a: a * 0), ("mass", lambda a: a[1:]),
        ("dimension", lambda a: a + 4), ("dimension", lambda a: a - 4), ("left", lambda a: a * 0),
        ("right", lambda a: a + 100), ("left", lambda a: a - 100), ("cut", lambda a: a * np.nan),
        ("points", lambda a: a[:, :3]), ("points", lambda a: a * np.inf), ("left", lambda a: a.astype(np.float32)),
    ],
)  # fmt: skip
def test_an_artifact_that_leads_astray_is_refused(tmp_path, name, change) -> None:
    model = RandomCutForest(num_trees=50, num_samples_per_tree=16).fit(Tabular(crowd(100)))
    model.save(tmp_path)
    content = (tmp_path / FILE).read_bytes()
    assert Forest.read(content, 4).points.shape == model.forest_.points.shape
    arrays = read_ndarrays(content)
    with np.errstate(all="ignore"), pytest.raises(IntegrityError):
        Forest.read(write_ndarrays({**arrays, name: np.ascontiguousarray(change(arrays[name]))}), 4)
