"""The contract; costs near Lloyd's; streams, shards, offsets, and artifacts of SageMaker."""

import threading
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans as Peer

from tarragon.algorithms import Standalone
from tarragon.algorithms.kmeans import FILE, KMeans
from tarragon.algorithms.model_contract import ModelContract
from tarragon.data import Batches, Tabular, read_ndarrays, write_ndarrays
from tarragon.errors import DataError, IntegrityError

from .test_reservoir import Together


def groups(n: int, k: int = 5, d: int = 4, seed: int = 0, spread: float = 1.0) -> np.ndarray:
    """Rows around k places."""
    rng = np.random.default_rng(seed)
    places = np.random.default_rng(99).normal(0, 8, (k, d))
    return (places[rng.integers(0, k, n)] + rng.normal(0, spread, (n, d))).astype(np.float32)


class TestKMeans(ModelContract):
    algorithm = KMeans(k=3, epochs=4, mini_batch_size=100)
    iterative = True

    def data(self, seed):
        return Tabular(groups(300, seed=seed))

    def bad(self):
        gap = groups(10)
        gap[3, 2] = np.nan
        return {
            "no rows": Tabular(groups(10)[:0]), "no columns": Tabular(groups(10)[:, :0]), "a gap": Tabular(gap),
            "two rows": Tabular(groups(2)), "an empty stream": Batches(lambda: iter(()), 4),
        }  # fmt: skip


def cost(X: np.ndarray, centres: np.ndarray) -> float:
    return float(cdist(X.astype(float), centres.astype(float), "sqeuclidean").min(axis=1).mean())


@pytest.mark.parametrize(
    ("X", "k"),
    [
        (groups(2_000), 5), (groups(2_000, spread=4.0), 12), (groups(2_000, 40, 8), 40),
        (np.random.default_rng(0).normal(size=(2_000, 3)).astype(np.float32), 8),
    ],
)  # fmt: skip
@pytest.mark.parametrize("init", ["random", "kmeans++"])
def test_the_cost_is_near_lloyds(X: np.ndarray, k: int, init: str) -> None:
    model = KMeans(k=k, init_method=init, mini_batch_size=500).fit(Tabular(X))
    assert model.msd_ == pytest.approx(cost(X, model.centres_), rel=1e-4)
    assert model.msd_ <= 1.03 * Peer(k, n_init=4, random_state=0).fit(X).inertia_ / len(X)
    assert len(model.attempts_) == 10
    assert model.followed_ == 10 * k


def test_answers_are_brute_force() -> None:
    X, asked = groups(1_000), groups(200, seed=3)
    model = KMeans(k=5).fit(Tabular(X))
    far = cdist(asked.astype(float), model.centres_.astype(float))
    found = model.predict(Tabular(asked))
    np.testing.assert_array_equal(found["closest_cluster"], far.argmin(axis=1))
    np.testing.assert_allclose(found["distance_to_cluster"], far.min(axis=1), rtol=1e-9)


def test_rows_far_from_nought_keep_their_groups() -> None:
    X = groups(1_000)
    near, far = (KMeans(k=5).fit(Tabular(X + np.float32(offset))) for offset in (0.0, 20_000.0))
    np.testing.assert_allclose(far.msd_, near.msd_, rtol=0.01)
    labels = [m.predict(Tabular(X + np.float32(o)))["closest_cluster"] for m, o in ((near, 0.0), (far, 20_000.0))]
    np.testing.assert_array_equal(*labels)


def test_rows_in_order_of_their_groups_mislead_nobody() -> None:
    X = groups(5_000, 8)
    X = X[np.argsort(X[:, 0])]
    model = KMeans(k=8, mini_batch_size=100).fit(Tabular(X))
    assert model.msd_ <= 1.03 * Peer(8, n_init=4, random_state=0).fit(X).inertia_ / len(X)


def test_a_stream_and_sparse_rows_are_the_table() -> None:
    X = np.maximum(groups(2_000), 0)
    stream = Batches(lambda: (Tabular(part) for part in np.array_split(X, 7)), 4)
    kinds = (Tabular(X), stream, Tabular(sp.csr_matrix(X)))
    models = [KMeans(k=4, mini_batch_size=300).fit(data) for data in kinds]
    for model in models[1:]:
        np.testing.assert_allclose(model.centres_, models[0].centres_, rtol=1e-3, atol=1e-3)
    for data in kinds:
        assert len(models[0].predict(data)["closest_cluster"]) == 2_000


