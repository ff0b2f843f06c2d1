"""Extra trees: average many trees whose splits are drawn at random and only then compared.

Idea:   each node draws one threshold for each of a few random columns and keeps the best; the average over trees is
        smooth, needs no tuning, and errs unlike boosting does.
Source: Geurts, Ernst & Wehenkel (2006), Extremely randomized trees, Machine Learning 63, doi:10.1007/s10994-006-6226-1.
Cost:   fit O(trees · columns tried · n · log n); predict O(trees · depth) per row; about 19 bytes per leaf.

Departures from the paper: missing values are sent to the side that fits better; categories are split as ordered numbers,
by their frequency or by the target they go with; class shares are mixed with a little of the overall shares, so that no
class is ever impossible. scikit-learn grows the trees; :mod:`tarragon.algorithms.forest` keeps them.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.forest import BYTES_PER_LEAF, Forest
from tarragon.algorithms.inputs import same_columns, supervised
from tarragon.algorithms.params import OneOf, Range, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.target import Dense, Target
from tarragon.algorithms.threads import limited
from tarragon.algorithms.weights import read_weights, write_weights
from tarragon.data import Matrix, Prediction, Tabular
from tarragon.errors import DataError

TITLE = "Extra trees"
SIZE_BYTES = 25e6  # aimed at when min_samples_leaf is left open
LEAF_FILL = 1.5  # rows of a leaf ÷ min_samples_leaf, measured
CHUNKS = 25  # times per fit that the context is asked whether to end
STEADY = 10.0  # rows by which a category's target mean is drawn to the overall mean


@dataclass(eq=False)
class ExtraTrees:
    """Average extremely randomised trees.

    Parameters
    ----------
    n_estimators : int, default=100
    max_features : float in (0, 1] or None, default=None
        Share of columns tried per node. None: the square root of their number for classes, all for values.
    min_samples_leaf : int or None, default=None
        None: 1, or as many as keep the model near 25 MB.
    bootstrap : bool, default=False
        Draw rows with replacement for each tree.
    smoothing : float, default=0.5
        Weight of the overall class shares in each answer, counted in trees.
    categories : {"frequency", "target"}, default="target"
        The order in which levels are split.

    Attributes
    ----------
    forest_ : Forest
    rounds_, rounds_done_ : int
        Trees.
    history_ : tuple
        Empty: more trees never fit worse.
    """

    card: ClassVar[Card] = Card(
        name="extra-trees",
        title=TITLE,
        tasks=frozenset({"binary", "multiclass", "regression"}),
        view="codes",
        use="A strong second opinion beside boosting that needs no tuning; noisy tables of up to some 100,000 rows.",
        avoid="Very wide sparse text, extrapolation beyond the training range, or where the model must be tiny.",
        interpretability="low",
        growth="time linear in trees × columns tried × n log n; memory about 19 bytes per leaf",
        source="Geurts, Ernst & Wehenkel (2006), doi:10.1007/s10994-006-6226-1",
    )
    n_estimators: Annotated[
        int, Range(1, 10_000, log=True, tune=(50, 300), about="More trees are steadier, slower and larger.")
    ] = 100
    max_features: Annotated[
        float | None,
        Range(0.0, 1.0, open_low=True, tune=(0.2, 1.0), about="More makes each tree better and all trees more alike."),
    ] = None
    min_samples_leaf: Annotated[
        int | None, Range(1, 1_000_000, log=True, tune=(1, 20), about="More smooths the answers and shrinks the model.")
    ] = None
    bootstrap: Annotated[
        bool, OneOf((False, True), tune=(False, True), about="Rows drawn with replacement make trees differ more.")
    ] = False
    smoothing: Annotated[
        float, Range(0.0, 1e3, about="More draws probabilities to the overall class shares.")
    ] = 0.5
    categories: Annotated[
        str, OneOf(("frequency", "target"), tune=("frequency", "target"), about="The order in which levels are split.")
    ] = "target"

    forest_: Forest | None = field(default=None, init=False, repr=False)
    rounds_: int = field(default=0, init=False, repr=False)
    rounds_done_: int = field(default=0, init=False, repr=False)
    history_: tuple[tuple[float, float], ...] = field(default=(), init=False, repr=False)
    _target: Target | None = field(default=None, init=False, repr=False)
    _share: Dense = field(default_factory=lambda: np.zeros(0), init=False, repr=False)
    _levels: dict[int, Dense] = field(default_factory=dict, init=False, repr=False)

    def fit(self, data: Tabular, *, valid: Tabular | None = None, context: Context | None = None) -> Self:
        """Grow the trees. Raises ``ParameterError``, or ``DataError`` for rows it cannot learn from."""
        check(self)
        supervised(data, TITLE)
        context = context or Standalone()
        self._target = target = Target.learn(data)
        assert data.y is not None
        y = target.code(data.y)
        counts = np.bincount(y.astype(np.int64), weights=data.weight) if target.n_classes else np.zeros(1)
        self._share = counts / max(counts.sum(), 1e-300)
        self._levels = {} if self.categories == "frequency" else _ordered(data, y, target)
        model = self._forest(data, target, context)
        X, step = self._columns(data), max(context.threads, -(-self.n_estimators // CHUNKS))
        with limited(context.threads):
            for n, trees in enumerate(range(step, self.n_estimators + step, step), start=1):
                model.set_params(n_estimators=min(trees, self.n_estimators))
                model.fit(X, y, sample_weight=data.weight)
                context.epoch(n, steps=len(model.estimators_), records=data.n_rows, metrics={})
                if context.stop_asked():
                    break
        grown = [tree.tree_ for tree in model.estimators_]
        self.forest_ = Forest.grown(grown, [_leaves(tree, target) for tree in grown], data.n_features)
        self.rounds_ = self.rounds_done_ = len(grown)
        return self

    def predict(self, data: Tabular) -> Prediction:
        """Answer ``{"score": (n,)}`` or ``{"probability": (n, K)}``. Raises ``NotFittedError`` or ``DataError``."""
        same_columns(data, None if self.forest_ is None else self.forest_.n_features, TITLE)
        assert self.forest_ is not None
        assert self._target is not None
        mean = self.forest_.mean(self._columns(data))
        if self._target.n_classes == 0:
            return self._target.values(mean[:, 0])
        p = np.column_stack([1.0 - mean[:, 0], mean[:, 0]]) if len(self._share) == 2 else mean
        trees = self.forest_.n_trees
        return self._target.probabilities((trees * p + self.smoothing * self._share) / (trees + self.smoothing))

    def save(self, folder: Path) -> None:
        """Write ``weights.npz`` and the seal. Raises ``NotFittedError``."""
        fitted(None if self.forest_ is None else self.forest_.n_features, TITLE)
        assert self.forest_ is not None
        assert self._target is not None
        levels = {f"levels_{j}": order for j, order in self._levels.items()}
        write_weights(folder, {**self.forest_.arrays, **levels, "share": self._share})
        facts = {"target": self._target.facts(), "n_features": self.forest_.n_features, "levels": sorted(self._levels)}
        seal(folder, self, facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        made, facts = opened(folder, cls)
        found = read_weights(folder)
        return made

    def _forest(self, data: Tabular, target: Target, context: Context) -> Any:
        """Return scikit-learn's unfitted forest."""
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

        kind = ExtraTreesClassifier if target.n_classes else ExtraTreesRegressor
        leaves = SIZE_BYTES / BYTES_PER_LEAF / self.n_estimators
        return kind(
            min_samples_leaf=self.min_samples_leaf or max(1, int(np.ceil(data.n_rows / LEAF_FILL / leaves))),
            max_features=self.max_features or ("sqrt" if target.n_classes else 1.0),
            bootstrap=self.bootstrap, warm_start=True, n_jobs=context.threads, random_state=context.seed,
        )  # fmt: skip

    def _columns(self, data: Tabular) -> Matrix:
        """(n, d) rows as the trees see them: categories in order, infinities as the largest number."""
        if data.is_sparse:
            raise DataError(f"{TITLE} reads dense tables", why="The rows are sparse", fix='Use the "codes" view')
        X = np.array(data.X, dtype=np.float32, order="C")
        np.clip(X, -3e38, 3e38, out=X)
        for j, order in self._levels.items():
            code = np.nan_to_num(X[:, j], nan=-1.0)
            known = (code >= 0) & (code < len(order))
            X[:, j] = np.where(known, order[np.where(known, code, 0).astype(np.int64)], np.nan)
        return X


