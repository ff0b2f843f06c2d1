"""Random cut forests beside scikit-learn's isolation forest and the rrcf library.

Run as a script, it measures what a stream of rows takes: peak memory and time at 1 and 16 times the rows.

    .clients/peers/bin/python benchmarks/methods/random_cut_forest.py
"""

import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.algorithms import SHARED, Line, Measured, timed

BAR = "AUC on the taxi series at least isolation forest's; at least 100 times as fast as rrcf, as good at finding"
SHINGLE = 48  # half-hours: a day
TREES, SAMPLES = 100, 256
ASKED = (60, 200)  # rows that rrcf scores, one insertion into every tree each
BASE, COLUMNS, BLOCK = 250_000, 20, 10_000
MEMORY, LINEAR = 1.1, 1.1


def measure(seed: int, threads: int) -> list[Measured]:
    return [_taxi(seed, threads), *(_plain(seed, threads, asked) for asked in ASKED)]


def _taxi(seed: int, threads: int) -> Measured:
    import pandas as pd
    from sklearn.ensemble import IsolationForest
    from sklearn.metrics import roc_auc_score

    from tarragon.algorithms import Standalone, get
    from tarragon.data import Tabular

    frame = pd.read_csv(SHARED / "data" / "anomaly" / "nyc_taxi_passengers.csv")
    judged = pd.read_csv(SHARED / "data" / "splits" / "nyc_taxi_passengers.test.csv", header=None)[0].to_numpy()
    values = frame["value"].to_numpy(np.float32)
    X = np.lib.stride_tricks.sliding_window_view(values, SHINGLE).copy()
    last = np.arange(SHINGLE - 1, len(values))
    kept = np.isin(last, judged)
    y = frame["is_anomaly"].to_numpy()[last]

    def ours() -> np.ndarray:
        model = get("random-cut-forest")(num_trees=TREES, num_samples_per_tree=SAMPLES)
        model.fit(Tabular(X), context=Standalone(seed=seed, threads=threads))
        return model.predict(Tabular(X))["score"]

    def theirs() -> np.ndarray:
        forest = IsolationForest(n_estimators=TREES, max_samples=SAMPLES, random_state=seed, n_jobs=threads)
        return -forest.fit(X).score_samples(X)

    ours()  # compiled code is read from its cache once a process
    seconds, score = timed(ours)
    peer_seconds, peer = timed(theirs)
    return Measured(
        f"taxi passengers, windows of {SHINGLE}", "AUC", seconds, float(roc_auc_score(y[kept], score[kept])),
        "IsolationForest", peer_seconds, float(roc_auc_score(y[kept], peer[kept])),
    )  # fmt: skip


def _plain(seed: int, threads: int, count: int) -> Measured:
    warnings.filterwarnings("ignore", category=UserWarning)
    import rrcf
    from sklearn.metrics import roc_auc_score

    from tarragon.algorithms import Standalone, get
    from tarragon.data import Tabular

    rng = np.random.default_rng(seed)
    X = rng.normal(size=(TREES * SAMPLES, 8)).astype(np.float32)
    asked = rng.normal(size=(count, 8)).astype(np.float32)
    odd = np.arange(count) % 10 == 0
    asked[odd] += 2.5

    def ours() -> np.ndarray:
        model = get("random-cut-forest")(num_trees=TREES, num_samples_per_tree=SAMPLES)
        model.fit(Tabular(X), context=Standalone(seed=seed, threads=threads))
        return model.predict(Tabular(asked))["score"]

    def theirs() -> np.ndarray:
        dealt = rng.permutation(len(X)).reshape(TREES, SAMPLES)
        forest = [rrcf.RCTree(X[rows].astype(float), index_labels=rows) for rows in dealt]
        found = np.zeros(count)
        for i, row in enumerate(asked.astype(float)):
            for tree in forest:
                tree.insert_point(row, index="asked")
                found[i] += tree.codisp("asked")
                tree.forget_point("asked")
        return found / TREES

    ours()
    seconds, score = timed(ours)
    peer_seconds, peer = timed(theirs)
    return Measured(
        f"{TREES} trees of {SAMPLES}, {count} asked", "AUC", seconds, float(roc_auc_score(odd, score)),
        "rrcf", peer_seconds, float(roc_auc_score(odd, peer)),
    )  # fmt: skip


def met(lines: Mapping[str, Line]) -> bool:
    good = True
    for line in lines.values():
        if line.peer == "rrcf":
            good &= line.quality >= line.peer_quality - 0.02 and line.ratio >= 100
        else:
            good &= line.quality >= line.peer_quality
    return good


def memory() -> bool:
    """Fit to a stream of 1 and 16 times the rows, each in a process of its own; print what it took."""
    found = []
    for times in (1, 16):
        command = [sys.executable, __file__, str(times)]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found.append(tuple(map(float, out.split())))
    (small, few), (large, many) = found
    held, linear = large / small, many / (16 * few)
    print(f"peak memory {small:.0f} MB, {large:.0f} MB at 16 times the rows: {held:.3f}×")
    print(f"{few:.2f} s, {many:.2f} s: {linear:.2f} times what linear growth gives")
    return held <= MEMORY and linear <= LINEAR


def _streamed(times: int) -> None:
    from tarragon.algorithms import get
    from tarragon.data import Batches, Tabular

    def blocks() -> Iterator[Tabular]:
        rng = np.random.default_rng(0)
        for _ in range(times * BASE // BLOCK):
            yield Tabular(rng.standard_normal((BLOCK, COLUMNS), np.float32))

    make = get("random-cut-forest")
    make(num_trees=50, num_samples_per_tree=2).fit(Tabular(np.ones((9, COLUMNS), np.float32)))
    began = time.perf_counter()
    make().fit(Batches(blocks, COLUMNS))
    seconds = time.perf_counter() - began
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, seconds)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _streamed(int(sys.argv[1]))
    else:
        sys.exit(0 if memory() else 1)
