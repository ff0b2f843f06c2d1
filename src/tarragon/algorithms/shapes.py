"""Shape tables: what a model made of small trees says about one column, or a pair, added up into cells.

A tree that uses one column is a step function of it, so a sum of such trees is a table: the column cut at every
threshold that occurs, one score per cell. The table is exact: looking a row up gives the sum of the trees' leaves.

Notation: c cells of an axis (the last is for missing and unseen values), K outputs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tarragon.data import Index, Vector

Mask = NDArray[np.bool_]
Key = tuple[int, ...]
"""The columns of a table: one, or two in rising order."""


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """How a column is cut into cells.

    Parameters
    ----------
    column : int
    edges : ndarray of shape (m,)
        Of a numeric column, rising: cell 0 holds x ≤ edges[0], cell i holds edges[i-1] < x ≤ edges[i], cell m the rest.
    levels : tuple of int
        Of a categorical column: the code of each cell.
    categorical : bool

    Examples
    --------
    >>> Axis(0, np.array([1.0, 5.0])).locate(np.array([0.5, 1.0, 3.0, 9.0, np.nan])).tolist()
    [0, 0, 1, 2, 3]
    >>> Axis(0, np.zeros(0), levels=(0, 2), categorical=True).locate(np.array([2.0, 0.0, 1.0, np.nan])).tolist()
    [1, 0, 2, 2]
    """

    column: int
    edges: Vector
    levels: tuple[int, ...] = ()
    categorical: bool = False

    @property
    def cells(self) -> int:
        """Number of cells, with the one for missing and unseen values."""
        return (len(self.levels) if self.categorical else len(self.edges) + 1) + 1

    def locate(self, x: NDArray[np.floating]) -> Index:
        """Return the cell of each value, (m,) -> (m,)."""
        missing = np.isnan(x)
        if not self.categorical:
            return np.where(missing, self.cells - 1, np.searchsorted(self.edges, x, side="left"))
        size = max(self.levels, default=-1) + 2
        cell = np.full(size, self.cells - 1)
        cell[list(self.levels)] = np.arange(len(self.levels))
        code = np.where(missing | (x < 0) | (x >= size), size - 1, x)
        return cell[code.astype(np.int64)]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """One term of an additive model: a curve over a column, or a surface over two.

    Parameters
    ----------
    name : str
        "age", or "age × hours".
    axes : tuple of Axis
        One or two.
    scores : ndarray of shape (c, K) or (c, c', K)
        What each cell adds to the answer before the link (log odds for classes), centred: the mean over the training
        rows is 0. K is 1 for regression and two classes, otherwise one per class.
    rows : ndarray of shape (c,) or (c, c')
        Weight of the training rows in each cell.
    """

    name: str
    axes: tuple[Axis, ...]
    scores: Vector
    rows: Vector

    @property
    def columns(self) -> Key:
        """Numbers of the columns it reads."""
        return tuple(axis.column for axis in self.axes)

    @property
    def edges(self) -> Vector:
        """Upper ends of the first axis' intervals; empty for a category."""
        return self.axes[0].edges

    @property
    def levels(self) -> tuple[int, ...]:
        """Codes of the first axis' categories; empty for a number."""
        return self.axes[0].levels

    @property
    def missing(self) -> Vector:
        """What a missing or unseen value adds, (K,); of a pair, when both are."""
        return np.asarray(self.scores[(-1,) * len(self.axes)])

    @property
    def importance(self) -> float:
        """Mean size of the contribution over the training rows (and outputs)."""
        total = self.rows.sum()
        return float((np.abs(self.scores).mean(axis=-1) * self.rows).sum() / total) if total else 0.0

    def look_up(self, cells: Sequence[Index]) -> Vector:
        """Return the contributions of rows, one array of cells per axis -> (m, K)."""
        return np.asarray(self.scores[tuple(cells)])


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """A decision tree as LightGBM writes it; node i has children ``left[i]`` and ``right[i]``, leaves are ~number."""

    column: NDArray[np.int64]
    threshold: Vector
    decision: NDArray[np.int64]
    gain: Vector
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: Vector
    bounds: NDArray[np.int64]
    bits: NDArray[np.uint32]

    @property
    def key(self) -> Key:
        """Columns it splits on, rising."""
        return tuple(sorted(set(self.column.tolist())))

    def goes_left(self, node: int, axis: Axis) -> Mask:
        """Which cells of the axis take the left branch, (c,)."""
        kind = int(self.decision[node])
        if kind & 1:  # a category: left when its bit is set; missing and unseen values have none
            number = int(self.threshold[node])
            bits = self.bits[self.bounds[number] : self.bounds[number + 1]]
            left = np.unpackbits(bits.view(np.uint8), bitorder="little").astype(bool)
            return np.array([*(code < len(left) and left[code] for code in axis.levels), False])
        intervals = np.append(axis.edges, np.inf) <= self.threshold[node]
        missing_is_nan = (kind >> 2) & 3 == 2  # otherwise the library reads a missing value as 0
        return np.append(intervals, bool(kind & 2) if missing_is_nan else self.threshold[node] >= 0)


def trees_of(text: str) -> list[Tree]:
    """Read the trees out of LightGBM's model text."""
    blocks = text.split("\nend of trees")[0].split("\nTree=")[1:]
    return [_tree(dict(line.split("=", 1) for line in block.split("\n") if "=" in line)) for block in blocks]


def _tree(lines: Mapping[str, str]) -> Tree:
    def read(name: str, kind: type) -> NDArray[np.generic]:
        return np.array(lines.get(name, "").split(), dtype=kind)

    value = read("leaf_value", np.float64)
    if len(value) == 1:  # a lone leaf still lists the fields of a split it does not have
        none: NDArray[np.int64] = np.zeros(0, np.int64)
        return Tree(none, np.zeros(0), none, np.zeros(0), none, none, value, none, none.astype(np.uint32))  # type: ignore[arg-type]
    return Tree(
        column=read("split_feature", np.int64),  # type: ignore[arg-type]
        threshold=read("threshold", np.float64),  # type: ignore[arg-type]
        decision=read("decision_type", np.int64),  # type: ignore[arg-type]
        gain=read("split_gain", np.float64),  # type: ignore[arg-type]
        left=read("left_child", np.int64),  # type: ignore[arg-type]
        right=read("right_child", np.int64),  # type: ignore[arg-type]
        value=value,  # type: ignore[arg-type]
        bounds=read("cat_boundaries", np.int64),  # type: ignore[arg-type]
        bits=read("cat_threshold", np.uint32),  # type: ignore[arg-type]
    )


def tables_of(
    trees: Sequence[Tree], outputs: int, levels: Mapping[int, tuple[int, ...]]
) -> tuple[Vector, dict[Key, tuple[tuple[Axis, ...], Vector]]]:
    """Add trees of one or two columns up into tables.

    Parameters
    ----------
    trees : sequence of Tree
        Tree i adds to output i modulo ``outputs``.
    outputs : int
        K.
    levels : mapping
        Codes of each categorical column.

    Returns
    -------
    intercept : ndarray of shape (K,)
        From trees without a split.
    tables : dict
        Axes and scores, (c, K) or (c, c', K), per set of columns; keys rising.
    """
    intercept = np.zeros(outputs)
    thresholds: dict[Key, dict[int, set[float]]] = {}
    for tree in trees:
        if tree.key:
            cuts = thresholds.setdefault(tree.key, {column: set() for column in tree.key})
            for column, threshold in zip(tree.column.tolist(), tree.threshold.tolist(), strict=True):
                cuts[column].add(threshold)
    tables: dict[Key, tuple[tuple[Axis, ...], Vector]] = {}
    for key in sorted(thresholds):
        axes = tuple(_axis(column, thresholds[key][column], levels) for column in key)
        tables[key] = axes, np.zeros((*(axis.cells for axis in axes), outputs))
    for i, tree in enumerate(trees):
        if not tree.key:
            intercept[i % outputs] += tree.value[0]
            continue
        axes, scores = tables[tree.key]
        for masks, value in _leaves(tree, axes):
            scores[..., i % outputs][np.ix_(*masks)] += value
    return intercept, tables


def _axis(column: int, thresholds: set[float], levels: Mapping[int, tuple[int, ...]]) -> Axis:
    if column in levels:
        return Axis(column, np.zeros(0), levels[column], categorical=True)
    return Axis(column, np.array(sorted(thresholds)))


def _leaves(tree: Tree, axes: tuple[Axis, ...]) -> Iterator[tuple[tuple[Mask, ...], float]]:
    """Yield the cells that reach each leaf, as one mask per axis, with the leaf's value."""
    place = {axis.column: i for i, axis in enumerate(axes)}
    waiting = [(0, tuple(np.ones(axis.cells, bool) for axis in axes))]
    while waiting:
        node, masks = waiting.pop()
        if node < 0:
            yield masks, float(tree.value[~node])
            continue
        i = place[int(tree.column[node])]
        left = tree.goes_left(node, axes[i])
        waiting.append((int(tree.left[node]), (*masks[:i], masks[i] & left, *masks[i + 1 :])))
        waiting.append((int(tree.right[node]), (*masks[:i], masks[i] & ~left, *masks[i + 1 :])))


def strongest_pairs(trees: Sequence[Tree], count: int) -> list[Key]:
    """Return the pairs of columns whose splits below one another gained most, strongest first."""
    gains: dict[Key, float] = {}
    for tree in trees:
        for node, column in enumerate(tree.column.tolist()):
            for child in (int(tree.left[node]), int(tree.right[node])):
                if child >= 0 and tree.column[child] != column:
                    pair = tuple(sorted((column, int(tree.column[child]))))
                    gains[pair] = gains.get(pair, 0.0) + float(tree.gain[child])
    return sorted(gains, key=lambda pair: (-gains[pair], pair))[:count]
