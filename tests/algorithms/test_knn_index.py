"""The contract; exact answers against scikit-learn's; samples, projections, hosts, and the files that may be edited."""

import json
import threading
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from tarragon.algorithms.knn_index import FILE, KNNIndex, voted
from tarragon.algorithms.model_contract import ModelContract
from tarragon.data import Batches, Tabular
from tarragon.errors import DataError, IntegrityError, NotFittedError, ParameterError

from .test_reservoir import Together


def table(n: int, seed: int = 0, d: int = 6, classes: int = 3) -> Tabular:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)).astype(np.float32)
    value = X[:, 0] + X[:, 1] ** 2
    y = np.digitize(value, [0.0, 1.5]).astype(float) if classes else value.astype(float)
    return Tabular(X, y=y)


CLASSES = partial(KNNIndex, k=5, predictor_type="classifier", sample_size=10_000)
VALUES = partial(KNNIndex, k=5, predictor_type="regressor", sample_size=10_000)


class TestKNNIndex(ModelContract):
    algorithm = CLASSES()

    def data(self, seed):
        return table(200, seed)

    def bad(self):
        good = table(20)
        gap = good.X.copy()
        gap[3, 2] = np.nan
        return {
            "no rows": good.rows(np.arange(0)), "no columns": Tabular(good.X[:, :0], y=good.y), "too few": table(4),
            "a gap": Tabular(gap, y=good.y), "no labels": Tabular(good.X), "halves": Tabular(good.X, y=good.y / 2),
            "negative": Tabular(good.X, y=good.y - 1), "missing labels": Tabular(good.X, y=good.y * np.nan),
            "an empty stream": Batches(lambda: iter(()), 6),
        }  # fmt: skip


class TestReduced(TestKNNIndex):
    algorithm = CLASSES(dimension_reduction_type="fjlt", dimension_reduction_target=4, index_metric="COSINE")


class TestLists(TestKNNIndex):
    algorithm = VALUES(index_type="faiss.IVFFlat", index_metric="INNER_PRODUCT")

    def bad(self):
        return {"no labels": Tabular(table(20).X)}


class TestCodes(TestKNNIndex):
    algorithm = CLASSES(index_type="faiss.IVFPQ", faiss_index_pq_m=4, faiss_index_ivf_nlists=3)


@pytest.mark.parametrize("d", [3, 20])
def test_exact_answers_are_scikit_learns(d: int) -> None:
    data, asked = table(2_000, d=d), table(300, 1, d)
    found = CLASSES().fit(data)
    peer = KNeighborsClassifier(5).fit(data.X, data.y)
    np.testing.assert_array_equal(found.predict(asked)["predicted_label"], peer.predict(asked.X))
    gap, labels = found.nearest(asked)
    near, which = peer.kneighbors(asked.X.astype(float))
    np.testing.assert_allclose(gap, near**2, rtol=1e-5)
    np.testing.assert_array_equal(labels, data.y[which])
    data, asked = table(2_000, d=d, classes=0), table(300, 1, d, 0)
    values = KNeighborsRegressor(5).fit(data.X, data.y).predict(asked.X)
    np.testing.assert_allclose(VALUES().fit(data).predict(asked)["predicted_label"], values, rtol=1e-5, atol=1e-6)


def test_votes() -> None:
    labels = np.random.default_rng(0).integers(0, 4, (300, 7)).astype(float)
    expected = [np.bincount(row.astype(int)).argmax() for row in labels]
    assert voted(labels).tolist() == expected
    assert voted(labels[:, :1]).tolist() == labels[:, 0].tolist()


def test_the_sample_is_as_large_as_asked_for() -> None:
    model = VALUES(sample_size=50).fit(table(1_000, classes=0))
    assert model.neighbours_.shape.n == len(model.labels_) == 50
    known = {round(float(v), 5) for v in table(1_000, classes=0).y}
    assert {round(float(v), 5) for v in model.labels_} <= known


def test_a_stream_and_sparse_rows_are_the_table() -> None:
    data = table(900)
    parts = [data.rows(part) for part in np.array_split(np.arange(900), 7)]
    kinds = (data, Batches(lambda: iter(parts), 6), Tabular(sp.csr_matrix(data.X), y=data.y))
    first, *others = (CLASSES(sample_size=300).fit(each) for each in kinds)
    for model in others:
        np.testing.assert_array_equal(model.neighbours_.rows(), first.neighbours_.rows())
    np.testing.assert_array_equal(*(first.predict(each)["predicted_label"] for each in kinds[:2]))


