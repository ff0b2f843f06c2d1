"""What a built-in algorithm is handed, and how it tells what it does: log lines, metrics, progress, checkpoints."""

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tarragon.data import Rows, Tabular, read_files
from tarragon.errors import DataError

SMALL = 50_000  # cells


@dataclass(frozen=True, slots=True)
class Channel:
    """A named input of a training job.

    Parameters
    ----------
    folder : Path
        Where its files lie, decompressed.
    content_type : str
        As the job gave it; "" lets the files speak for themselves.
    others : tuple of Path
        Folders of the other hosts, where each has a share of the files.
    """

    folder: Path
    content_type: str = ""
    others: tuple[Path, ...] = ()


class Listener(Protocol):
    """Whoever runs the job."""

    def say(self, text: str) -> None:
        """Take a line of the log."""

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Take a metric's value."""

    def epoch(self, n: int, steps: int, records: int, seconds: float) -> None:
        """Take note that a pass is done."""

    def stop_asked(self) -> bool:
        """Whether to end now with the best so far."""


@dataclass(slots=True)
class Teller:
    """The context of a job's fit (see ``algorithms.protocol.Context``).

    Parameters
    ----------
    listener : Listener
    patterns : tuple of (str, regex)
        Metrics looked for in every line said, as SageMaker finds a built-in algorithm's own.
    checkpoints : Path, optional
        Folder of checkpoints, kept between attempts.
    round : callable, optional
        Says a pass's line: its number from 1, and the metrics.
    every_s : float
        Seconds between checkpoints.
    """

    listener: Listener
    patterns: tuple[tuple[str, re.Pattern[str]], ...] = ()
    checkpoints: Path | None = None
    seed: int = 0
    threads: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    device: str = "cpu"
    rank: int = 0
    world: int = 1
    round: Callable[[int, Mapping[str, float]], None] | None = None
    every_s: float = 5.0
    clock: Callable[[], float] = time.monotonic
    _told: float = field(default=0.0, init=False)
    _kept: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._told = self._kept = self.clock()

    def say(self, text: str) -> None:
        """Print a line, and record the metrics that are in it."""
        self.listener.say(text)
        for name, pattern in self.patterns:
            for found in pattern.finditer(text):
                self.listener.metric(name, float(found[1]))

    def epoch(self, n: int, *, steps: int, records: int, metrics: Mapping[str, float]) -> None:
        """Pass on that a pass is done, and say its line."""
        now = self.clock()
        self.listener.epoch(n, steps, records, now - self._told)
        self._told = now
        if self.round is not None:
            self.round(n, metrics)

    def stop_asked(self) -> bool:
        """Ask the job."""
        return self.listener.stop_asked()

    def threads_for(self, rows: Tabular) -> int:
        """Say how many threads a table is worth: starting them costs more than a small one takes."""
        return 1 if rows.n_rows * rows.n_features < SMALL else self.threads

    def due(self) -> bool:
        """Whether a checkpoint is due."""
        return self.checkpoints is not None and self.clock() - self._kept >= self.every_s

    def checkpoint(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Keep a model's bytes as SageMaker's XGBoost does; the newest two stay."""
        if self.checkpoints is None or "model" not in state:
            return
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        found = self._numbered()
        number = found[-1][0] + 1 if found else 0
        arriving = self.checkpoints / f".xgboost-checkpoint.{number}"
        arriving.write_bytes(state["model"].tobytes())
        os.replace(arriving, self.checkpoints / f"xgboost-checkpoint.{number}")
        for _, path in found[:-1]:
            path.unlink(missing_ok=True)
        self._kept = self.clock()

    def resume(self) -> Mapping[str, NDArray[Any]] | None:
        """Return the newest checkpoint, or None."""
        found = self._numbered()
        if not found:
            return None
        self.say(f"Checkpoint loaded from {found[-1][1].name}")
        return {"model": np.frombuffer(found[-1][1].read_bytes(), np.uint8)}

    def reduce(self, arrays: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Return what was given: one worker."""
        return {name: np.asarray(a) for name, a in arrays.items()}

    def _numbered(self) -> list[tuple[int, Path]]:
        if self.checkpoints is None or not self.checkpoints.is_dir():
            return []
        named = ((p.name.rpartition("."), p) for p in self.checkpoints.iterdir() if p.is_file())
        return sorted((int(n[2]), p) for n, p in named if n[0] == "xgboost-checkpoint" and n[2].isdecimal())


@dataclass(frozen=True, slots=True)
class Order:
    """One fit: what is asked, from what, where the model goes, and who listens."""

    hyperparameters: Mapping[str, str]
    channels: Mapping[str, Channel]
    folder: Path
    teller: Teller

    def rows(self, name: str, labels: int = 1) -> Rows:
        """Read a channel. Raises ``DataError`` when the job has none of that name."""
        if name not in self.channels:
            raise DataError(
                f'The channel "{name}" is missing', why=f"The job has {sorted(self.channels) or 'none'}", fix="Add it"
            )
        channel = self.channels[name]
        return read_files((channel.folder, *channel.others), channel.content_type, labels=labels)
