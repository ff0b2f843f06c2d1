"""A FAISS index and how it is asked: exact answers where the index is, measured in float64.

Idea:   candidates come from the quickest way there is (a k-d tree for few columns, blocks of matrix products, lists);
        where rows are kept whole, the candidates are then measured again in float64 and put in order.
Source: Bentley (1975), Multidimensional binary search trees, doi:10.1145/361002.361007; Douze et al. (2024), The Faiss
        library, arXiv:2401.08281.
Cost:   flat O(n·d) a query, a tree about O(log n), lists probes/lists of O(n·d).

Notation: n rows, d columns, m queries, k neighbours.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tarragon.algorithms.faiss_file import Shape, damaged
from tarragon.algorithms.lloyd import lloyd
from tarragon.data import Index, Matrix, Vector

TREE_COLUMNS, TREE_ROWS = 10, 1_000  # a k-d tree is quicker than products with at most so many columns, and more rows
SPARE = 8  # candidates beyond k: float32 may have the order of near ties wrong
FAR = 4.0  # squared mean over variance, from which float32 products lose the digits that matter
QUERIES, ROWS = 256, 1_024  # of a block: 1 MB of scores
LEARNT, TURNS = 256, 25  # rows a code word is learnt from, and iterations: FAISS's own
LEAST_BITS, MOST_BITS = 1, 8  # of a part of a code: as many as there are rows to learn them from


@dataclass(slots=True, eq=False)
class Neighbourhood:
    """Rows that can be asked for those nearest.

    Parameters
    ----------
    index : faiss.Index
    shape : Shape
    cosine : bool
        Rows were scaled to length 1, and so are queries.
    """

    index: Any
    shape: Shape
    cosine: bool = False
    _tree: Any = field(default=None, init=False, repr=False)
    _near: Any = field(default=None, init=False, repr=False)
    _shift: Matrix | None = field(default=None, init=False, repr=False)

    def search(self, X: Matrix, k: int) -> tuple[Vector, Index]:
        """Return distances to and numbers of the k nearest rows, (m, k) each, nearest and smallest first.

        Distances are squared L2, 1 - cosine, or the negative of the inner product. ``k`` is at most n.
        """
        X = self._padded(_scaled(X) if self.cosine else np.ascontiguousarray(X, dtype=np.float32))
        if self.shape.kind == "faiss.Flat":
            return self._exact(X, k)
        gap, near = self.index.search(X, k, params=self._probing(self.shape.probes))
        few = np.flatnonzero((near < 0).any(axis=1))
        if len(few):  # the lists looked into hold fewer than k rows
            gap[few], near[few] = self.index.search(X[few], k, params=self._probing(self.shape.lists))
        if (near < 0).any():
            raise damaged("its lists do not hold the rows they claim")
        return self._told(gap.astype(np.float64)), near

    def content(self) -> bytes:
        """Write FAISS's own file."""
        import faiss

        written: bytes = faiss.serialize_index(self.index).tobytes()
        return written

    def rows(self) -> Matrix:
        """Return the rows of a flat index, (n, d), without a copy."""
        import faiss

        return np.asarray(faiss.rev_swig_ptr(self.index.get_xb(), self.shape.n * self.shape.d)).reshape(
            -1, self.shape.d
        )

    def _exact(self, X: Matrix, k: int) -> tuple[Vector, Index]:
        from tarragon.algorithms.neighbour_kernel import measure

        near = self._candidates(X, min(self.shape.n, k + SPARE))
        gap = np.empty(near.shape)
        measure(self.rows(), X, near, self.shape.inner, gap)
        gap = self._told(gap)
        order = np.argsort(gap, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(gap, order, axis=1), np.take_along_axis(near, order, axis=1)

    def _candidates(self, X: Matrix, k: int) -> Index:
        if not self.shape.inner and self.shape.d <= TREE_COLUMNS and self.shape.n > TREE_ROWS:
            if self._tree is None:
                from scipy.spatial import cKDTree

                self._tree = cKDTree(self.rows())
            return np.asarray(self._tree.query(X, k)[1], np.int64).reshape(len(X), k)
        return self._multiplied(X, k)

    def _multiplied(self, X: Matrix, k: int) -> Index:
        """Find the k largest of x·c - |c|²/2, or of x·c, by blocks of matrix products that stay in the cache."""
        from tarragon.algorithms.neighbour_kernel import keep

        if self._near is None:
            self._near, self._shift = self._centred()
        rows, X = self._near, X if self._shift is None else X - self._shift
        half = np.zeros(len(rows), np.float32) if self.shape.inner else 0.5 * np.einsum("ij,ij->i", rows, rows)
        best = np.full((len(X), k), -np.inf, np.float32)
        who = np.zeros((len(X), k), np.int64)
        for i in range(0, len(X), QUERIES):
            for j in range(0, len(rows), ROWS):
                scores = X[i : i + QUERIES] @ rows[j : j + ROWS].T
                scores -= half[j : j + ROWS]
                keep(scores, j, best[i : i + QUERIES], who[i : i + QUERIES])
        return who

    def _centred(self) -> tuple[Matrix, Matrix | None]:
        """Return the rows to search, and what to take off queries: rows far from nought are moved there."""
        rows = self.rows()
        mean = rows.mean(axis=0, dtype=np.float64)
        if self.shape.inner or mean @ mean <= FAR * np.var(rows, axis=0, dtype=np.float64).sum():
            return rows, None
        shift = mean.astype(np.float32)
        return rows - shift, shift

    def _told(self, gap: Vector) -> Vector:
        return 1.0 - gap if self.cosine else -gap if self.shape.inner else gap

    def _padded(self, X: Matrix) -> Matrix:
        return _widened(X, self.shape.d)

    def _probing(self, lists: int) -> Any:
        import faiss

        how: Any = faiss.SearchParametersIVF
        return how(nprobe=lists)


def built(rows: Matrix, shape: Shape, *, cosine: bool = False) -> Neighbourhood:
    """Build an index of rows, (n, d), as ``shape`` says; equal rows give equal bytes.

    ``shape.d`` grows to a multiple of ``shape.parts`` where rows are kept as codes.
    """
    import faiss

    index: Any
    rows = _scaled(rows) if cosine else np.ascontiguousarray(rows, dtype=np.float32)
    metric = faiss.METRIC_INNER_PRODUCT if shape.inner else faiss.METRIC_L2
    if shape.kind == "faiss.Flat":
        shape = replace(shape, lists=0, probes=0, parts=0)
        index = faiss.IndexFlat(shape.d, metric)
    elif shape.kind == "faiss.IVFFlat":
        shape = replace(shape, parts=0)
        index = _listed(rows, shape, metric)
    else:
        shape = replace(shape, d=-(-shape.d // shape.parts) * shape.parts)
        rows = _widened(rows, shape.d)
        bits = max(LEAST_BITS, min(MOST_BITS, len(rows).bit_length() - 1))
        index = _coded(rows, shape, bits)
    index.add(rows)
    return Neighbourhood(index, shape, cosine=cosine)


def _listed(rows: Matrix, shape: Shape, metric: int) -> Any:
    """Return an empty index whose lists are trained."""
    import faiss

    index: Any = faiss.index_factory(shape.d, f"IVF{shape.lists},Flat", metric)
    index.nprobe = shape.probes
    index.cp.min_points_per_centroid = 1  # it would warn on the terminal about few rows
    index.train(rows)
    return index


def _coded(rows: Matrix, shape: Shape, bits: int) -> Any:
    """Return an empty index of codes, its lists trained by FAISS, its codes here, which is quicker."""
    import faiss

    listed = _listed(rows, shape, faiss.METRIC_L2)  # kept: it owns the memory of its quantizer
    centres = listed.quantizer.reconstruct_n(0, shape.lists)
    index: Any = faiss.index_factory(shape.d, f"IVF{shape.lists},PQ{shape.parts}x{bits}", faiss.METRIC_L2)
    index.nprobe = shape.probes
    index.quantizer.add(centres)
    learnt = rows[: LEARNT << bits]
    left = learnt - centres[index.quantizer.search(learnt, 1)[1][:, 0]]
    words, weight = [], np.ones(len(left))
    for part in np.split(left, shape.parts, axis=1):
        own = np.ascontiguousarray(part)
        words.append(lloyd(own, weight, np.resize(own, (1 << bits, own.shape[1])), TURNS, 1e-3)[0])
    faiss.copy_array_to_vector(np.concatenate(words).ravel(), index.pq.centroids)
    index.is_trained = True
    index.precompute_table()
    return index


def _scaled(X: Matrix) -> Matrix:
    """Rows of length 1; those of length 0 as they are."""
    length = np.linalg.norm(X.astype(np.float64), axis=1, keepdims=True)
    return np.ascontiguousarray(X / np.where(length > 0.0, length, 1.0), dtype=np.float32)


def _widened(X: Matrix, width: int) -> Matrix:
    if X.shape[1] == width:
        return X
    wide = np.zeros((len(X), width), np.float32)
    wide[:, : X.shape[1]] = X
    return wide
