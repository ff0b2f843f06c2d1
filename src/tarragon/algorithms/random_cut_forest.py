"""Random cut forest: a point is odd when random cuts part it from the others early.

Idea:   each tree cuts its own sample at random, long sides more often than short ones, until every point is alone.
        What an insertion of a point would displace is known from where a cut would first part it from the rest: high in
        the tree for an outlier, deep for one of the crowd. The score is the mean over the trees.
Source: Guha, Mishra, Roy & Schrijvers (2016), Robust random cut forest based anomaly detection on streams, ICML, PMLR
        48:2712-2721; samples by Park, Ostrouchov, Samatova & Geist (2004), doi:10.1137/1.9781611972740.53. The score is
        the displacement score of AWS's open library of random cut forests, stated at ``random_cut_trees.score``.
Cost:   one pass over the rows; fit O(T·S·log S·d), a score O(T·log S) and O(d) per box the point lies outside of.
        Memory 12·T·S·d bytes for T trees of S samples, 20·T·S·d in fit, however many rows there are.

Decisions where SageMaker's own is not published: scores compare by rank with its container's, not by value. T·S rows
are drawn without replacement and dealt to the trees, as its pages say; where there are fewer, each tree draws its S
from all of them. ``model_algo-1`` is a file of MXNet's arrays, named as in :class:`Forest`. Weights are not used.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.inputs import dense, same_columns
from tarragon.algorithms.params import Range, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.reservoir import Reservoir, gathered
from tarragon.algorithms.rows import finite
from tarragon.algorithms.weights import Weights, broken
from tarragon.data import Batches, Data, Matrix, Prediction, Tabular, Vector, read_ndarrays, write_ndarrays
from tarragon.errors import DataError, IntegrityError

TITLE = "Random cut forest"
FILE = "model_algo-1"
BLOCK_CELLS = 1 << 20  # of rows made dense at a time: 4 MB
JUDGED = 1_024  # training rows scored for the threshold: their spread is then known to about 2 %
SIGMAS = 3.0  # beyond the mean: from where SageMaker's examples call a score an anomaly

NAMES = ("points", "mass", "first", "dimension", "cut", "left", "right")

In = TypeVar("In")
Out = TypeVar("Out")
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """The trees as arrays; L leaves in all, T trees.

    Parameters
    ----------
    points : ndarray of shape (L, d), float32
        One for each leaf, tree by tree, leaves from the left to the right.
    mass : ndarray of shape (L,), int32
        Equal points of the sample in the leaf.
    first : ndarray of shape (T + 1,), int64
        Where each tree's leaves begin. Its inner nodes begin at ``first[t] - t``.
    dimension, cut : ndarrays of shape (L - T,), int32 and float32
        A row goes left where its column ``dimension`` is at most ``cut``.
    left, right : ndarrays of shape (L - T,), int32
        Children: k ≥ 0 is the tree's inner node k, k < 0 its leaf -1 - k. Parents are numbered before children.
    """

    points: Matrix
    mass: Ints
    first: Longs
    dimension: Ints
    cut: Matrix
    left: Ints
    right: Ints

    def parts(self) -> "tuple[Matrix, Ints, Longs, Ints, Matrix, Ints, Ints]":
        """All of them, in the order above."""
        return self.points, self.mass, self.first, self.dimension, self.cut, self.left, self.right

    def boxes(self) -> tuple[Matrix, Matrix, Vector]:
        """Bounds of the points under each inner node, (L - T, d) twice, and the sum of their sides."""
        from tarragon.algorithms.random_cut_trees import box

        low, high = (np.empty((len(self.cut), self.points.shape[1]), np.float32) for _ in range(2))
        span = np.empty(len(self.cut))
        box(self.points, self.first, self.left, self.right, low, high, span)
        return low, high, span

    @classmethod
    def read(cls, content: bytes, n_features: int) -> Self:
        """Read and hold every reference against what it refers to. Raises ``IntegrityError``."""
        found = Weights(read_ndarrays(content))
        points, first = found.get("points", "f", (-1, n_features)), found.get("first", "i", (-1,))
        leaves, inner = len(points), len(points) - len(first) + 1
        if len(first) < 2 or first[0] != 0 or first[-1] != leaves or (np.diff(first) < 1).any():
            raise broken("the trees do not share the leaves out")
        mass = found.get("mass", "i", (leaves,))
        dimension, cut = found.get("dimension", "i", (inner,)), found.get("cut", "f", (inner,))
        left, right = found.get("left", "i", (inner,)), found.get("right", "i", (inner,))
        if not np.isfinite(points).all() or not np.isfinite(cut).all() or (mass < 1).any():
            raise broken("a point, a cut or a mass is out of range")
        if inner and (dimension.min() < 0 or dimension.max() >= n_features):
            raise broken("a cut names a column that is not there")
        sizes = np.diff(first)
        own = np.arange(inner) - np.repeat(first[:-1] - np.arange(len(sizes)), sizes - 1)  # a node's number in its tree
        width = np.repeat(sizes, sizes - 1)
        for child in (left, right):
            if ((child >= 0) & ((child <= own) | (child >= width - 1))).any() or (child < -width).any():
                raise broken("a node names a child that is not below it")
        kinds = (np.float32, np.int32, np.int64, np.int32, np.float32, np.int32, np.int32)
        parts = (points, mass, first, dimension, cut, left, right)
        return cls(*(np.ascontiguousarray(a, dtype=kind) for a, kind in zip(parts, kinds, strict=True)))


@dataclass(eq=False, kw_only=True)
class RandomCutForest:
    """Score how odd each row is among those it was fitted to.

    Parameters
    ----------
    feature_dim : int or None, default=None
        Columns that rows must have. None: those they have.
    num_trees : int in [50, 1000], default=100
        More trees make scores steadier.
    num_samples_per_tree : int in [1, 2048], default=256
        One over it should be about the share of anomalies.

    Attributes
    ----------
    forest_ : Forest
    threshold_ : float
        Mean of the training rows' scores and three standard deviations: above it, rows are called anomalies.
    """

    card: ClassVar[Card] = Card(
        name="random-cut-forest",
        title=TITLE,
        tasks=frozenset({"anomaly"}),
        accepts="batches",
        view="dense",
        use="Odd rows among a few to hundreds of numeric columns, without labels; series, cut into windows first.",
        avoid="Thousands of columns, categories, or anomalies so common that they are a cluster.",
        interpretability="low",
        growth="one pass over the rows; time and memory trees × samples × columns",
        source="Guha, Mishra, Roy & Schrijvers (2016), ICML, PMLR 48:2712-2721",
        images=("randomcutforest",),
        channels=("train", "test"),
        content_types=("text/csv", "application/x-recordio-protobuf"),
        metrics=("test:f1",),
        answer=("score",),
    )
    feature_dim: Annotated[int | None, Range(1, 10_000, about="Columns of a row.")] = None
    num_trees: Annotated[int, Range(50, 1_000, tune=(50, 1_000), about="More trees make scores steadier.")] = 100
    num_samples_per_tree: Annotated[
        int,
        Range(1, 2_048, log=True, tune=(1, 2_048), about="Fewer call more rows odd: one over the anomalies' share."),
    ] = 256

    forest_: Forest | None = field(default=None, init=False, repr=False)
    threshold_: float = field(default=0.0, init=False, repr=False)
    _boxes: tuple[Matrix, Matrix, Vector] | None = field(default=None, init=False, repr=False)

    def fit(self, data: Data, *, valid: Data | None = None, context: Context | None = None) -> Self:
        """Draw the samples and grow the trees; ``valid`` and weights are not used.

        Parameters
        ----------
        data : Tabular or Batches
            Every cell finite; sparse rows are taken as well. Hosts that share a fit bring rows of their own.

        Raises
        ------
        ParameterError
        DataError
            There are no rows, a cell is missing, or the columns are not ``feature_dim``.
        """
        check(self)
        context = context or Standalone()
        wanted = self.num_trees * self.num_samples_per_tree
        sample = Reservoir(wanted, self._width(data), (context.seed, 53, context.rank))
        steps = 0
        for block in _blocks(data):
            sample.add(block)
            steps += 1
            if context.stop_asked():
                break
        rows, seen = gathered(sample, context)
        if not len(rows):
            raise DataError(f"{TITLE} has nothing to learn from", why="There are no rows", fix="Give at least one")
        self._grow(rows, context)
        context.epoch(1, steps=max(steps, 1), records=seen, metrics={})
        return self

    def predict(self, data: Data) -> Prediction:
        """Return ``score`` (n,), higher for odder rows, and ``anomaly`` (n,), whether it is above the threshold.

        Raises
        ------
        NotFittedError
        DataError
            A cell is missing, or the columns are others than in fit.
        """
        width = None if self.forest_ is None else self.forest_.points.shape[1]
        if isinstance(data, Batches):
            parts = [self.predict(block)["score"] for block in data]
            score = np.concatenate(parts) if parts else np.empty(0)
        else:
            same_columns(data, width, TITLE)
            blocks = [self._score(rows) for rows in _blocks(data)]
            score = np.concatenate(blocks) if blocks else np.empty(0)
        return {"score": score, "anomaly": score > self.threshold_}

    def save(self, folder: Path) -> None:
        """Write ``model_algo-1`` and the seal. Raises ``NotFittedError``."""
        fitted(None if self.forest_ is None else 1, TITLE)
        assert self.forest_ is not None
        (folder / FILE).write_bytes(write_ndarrays(dict(zip(NAMES, self.forest_.parts(), strict=True))))
        seal(folder, self, {"columns": self.forest_.points.shape[1], "threshold": self.threshold_})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        model, facts = opened(folder, cls)
        try:
            columns, model.threshold_ = int(facts["columns"]), float(facts["threshold"])
            content = (folder / FILE).read_bytes()
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise IntegrityError(
                f"The model of {TITLE} cannot be loaded", why=str(error), fix="Save it again"
            ) from error
        model.forest_ = Forest.read(content, columns)
        model._boxes = model.forest_.boxes()
        return model

    def _width(self, data: Data) -> int:
        if self.feature_dim not in (None, data.n_features) or not data.n_features:
            raise DataError(
                f"The rows have {data.n_features} features",
                why=f"feature_dim is {self.feature_dim}",
                fix="Make them agree; training rows hold no label",
            )
        return data.n_features

    def _grow(self, rows: Matrix, context: Context) -> None:
        """Grow the trees from sampled rows, (n, d), that are in random order."""
        T, S = self.num_trees, min(self.num_samples_per_tree, len(rows))
        rng = np.random.default_rng((context.seed, 59))
        if len(rows) >= T * S:
            dealt = np.arange(T * S).reshape(T, S)
        else:
            dealt = np.stack([rng.choice(len(rows), S, replace=False) for _ in range(T)])
        seeds = np.asarray(np.random.SeedSequence((context.seed, 61)).generate_state(T, np.uint64), np.uint64)
        threads = max(1, context.threads)
        groups = np.array_split(np.arange(T), min(threads, T))
        grown = _spread(lambda group: _trees(rows, dealt[group], seeds[group]), groups, threads)
        trees = [tree for group in grown for tree in group]
        parts = [np.concatenate(part) for part in zip(*trees, strict=True)]
        first = np.concatenate([[0], np.cumsum([len(tree[1]) for tree in trees])]).astype(np.int64)
        self.forest_ = Forest(parts[0], parts[1], first, *parts[2:])
        self._boxes = self.forest_.boxes()
        judged = rows[:: max(1, len(rows) // JUDGED)]
        scores = np.concatenate(_spread(self._score, np.array_split(judged, threads), threads))
        self.threshold_ = float(scores.mean() + SIGMAS * scores.std())

    def _score(self, rows: Matrix) -> Vector:
        from tarragon.algorithms.random_cut_trees import score

        assert self.forest_ is not None
        assert self._boxes is not None
        out = np.zeros(len(rows))
        score(rows, *self.forest_.parts(), *self._boxes, out)
        return np.asarray(out / (len(self.forest_.first) - 1))


def _spread(work: Callable[[In], Out], items: Iterable[In], threads: int) -> list[Out]:
    """Work on all items, on several threads where asked."""
    if threads == 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


def _trees(rows: Matrix, members: Longs, seeds: NDArray[np.uint64]) -> list[tuple[NDArray[Any], ...]]:
    """Grow trees of members, (T, m): points and mass of leaves, then dimension, cut, left and right of inner nodes."""
    from tarragon.algorithms.random_cut_trees import grow_all

    dimension, left, right, mass = (np.empty(members.shape, np.int32) for _ in range(4))
    cut, leaves = np.empty(members.shape, np.float32), np.empty(len(members), np.int64)
    grow_all(rows, members, seeds, dimension, cut, left, right, mass, leaves)
    return [
        (rows[members[t, :n]], mass[t, :n], *(part[t, : n - 1] for part in (dimension, cut, left, right)))
        for t, n in enumerate(leaves)
    ]


def _blocks(data: Data) -> Iterator[Matrix]:
    """Give rows as dense blocks. Raises ``DataError`` for missing values."""
    for block in data if isinstance(data, Batches) else (data,):
        finite(block, TITLE)
        size = max(1, BLOCK_CELLS // max(1, block.n_features))
        for start in range(0, block.n_rows, size):
            yield np.ascontiguousarray(dense(Tabular(block.X[start : start + size])), dtype=np.float32)
