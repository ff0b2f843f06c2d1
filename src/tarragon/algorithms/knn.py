"""k-nearest neighbours: predict a row from the training rows most like it.

Idea:   the answer is the (weighted) mean over the k nearest training rows; how many, and how weighted, is what would have
        predicted the training rows best had each been left out.
Source: Cover & Hart (1967), Nearest neighbor pattern classification, IEEE Trans. Inf. Theory 13,
        doi:10.1109/TIT.1967.1053964.
Cost:   fit stores the table, O(n·d), and searches for at most 2,000 of its rows; predict is exact, O(m·n·d) for m
        queries, in blocks of matrix products; memory 4 bytes per cell and 16 MB of distances per block.

Departures from the paper: class shares are mixed with the overall shares, so that no class is ever impossible; l2 and
cosine candidates are found in float32 by |q|² + |x|² − 2qx, then measured again exactly. SageMaker's files, a FAISS index
named ``model_algo-1``, are not written: ``weights.npz`` and the seal are.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.inputs import same_columns, supervised
from tarragon.algorithms.params import OneOf, Range, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.rows import full
from tarragon.algorithms.target import Dense, Target
from tarragon.algorithms.threads import limited
from tarragon.algorithms.weights import broken, read_weights, write_weights
from tarragon.data import Index, Matrix, Prediction, Tabular

TITLE = "k-nearest neighbours"
BLOCK_CELLS = 4_000_000  # distances per block: 16 MB
SLACK = 8  # candidates beyond k that are measured exactly, for float32 may swap near ties
PROBES = 2_000  # rows left out one at a time to choose k: a log loss known to about 2 %
CHOICES = (1, 2, 3, 4, 5, 7, 10, 14, 20, 30, 45, 64)
SMOOTH = (0.03, 0.1, 0.3, 1.0, 3.0)


@dataclass(eq=False)
class KNN:
    """Average the targets of the nearest training rows.

    Parameters
    ----------
    k : int or None, default=None
        Neighbours. None: chosen up to 64 by leaving training rows out.
    weights : {"auto", "uniform", "distance"}, default="auto"
        distance counts a neighbour by one over its distance; auto is chosen with k.
    metric : {"L2", "L1", "COSINE"}, default="L2"
        In units of the columns as handed in: the "dense" view has brought them to one scale.
    smoothing : float or None, default=None
        Weight of the overall class shares, counted in neighbours. None: chosen with k.
    sample_size : int or None, default=None
        Keep a random sample of so many training rows. None: all.

    Attributes
    ----------
    rows_ : ndarray of shape (n, d), float32
    k_, smoothing_, by_distance_ : int, float, bool
        What was chosen.
    rounds_, rounds_done_, history_ : int, int, tuple
        0, 0, (): there is nothing to stop early.
    """

    card: ClassVar[Card] = Card(
        name="knn",
        title=TITLE,
        tasks=frozenset({"binary", "multiclass", "regression"}),
        view="dense",
        use="Few columns, irregular boundaries, and answers explained by examples.",
        avoid="Many columns without reduction, unequal scales, or tight latency on large tables.",
        interpretability="medium",
        growth="memory 4 bytes per cell; each query O(rows × columns)",
        source="doi:10.1109/TIT.1967.1053964",
        images=("knn",),
        channels=("train", "test"),
        content_types=("text/csv", "application/x-recordio-protobuf"),
        metrics=("test:accuracy", "test:mse"),
        answer=("predicted_label",),
    )
    k: Annotated[
        int | None, Range(1, 100_000, log=True, tune=(1, 256), about="Few follow noise, many blur edges.")
    ] = None
    weights: Annotated[
        str,
        OneOf(("auto", "uniform", "distance"), tune=("uniform", "distance"), about="Whether nearer ones count more."),
    ] = "auto"
    metric: Annotated[
        str,
        OneOf(("L2", "L1", "COSINE"), tune=("L2", "L1", "COSINE"), wire="index_metric", about="What near means."),
    ] = "L2"
    smoothing: Annotated[
        float | None, Range(0.0, 1e3, about="More draws probabilities to the overall class shares.")
    ] = None
    sample_size: Annotated[
        int | None, Range(1, 20_000_000, log=True, about="Fewer rows answer faster and coarser.")
    ] = None

    rows_: Matrix | None = field(default=None, init=False, repr=False)
    k_: int = field(default=0, init=False, repr=False)
    smoothing_: float = field(default=0.0, init=False, repr=False)
    by_distance_: bool = field(default=False, init=False, repr=False)
    rounds_: int = field(default=0, init=False, repr=False)
    rounds_done_: int = field(default=0, init=False, repr=False)
    history_: tuple[tuple[float, float], ...] = field(default=(), init=False, repr=False)
    _goal: Dense = field(default_factory=lambda: np.zeros(0), init=False, repr=False)
    _count: Dense = field(default_factory=lambda: np.zeros(0), init=False, repr=False)
    _centre: Matrix = field(default_factory=lambda: np.zeros(0, dtype=np.float32), init=False, repr=False)
    _target: Target | None = field(default=None, init=False, repr=False)

    def fit(self, data: Tabular, *, valid: Tabular | None = None, context: Context | None = None) -> Self:
        """Keep the rows and choose k. Raises ``ParameterError``, or ``DataError`` for rows it cannot learn from."""
        check(self)
        supervised(data, TITLE)
        context = context or Standalone()
        rng = np.random.default_rng(context.seed)
        if self.sample_size is not None and self.sample_size < data.n_rows:
            data = data.rows(np.sort(rng.choice(data.n_rows, self.sample_size, replace=False)))
        if data.weight is not None:
            data = data.rows(np.flatnonzero(data.weight > 0.0))
        X = full(data, TITLE)
        assert data.y is not None
        self._target = Target.learn(data)
        self._goal = self._target.code(data.y)
        count = np.ones(data.n_rows) if data.weight is None else data.weight
        self._count = count / count.mean()
        self._centre = X.mean(axis=0, dtype=np.float64).astype(np.float32)
        self.rows_ = self._place(X)
        with limited(context.threads):
            self._choose(rng)
        return self

    def predict(self, data: Tabular) -> Prediction:
        """Answer ``{"score": (n,)}`` or ``{"probability": (n, K)}``. Raises ``NotFittedError`` or ``DataError``."""
        same_columns(data, None if self.rows_ is None else self.rows_.shape[1], TITLE)
        assert self._target is not None
        target = self._target
        near, distance = self._search(self._place(full(data, TITLE)), min(self.k_, len(self._goal)))
        weight = self._weights(near, distance)[self.by_distance_]
        if target.n_classes == 0:
            return target.values((weight * self._goal[near]).sum(axis=1) / weight.sum(axis=1))
        S = len(target.classes)
        cell = np.arange(len(near))[:, None] * S + self._goal[near].astype(np.int64)
        votes = np.bincount(cell.ravel(), weights=weight.ravel(), minlength=len(near) * S).reshape(-1, S)
        p = votes / votes.sum(axis=1, keepdims=True)
        return target.probabilities((self.k_ * p + self.smoothing_ * self._share()) / (self.k_ + self.smoothing_))

    def save(self, folder: Path) -> None:
        """Write ``weights.npz`` and the seal. Raises ``NotFittedError``."""
        fitted(None if self.rows_ is None else self.rows_.shape[1], TITLE)
        assert self.rows_ is not None
        assert self._target is not None
        arrays = {"rows": self.rows_, "goal": self._goal, "count": self._count, "centre": self._centre}
        write_weights(folder, arrays)
        chosen = {"k": self.k_, "smoothing": self.smoothing_, "by_distance": self.by_distance_}
        seal(folder, self, {**chosen, "target": self._target.facts()})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        made, facts = opened(folder, cls)
        found = read_weights(folder)
        made.rows_ = found.get("rows", "f", (-1, -1)).astype(np.float32)
        n, d = made.rows_.shape
        made._goal, made._count = found.get("goal", "f", (n,)), found.get("count", "f", (n,))
        made._centre = found.get("centre", "f", (d,)).astype(np.float32)
        try:
            made._target = target = Target.read(facts["target"])
            made.k_, made.smoothing_ = int(facts["k"]), float(facts["smoothing"])
            made.by_distance_ = bool(facts["by_distance"])
        except (KeyError, TypeError, ValueError) as error:
            raise broken(f"facts: {error}") from error
        if n < 1 or made.k_ < 1 or not np.isfinite(made._goal).all() or not (made._count > 0.0).all():
            raise broken("no rows, no neighbours, or rows without a target or weight")
        if target.n_classes and (made._goal.min() < 0 or made._goal.max() >= len(target.classes)):
            raise broken("a row has a class that is not there")
        return made

    def _place(self, X: Matrix) -> Matrix:
        """(n, d) rows where distances are measured: on the unit sphere for cosine, else about the centre."""
        if self.metric != "COSINE":
            return X - self._centre
        length = np.sqrt(np.einsum("ij,ij->i", X, X, dtype=np.float64))[:, None]
        return np.asarray(X / np.where(length > 0.0, length, 1.0), dtype=np.float32)

    def _share(self) -> Dense:
        """(S,) overall shares of the classes seen."""
        counts = np.bincount(self._goal.astype(np.int64), weights=self._count)
        return np.asarray(counts / counts.sum(), dtype=np.float64)

    def _weights(self, near: Index, distance: Dense) -> tuple[Dense, Dense]:
        """(n, k) neighbours -> (n, k) weights if all count alike, and if nearer ones count more."""
        count = self._count[near]
        tiny = 1e-3 * distance.mean(axis=1, keepdims=True) + 1e-12
        return count, count / (distance + tiny)

    def _search(self, Q: Matrix, k: int) -> tuple[Index, Dense]:
        """(m, d) queries -> (m, k) rows and their distances, nearest first; equally near ones in training order."""
        assert self.rows_ is not None
        X, n = self.rows_, len(self.rows_)
        wide = min(n, k + SLACK)
        square = np.einsum("ij,ij->i", X, X)
        near, distance = np.empty((len(Q), k), dtype=np.int64), np.empty((len(Q), k))
        for start in range(0, len(Q), step := max(1, BLOCK_CELLS // n)):
            q = Q[start : start + step]
            if self.metric == "L1":
                from scipy.spatial.distance import cdist

                far = cdist(q, X, "cityblock")
            else:
                far = q @ X.T
                far *= -2.0
                far += square  # |q|² is the same for the whole row: order needs it not
            found = np.sort(np.argpartition(far, wide - 1, axis=1)[:, :wide] if wide < n else _all(len(q), n), axis=1)
            exact = _measure(q, X, found, self.metric)
            order = np.argsort(exact, axis=1, kind="stable")[:, :k]
            near[start : start + step] = np.take_along_axis(found, order, axis=1)
            distance[start : start + step] = np.take_along_axis(exact, order, axis=1)
        return near, distance

    def _choose(self, rng: np.random.Generator) -> None:
        """Set ``k_``, ``by_distance_`` and ``smoothing_`` to what is asked, or to what left-out rows prefer."""
        assert self.rows_ is not None
        assert self._target is not None
        n = len(self._goal)
        fixed = {"uniform": (False,), "distance": (True,)}.get(self.weights, (False, True))
        ks = [k for k in (CHOICES if self.k is None else (self.k,)) if k <= max(1, n - 1)] or [max(1, n - 1)]
        smooth = (SMOOTH if self.smoothing is None else (self.smoothing,)) if self._target.n_classes else (0.0,)
        self.k_, self.by_distance_, self.smoothing_ = ks[0], fixed[0], smooth[len(smooth) // 2]
        if n < 2 or len(ks) * len(fixed) * len(smooth) == 1:
            return
        probe = np.sort(rng.choice(n, min(n, PROBES), replace=False))
        near, distance = self._search(self.rows_[probe], min(n, ks[-1] + 1))
        near, distance = _without(probe, near, distance)
        goal, share, best = self._goal[probe], self._share() if self._target.n_classes else np.zeros(1), np.inf
        for k in ks:
            both = self._weights(near[:, :k], distance[:, :k])
            for by_distance in fixed:
                weight = both[by_distance] / both[by_distance].sum(axis=1, keepdims=True)
                for s in smooth:
                    if self._target.n_classes:
                        hit = (weight * (self._goal[near[:, :k]] == goal[:, None])).sum(axis=1)
                        loss = -np.log(np.maximum((k * hit + s * share[goal.astype(np.int64)]) / (k + s), 1e-12))
                    else:
                        loss = ((weight * self._goal[near[:, :k]]).sum(axis=1) - goal) ** 2
                    mean = float(np.average(loss, weights=self._count[probe]))
                    if mean < best:
                        best, self.k_, self.by_distance_, self.smoothing_ = mean, k, by_distance, s


def _all(m: int, n: int) -> Index:
    return np.broadcast_to(np.arange(n), (m, n))


def _measure(q: Matrix, X: Matrix, found: Index, metric: str) -> Dense:
    """(m, d), (n, d), (m, w) -> (m, w) distances, one row at a time: a row's do not depend on its company."""
    exact = np.empty(found.shape)
    for i, rows in enumerate(found):
        gap = X[rows].astype(np.float64) - q[i]
        exact[i] = np.abs(gap).sum(axis=1) if metric == "L1" else np.sqrt(np.einsum("ij,ij->i", gap, gap))
    return exact


def _without(probe: Index, near: Index, distance: Dense) -> tuple[Index, Dense]:
    """Drop each probe from its own neighbours (or the farthest, where duplicates crowded it out): one column less."""
    own = near == probe[:, None]
    own[~own.any(axis=1), -1] = True
    shape = (len(near), near.shape[1] - 1)
    return near[~own].reshape(shape), distance[~own].reshape(shape)
