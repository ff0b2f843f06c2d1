"""The machine, the libraries and the code, as a replay must find them again; and seeds derived from one seed."""

import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import numpy as np

from tarragon.engine.disk import atomic

LIBRARIES = (
    "tarragon", "numpy", "scipy", "scikit-learn", "polars", "narwhals", "lightgbm", "xgboost-cpu", "xgboost",
    "catboost", "torch", "optuna", "threadpoolctl", "safetensors",
)  # fmt: skip
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS", "PYTHONHASHSEED")
REFERENCE_S = 0.030  # the workload's seconds on the machine whose speed is called 1
REPEATS = 5
SPEED_FILE = "machine.json"
SEED_LIMIT = 2**31 - 1  # the largest seed every library takes: LightGBM and XGBoost read a 32-bit signed number


def environment() -> Mapping[str, str]:
    """Describe what the numbers of a run depend on besides data, code and seed.

    Returns
    -------
    mapping of str to str
        ``python``, ``platform``, ``cpu``, ``cpu_flags`` (hash of the instruction sets), ``cores``, ``lib.<name>`` per
        library that is installed, ``env.<NAME>`` per thread setting.
    """
    model, flags = _cpu()
    facts = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": f"{platform.system()} {platform.machine()} {'-'.join(platform.libc_ver())}".strip(),
        "cpu": model,
        "cpu_flags": hashlib.sha256(flags.encode()).hexdigest()[:16],
        "cores": str(os.cpu_count() or 1),
    }
    for name in LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            facts[f"lib.{name}"] = metadata.version(name)
    for name in THREADS:
        facts[f"env.{name}"] = os.environ.get(name, "")
    return facts


def environment_sha256(facts: Mapping[str, str] | None = None) -> str:
    """Hash an environment; equal hashes promise equal arithmetic."""
    return hashlib.sha256(json.dumps(dict(facts or environment()), sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=1)
def code_sha256() -> str:
    """Hash Tarragon's own sources, every ``.py`` file with its name, as they are on disk."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py"), key=lambda path: path.relative_to(root).as_posix()):
        name, content = path.relative_to(root).as_posix().encode(), path.read_bytes()
        digest.update(b"%d %s %d\n" % (len(name), name, len(content)))
        digest.update(content)
    return digest.hexdigest()


def seed_for(master: int, *labels: str) -> int:
    """Derive a seed for one part of a run, independent of the order in which parts are run.

    Examples
    --------
    >>> seed_for(0, "fold", "3") == seed_for(0, "fold", "3") != seed_for(0, "fold3")
    True
    """
    text = json.dumps([master, *labels])  # JSON keeps ("a", "b") apart from ("ab",)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % SEED_LIMIT


def calibrate(home: Path, *, clock: Callable[[], float] = time.thread_time) -> float:
    """Return how fast one core of this machine is; the reference machine is 1, a faster one more.

    Measured once, in about a tenth of a second, and kept in the home; measured anew when the processor or Python is
    another.

    Parameters
    ----------
    home : Path
    clock : callable
        Seconds; of processor time, so that other work on the machine does not count.
    """
    path = home / SPEED_FILE
    key = f"{_cpu()[0]} / {platform.python_version()} / numpy {np.__version__}"
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(path.read_bytes())
        if kept["key"] == key:
            return float(kept["speed"])
    speed = REFERENCE_S / max(min(_workload(clock) for _ in range(REPEATS)), 1e-6)
    with atomic(path) as file:
        file.write(json.dumps({"key": key, "speed": speed}).encode())
    return speed


def _workload(clock: Callable[[], float]) -> float:
    """Do what fitting trees and linear models does most (sort, gather, histogram, sum), one thread, no BLAS."""
    rng = np.random.default_rng(0)
    values = rng.random(100_000)
    start = clock()
    order = np.argsort(values)
    bins = (values * 255).astype(np.uint8)
    for _ in range(10):
        np.bincount(bins, weights=values, minlength=256)
        values[order].cumsum()
    total = 0
    for number in range(100_000):  # the interpreter's own share
        total += number & 255
    return clock() - start


@lru_cache(maxsize=1)
def _cpu() -> tuple[str, str]:
    """Return the processor's model and instruction sets."""
    facts: dict[str, str] = {}
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            facts.setdefault(name.strip().lower(), value.strip())
    model = facts.get("model name") or facts.get("cpu part") or platform.processor() or platform.machine()
    return model, " ".join(sorted((facts.get("flags") or facts.get("features") or sys.platform).split()))
