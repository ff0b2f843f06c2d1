"""Starts workers by forking a process that has the numerical libraries loaded; it is made when first needed."""

import threading
from collections.abc import Mapping
from pathlib import Path

from tarragon.engine import LocalExecutor, Task
from tarragon.serve.protocol import Endings

PRELOAD = (
    "numpy", "scipy.sparse", "sklearn.linear_model", "lightgbm", "xgboost", "tarragon.serve.host",
    "tarragon.serve.builtin",
)  # fmt: skip
MOST = 4_096  # workers at a time
TARGET = "tarragon.serve.host:run"


class Forks:
    """The launcher of a server."""

    def __init__(self) -> None:
        self._executor: LocalExecutor | None = None
        self._lock = threading.Lock()

    def launch(self, argument: Mapping[str, object], folder: Path) -> Endings:
        """Start a worker."""
        with self._lock:
            if self._executor is None:
                self._executor = LocalExecutor(MOST, preload=PRELOAD, bounded=False)
        return self._executor.submit(Task(TARGET, argument, folder, "model"))

    def close(self) -> None:
        """End every worker."""
        if self._executor is not None:
            self._executor.close()
