"""Extra trees: average many trees whose splits are drawn at random and only then compared.

Idea:   each node draws one threshold for each of a few random columns and keeps the best; the average over trees is
        smooth, needs no tuning, and errs unlike boosting does.
Source: Geurts, Ernst & Wehenkel (2006), Extremely randomized trees, Machine Learning 63, doi:10.1007/s10994-006-6226-1.
Cost:   fit O(trees · columns tried · n · log n); predict O(trees · depth) per row; about 19 bytes per leaf.

Departures from the paper: missing values are sent to the side that fits better; categories are split as ordered
numbers, most frequent first (ordering them by the target scored worse on most tables tried); class shares are mixed
with a little of the overall shares, so that no class is ever impossible. scikit-learn grows the trees, on standardised
targets; :mod:`tarragon.algorithms.forest` keeps them.
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
from tarragon.algorithms.weights import broken, read_weights, write_weights
from tarragon.data import Matrix, Prediction, Tabular
from tarragon.errors import DataError

TITLE = "Extra trees"
SIZE_BYTES = 25e6  # aimed at when min_samples_leaf is left open
LEAF_FILL = 1.5  # rows of a leaf ÷ min_samples_leaf, measured
CHUNKS = 25  # times per fit that the context is asked whether to end
FEW = 500  # rows up to which two classes are told apart by leaves of single rows


@dataclass(eq=False)
class ExtraTrees:
    """Average extremely randomised trees.

    Parameters
    ----------
    n_estimators : int, default=100
    max_features : float in (0, 1] or None, default=None
        Share of columns tried per node. None: half for classes, all for values.
    min_samples_leaf : int or None, default=None
        None: 2 for values, 5 for two classes (1 below 500 rows), 1 for more classes; or as many as keep the model
        near 25 MB.
    bootstrap : bool, default=False
        Draw rows with replacement for each tree.
    smoothing : float, default=0.2
        Weight of the overall class shares in each answer, counted in trees.

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
    smoothing: Annotated[float, Range(0.0, 1e3, about="More draws probabilities to the overall class shares.")] = 0.5

    forest_: Forest | None = field(default=None, init=False, repr=False)
    rounds_: int = field(default=0, init=False, repr=False)
    rounds_done_: int = field(default=0, init=False, repr=False)
    history_: tuple[tuple[float, float], ...] = field(default=(), init=False, repr=False)
    _target: Target | None = field(default=None, init=False, repr=False)
    _share: Dense = field(default_factory=lambda: np.zeros(0), init=False, repr=False)

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
        model = self._forest(data, target, context)
        X, step = _columns(data), max(context.threads, -(-self.n_estimators // CHUNKS))
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
        mean = self.forest_.mean(_columns(data))
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
        write_weights(folder, {**self.forest_.arrays, "share": self._share})
        seal(folder, self, {"target": self._target.facts(), "n_features": self.forest_.n_features})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        made, facts = opened(folder, cls)
        found = read_weights(folder)
        try:
            made._target = target = Target.read(facts["target"])
            n_features = int(facts["n_features"])
        except (KeyError, TypeError, ValueError) as error:
            raise broken(f"facts: {error}") from error
        made._share = found.get("share", "f", (max(1, len(target.classes)),))
        arrays = {name: array for name, array in found.arrays.items() if name != "share"}
        made.forest_ = Forest.make(arrays, n_features, target.outputs)
        made.rounds_ = made.rounds_done_ = made.forest_.n_trees
        return made

    def _forest(self, data: Tabular, target: Target, context: Context) -> Any:
        """Return scikit-learn's unfitted forest."""
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

        kind = ExtraTreesClassifier if target.n_classes else ExtraTreesRegressor
        usual = {0: 2, 2: 1 if data.n_rows < FEW else 5}.get(target.n_classes, 1)
        leaves = SIZE_BYTES / BYTES_PER_LEAF / self.n_estimators
        return kind(
            min_samples_leaf=self.min_samples_leaf or max(usual, int(np.ceil(data.n_rows / LEAF_FILL / leaves))),
            max_features=self.max_features or (0.5 if target.n_classes else 1.0),
            bootstrap=self.bootstrap, warm_start=True, n_jobs=context.threads, random_state=context.seed,
        )  # fmt: skip


def _columns(data: Tabular) -> Matrix:
    """(n, d) rows as the trees see them: infinities are the largest number."""
    if data.is_sparse:
        raise DataError(f"{TITLE} reads dense tables", why="The rows are sparse", fix='Use the "codes" view')
    return np.ascontiguousarray(np.clip(np.asarray(data.X), -3e38, 3e38), dtype=np.float32)


def _leaves(tree: Any, target: Target) -> NDArray[np.float32]:
    """(leaves, S) class shares (of class 1 for two classes), or means."""
    values = tree.value[tree.children_left < 0][:, 0, :]
    if target.n_classes and values.shape[1] == 2:
        values = values[:, 1:]
    return np.asarray(values, dtype=np.float32)
