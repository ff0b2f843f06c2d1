"""The contract; directions against the singular value decomposition; streams, shards, and artifacts of SageMaker."""

import threading

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.linalg import subspace_angles

from tarragon.algorithms import Standalone
from tarragon.algorithms.model_contract import ModelContract
from tarragon.algorithms.pca import FILE, PCA
from tarragon.data import Batches, Tabular, read_ndarrays, write_ndarrays
from tarragon.errors import DataError, IntegrityError, ParameterError

from .test_reservoir import Together

MODES = ("regular", "randomized")


def plane(n: int, d: int = 12, rank: int = 4, seed: int = 0, offset: float = 3.0) -> np.ndarray:
    """Rows near a plane."""
    rng = np.random.default_rng(seed)
    axes = np.random.default_rng(98).normal(size=(rank, d))
    return (rng.normal(size=(n, rank)) * np.arange(1, rank + 1) @ axes + rng.normal(0, 0.3, (n, d)) + offset).astype(
        np.float32
    )


class TestPCA(ModelContract):
    algorithm = PCA(num_components=3)

    def data(self, seed):
        return Tabular(plane(200, seed=seed))

    def bad(self):
        gap = plane(10)
        gap[3, 2] = np.inf
        return {
            "no rows": Tabular(plane(10)[:0]), "no columns": Tabular(plane(10)[:, :0]), "infinity": Tabular(gap),
            "three rows": Tabular(plane(3)), "two columns": Tabular(plane(10)[:, :2]),
            "an empty stream": Batches(lambda: iter(()), 12),
        }  # fmt: skip


class TestRandomized(TestPCA):
    algorithm = PCA(num_components=3, algorithm_mode="randomized")


def exact(X: np.ndarray, k: int, *, centred: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """(d, k) directions and (k,) singular values, smallest to largest."""
    rows = X.astype(float) - (X.mean(axis=0, dtype=float) if centred else 0.0)
    _, s, vt = np.linalg.svd(rows, full_matrices=False)
    return vt[:k][::-1].T, s[:k][::-1]


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("mode", MODES)
def test_directions_are_the_exact_ones(mode: str, centred: bool) -> None:
    X = plane(3_000)
    model = PCA(num_components=4, algorithm_mode=mode, subtract_mean=centred).fit(Tabular(X))
    v, s = exact(X, 4, centred=centred)
    assert subspace_angles(model.components_, v).max() < 1e-4
    for own, theirs in zip(model.components_.T, v.T, strict=True):
        assert abs(own @ theirs) == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_allclose(model.singular_values_, s, rtol=1e-4)
    assert (np.diff(model.singular_values_) > 0).all()
    np.testing.assert_allclose(model.mean_, X.mean(axis=0) if centred else np.zeros(12), rtol=1e-4)


def test_slowly_falling_variances_are_nearly_all_found_at_random() -> None:
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(4_000, 200)) / np.sqrt(np.arange(1, 201))).astype(np.float32)
    _, s = exact(X, 10)
    found = PCA(num_components=10, algorithm_mode="randomized").fit(Tabular(X)).components_
    kept = np.linalg.norm((X - X.mean(axis=0)) @ np.linalg.qr(found)[0]) ** 2
    assert kept >= 0.99 * (s**2).sum()


@pytest.mark.parametrize("mode", MODES)
def test_the_largest_entry_is_positive(mode: str) -> None:
    for seed in range(5):
        v = PCA(num_components=4, algorithm_mode=mode).fit(Tabular(plane(300, seed=seed))).components_
        assert (v[np.abs(v).argmax(axis=0), range(4)] > 0).all()
        np.testing.assert_allclose(v.T @ v, np.eye(4), atol=1e-5)


def test_rows_are_projected_about_the_mean() -> None:
    X = plane(500)
    model = PCA(num_components=12).fit(Tabular(X))
    p = model.predict(Tabular(X))["projection"]
    np.testing.assert_allclose(p, (X - model.mean_) @ model.components_, atol=1e-4)
    np.testing.assert_allclose(p @ model.components_.T + model.mean_, X, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(p, axis=0), model.singular_values_, rtol=1e-4)