@pytest.mark.parametrize("kind", ["sign", "fjlt"])
@pytest.mark.parametrize("metric", ["L2", "INNER_PRODUCT", "COSINE"])
def test_projected_rows_still_find_their_neighbours(kind: str, metric: str) -> None:
    rng = np.random.default_rng(0)
    places = rng.normal(size=(5, 100)) * 2
    y = rng.integers(0, 5, 600).astype(float)
    X = (places[y.astype(int)] + rng.normal(size=(600, 100))).astype(np.float32)
    model = CLASSES(dimension_reduction_type=kind, dimension_reduction_target=20, index_metric=metric)
    model.fit(Tabular(X[:500], y=y[:500]))
    assert model.neighbours_.shape.d == 20
    assert (model.predict(Tabular(X[500:]))["predicted_label"] == y[500:]).mean() > 0.95


def test_four_hosts_draw_as_one() -> None:
    data, world = table(4_000), 4
    meeting, brought, models = threading.Barrier(world), {}, [None] * world

    def host(rank: int) -> None:
        context = Together(rank=rank, world=world, meeting=meeting, brought=brought)
        models[rank] = CLASSES(sample_size=1_000).fit(data.rows(np.arange(rank, 4_000, 4)), context=context)

    threads = [threading.Thread(target=host, args=(rank,)) for rank in range(world)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for model in models[1:]:
        np.testing.assert_array_equal(model.neighbours_.rows(), models[0].neighbours_.rows())
    asked = table(400, 1)
    alone = CLASSES(sample_size=1_000).fit(data).predict(asked)["predicted_label"]
    shared = models[0].predict(asked)["predicted_label"]
    assert (shared == asked.y).mean() == pytest.approx((alone == asked.y).mean(), abs=0.05)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"dimension_reduction_type": "sign"}, "dimension_reduction_target is required"),
        ({"dimension_reduction_target": 3}, "dimension_reduction_type is required"),
        ({"dimension_reduction_type": "sign", "dimension_reduction_target": 6}, "dimension_reduction_target=6"),
        ({"index_type": "faiss.IVFPQ"}, "faiss_index_pq_m is required"),
        ({"index_type": "faiss.IVFPQ", "faiss_index_pq_m": 2, "index_metric": "COSINE"}, "index_metric=COSINE"),
    ],
)  # fmt: skip
def test_settings_that_do_not_go_together_are_refused(more: dict, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        CLASSES(**more).fit(table(50))


def test_unfitted_and_other_columns() -> None:
    with pytest.raises(NotFittedError):
        CLASSES().nearest(table(3))
    with pytest.raises(DataError, match="cannot find k=5"):
        CLASSES(sample_size=4).fit(table(50))
    with pytest.raises(DataError):
        CLASSES().fit(table(50)).predict(table(3, d=5))


def edited(folder, **changes: object) -> KNNIndex:
    path = folder / f"{FILE}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return KNNIndex.load(folder)


def test_k_and_the_type_may_be_edited(tmp_path) -> None:
    data, asked = table(300), table(50, 1)
    CLASSES().fit(data).save(tmp_path)
    found = edited(tmp_path, k=9).predict(asked)["predicted_label"]
    np.testing.assert_array_equal(found, KNeighborsClassifier(9).fit(data.X, data.y).predict(asked.X))
    found = edited(tmp_path, predictor_type="regressor").predict(asked)["predicted_label"]
    np.testing.assert_allclose(found, KNeighborsRegressor(9).fit(data.X, data.y).predict(asked.X), rtol=1e-6)
    for wrong in (
        {"k": 0}, {"k": "9"}, {"k": 301}, {"k": None}, {"predictor_type": "ranker"}, {"normalize": True},
        {"dimension_reduction": {"type": "sign", "seed": 1, "input_dim": 6, "target_dim": 3}},
        {"dimension_reduction": {"type": "sign", "seed": 1, "input_dim": 9, "target_dim": 3, "drawn_by": "tarragon"}},
        {"dimension_reduction": [1]},
    ):  # fmt: skip
        kept = (tmp_path / f"{FILE}.json").read_text()
        with pytest.raises(IntegrityError):
            edited(tmp_path, **wrong)
        (tmp_path / f"{FILE}.json").write_text(kept)


def test_a_model_of_sagemakers_is_read(tmp_path) -> None:
    model = CLASSES(index_metric="COSINE").fit(table(100))
    model.save(tmp_path)
    (tmp_path / ".tarragon.json").unlink()
    loaded = KNNIndex.load(tmp_path)
    assert (loaded.feature_dim, loaded.sample_size, loaded.index_metric) == (6, 100, "COSINE")
    np.testing.assert_array_equal(*(m.predict(table(40, 1))["predicted_label"] for m in (model, loaded)))
    (tmp_path / f"{FILE}.labels").write_bytes(b"\0" * 396)
    with pytest.raises(IntegrityError, match="100 rows and 99 labels"):
        KNNIndex.load(tmp_path)
    (tmp_path / f"{FILE}.labels").write_bytes(b"\0" * 399)
    with pytest.raises(IntegrityError):
        KNNIndex.load(tmp_path)