def _ordered(data: Tabular, y: Dense, target: Target) -> dict[int, Dense]:
    """Place each level of each category on a line, (levels,): by target mean, or by the main way class shares differ."""
    weight = np.ones(data.n_rows) if data.weight is None else data.weight
    goals = y[:, None] if target.outputs == 1 else np.eye(target.outputs)[y.astype(np.int64)]
    overall = weight @ goals / weight.sum()
    found = {}
    for j in data.categorical:
        code = np.asarray(data.X[:, j])
        there = np.isfinite(code) & (code >= 0)
        number = code[there].astype(np.int64)
        size = np.bincount(number, weights=weight[there], minlength=1)
        sums = np.column_stack([np.bincount(number, weights=weight[there] * g, minlength=1) for g in goals[there].T])
        means = (sums + STEADY * overall) / (size + STEADY)[:, None] - overall
        if means.shape[1] > 1:
            _, vectors = np.linalg.eigh((means * size[:, None]).T @ means)
            axis = vectors[:, -1]
            means = means @ (axis * np.sign(axis[np.abs(axis).argmax()]))[:, None]
        found[j] = np.ascontiguousarray(means[:, 0])
    return found


def _leaves(tree: Any, target: Target) -> NDArray[np.float32]:
    """(leaves, S) class shares (of class 1 for two classes), or means."""
    values = tree.value[tree.children_left < 0][:, 0, :]
    if target.n_classes and values.shape[1] == 2:
        values = values[:, 1:]
    return np.asarray(values, dtype=np.float32)
