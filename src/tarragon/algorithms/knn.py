"""k-nearest neighbours: predict a row from the training rows most like it.

Idea:   the answer is the (weighted) mean over the k nearest training rows; how many, how weighted, and in which space,
        is what would have predicted the training rows best had each been left out.
Source: Cover & Hart (1967), Nearest neighbor pattern classification, IEEE Trans. Inf. Theory 13,
        doi:10.1109/TIT.1967.1053964; the space that stretches what separates classes is the metric of Hastie &
        Tibshirani (1996), Discriminant adaptive nearest neighbor classification, IEEE PAMI 18, taken once for all rows.
Cost:   fit stores the table, O(n·d), and searches for at most 2,000 of its rows; predict is exact, O(m·n·d) for m
        queries, in blocks of matrix products; memory 4 bytes per cell and 16 MB of distances per block.

Departures from the papers: values are cut into ten slices to serve as classes of the metric; class shares are mixed
with the overall shares, so that no class is ever impossible; candidates are found in float32, then measured again
exactly. SageMaker's files, a FAISS index named ``model_algo-1``, are not written: ``weights.npz`` and the seal are.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np

from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.inputs import same_columns, supervised
from tarragon.algorithms.neighbours import Neighbours, discriminant_spaces
from tarragon.algorithms.params import OneOf, Range, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.rows import full
from tarragon.algorithms.target import Dense, Target
from tarragon.algorithms.threads import limited
from tarragon.algorithms.weights import broken, read_weights, write_weights
from tarragon.data import Index, Matrix, Prediction, Tabular

TITLE = "k-nearest neighbours"
PROBES = 2_000  # rows left out one at a time to choose k: a log loss known to about 2 %
CHOICES = (1, 2, 3, 4, 5, 7, 10, 14, 20, 30, 45, 64)
SLICES = 10  # of a value, to stand for classes
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
    space : {"auto", "plain", "discriminant"}, default="auto"
        discriminant shrinks directions in which rows of one class differ and stretches those in which classes do; auto
        (L2 only) is chosen with k.
    smoothing : float or None, default=None
        Weight of the overall class shares, counted in neighbours. None: chosen with k.
    sample_size : int or None, default=None
        Keep a random sample of so many training rows. None: all.

    Attributes
    ----------
    neighbours_ : Neighbours
        The rows, as placed where distances are measured.
    k_, by_distance_, smoothing_ : int, bool, float
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
        source="Cover & Hart (1967), doi:10.1109/TIT.1967.1053964",
        images=("knn",),
        channels=("train", "test"),
        content_types=("text/csv", "application/x-recordio-protobuf"),
        metrics=("test:accuracy", "test:mse"),
        answer=("predicted_label",),
    )
    k: Annotated[int | None, Range(1, 100_000, log=True, tune=(1, 256), about="Few follow noise, many blur edges.")] = (
        None
    )
    weights: Annotated[
        str,
        OneOf(("auto", "uniform", "distance"), tune=("uniform", "distance"), about="Whether nearer ones count more."),
    ] = "auto"
    metric: Annotated[
        str,
        OneOf(("L2", "L1", "COSINE"), tune=("L2", "L1", "COSINE"), wire="index_metric", about="What near means."),
    ] = "L2"
    space: Annotated[
        str,
        OneOf(("auto", "plain", "discriminant"), tune=("plain", "discriminant"), about="Which directions count more."),
    ] = "auto"
    smoothing: Annotated[
        float | None, Range(0.0, 1e3, about="More draws probabilities to the overall class shares.")
    ] = None
    sample_size: Annotated[
        int | None, Range(1, 20_000_000, log=True, about="Fewer rows answer faster and coarser.")
    ] = None

    neighbours_: Neighbours | None = field(default=None, init=False, repr=False)
    k_: int = field(default=0, init=False, repr=False)
    by_distance_: bool = field(default=False, init=False, repr=False)
    smoothing_: float = field(default=0.0, init=False, repr=False)
    rounds_: int = field(default=0, init=False, repr=False)
    rounds_done_: int = field(default=0, init=False, repr=False)
    history_: tuple[tuple[float, float], ...] = field(default=(), init=False, repr=False)
    _goal: Dense = field(default_factory=lambda: np.zeros(0), init=False, repr=False)
    _count: Dense = field(default_factory=lambda: np.zeros(0), init=False, repr=False)
    _target: Target | None = field(default=None, init=False, repr=False)

    def fit(self, data: Tabular, *, valid: Tabular | None = None, context: Context | None = None) -> Self:
        """Keep the rows and choose k. Raises ``ParameterError``, or ``DataError`` for rows it cannot learn from."""
        check(self)
        supervised(data, TITLE)
        context = context or Standalone()
        rng = np.random.default_rng(context.seed)
        if self.sample_size is not None and self.sample_size < data.n_rows:
            data = data.rows(np.sort(rng.choice(data.n_rows, self.sample_size, replace=False)))
        if data.weight is not None and data.weight.max() > 0.0:
            data = data.rows(np.flatnonzero(data.weight > 0.0))
        X = full(data, TITLE)
        assert data.y is not None
        self._target = Target.learn(data)
        self._goal = self._target.code(data.y)
        count = np.ones(data.n_rows) if data.weight is None else data.weight
        self._count = count / max(count.mean(), 1e-300)
        probe = np.sort(rng.choice(data.n_rows, min(data.n_rows, PROBES), replace=False))
        best = np.inf
        with limited(context.threads):
            for n, space in enumerate(self._spaces(X)):
                rows = Neighbours.of(X, space, self.metric)
                loss, choice = self._left_out(rows, probe)
                if n == 0 or loss < best:
                    best, self.neighbours_ = loss, rows
                    self.k_, self.by_distance_, self.smoothing_ = choice
                if context.stop_asked():
                    break
        return self

    def predict(self, data: Tabular) -> Prediction:
        """Answer ``{"score": (n,)}`` or ``{"probability": (n, K)}``. Raises ``NotFittedError`` or ``DataError``."""
        rows, target = self.neighbours_, self._target
        same_columns(data, None if rows is None else rows.n_features, TITLE)
        assert rows is not None
        assert target is not None
        near, distance = rows.search(rows.place(full(data, TITLE)), min(self.k_, len(self._goal)))
        weight = _weights(self._count[near], distance)[self.by_distance_]
        if target.n_classes == 0:
            return target.values((weight * self._goal[near]).sum(axis=1))
        S = len(target.classes)
        cell = np.arange(len(near))[:, None] * S + self._goal[near].astype(np.int64)
        votes = np.bincount(cell.ravel(), weights=weight.ravel(), minlength=len(near) * S).reshape(-1, S)
        return target.probabilities((self.k_ * votes + self.smoothing_ * self._share()) / (self.k_ + self.smoothing_))

    def nearest(self, data: Tabular) -> tuple[Dense, Dense]:
        """Return distances to and targets of the k nearest training rows, (m, k) each, nearest first."""
        rows, target = self.neighbours_, self._target
        same_columns(data, None if rows is None else rows.n_features, TITLE)
        assert rows is not None
        assert target is not None
        near, distance = rows.search(rows.place(full(data, TITLE)), min(self.k_, len(self._goal)))
        goal = self._goal[near]
        kept = target.classes[goal.astype(np.int64)] if target.n_classes else target.values(goal)["score"]
        return distance, np.asarray(kept, dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write ``weights.npz`` and the seal. Raises ``NotFittedError``."""
        rows = self.neighbours_
        fitted(None if rows is None else rows.n_features, TITLE)
        assert rows is not None
        assert self._target is not None
        arrays = {"rows": rows.rows, "centre": rows.centre, "space": rows.space}
        write_weights(folder, {**arrays, "goal": self._goal, "count": self._count})
        chosen = {"k": self.k_, "smoothing": self.smoothing_, "by_distance": self.by_distance_}
        seal(folder, self, {**chosen, "target": self._target.facts()})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        made, facts = opened(folder, cls)
        found = read_weights(folder)
        rows, centre = found.get("rows", "f", (-1, -1)), found.get("centre", "f", (-1,))
        space, n = found.get("space", "f", (-1, -1)), len(rows)
        made._goal, made._count = found.get("goal", "f", (n,)), found.get("count", "f", (n,))
        try:
            made._target = target = Target.read(facts["target"])
            made.k_, made.smoothing_ = int(facts["k"]), float(facts["smoothing"])
            made.by_distance_ = bool(facts["by_distance"])
        except (KeyError, TypeError, ValueError) as error:
            raise broken(f"facts: {error}") from error
        if rows.shape[1] != (space.shape[1] if space.size else len(centre)) or len(space) not in (0, len(centre)):
            raise broken("the rows do not fit their space")
        if n < 1 or made.k_ < 1 or not np.isfinite(made._goal).all() or not (made._count > 0.0).all():
            raise broken("no rows, no neighbours, or rows without a target or weight")
        if target.n_classes and (made._goal.min() < 0 or made._goal.max() >= len(target.classes)):
            raise broken("a row has a class that is not there")
        made.neighbours_ = Neighbours.placed(rows, centre, space, made.metric)
        return made

    def _spaces(self, X: Matrix) -> list[Matrix]:
        """Return the maps to try, the plain one (0, 0) first unless another was asked for."""
        plain = np.zeros((0, 0), dtype=np.float32)
        if self.space == "plain" or self.metric == "COSINE" or (self.space == "auto" and self.metric != "L2"):
            return [plain]
        assert self._target is not None
        if self._target.n_classes:
            label = self._goal.astype(np.int64)
        else:
            label = np.digitize(self._goal, np.quantile(self._goal, np.linspace(0.0, 1.0, SLICES + 1)[1:-1]))
        maps = discriminant_spaces(X, label, self._count)
        return maps if maps and self.space == "discriminant" else [plain, *maps]

    def _share(self) -> Dense:
        """(S,) overall shares of the classes seen."""
        counts = np.bincount(self._goal.astype(np.int64), weights=self._count)
        return np.asarray(counts / counts.sum(), dtype=np.float64)

    def _left_out(self, rows: Neighbours, probe: Index) -> tuple[float, tuple[int, bool, float]]:
        """Return the least mean loss of rows left out one by one, and the (k, by distance, smoothing) it took."""
        assert self._target is not None
        n, classes = len(self._goal), bool(self._target.n_classes)
        fixed = {"uniform": (False,), "distance": (True,)}.get(self.weights, (False, True))
        ks = [k for k in (CHOICES if self.k is None else (self.k,)) if k <= max(1, n - 1)] or [max(1, n - 1)]
        smooth = (SMOOTH if self.smoothing is None else (self.smoothing,)) if classes else (0.0,)
        best, choice = np.inf, (ks[0], fixed[0], smooth[len(smooth) // 2])
        if n < 2:
            return best, choice
        near, distance = _without(probe, *rows.search(rows.rows[probe], min(n, ks[-1] + 1)))
        goal, count = self._goal[probe], self._count[probe]
        prior = self._share()[goal.astype(np.int64)] if classes else goal
        for k in ks:
            same = self._goal[near[:, :k]]
            for by_distance, weight in enumerate(_weights(self._count[near[:, :k]], distance[:, :k])):
                if bool(by_distance) not in fixed:
                    continue
                hit = (weight * (same == goal[:, None] if classes else same)).sum(axis=1)
                for s in smooth:
                    p = (k * hit + s * prior) / (k + s)
                    loss = -np.log(np.maximum(p, 1e-12)) if classes else (hit - goal) ** 2
                    mean = float(np.average(loss, weights=count))
                    if mean < best:
                        best, choice = mean, (k, bool(by_distance), s)
        return best, choice


def _weights(count: Dense, distance: Dense) -> tuple[Dense, Dense]:
    """(n, k) row weights and distances -> (n, k) shares if all count alike, and if nearer ones count more."""
    near = count / (distance + 1e-3 * distance.mean(axis=1, keepdims=True) + 1e-12)
    return count / count.sum(axis=1, keepdims=True), near / near.sum(axis=1, keepdims=True)


def _without(probe: Index, near: Index, distance: Dense) -> tuple[Index, Dense]:
    """Drop each probe from its own neighbours (or the farthest, where duplicates crowded it out): one column less."""
    own = near == probe[:, None]
    own[~own.any(axis=1), -1] = True
    shape = (len(near), near.shape[1] - 1)
    return near[~own].reshape(shape), distance[~own].reshape(shape)
