"""Named arrays in one file: npz without pickle, each array checked for type and rank before anyone indexes with it."""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.errors import IntegrityError

WEIGHTS = "weights.npz"


def write_weights(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write ``weights.npz``; equal arrays give equal bytes."""
    rows = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    np.savez(folder / WEIGHTS, allow_pickle=False, **rows)


def read_weights(folder: Path) -> "Weights":
    """Read what :func:`write_weights` wrote. Raises ``IntegrityError``."""
    try:
        with np.load(folder / WEIGHTS, allow_pickle=False) as archive:
            return Weights({name: archive[name] for name in archive.files})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise broken(f"{WEIGHTS}: {error}") from error


def broken(why: str) -> IntegrityError:
    """Word the error for a model whose parts do not fit each other."""
    return IntegrityError("The model's arrays cannot be used", why=why, fix="Save it again, or take another version")


@dataclass(frozen=True, slots=True)
class Weights:
    """Arrays by name, as read."""

    arrays: Mapping[str, NDArray[Any]]

    def get(self, name: str, kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return an array of a dtype kind ("f", "i", "b", "u") and shape (-1: any). Raises ``IntegrityError``."""
        found = self.arrays.get(name)
        if found is None:
            raise broken(f"array {name!r} is missing")
        fits = found.ndim == len(shape) and all(w in (-1, n) for w, n in zip(shape, found.shape, strict=True))
        if found.dtype.kind != kind or not fits:
            raise broken(f"array {name!r} is {found.dtype} {found.shape}, expected kind {kind!r} {shape}")
        return found
