"""Starts workers by forking: models of built-in algorithms from a process that has their libraries loaded.

A script has a Python of its own that loads what it needs, so what starts it is kept small, and is there at once.
"""

import threading
from collections.abc import Mapping
from pathlib import Path

from tarragon.engine import LocalExecutor, Task
from tarragon.serve.protocol import Endings

LOADED = (
    "numpy", "scipy.sparse", "sklearn.linear_model", "lightgbm", "xgboost", "tarragon.serve.host",
    "tarragon.serve.builtin.booster", "tarragon.serve.builtin.scored",
)  # fmt: skip
SMALL = ("tarragon.serve.host", "tarragon.serve.place")
MOST = 4_096  # workers at a time
TARGET = "tarragon.serve.host:run"


class Forks:
    """The launcher of a server."""

    def __init__(self) -> None:
        self._executors: dict[tuple[str, ...], LocalExecutor] = {}
        self._lock = threading.Lock()

    def launch(self, argument: Mapping[str, object], folder: Path) -> Endings:
        """Start a worker."""
        executor = self._executor(SMALL if argument["framework"] else LOADED)
        return executor.submit(Task(TARGET, argument, folder, "model"))

    def warm(self) -> None:
        """Begin to load what models of built-in algorithms need, now that nobody waits."""
        self._executor(LOADED)

    def close(self) -> None:
        """End every worker."""
        for executor in self._executors.values():
            executor.close()

    def _executor(self, preload: tuple[str, ...]) -> LocalExecutor:
        with self._lock:
            if preload not in self._executors:
                self._executors[preload] = LocalExecutor(MOST, preload=preload, bounded=False)
            return self._executors[preload]
