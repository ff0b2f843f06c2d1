"""K-means against scikit-learn: its cost against Lloyd's from ten starts, its time against MiniBatchKMeans'.

    .clients/peers/bin/python benchmarks/methods/kmeans.py      memory of a stream of 16 times the rows

Equal cost means: MiniBatchKMeans is given more starts until its cost is ours or less, and is timed with the first
number of starts that suffices; where none of ``STARTS`` does, with the most.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.algorithms import SHARED, Line, Measured, timed

BAR = "within 3 % of Lloyd's cost; at least MiniBatchKMeans' speed at equal cost"
STARTS = (1, 3, 10)
Rows = np.ndarray


def cases(seed: int) -> Iterator[tuple[str, Rows, int]]:
    """Yield generated groups, plain noise, and a public table."""
    from sklearn.datasets import make_blobs

    yield "groups 40k×16, k=10", make_blobs(40_000, 16, centers=10, random_state=seed)[0].astype(np.float32), 10
    wide = make_blobs(40_000, 16, centers=50, cluster_std=3.0, random_state=seed)[0]
    yield "overlapping 40k×16, k=50", wide.astype(np.float32), 50
    yield "noise 20k×8, k=12", np.random.default_rng(seed).normal(size=(20_000, 8)).astype(np.float32), 12
    letters = np.genfromtxt(SHARED / "data/tabular/letter.csv", delimiter=",", skip_header=1, dtype=np.float32)
    numbers = letters[:, np.isfinite(letters).all(axis=0)]
    yield "letter 20k×16, k=26", np.ascontiguousarray(numbers), 26


def measure(seed: int, threads: int) -> list[Measured]:
    """Fit both on the same rows; the quality is the cost over Lloyd's."""
    from sklearn.cluster import KMeans as Lloyd
    from sklearn.cluster import MiniBatchKMeans
    from threadpoolctl import threadpool_limits

    from tarragon.algorithms import Standalone
    from tarragon.algorithms.kmeans import KMeans
    from tarragon.data import Tabular

    found = []
    with threadpool_limits(threads):
        for name, X, k in cases(seed):
            best = Lloyd(k, n_init=4, random_state=seed).fit(X).inertia_ / len(X)
            context = Standalone(seed=seed, threads=threads)
            seconds, model = timed(lambda X=X, k=k, c=context: KMeans(k=k).fit(Tabular(X), context=c))
            cost = model.msd_
            for starts in STARTS:
                peer_seconds, peer = timed(
                    lambda X=X, k=k, n=starts: MiniBatchKMeans(k, n_init=n, random_state=seed).fit(X)
                )
                if peer.inertia_ / len(X) <= cost:
                    break
            peer_cost = peer.inertia_ / len(X)
            found.append(
                Measured(name, "cost/Lloyd", seconds, cost / best, "MiniBatchKMeans", peer_seconds, peer_cost / best)
            )
    return found


def met(lines: Mapping[str, Line]) -> bool:
    """Whether every case is within 3 %, and as fast."""
    return all(line.quality <= 1.03 and line.ratio >= 1.0 for line in lines.values())


def memory() -> None:
    """Print the peak of Python's and numpy's memory, and the time, for a stream and for one of 16 times the rows."""
    import tracemalloc

    from tarragon.algorithms.kmeans import KMeans
    from tarragon.data import Batches, Tabular

    def stream(blocks: int) -> Batches:
        def opened() -> Iterator[Tabular]:
            rng = np.random.default_rng(0)
            for _ in range(blocks):
                yield Tabular(rng.normal(size=(5_000, 20)).astype(np.float32))

        return Batches(opened, 20)

    peaks, seconds = [], []
    KMeans(k=10).fit(stream(1))
    for blocks in (8, 128):
        seconds.append(timed(lambda n=blocks: KMeans(k=10).fit(stream(n)))[0])
        tracemalloc.start()
        KMeans(k=10).fit(stream(blocks))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    print(f"memory {peaks[1] / peaks[0]:.3f}×, time {seconds[1] / seconds[0]:.1f}× at 16× the rows")


if __name__ == "__main__":
    memory()
