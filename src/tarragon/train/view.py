"""Encoded tables on disk, so that every fit reads the same bytes without copying them.

A view is written once per run and memory-mapped by each worker.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from tarragon.data import Fold, Matrix, Split, Tabular
from tarragon.engine import atomic, write_json


def write_view(data: Tabular, folder: Path) -> None:
    """Save a block so that :func:`read_view` maps it. Last comes ``view.json``: without it the view is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(data.X, np.ndarray):
        np.save(folder / "X.npy", np.ascontiguousarray(data.X, dtype=np.float32))
    else:
        for part in ("data", "indices", "indptr"):
            np.save(folder / f"X.{part}.npy", getattr(data.X, part))
    if data.y is not None:
        np.save(folder / "y.npy", data.y)
    if data.weight is not None:
        np.save(folder / "weight.npy", data.weight)
    about = {
        "shape": [data.n_rows, data.n_features],
        "sparse": data.is_sparse,
        "n_classes": data.n_classes,
        "names": list(data.names),
        "categorical": list(data.categorical),
    }
    write_json(about, folder / "view.json")


def read_view(folder: Path) -> Tabular:
    """Map what :func:`write_view` saved; nothing is copied until rows are taken."""
    about = json.loads((folder / "view.json").read_text())

    def part(name: str) -> np.ndarray | None:
        path = folder / name
        return np.load(path, mmap_mode="r", allow_pickle=False) if path.exists() else None

    if about["sparse"]:
        pieces = tuple(np.load(folder / f"X.{p}.npy", allow_pickle=False) for p in ("data", "indices", "indptr"))
        X: Matrix | sp.csr_matrix = sp.csr_matrix(pieces, shape=tuple(about["shape"]))
    else:
        X = np.load(folder / "X.npy", mmap_mode="r", allow_pickle=False)
    return Tabular(
        X=X,
        y=part("y.npy"),
        weight=part("weight.npy"),
        names=tuple(about["names"]),
        n_classes=about["n_classes"],
        categorical=tuple(about["categorical"]),
    )


def has_view(folder: Path) -> bool:
    """Whether a whole view lies there."""
    return (folder / "view.json").exists()


def ensure_view(folder: Path, make: Callable[[], Tabular]) -> Path:
    """Write the view unless a whole one lies there."""
    if not has_view(folder):
        write_view(make(), folder)
    return folder


def write_folds(split: Split, path: Path) -> None:
    """Save row numbers of every fold."""
    arrays = {f"{part}{i}": getattr(fold, part) for i, fold in enumerate(split.folds) for part in ("train", "valid")}
    with atomic(path, flushed=False) as file:
        np.savez(file, **arrays)


def read_fold(path: Path, number: int) -> Fold:
    """Read one fold of :func:`write_folds`."""
    with np.load(path, allow_pickle=False) as arrays:
        return Fold(train=arrays[f"train{number}"], valid=arrays[f"valid{number}"])
