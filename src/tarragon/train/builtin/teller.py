"""What a built-in algorithm is handed, and how it tells what it does: log lines, metrics, progress, checkpoints."""

import json
import os
import re
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tarragon.data import Batches, Rows, Tabular, files, read_files, stream_files
from tarragon.errors import DataError, IntegrityError
from tarragon.train.builtin.peers import Peers
from tarragon.train.transfer import unpack

SMALL = 50_000  # cells
SIDECAR = ".tarragon-serving.json"  # read by tarragon.serve.builtin
XGBOOST, OURS = "xgboost-checkpoint", "tarragon-checkpoint"


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
    sharded : bool, optional
        Whether the job asked for shares (ShardedByS3Key) or for all files on every host; None outside of jobs.
    """

    folder: Path
    content_type: str = ""
    others: tuple[Path, ...] = ()
    sharded: bool | None = None


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


@dataclass(frozen=True, slots=True)
class Pass:
    """An epoch or boosting round that is done: its number from 1, updates, rows, seconds, metrics."""

    n: int
    steps: int
    records: int
    seconds: float
    metrics: Mapping[str, float]


class Silent:
    """What the hosts after the first tell: nothing. The first one hears when to stop, and they agree on it."""

    def say(self, text: str) -> None:
        """Drop it."""

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Drop it."""

    def epoch(self, n: int, steps: int, records: int, seconds: float) -> None:
        """Drop it."""

    def stop_asked(self) -> bool:
        """Never."""
        return False


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
        Says a pass's lines.
    peers : Peers, optional
        The other hosts of a fit that several share.
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
    round: Callable[[Pass], None] | None = None
    peers: "Peers | None" = None
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
        done = Pass(n, steps, records, now - self._told, metrics)
        self.listener.epoch(n, steps, records, done.seconds)
        self._told = now
        if self.round is not None:
            self.round(done)

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
        """Keep enough to go on from, the newest two: a lone "model" as SageMaker's XGBoost does, else named arrays.

        Call it as often as there is something new: ``due`` says whether enough time has passed.
        """
        if self.checkpoints is None or self.rank:
            return
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        found = self._numbered()
        name = f"{XGBOOST if set(state) == {'model'} else OURS}.{found[-1][0] + 1 if found else 0}"
        arriving = self.checkpoints / f".{name}"
        if name.startswith(XGBOOST):
            arriving.write_bytes(state["model"].tobytes())
        else:
            with arriving.open("wb") as file:
                np.savez(file, allow_pickle=False, **{key: np.asarray(array) for key, array in state.items()})
        os.replace(arriving, self.checkpoints / name)
        for _, path in found[:-1]:
            path.unlink(missing_ok=True)
        self._kept = self.clock()

    def resume(self) -> Mapping[str, NDArray[Any]] | None:
        """Return the newest checkpoint, or None. Raises ``IntegrityError`` when it cannot be read."""
        found = self._numbered()
        if not found:
            return None
        path = found[-1][1]
        if path.name.startswith(XGBOOST):
            state = {"model": np.frombuffer(path.read_bytes(), np.uint8)}
        else:
            try:
                with np.load(path, allow_pickle=False) as archive:
                    state = {key: archive[key] for key in archive.files}
            except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
                raise IntegrityError(
                    f"The checkpoint {path.name} cannot be read", why=str(error)[:200], fix="Remove it to start afresh"
                ) from error
        self.say(f"Checkpoint loaded from {path.name}")
        return state

    def reduce(self, arrays: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Return the sum over all hosts; what was given, where there is one."""
        given = {name: np.asarray(a) for name, a in arrays.items()}
        return self.peers.sum(given) if self.peers else given

    def _numbered(self) -> list[tuple[int, Path]]:
        if self.checkpoints is None or not self.checkpoints.is_dir():
            return []
        named = ((p.name.rpartition("."), p) for p in self.checkpoints.iterdir() if p.is_file())
        return sorted((int(n[2]), p) for n, p in named if n[0] in (XGBOOST, OURS) and n[2].isdecimal())


@dataclass(frozen=True, slots=True)
class Order:
    """One fit: what is asked, from what, where the model goes, and who listens.

    ``model_id`` is the model hub's name of what is trained ("lightgbm-regression-model"); "" for first-party images.
    """

    hyperparameters: Mapping[str, str]
    channels: Mapping[str, Channel]
    folder: Path
    teller: Teller
    model_id: str = ""

    def serving(self, algorithm: str, **facts: object) -> None:
        """Leave beside the model what its answers need to know and its own files do not say."""
        hub = {"model_id": self.model_id} if self.model_id else {}
        (self.folder / SIDECAR).write_text(json.dumps({"algorithm": algorithm, **hub, **facts}), encoding="utf-8")

    def channel(self, name: str) -> Channel:
        """Return a channel. Raises ``DataError`` when the job has none of that name."""
        if name not in self.channels:
            raise DataError(
                f'The channel "{name}" is missing', why=f"The job has {sorted(self.channels) or 'none'}", fix="Add it"
            )
        return self.channels[name]

    def rows(self, name: str, labels: int = 1) -> Rows:
        """Read a channel whole. Raises ``DataError``."""
        channel = self.channel(name)
        return read_files((channel.folder, *channel.others), channel.content_type, labels=labels)

    def batches(self, name: str, labels: int = 1, *, width: int | None = None, n_classes: int = 0) -> Batches:
        """Open a channel as a stream of blocks (see ``data.stream_files``). Raises ``DataError``.

        A pipe can be read once only: its rows are kept, and given as one block.
        """
        channel = self.channel(name)
        places = (channel.folder, *channel.others)
        if any(path.is_fifo() for path in files(places)):
            rows = self.rows(name, labels)
            block = Tabular(rows.X, rows.y, rows.weight, n_classes=n_classes)
            if width not in (None, block.n_features):
                raise DataError(
                    f'The channel "{name}" has {block.n_features} columns',
                    why=f"{width} were expected",
                    fix="Give it as many",
                )
            return Batches(lambda: iter((block,)), block.n_features, n_classes)
        return stream_files(places, channel.content_type, labels=labels, width=width, n_classes=n_classes)

    def files(self, name: str) -> list[Path]:
        """List a channel's files, in the order of their names. Raises ``DataError`` when there is none."""
        channel = self.channel(name)
        return files((channel.folder, *channel.others))

    @contextmanager
    def previous(self) -> Iterator[Path | None]:
        """Give the folder of the model to go on from: the ``model`` channel, unpacked; None without one.

        Raises
        ------
        DataError
            The channel is empty, or its archive must not be unpacked.
        """
        if "model" not in self.channels:
            yield None
            return
        found = self.files("model")
        archive = next((path for path in found if path.name.endswith((".tar.gz", ".tgz"))), None)
        if archive is None:
            yield self.channels["model"].folder
            return
        with tempfile.TemporaryDirectory(prefix="previous-", dir=self.folder.parent) as place:
            unpack(archive, Path(place))
            yield Path(place)
