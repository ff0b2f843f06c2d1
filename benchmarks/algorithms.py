"""Each built-in algorithm against its peer: fit time and quality of both, in one run, on equal threads.

    .clients/peers/bin/python benchmarks/algorithms.py [--only kmeans,pca] [--seeds 5] [--threads 2] [--json]

A module of ``benchmarks/methods`` measures one algorithm::

    BAR = "within 3 % of Lloyd's cost; at least MiniBatchKMeans' speed at equal cost"

    def measure(seed: int, threads: int) -> list[Measured]: ...

    def met(lines: Mapping[str, Line]) -> bool: ...     # lines by case, medians over the seeds

Both sides are fitted in this process, one after the other, so that what disturbs the machine disturbs both.
"""

import argparse
import importlib
import json
import os
import pkgutil
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
SHARED = Path(os.environ.get("TARRAGON_SHARED", Path(__file__).parents[2] / "shared"))


@dataclass(frozen=True, slots=True)
class Measured:
    """One case of one seed.

    Parameters
    ----------
    case : str
        The data, and what else distinguishes it.
    measure : str
        The quality's name.
    seconds, quality : float
        Ours.
    peer : str
        Whom it is measured against.
    peer_seconds, peer_quality : float
    """

    case: str
    measure: str
    seconds: float
    quality: float
    peer: str
    peer_seconds: float
    peer_quality: float


@dataclass(frozen=True, slots=True)
class Line:
    """Medians over the seeds; ``ratio`` is how many times as fast as the peer, ``spread`` the quality's range."""

    algorithm: str
    case: str
    measure: str
    seconds: float
    quality: float
    peer: str
    peer_seconds: float
    peer_quality: float
    ratio: float
    spread: float
    seeds: int


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Run something and say how many seconds it took."""
    began = time.perf_counter()
    done = work()
    return time.perf_counter() - began, done


def summarised(algorithm: str, seen: list[Measured]) -> Line:
    """Take the medians of one case."""

    def middle(name: str) -> float:
        return statistics.median(getattr(one, name) for one in seen)

    qualities = [one.quality for one in seen]
    ratio = statistics.median(one.peer_seconds / max(one.seconds, 1e-9) for one in seen)
    return Line(
        algorithm, seen[0].case, seen[0].measure, middle("seconds"), middle("quality"), seen[0].peer,
        middle("peer_seconds"), middle("peer_quality"), ratio, max(qualities) - min(qualities), len(seen),
    )  # fmt: skip


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", default="")
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import benchmarks.methods as methods

    known = sorted(module.name for module in pkgutil.iter_modules(methods.__path__))
    missed = 0
    for name in [n for n in known if not asked.only or n in asked.only.replace("-", "_").split(",")]:
        module: Any = importlib.import_module(f"benchmarks.methods.{name}")
        cases: dict[str, list[Measured]] = {}
        for seed in range(asked.seeds):
            for one in module.measure(seed, asked.threads):
                cases.setdefault(one.case, []).append(one)
        lines: Mapping[str, Line] = {case: summarised(name, seen) for case, seen in cases.items()}
        good = bool(module.met(lines))
        missed += not good
        for line in lines.values():
            if asked.json:
                print(json.dumps(asdict(line)), flush=True)
            else:
                print(
                    f"{name:24} {line.case:34} {line.seconds:9.3f} s  {line.measure} {line.quality:.4f}"
                    f" (±{line.spread / 2:.4f})   {line.peer}: {line.peer_seconds:.3f} s  {line.peer_quality:.4f}"
                    f"   {line.ratio:.2f}× as fast",
                    flush=True,
                )
        if not asked.json:
            print(f"{name:24} {'met' if good else 'MISSED'}: {module.BAR}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