def test_weights_count_as_repeated_rows() -> None:
    X = np.array([[0.0], [1.0], [10.0], [11.0]], np.float32)
    model = KMeans(k=2).fit(Tabular(X, weight=np.array([3.0, 1.0, 1.0, 1.0])))
    assert sorted(model.centres_[:, 0].tolist()) == pytest.approx([0.25, 10.5])
    assert model.msd_ == pytest.approx((3 * 0.0625 + 0.5625 + 0.5) / 6)


def test_a_half_life_follows_what_came_last() -> None:
    """Without closing passes' help: the followed centres alone are asked."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 0.1, (4_000, 1)), rng.normal(5, 0.1, (400, 1))]).astype(np.float32)
    one = {"k": 2, "extra_center_factor": 1, "mini_batch_size": 50}
    slow, quick = (KMeans(**one, half_life_time_size=h).fit(Tabular(X)) for h in (0, 100))
    for model in (slow, quick):
        assert sorted(model.centres_[:, 0].round().tolist()) == [0.0, 5.0]


def test_four_hosts_fit_as_one() -> None:
    X, world = groups(6_001, 6, spread=2.0), 4
    meeting, brought, models = threading.Barrier(world), {}, [None] * world
    make = partial(KMeans, k=6, mini_batch_size=400)

    def host(rank: int) -> None:
        context = Together(rank=rank, world=world, meeting=meeting, brought=brought)
        models[rank] = make().fit(Tabular(X[rank::4] if rank else X[::4][:900]), context=context)

    threads = [threading.Thread(target=host, args=(rank,)) for rank in range(world)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for model in models[1:]:
        np.testing.assert_array_equal(model.centres_, models[0].centres_)
    rows = np.concatenate([X[::4][:900], X[1::4], X[2::4], X[3::4]])
    alone = make().fit(Tabular(rows))
    assert models[0].msd_ == pytest.approx(cost(rows, models[0].centres_), rel=1e-4)
    assert models[0].msd_ == pytest.approx(alone.msd_, rel=0.01)


def test_as_many_clusters_as_rows() -> None:
    X = np.arange(5, dtype=np.float32)[:, None]
    model = KMeans(k=5).fit(Tabular(X))
    assert model.msd_ == pytest.approx(0.0, abs=1e-9)
    same = KMeans(k=3).fit(Tabular(np.ones((10, 2), np.float32)))
    np.testing.assert_array_equal(same.centres_, np.ones((3, 2)))


def test_the_artifact_is_sagemakers(tmp_path) -> None:
    model = KMeans(k=5).fit(Tabular(groups(500)))
    model.save(tmp_path)
    arrays = read_ndarrays((tmp_path / FILE).read_bytes())
    assert list(arrays) == ["0"]
    np.testing.assert_array_equal(arrays["0"], model.centres_)
    assert arrays["0"].dtype == np.float32
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / FILE).write_bytes((tmp_path / FILE).read_bytes())
    loaded = KMeans.load(theirs)
    assert (loaded.k, loaded.feature_dim) == (5, 4)
    np.testing.assert_array_equal(
        *(m.predict(Tabular(groups(50, seed=2)))["distance_to_cluster"] for m in (model, loaded))
    )


@pytest.mark.parametrize(
    "arrays",
    [
        [], [np.ones((2, 3), np.float32)] * 2, [np.ones(3, np.float32)], [np.full((2, 3), np.nan, np.float32)],
        [np.ones((2, 3), np.int32)], [np.ones((0, 3), np.float32)],
    ],
)  # fmt: skip
def test_arrays_that_are_no_centres_are_refused(tmp_path, arrays) -> None:
    (tmp_path / FILE).write_bytes(write_ndarrays(arrays))
    with pytest.raises(IntegrityError):
        KMeans.load(tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path) -> None:
    with pytest.raises(IntegrityError):
        KMeans.load(tmp_path)


def test_columns_are_held_against_feature_dim() -> None:
    with pytest.raises(DataError, match="feature_dim is 7"):
        KMeans(k=2, feature_dim=7).fit(Tabular(groups(10)))


def test_asked_to_stop_in_the_middle_it_still_has_centres() -> None:
    class Now(Standalone):
        def stop_asked(self) -> bool:
            return True

    model = KMeans(k=3, mini_batch_size=50, epochs=9).fit(Tabular(groups(1_000)), context=(context := Now()))
    assert len(context.epochs) == 1
    assert np.isfinite(model.centres_).all()
