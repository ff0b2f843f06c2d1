"""A forest as flat arrays: small on disk, checked before use, quick for one row and for many.

Nodes of a tree are numbered from its root in depth-first order, so the left child of node i is i + 1 and only the right
one is stored (0: a leaf). Leaves hold one number, or a sparse row of class shares.

One row walks all trees at once in numpy; many rows go through scikit-learn's compiled walker, which trusts its arrays.
:meth:`Forest.make` therefore checks every index first: children lie after their parent and inside the tree, columns and
classes exist.

Notation: T trees, N nodes, I inner nodes, L leaves, S values per leaf, d columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.weights import Weights, broken
from tarragon.data import Matrix

Ints = NDArray[np.int64]
FEW_ROWS = 128  # up to here the walk in numpy is the quicker one
BYTES_PER_LEAF = 19  # two nodes' right children (8), one inner node (7), one value (4)


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Trees that were checked. Make it with :meth:`grown` or :meth:`make`.

    Parameters
    ----------
    arrays : mapping
        What goes to disk: roots (T + 1,), right (N,), feature, threshold, missing_left (I,), value (entries,), and
        for S > 1 start (L + 1,) and column (entries,) of the sparse rows.
    n_features, width : int
        d and S.
    """

    arrays: Mapping[str, NDArray[Any]]
    n_features: int
    width: int
    depth: int
    child: Ints  # (N, 2) global numbers; a leaf is its own child
    feature: Ints  # (N,)
    threshold: NDArray[np.float32]  # (N,)
    missing_left: NDArray[np.bool_]  # (N,)
    leaf: Ints  # (N,) number among all leaves
    trees: dict[int, Any] = field(default_factory=dict)

    @classmethod
    def grown(cls, trees: Sequence[Any], leaves: Sequence[NDArray[np.float32]], n_features: int) -> "Forest":
        """Take over scikit-learn's trees.

        Parameters
        ----------
        trees : sequence of sklearn Tree
            Grown depth first.
        leaves : sequence of ndarray of shape (leaves of the tree, S), float32
        n_features : int
        """
        pairs = [(tree, tree.children_left >= 0) for tree in trees]
        values = np.concatenate(leaves)
        wide = np.int32 if n_features > np.iinfo(np.int16).max else np.int16
        arrays: dict[str, NDArray[Any]] = {
            "roots": np.concatenate([[0], np.cumsum([tree.node_count for tree in trees])]).astype(np.int64),
            "right": np.concatenate([np.where(i, t.children_right, 0) for t, i in pairs]).astype(np.int32),
            "feature": np.concatenate([t.feature[i] for t, i in pairs]).astype(wide),
            "threshold": np.concatenate([_floor32(t.threshold[i]) for t, i in pairs]),
            "missing_left": np.concatenate([t.missing_go_to_left[i] for t, i in pairs]).astype(np.bool_),
        }
        if values.shape[1] == 1:
            return cls.make({**arrays, "value": values[:, 0]}, n_features, 1)
        row, column = np.nonzero(values)
        start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(values)))]).astype(np.int64)
        arrays.update(start=start, column=column.astype(np.int32), value=values[row, column])
        return cls.make(arrays, n_features, values.shape[1])

    @classmethod
    def make(cls, arrays: Mapping[str, NDArray[Any]], n_features: int, width: int) -> "Forest":
        """Check arrays and take them. Raises ``IntegrityError``."""
        found = Weights(arrays)
        roots, right = found.get("roots", "i", (-1,)).astype(np.int64), found.get("right", "i", (-1,)).astype(np.int64)
        n = len(right)
        if len(roots) < 2 or roots[0] != 0 or roots[-1] != n or (np.diff(roots) < 1).any():
            raise broken("the roots do not divide the nodes")
        inner = right > 0
        count = int(inner.sum())
        number = np.arange(n)
        tree = np.repeat(np.arange(len(roots) - 1), np.diff(roots))
        far = roots[tree] + right
        if (right < 0).any() or (far[inner] <= number[inner] + 1).any() or (far[inner] >= roots[tree + 1][inner]).any():
            raise broken("a node's child lies outside its tree")
        if count and inner[roots[1:] - 1].any():
            raise broken("a tree ends with an inner node")
        small = found.get("feature", "i", (count,)).astype(np.int64)
        if count and (small.min() < 0 or small.max() >= n_features):
            raise broken("a node asks for a column that is not there")
        child = np.column_stack([number, number])
        child[inner] = np.column_stack([number[inner] + 1, far[inner]])
        feature, threshold = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.float32)
        missing = np.zeros(n, dtype=np.bool_)
        feature[inner], threshold[inner] = small, found.get("threshold", "f", (count,))
        missing[inner] = found.get("missing_left", "b", (count,))
        _check_leaves(found, n - count, width)
        leaf = np.cumsum(~inner) - 1
        return cls(arrays, n_features, width, _depth(child, roots), child, feature, threshold, missing, leaf)

    @property
    def n_trees(self) -> int:
        """T."""
        return len(self.arrays["roots"]) - 1

    def mean(self, X: Matrix) -> NDArray[np.float64]:
        """(n, d) rows -> (n, S) mean over trees of the leaves they end in."""
        total = np.zeros((len(X), self.width))
        if len(X) <= FEW_ROWS:
            leaves = self.leaf[self._walk(X)]
            for t in range(self.n_trees if self.width == 1 else 0):
                total[:, 0] += self.arrays["value"][leaves[:, t]]
            if self.width > 1:
                self._add(leaves, total)
        else:
            self._compile()
            for t in range(self.n_trees):
                nodes = self.arrays["roots"][t] + self.trees[t].apply(X)
                self._add(self.leaf[nodes][:, None], total)
        return total / self.n_trees

    def _walk(self, X: Matrix) -> Ints:
        """(n, d) -> (n, T) the nodes rows end in."""
        at = np.broadcast_to(self.arrays["roots"][:-1], (len(X), self.n_trees))
        row = np.arange(len(X))[:, None]
        gaps = bool(np.isnan(X).any())
        for _ in range(self.depth):
            x = X[row, self.feature[at]]
            right = x > self.threshold[at]
            if gaps:
                right = np.where(np.isnan(x), ~self.missing_left[at], right)
            at = self.child[at, right.view(np.int8)]
        return at

    def _add(self, leaves: Ints, total: NDArray[np.float64]) -> None:
        """Add the rows of some leaves per row, (n, t), to ``total``, (n, S)."""
        value = self.arrays["value"]
        if self.width == 1:
            total[:, 0] += value[leaves[:, 0]]
            return
        start, column = self.arrays["start"], self.arrays["column"]
        flat = leaves.ravel()
        length = start[flat + 1] - start[flat]
        ends = np.cumsum(length)
        entry = np.arange(ends[-1] if len(ends) else 0) + np.repeat(start[flat] - (ends - length), length)
        cell = np.repeat(np.arange(len(total)).repeat(leaves.shape[1]), length) * self.width + column[entry]
        total += np.bincount(cell, weights=value[entry], minlength=total.size).reshape(total.shape)

    def _compile(self) -> None:
        """Rebuild scikit-learn's trees once: about 64 bytes per node."""
        from sklearn.tree._tree import NODE_DTYPE, Tree

        roots = self.arrays["roots"]
        for t in range(self.n_trees if not self.trees else 0):
            part = slice(roots[t], roots[t + 1])
            inner = self.arrays["right"][part] > 0
            nodes = np.zeros(len(inner), dtype=NODE_DTYPE)
            nodes["left_child"] = np.where(inner, np.arange(len(inner)) + 1, -1)
            nodes["right_child"] = np.where(inner, self.arrays["right"][part], -1)
            nodes["feature"] = np.where(inner, self.feature[part], -2)
            nodes["threshold"] = np.where(inner, self.threshold[part], -2.0)
            nodes["missing_go_to_left"] = self.missing_left[part]
            made = Tree(self.n_features, np.array([1], dtype=np.intp), 1)
            values = np.zeros((len(inner), 1, 1))
            made.__setstate__({"max_depth": self.depth, "node_count": len(inner), "nodes": nodes, "values": values})
            self.trees[t] = made


def _floor32(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """Round down to float32: for float32 x, ``x <= t`` stays what it was."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)


def _depth(child: Ints, roots: Ints) -> int:
    """Return the longest way from a root to a leaf."""
    level, depth = roots[:-1], 0
    while True:
        level = level[child[level, 0] != level]
        if len(level) == 0:
            return depth
        level, depth = child[level].ravel(), depth + 1


def _check_leaves(found: Weights, leaves: int, width: int) -> None:
    """Refuse sparse rows that point outside. Raises ``IntegrityError``."""
    if width == 1:
        found.get("value", "f", (leaves,))
        return
    start = found.get("start", "i", (leaves + 1,))
    value = found.get("value", "f", (-1,))
    column = found.get("column", "i", (len(value),))
    if start[0] != 0 or start[-1] != len(value) or (np.diff(start) < 0).any():
        raise broken("the leaves do not divide their entries")
    if len(column) and (column.min() < 0 or column.max() >= width):
        raise broken("a leaf names a class that is not there")
