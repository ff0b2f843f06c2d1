"""Mini-batches for methods that learn in steps: cut from a table or a stream, checked, in an order that a seed decides.

A table is shuffled whole, a stream within each of its blocks, so that memory stays one block. Files whose rows are
sorted should still be shuffled by whoever writes them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from tarragon.data import Data, Tabular
from tarragon.errors import DataError

Check = Callable[[Tabular], None]


@dataclass(frozen=True, slots=True)
class MiniBatches:
    """Rows to learn from, some at a time.

    Parameters
    ----------
    data : Tabular or Batches
    size : int
        Rows per batch; the last may have fewer.
    seed : int
    check : callable
        Raises ``DataError`` for a block that cannot be learnt from. Each block is held against it in the first pass.
    """

    data: Data
    size: int
    seed: int
    check: Check = lambda block: None

    @property
    def n_features(self) -> int:
        """Columns of every block."""
        return self.data.n_features

    def epoch(self, n: int) -> Iterator[Tabular]:
        """Pass over all rows once; pass ``n`` (from 1) has an order of its own.

        Raises
        ------
        DataError
            A block cannot be learnt from, in the first pass.
        """
        rng = np.random.default_rng((self.seed, n))
        rest: list[Tabular] = []
        waiting = 0
        for block in self._blocks(check=n == 1):
            if isinstance(self.data, Tabular) and block.n_rows <= self.size:
                yield block.rows(rng.permutation(block.n_rows))
                return
            order = rng.permutation(block.n_rows)
            at = 0
            while block.n_rows - at + waiting >= self.size:
                part = block.rows(order[at : at + self.size - waiting])
                at += part.n_rows
                yield joined([*rest, part])
                rest, waiting = [], 0
            if at < block.n_rows:
                rest.append(block.rows(order[at:]))
                waiting += block.n_rows - at
        if rest:
            yield joined(rest)

    def first(self, rows: int) -> Tabular:
        """Return the first ``rows`` rows in their own order, all there are if fewer. Raises ``DataError``."""
        parts: list[Tabular] = []
        found = 0
        for block in self._blocks(check=True):
            part = block if block.n_rows <= rows - found else block.rows(np.arange(rows - found))
            parts.append(part)
            found += part.n_rows
            if found >= rows:
                break
        if not found:
            raise DataError("There is nothing to learn from", why="There are no rows", fix="Give at least one row")
        return joined(parts)

    def _blocks(self, *, check: bool) -> Iterator[Tabular]:
        return blocks(self.data, self.check if check else lambda block: None)


def blocks(data: Data, check: Check = lambda block: None, most: int = 0) -> Iterator[Tabular]:
    """Yield blocks that are not empty and of one width, of at most ``most`` rows (0: as they come).

    Raises
    ------
    DataError
        Blocks have different numbers of columns, or ``check`` refuses one.
    """
    for block in [data] if isinstance(data, Tabular) else data:
        if not block.n_rows:
            continue
        if block.n_features != data.n_features:
            raise DataError(
                f"A block has {block.n_features} columns",
                why=f"Those before it have {data.n_features}",
                fix="Give all rows equally many columns",
            )
        check(block)
        if not most or block.n_rows <= most:
            yield block
            continue
        for at in range(0, block.n_rows, most):
            yield taken(block, slice(at, at + most))


def taken(block: Tabular, part: slice) -> Tabular:
    """Take neighbouring rows, without a copy where they are dense."""
    y, weight = block.y, block.weight
    return replace(
        block,
        X=block.X[part],
        y=None if y is None else y[part],
        weight=None if weight is None else weight[part],
    )


def joined(parts: list[Tabular]) -> Tabular:
    """Put blocks one below the other."""
    if len(parts) == 1:
        return parts[0]
    matrices: list[Any] = [part.X for part in parts]
    sparse = any(sp.issparse(X) for X in matrices)
    X = sp.vstack([sp.csr_matrix(X) for X in matrices], format="csr") if sparse else np.concatenate(matrices)
    labels = [part.y for part in parts if part.y is not None]
    weights = [part.weight for part in parts if part.weight is not None]
    return replace(
        parts[0],
        X=X,
        y=np.concatenate(labels) if len(labels) == len(parts) else None,
        weight=np.concatenate(weights) if len(weights) == len(parts) else None,
    )


def learnable(classes: int, who: str) -> Check:
    """Return a check for rows with labels: all cells and labels finite, classes from 0 to ``classes`` - 1.

    Parameters
    ----------
    classes : int
        0 where the label is a value.
    who : str
        The method's title, for the message.
    """

    def check(block: Tabular) -> None:
        finite(block, who)
        y = block.y
        if y is None or y.shape != (block.n_rows,):
            raise DataError(f"{who} learns from a label", why="Not every row has one", fix="Give each row its label")
        if not np.isfinite(y).all():
            raise DataError(f"{who}: labels have gaps", why="NaN or infinity among them", fix="Drop those rows")
        if classes and (y.min() < 0 or y.max() >= classes or (y != np.floor(y)).any()):
            raise DataError(
                f"{who}: the rows have labels that are no classes",
                why=f"they run from {y.min():g} to {y.max():g}, and 0 to {classes - 1} are expected",
                fix="Code the classes so",
            )
        weight = block.weight
        if weight is not None and (
            weight.shape != y.shape or not np.isfinite(weight).all() or weight.min(initial=0) < 0
        ):
            raise DataError(f"{who}: weights cannot be used", why="One is negative or no number", fix="Mend them")

    return check


def finite(block: Tabular, who: str) -> None:
    """Refuse missing values. Raises ``DataError``."""
    values = block.X.data if sp.issparse(block.X) else block.X
    if not np.isfinite(values).all():
        raise DataError(
            f"{who} cannot read missing values",
            why="NaN or infinity among the columns",
            fix="Fill the gaps, or drop those rows",
        )
