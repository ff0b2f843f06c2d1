"""Rows of a table or a stream in dense pieces of one size: memory is a piece, however many rows there are."""

from collections.abc import Iterator

import numpy as np

from tarragon.algorithms.inputs import dense, weights
from tarragon.algorithms.rows import finite
from tarragon.data import Batches, Data, Matrix, Tabular, Vector
from tarragon.errors import DataError

Batch = tuple[Matrix, Vector]
BLOCK_CELLS = 1 << 20  # of rows made dense at a time: 4 MB


def fitting_width(data: Data, feature_dim: int | None, who: str) -> int:
    """Return the number of columns. Raises ``DataError`` where there are none, or others than ``feature_dim``."""
    if feature_dim not in (None, data.n_features) or not data.n_features:
        raise DataError(
            f"{who}: the rows have {data.n_features} features",
            why="There is nothing to learn from" if not data.n_features else f"feature_dim is {feature_dim}",
            fix="Make them agree; training rows hold no label",
        )
    return data.n_features


def dense_blocks(data: Data, who: str, cells: int = BLOCK_CELLS) -> Iterator[Batch]:
    """Give rows, (b, d) float32, and their weights, (b,), in pieces of at most ``cells`` cells.

    Raises
    ------
    DataError
        A cell is missing, a weight cannot be used, or a block of the stream has other columns.
    """
    for block in data if isinstance(data, Batches) else (data,):
        finite(block, who)
        if block.n_features != data.n_features:
            raise DataError(
                f"{who}: the blocks do not fit together",
                why=f"One has {block.n_features} columns, and {data.n_features} were expected",
                fix="Give all of them equally many",
            )
        if block.weight is not None and block.n_rows:
            weights(block, who)
        weight = np.ones(block.n_rows) if block.weight is None else np.asarray(block.weight, np.float64)
        size = max(1, cells // max(1, block.n_features))
        for start in range(0, block.n_rows, size):
            X = dense(Tabular(block.X[start : start + size]))
            yield np.ascontiguousarray(X, dtype=np.float32), weight[start : start + size]


def batches_of(data: Data, size: int, who: str) -> Iterator[Batch]:
    """Give rows in batches of ``size``, the last one shorter, whatever pieces they come in. Raises ``DataError``."""
    held: list[Batch] = []
    count = 0
    for X, weight in dense_blocks(data, who):
        start = 0
        while count + len(X) - start >= size:
            stop = start + size - count
            held.append((X[start:stop], weight[start:stop]))
            yield _joined(held)
            held, count, start = [], 0, stop
        if start < len(X):
            held.append((X[start:], weight[start:]))
            count += len(X) - start
    if held:
        yield _joined(held)


def _joined(parts: list[Batch]) -> Batch:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([X for X, _ in parts]), np.concatenate([weight for _, weight in parts])
