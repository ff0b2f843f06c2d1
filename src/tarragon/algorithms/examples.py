"""Generated rows with a known signal, and what answers to them are worth: the ground the contract suite stands on."""

from typing import Any

import numpy as np

from tarragon.algorithms.protocol import View
from tarragon.data import Prediction, Tabular

LEVELS = 4


def made(task: str, view: View = "codes", *, rows: int = 400, seed: int = 0, classes: int = 5) -> Tabular:
    """Generate rows with a signal that linear methods and trees can both find.

    Three normal columns and one of noise, then a category of four levels: as codes in the "codes" view (where one value
    in twenty is missing), as four columns of 0 and 1 otherwise.

    Parameters
    ----------
    task : {"regression", "binary", "multiclass"}
    view : {"codes", "onehot", "dense"}
    rows, seed : int
    classes : int
        Of the multiclass task.
    """
    rng = np.random.default_rng([seed, 17])
    X = rng.normal(size=(rows, 4))
    level = rng.integers(0, LEVELS, rows)
    signal = 1.5 * X[:, 0] - X[:, 1] + 0.5 * np.maximum(X[:, 2], 0) + np.array([-1.0, 0.0, 0.5, 1.0])[level]
    y, n_classes = target(task, signal, X, classes, rng)
    categorical: tuple[int, ...] = ()
    if view == "codes":
        X[rng.random(X.shape) < 0.05] = np.nan
        columns, categorical = np.column_stack([X, level]), (4,)
    else:
        columns = np.column_stack([X, np.eye(LEVELS)[level]])
    names = tuple(f"x{i}" for i in range(columns.shape[1]))
    return Tabular(columns.astype(np.float32), y=y, names=names, n_classes=n_classes, categorical=categorical)


def target(
    task: str, signal: np.ndarray[Any, Any], X: np.ndarray[Any, Any], classes: int, rng: np.random.Generator
) -> tuple[np.ndarray[Any, Any], int]:
    """Draw targets from a signal (n,) and its columns (n, 4); return them and the number of classes (0: values)."""
    if task == "regression":
        return 10 + 3 * signal + rng.normal(size=len(signal)), 0
    if task == "binary":
        return (signal + rng.logistic(size=len(signal)) / 2 > 0).astype(float), 2
    angles = 2 * np.pi * np.arange(classes) / classes
    scores = 2 * np.outer(signal, np.cos(angles)) + 2 * np.outer(X[:, 1] + X[:, 2], np.sin(angles))
    return np.argmax(scores + rng.gumbel(size=scores.shape), axis=1).astype(float), classes


def values(prediction: Prediction) -> np.ndarray[Any, Any]:
    """Return the one array a supervised answer holds."""
    return np.asarray(prediction["score"] if "score" in prediction else prediction["probability"])


def loss(prediction: Prediction, y: np.ndarray[Any, Any]) -> float:
    """Mean squared error of scores, log loss of probabilities."""
    p = values(prediction)
    if p.ndim == 1:
        return float(np.mean((p - y) ** 2))
    return float(-np.mean(np.log(np.clip(p[np.arange(len(y)), y.astype(int)], 1e-15, 1))))


def prior_loss(data: Tabular, y: np.ndarray[Any, Any]) -> float:
    """Loss of predicting the mean, or the class frequencies, of ``data``."""
    assert data.y is not None
    if data.n_classes == 0:
        return float(np.mean((data.y.mean() - y) ** 2))
    share = np.bincount(data.y.astype(int), minlength=data.n_classes) / data.n_rows
    return float(-np.mean(np.log(share[y.astype(int)])))
