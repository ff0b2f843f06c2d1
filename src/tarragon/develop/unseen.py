"""The version in use so far, asked only about rows it did not learn from.

A model does well on its own training rows; beside out-of-fold predictions of a new model that would make every earlier
version look better than it is. A package therefore keeps a key of each row it learned from.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tarragon.refine import TableModel

FILE = "rows.npy"
Keys = NDArray[np.uint64]


def row_keys(frame: pl.DataFrame, columns: Sequence[str]) -> Keys:
    """(n,) keys of rows: equal cells give equal keys, whatever the machine or version."""
    cells = [pl.col(c).cast(pl.String).fill_null("\x00") for c in columns]
    lines = frame.select(pl.concat_str(cells, separator="\x1f").alias("line"))["line"].to_list()
    digests = b"".join(hashlib.blake2b(line.encode(), digest_size=8).digest() for line in lines)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def keep_rows(frame: pl.DataFrame, columns: Sequence[str], folder: Path) -> None:
    """Write the sorted keys of the rows a model learned from beside it."""
    np.save(folder / FILE, np.unique(row_keys(frame, columns)), allow_pickle=False)


@dataclass(frozen=True, slots=True, eq=False)
class Unseen:
    """A model that answers NaN for rows it learned from."""

    model: TableModel
    seen: Keys

    @classmethod
    def load(cls, folder: Path) -> "Unseen":
        """Read a package's model and its rows. Raises ``IntegrityError``."""
        return cls(TableModel.load(folder / "model"), np.load(folder / FILE, allow_pickle=False))

    def respond(self, frame: pl.DataFrame, fold: int | None = None) -> NDArray[np.float64]:
        """(n, K) or (n,), NaN where the model has seen the row."""
        answer = np.array(self.model.respond(frame), dtype=np.float64)
        answer[np.isin(row_keys(frame, self.model.columns), self.seen)] = np.nan
        return answer

    def size_parts(self) -> Mapping[str, int]:
        """Bytes by cause."""
        return self.model.size_parts()
