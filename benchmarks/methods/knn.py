"""The container's nearest neighbours against scikit-learn's: equal answers, time of fit and 1,000 queries."""

from collections.abc import Iterator, Mapping

import numpy as np
from benchmarks.algorithms import SHARED, Line, Measured, timed

BAR = "exact mode equals brute force; at least scikit-learn's speed"
Rows = np.ndarray
ASKED = 1_000


def cases(seed: int) -> Iterator[tuple[str, Rows, Rows]]:
    """Yield few and many columns, generated, and public pictures: rows and labels."""
    rng = np.random.default_rng(seed)
    for n, d in ((20_000, 4), (10_000, 12), (10_000, 40)):
        X = rng.normal(size=(n + ASKED, d)).astype(np.float32)
        yield f"normal {n // 1000}k×{d}", X, (X[:, 0] + X[:, 1] > 0).astype(float)
    digits = np.loadtxt(SHARED / "data/image/mnist_5k.csv.gz", delimiter=",", skiprows=1, dtype=np.float32)
    label = int(np.flatnonzero(digits.max(axis=0) == 9)[0])
    digits = digits[rng.permutation(len(digits))]
    yield "mnist 4k×784", np.delete(digits, label, axis=1), digits[:, label].astype(float)


def measure(seed: int, threads: int) -> list[Measured]:
    """Fit both on the same rows and ask them the same; the quality is the share of distances that brute force finds."""
    from scipy.spatial.distance import cdist
    from sklearn.neighbors import KNeighborsClassifier
    from threadpoolctl import threadpool_limits

    from tarragon.algorithms import Standalone
    from tarragon.algorithms.knn_index import KNNIndex
    from tarragon.data import Tabular

    def ours(X: Rows, y: Rows, asked: Rows) -> KNNIndex:
        model = KNNIndex(k=10, predictor_type="classifier", sample_size=len(X))
        model.fit(Tabular(X, y=y), context=Standalone(seed=seed, threads=threads))
        model.predict(Tabular(asked))
        return model

    def peers(X: Rows, y: Rows, asked: Rows) -> KNeighborsClassifier:
        model = KNeighborsClassifier(10).fit(X, y)
        model.predict(asked)
        return model

    found = []
    with threadpool_limits(threads):
        for name, rows, labels in cases(seed):
            X, y, asked = rows[ASKED:], labels[ASKED:], rows[:ASKED]
            peers(X[:200], y[:200], asked[:9])
            ours(X[:200], y[:200], asked[:9])
            seconds, model = timed(lambda a=(X, y, asked): ours(*a))
            peer_seconds, peer = timed(lambda a=(X, y, asked): peers(*a))
            exact = np.sort(cdist(asked[:200].astype(float), X.astype(float), "sqeuclidean"), axis=1)[:, :10]
            own, theirs = model.nearest(Tabular(asked[:200]))[0], peer.kneighbors(asked[:200])[0] ** 2
            right, others = (float(np.isclose(g, exact, rtol=1e-5, atol=1e-9).mean()) for g in (own, theirs))
            found.append(Measured(name, "exact", seconds, right, "KNeighborsClassifier", peer_seconds, others))
    return found


def met(lines: Mapping[str, Line]) -> bool:
    """Whether every distance is brute force's, and every case as fast."""
    return all(line.quality == 1.0 and line.ratio >= 1.0 for line in lines.values())