@pytest.mark.parametrize("mode", MODES)
def test_a_stream_and_sparse_rows_are_the_table(mode: str) -> None:
    X = np.maximum(plane(1_000), 0)
    stream = Batches(lambda: (Tabular(part) for part in np.array_split(X, 7)), 12)
    models = [
        PCA(num_components=3, algorithm_mode=mode).fit(data) for data in (Tabular(X), stream, Tabular(sp.csr_matrix(X)))
    ]
    for model in models[1:]:
        np.testing.assert_allclose(model.components_, models[0].components_, atol=1e-4)
    np.testing.assert_allclose(
        models[0].predict(stream)["projection"], models[0].predict(Tabular(X))["projection"], atol=1e-5
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("centred", [True, False])
def test_four_hosts_fit_as_one(mode: str, centred: bool) -> None:
    X, world = plane(4_000), 4
    X[1::4] += 5.0  # shares differ
    meeting, brought, models = threading.Barrier(world), {}, [None] * world

    def made() -> PCA:
        return PCA(num_components=3, algorithm_mode=mode, subtract_mean=centred)

    def host(rank: int) -> None:
        context = Together(rank=rank, world=world, meeting=meeting, brought=brought)
        models[rank] = made().fit(Tabular(X[rank::4]), context=context)

    threads = [threading.Thread(target=host, args=(rank,)) for rank in range(world)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    alone = made().fit(Tabular(X))
    for model in models:
        np.testing.assert_allclose(model.components_, alone.components_, atol=2e-4)
        np.testing.assert_allclose(model.singular_values_, alone.singular_values_, rtol=1e-4)
        np.testing.assert_array_equal(model.components_, models[0].components_)


def test_the_artifact_is_sagemakers(tmp_path) -> None:
    for centred in (True, False):
        folder = tmp_path / str(centred)
        folder.mkdir()
        model = PCA(num_components=4, subtract_mean=centred).fit(Tabular(plane(100)))
        model.save(folder)
        arrays = read_ndarrays((folder / FILE).read_bytes())
        shapes = {name: a.shape for name, a in arrays.items()}
        assert shapes == {**({"mean": (1, 12)} if centred else {}), "v": (12, 4), "s": (4,)}
        theirs = folder / "theirs"
        theirs.mkdir()
        (theirs / FILE).write_bytes((folder / FILE).read_bytes())
        loaded = PCA.load(theirs)
        assert (loaded.num_components, loaded.feature_dim, loaded.subtract_mean) == (4, 12, centred)
        np.testing.assert_array_equal(*(m.predict(Tabular(plane(9, seed=1)))["projection"] for m in (model, loaded)))


V, S = np.ones((3, 2), np.float32), np.ones(2, np.float32)


@pytest.mark.parametrize(
    "arrays",
    [
        {}, {"v": V}, {"s": S}, {"v": V, "s": S[:1]}, {"v": V, "s": S, "mean": np.ones(2, np.float32)},
        {"v": V * np.nan, "s": S}, {"v": V[:0], "s": S}, {"v": V.astype(np.int32), "s": S},
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit_are_refused(tmp_path, arrays) -> None:
    (tmp_path / FILE).write_bytes(write_ndarrays(arrays))
    with pytest.raises(IntegrityError):
        PCA.load(tmp_path)


def test_more_components_than_columns_or_rows_are_refused() -> None:
    with pytest.raises(ParameterError, match="12 columns"):
        PCA(num_components=13).fit(Tabular(plane(100)))
    with pytest.raises(DataError, match="There are 4 rows, and 5 are needed"):
        PCA(num_components=4).fit(Tabular(plane(4)))
    assert PCA(num_components=4, subtract_mean=False).fit(Tabular(plane(4))).components_.shape == (12, 4)


def test_equal_rows_have_no_variance() -> None:
    for mode in MODES:
        model = PCA(num_components=2, algorithm_mode=mode).fit(Tabular(np.ones((9, 3), np.float32)))
        np.testing.assert_allclose(model.singular_values_, 0.0, atol=1e-6)
        assert np.isfinite(model.components_).all()


@pytest.mark.parametrize("mode", MODES)
def test_asked_to_stop_it_ends_with_what_it_has(mode: str) -> None:
    class Now(Standalone):
        def stop_asked(self) -> bool:
            return True

    stream = Batches(lambda: (Tabular(part) for part in np.array_split(plane(1_000), 10)), 12)
    model = PCA(num_components=2, algorithm_mode=mode).fit(stream, context=(context := Now()))
    assert context.epochs[0]["records"] == 100
    assert subspace_angles(model.components_[:, -1:], exact(plane(100), 1)[0]).max() < 0.4
