"""Models of the built-in algorithms, trained as a job trains them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tarragon.train.builtin import Channel, Teller, learn


class Silent:
    """A job nobody watches."""

    def say(self, text: str) -> None: ...

    def metric(self, name: str, value: float, step: int | None = None) -> None: ...

    def epoch(self, n: int, steps: int, records: int, seconds: float) -> None: ...

    def stop_asked(self) -> bool:
        return False


@pytest.fixture
def rows() -> np.ndarray:
    """(90, 4) rows to train on and to ask about."""
    return np.random.default_rng(0).normal(size=(90, 4)).round(3).astype(np.float32)


@pytest.fixture
def trained(tmp_path: Path, rows: np.ndarray) -> Callable[..., Path]:
    """Train an algorithm on the rows and a target; returns the model's folder."""

    def run(algorithm: str, target: np.ndarray, **hyperparameters: object) -> Path:
        data, folder = tmp_path / "train", tmp_path / f"model-{len(list(tmp_path.iterdir()))}"
        data.mkdir(exist_ok=True)
        folder.mkdir()
        np.savetxt(data / "a.csv", np.column_stack([target, rows]), delimiter=",")
        given = {name: str(value) for name, value in hyperparameters.items()}
        learn(algorithm, given, {"train": Channel(data, "text/csv")}, folder, Teller(Silent(), threads=1))
        return folder

    return run
