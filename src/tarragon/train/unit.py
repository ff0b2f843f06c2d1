"""One candidate on some folds: fit, predict what was held out, save, and say what it took.

This runs in a worker process. It reads views and folds from the run's folder and writes only below its own.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms import build, catalogue
from tarragon.algorithms.protocol import Algorithm
from tarragon.data import Fold, Tabular
from tarragon.engine import folder_bytes, write_json
from tarragon.metrics import Metric, metric
from tarragon.train.context import FitContext
from tarragon.train.view import read_fold, read_view

TRAIN_SCORE_ROWS = 4_000  # rows of the training part that are scored: enough to see a gap, cheap to predict
HISTORY_POINTS = 200


@dataclass(frozen=True, slots=True)
class FoldRecord:
    """What one fold's fit left behind, besides its model and its predictions."""

    score: float
    train_score: float
    rounds: int
    epochs: int
    fit_s: float
    predict_ms: float
    size_bytes: int
    stopped: bool
    history: tuple[tuple[float, float], ...] = ()


def output(prediction: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Take the answer of a supervised method: (n, K) probabilities or (n,) values."""
    return np.asarray(
        prediction["probability"] if "probability" in prediction else prediction["score"], dtype=np.float64
    )


def work(argument: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Fit the folds named in ``argument``; each leaves ``fold-K/`` with ``record.json`` written last.

    Parameters
    ----------
    argument : mapping
        ``view``, ``folds_file`` and ``trial`` (paths), ``algorithm``, ``params``, ``folds``, ``metric``, ``seed``,
        ``threads``, ``time_limit`` seconds for all of the folds together or None, ``epochs`` per fold or None (replay).
    folder : Path
        The task's own; nothing is written there.
    """
    data = read_view(Path(argument["view"]))
    objective = metric(argument["metric"])
    limit = argument.get("time_limit")
    deadline = None if limit is None else time.monotonic() + float(limit)
    epochs = argument.get("epochs") or [None] * len(argument["folds"])
    done = []
    for number, max_epochs in zip(argument["folds"], epochs, strict=True):
        fold = read_fold(Path(argument["folds_file"]), number)
        context = FitContext(
            seed=int(argument["seed"]) + number,
            threads=int(argument["threads"]),
            deadline=deadline,
            max_epochs=max_epochs,
        )
        model = build(catalogue.get(argument["algorithm"]), argument["params"])
        _fit_fold(model, data, fold, objective, context, Path(argument["trial"]) / f"fold-{number}")
        done.append(number)
        if context.stopped:
            break
    return {"folds": done}


def _fit_fold(
    model: Algorithm, data: Tabular, fold: Fold, objective: Metric, context: FitContext, folder: Path
) -> None:
    began = time.perf_counter()
    train, valid = data.rows(fold.train), data.rows(fold.valid)
    model.fit(train, valid=valid, context=context)
    fit_s = time.perf_counter() - began
    held_out = output(model.predict(valid))
    seen = train.rows(np.linspace(0, train.n_rows - 1, min(train.n_rows, TRAIN_SCORE_ROWS)).astype(np.int64))
    (folder / "model").mkdir(parents=True, exist_ok=True)
    model.save(folder / "model")
    np.save(folder / "oof.npy", held_out)
    record = {
        "score": objective.score(_given(valid.y), held_out, valid.weight),
        "train_score": objective.score(_given(seen.y), output(model.predict(seen)), seen.weight),
        "rounds": int(getattr(model, "rounds_", 0) or 0),
        "epochs": context.epochs,
        "fit_s": fit_s,
        "predict_ms": _one_row_ms(model, valid),
        "size_bytes": folder_bytes(folder / "model"),
        "stopped": context.stopped,
        "history": _thin(context.history),
    }
    write_json(record, folder / "record.json")  # from here on the fold counts as done


def read_record(folder: Path) -> FoldRecord | None:
    """Read what a fold left behind; None if it did not end."""
    path = folder / "record.json"
    if not path.exists():
        return None
    raw = json.loads(path.read_text())
    return FoldRecord(**{**raw, "history": tuple((float(a), float(b)) for a, b in raw["history"])})


def read_oof(folder: Path) -> NDArray[np.float64]:
    """Read the predictions of a fold's held-out rows, in the order of ``Fold.valid``."""
    return np.asarray(np.load(folder / "oof.npy", allow_pickle=False), dtype=np.float64)


def load_model(algorithm: str, folder: Path) -> Algorithm:
    """Read a fold's fitted model."""
    loaded: Algorithm = catalogue.get(algorithm).load(folder / "model")
    return loaded


def _given(y: NDArray[np.float64] | None) -> NDArray[np.float64]:
    assert y is not None, "a supervised view has a target"
    return np.asarray(y)


def _one_row_ms(model: Algorithm, data: Tabular) -> float:
    one = data.rows(np.zeros(1, dtype=np.int64))
    model.predict(one)
    began = time.perf_counter()
    for _ in range(5):
        model.predict(one)
    return (time.perf_counter() - began) / 5 * 1e3


def _thin(history: list[tuple[int, float]]) -> list[tuple[int, float]]:
    step = max(1, len(history) // HISTORY_POINTS)
    return [(n, loss) for n, loss in history[::step] if np.isfinite(loss)]
