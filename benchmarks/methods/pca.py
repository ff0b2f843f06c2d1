"""Principal components against scikit-learn: angle to the exact ones, variance kept at random, time of IncrementalPCA.

.clients/peers/bin/python benchmarks/methods/pca.py      memory of a stream of 16 times the rows
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.algorithms import Line, Measured, timed

BAR = "principal angle to exact < 1e-4; randomized at least 0.99 of its variance; at least IncrementalPCA's speed"
Rows = np.ndarray


def cases(seed: int) -> Iterator[tuple[str, Rows, int]]:
    """Yield rows near a plane, near a plane far from nought, and of slowly falling variances."""
    rng = np.random.default_rng(seed)

    def plane(n: int, d: int, k: int, offset: float) -> Rows:
        spread = rng.normal(size=(n, k)) * np.linspace(5, 2, k)
        return (spread @ rng.normal(size=(k, d)) + rng.normal(size=(n, d)) + offset).astype(np.float32)

    yield "plane 20k×100", plane(20_000, 100, 8, 0.0), 8
    yield "plane far off 8k×300", plane(8_000, 300, 12, 500.0), 12
    slow = rng.normal(size=(10_000, 200)) / np.sqrt(np.arange(1, 201)) @ np.linalg.qr(rng.normal(size=(200, 200)))[0]
    yield "slow 10k×200", slow.astype(np.float32), 10


def measure(seed: int, threads: int) -> list[Measured]:
    """Fit both modes and the peer; regular's quality is an angle, randomized's a share of the exact variance."""
    from scipy.linalg import subspace_angles
    from sklearn.decomposition import IncrementalPCA
    from threadpoolctl import threadpool_limits

    from tarragon.algorithms import Standalone
    from tarragon.algorithms.pca import PCA
    from tarragon.data import Tabular

    found = []
    with threadpool_limits(threads):
        for name, X, k in cases(seed):
            centred = X.astype(float) - X.mean(axis=0, dtype=float)
            exact = np.linalg.svd(centred, full_matrices=False)[2][:k].T
            whole = float(np.square(centred @ exact).sum())

            def share(v: Rows, centred: Rows = centred, whole: float = whole) -> float:
                return float(np.square(centred @ np.linalg.qr(v.astype(float))[0]).sum() / whole)

            peer_seconds, peer = timed(lambda X=X, k=k: IncrementalPCA(k).fit(X))
            for mode in ("regular", "randomized"):
                context = Standalone(seed=seed, threads=threads)
                made = PCA(num_components=k, algorithm_mode=mode)
                seconds, model = timed(lambda m=made, X=X, c=context: m.fit(Tabular(X), context=c))
                own, theirs = model.components_.astype(float), peer.components_.T
                if mode == "regular":
                    quality, other = subspace_angles(own, exact).max(), subspace_angles(theirs, exact).max()
                else:
                    quality, other = share(own), share(theirs)
                measure_name = "angle" if mode == "regular" else "variance"
                found.append(
                    Measured(
                        f"{name} {mode}",
                        measure_name,
                        seconds,
                        float(quality),
                        "IncrementalPCA",
                        peer_seconds,
                        float(other),
                    )
                )
    return found


def met(lines: Mapping[str, Line]) -> bool:
    """Whether angles are small, variance is kept, and both modes are as fast."""
    right = all(line.quality < 1e-4 if line.measure == "angle" else line.quality >= 0.99 for line in lines.values())
    return right and all(line.ratio >= 1.0 for line in lines.values())


def memory() -> None:
    """Print the peak of Python's and numpy's memory, and the time, for a stream and for one of 16 times the rows."""
    import tracemalloc

    from tarragon.algorithms.pca import PCA
    from tarragon.data import Batches, Tabular

    def stream(blocks: int) -> Batches:
        def opened() -> Iterator[Tabular]:
            rng = np.random.default_rng(0)
            for _ in range(blocks):
                yield Tabular(rng.normal(size=(5_000, 50)).astype(np.float32))

        return Batches(opened, 50)

    for mode in ("regular", "randomized"):
        peaks, seconds = [], []
        PCA(num_components=5, algorithm_mode=mode).fit(stream(1))
        for blocks in (8, 128):
            made = PCA(num_components=5, algorithm_mode=mode)
            seconds.append(timed(lambda m=made, n=blocks: m.fit(stream(n)))[0])
            tracemalloc.start()
            made.fit(stream(blocks))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        print(f"{mode}: memory {peaks[1] / peaks[0]:.3f}×, time {seconds[1] / seconds[0]:.1f}× at 16× the rows")


if __name__ == "__main__":
    memory()
