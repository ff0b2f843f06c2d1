"""A listener that keeps what it is told, and channels of generated rows."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import Pipe
from pathlib import Path

import numpy as np
import pytest

from tarragon.train.builtin import Channel, Order, Teller, default_metrics, learn
from tarragon.train.builtin.peers import Peers
from tarragon.train.builtin.run import compiled, known
from tarragon.train.dialect import model


@dataclass
class Heard:
    """Everything a job would be told."""

    lines: list[str] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    epochs: list[int] = field(default_factory=list)
    stop: bool = False
    folder: Path = Path()

    def say(self, text: str) -> None:
        self.lines.append(text)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        self.metrics[name] = value

    def epoch(self, n: int, steps: int, records: int, seconds: float) -> None:
        self.epochs.append(n)

    def stop_asked(self) -> bool:
        return self.stop


Rows = tuple[np.ndarray, np.ndarray]


def table(n: int, classes: int = 0, seed: int = 0) -> Rows:
    """Rows of five columns, of which three matter; a value, or a class code."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5)).astype(np.float32)
    value = X[:, 0] * 2 - X[:, 1] + 0.5 * X[:, 2] + rng.normal(0, 0.3, n)
    if classes:
        value = np.digitize(value, np.quantile(value, np.linspace(0, 1, classes + 1)[1:-1])).astype(float)
    return X, value


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., Heard]:
    """Train an algorithm on channels of rows; returns what was heard."""

    def run(
        algorithm: str, hyperparameters: Mapping[str, object], heard: Heard | None = None, **channels: Rows
    ) -> Heard:
        heard = heard or Heard()
        given = {}
        for name, (X, y) in channels.items():
            folder = tmp_path / "data" / name
            folder.mkdir(parents=True, exist_ok=True)
            np.savetxt(folder / "part.csv", np.column_stack([y, X]), delimiter=",", fmt="%.9g")
            given[name] = Channel(folder, "text/csv")
        heard.folder = tmp_path / f"model-{len(list(tmp_path.iterdir()))}"
        heard.folder.mkdir()
        teller = Teller(
            heard, compiled(default_metrics(algorithm)), tmp_path / "checkpoints", threads=1, every_s=0.0
        )  # fmt: skip
        learn(algorithm, {k: str(v) for k, v in hyperparameters.items()}, given, heard.folder, teller)
        return heard

    return run


def together(world: int, work: Callable[[int, Peers], None]) -> None:
    """Run hosts that share a fit in a thread each; one that fails hangs up, as a process that ends does."""
    pairs = [Pipe() for _ in range(1, world)]
    first = Peers([ours for ours, _ in pairs], first=True)
    hosts = [(first, [ours for ours, _ in pairs])] + [(Peers([end], first=False), [end]) for _, end in pairs]

    def host(rank: int) -> None:
        peers, ends = hosts[rank]
        try:
            work(rank, peers)
        finally:
            for end in ends:
                end.close()

    with ThreadPoolExecutor(world) as pool:
        for done in [pool.submit(host, rank) for rank in range(world)]:
            done.result()


def csv(X: np.ndarray, y: np.ndarray) -> str:
    """Write rows as CSV without a header, the label first, every bit of each number kept."""
    return "\n".join(",".join(map(repr, [label, *row])) for label, row in zip(y.tolist(), X.tolist(), strict=True))


@pytest.fixture
def hub(tmp_path: Path) -> Callable[..., Heard]:
    """Train a model of the hub on channels of files, given by their paths; returns what was heard."""

    def run(model_id: str, hyperparameters: Mapping[str, object], heard: Heard | None = None, **files: str) -> Heard:
        heard = heard or Heard()
        place = tmp_path / f"job-{len(list(tmp_path.iterdir()))}"
        for name, text in files.items():
            path = place / "data" / name.replace("__", "/").replace("_index", "_index.json")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        channels = {each.name: Channel(each) for each in (place / "data").iterdir()}
        heard.folder = place / "model"
        heard.folder.mkdir()
        found = model(model_id)
        assert found is not None
        teller = Teller(heard, compiled(default_metrics(found.algorithm)), None, threads=1)
        asked = {name: f'"{value}"' for name, value in hyperparameters.items()}
        known(found.algorithm).train(Order(asked, channels, heard.folder, teller, model_id))
        return heard

    return run
