"""A glass box: the answer is an intercept plus one curve per column, each a table that can be read and drawn.

Idea: gradient boosting in which every tree may use one column only, or one chosen pair. The sum of such trees is a sum
of functions of single columns, so the trees are only scaffolding: after the fit they are added up into exact tables
(``tarragon.algorithms.shapes``), and the tables are the model.

Source: Lou, Caruana & Gehrke (2012), Intelligible models for classification and regression, KDD. Pairs: Lou, Caruana,
        Gehrke & Hooker (2013), Accurate intelligible models with pairwise interactions, KDD.
Cost:   a round costs rows × columns sampled; reading the trees about 0.1 ms each; predicting a binary search and a
        look-up per column.

Notation: n rows, d columns, K outputs (1 for regression and two classes, otherwise one per class), c cells of a column.
Departures: each round boosts the best of a random half of the columns, where the papers cycle through all of them; rows
are sampled per round, where they average whole fits on resampled rows; surfaces of pairs are centred, but what they
share with the curves of their columns is not moved there.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from scipy.special import expit, softmax

from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.inputs import dense, refused, same_columns, supervised
from tarragon.algorithms.params import Range, Text, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.rounds import Rounds
from tarragon.algorithms.shapes import Axis, Shape, Tree, strongest_pairs, tables_of, trees_of
from tarragon.data import Matrix, Prediction, Tabular, Vector

FILE = "model.json"
BIG = 2**31 - 1
PAIR_BINS = 32  # per side: a surface of 32 × 32 is about as much as a reader takes in
PAIR_LEAVES = 4  # the least with which two columns can act together
PROBE_ROUNDS = (
    40  # short boosting of unrestricted trees on what the curves left over, to see which columns act together
)
OBJECTIVES = {0: ("regression", "rmse"), 2: ("binary", "binary_logloss")}


@dataclass(eq=False)
class Additive:
    """Generalised additive model boosted from trees of one column each.

    Attributes
    ----------
    intercept_ : ndarray of shape (K,)
        The mean answer over the training rows, before the link.
    rounds_, rounds_done_ : int
        Rounds the model keeps, and rounds performed. Fitting again with ``num_round`` set to the latter gives the same
        model.
    history_ : tuple of (float, float)
        Loss on the training rows (NaN: not measured) and on ``valid``, per round.
    """

    card: ClassVar[Card] = Card(
        name="additive",
        title="Additive model",
        tasks=frozenset({"binary", "multiclass", "regression"}),
        view="codes",
        use="When people must be able to read, check and defend the whole model, at little or no loss of accuracy.",
        avoid="Columns that mean something only together (pixels, words); many classes: there is too much to read.",
        interpretability="high",
        growth="Time: rows × columns × rounds, × K for K classes. Memory: about 1 byte per cell; the model is tables.",
        source="Lou et al. (2012), doi:10.1145/2339530.2339556; Lou et al. (2013), doi:10.1145/2487575.2487579",
        answer=("score", "probability"),
    )

    num_round: Annotated[int, Range(1, BIG, about="Rounds of boosting in all: more fit closer, and longer.")] = 1500
    learning_rate: Annotated[
        float,
        Range(
            0, 1, open_low=True, log=True, tune=(0.02, 0.2), about="How much of each tree is kept: less is smoother."
        ),
    ] = 0.05
    num_leaves: Annotated[int, Range(2, 64, tune=(2, 8), about="Steps that one tree adds to a curve.")] = 3
    min_data_in_leaf: Annotated[
        int, Range(1, BIG, log=True, tune=(2, 100), about="Least rows in a step: more is smoother.")
    ] = 20
    max_bin: Annotated[
        int, Range(2, 65_535, log=True, tune=(32, 512), about="Finest cut of a column: fewer are easier to read.")
    ] = 255
    lambda_l2: Annotated[
        float, Range(0, np.inf, log=True, tune=(1e-2, 100), about="L2 penalty on steps: more flattens the curves.")
    ] = 0.0
    feature_fraction: Annotated[
        float,
        Range(0, 1, open_low=True, tune=(0.2, 1), about="Share of columns a round chooses from: less spreads effects."),
    ] = 0.5
    bagging_fraction: Annotated[
        float, Range(0, 1, open_low=True, tune=(0.5, 1), about="Share of rows per round: less smooths the curves.")
    ] = 0.8
    cat_smooth: Annotated[
        float,
        Range(0, np.inf, log=True, tune=(1, 100), about="Pulls rare categories to the middle: more trusts them less."),
    ] = 10.0
    n_pairs: Annotated[
        int,
        Range(0, 100, tune=(0, 10), about="Surfaces of two columns beside the curves: more fit closer, read worse."),
    ] = 0
    main_round: Annotated[
        int, Range(1, BIG, about="With pairs: rounds spent on the curves at most, before the surfaces get the rest.")
    ] = 1000
    monotone_constraints: Annotated[
        str, Text(r"(-?[01](,-?[01])*)?", about="1,0,-1: the curve rises, is free, falls for each column.")
    ] = ""
    early_stopping_rounds: Annotated[
        int, Range(-BIG, BIG, about="End after so many rounds without a better validation loss; 0 or less never does.")
    ] = 50

    intercept_: Vector | None = field(default=None, init=False, repr=False)
    n_features_: int = field(default=0, init=False, repr=False)
    n_classes_: int = field(default=0, init=False, repr=False)
    rounds_: int = field(default=0, init=False, repr=False)
    rounds_done_: int = field(default=0, init=False, repr=False)
    history_: tuple[tuple[float, float], ...] = field(default=(), init=False, repr=False)
    _shapes: tuple[Shape, ...] = field(default=(), init=False, repr=False)

    def fit(self, data: Tabular, *, valid: Tabular | None = None, context: Context | None = None) -> Self:
        """Boost, then add the trees up. Raises ``ParameterError``, or ``DataError`` for rows it cannot learn from."""
        check(self)
        supervised(data, "The additive model")
        boost = _Boost(self, data, valid, context or Standalone())
        trees = boost.curves()
        self.n_features_, self.n_classes_ = data.n_features, data.n_classes
        self._keep(trees, data)
        if self.n_pairs and data.n_features > 1 and boost.left > 0:
            self._keep([*trees, *boost.surfaces(self._raw)], data)
        self.rounds_, self.rounds_done_, self.history_ = boost.kept, boost.done, tuple(boost.history)
        return self

    def predict(self, data: Tabular) -> Prediction:
        """Return ``{"score": (m,)}`` or ``{"probability": (m, K)}``. Raises ``NotFittedError``, ``DataError``."""
        same_columns(data, self.n_features_, "The additive model")
        raw = self._raw(dense(data))
        if self.n_classes_ == 0:
            return {"score": raw[:, 0]}
        if self.n_classes_ == 2:
            positive = expit(raw[:, 0])
            return {"probability": np.column_stack([1 - positive, positive])}
        return {"probability": softmax(raw, axis=1)}

    def shapes(self) -> tuple[Shape, ...]:
        """Return every curve and surface, the most important first. Raises ``NotFittedError``."""
        fitted(self.n_features_, "The additive model")
        return tuple(sorted(self._shapes, key=lambda shape: (-shape.importance, shape.columns)))

    def contributions(self, data: Tabular) -> Vector:
        """Return what each shape, as ordered by ``shapes()``, adds to each row before the link: (m, shapes, K).

        Their sum and ``intercept_`` are the answer. Raises ``NotFittedError``, ``DataError``.
        """
        same_columns(data, self.n_features_, "The additive model")
        X = dense(data)
        outputs = 0 if self.intercept_ is None else len(self.intercept_)
        parts = [shape.look_up([axis.locate(X[:, axis.column]) for axis in shape.axes]) for shape in self.shapes()]
        return np.stack(parts, axis=1) if parts else np.zeros((data.n_rows, 0, outputs))

    def save(self, folder: Path) -> None:
        """Write ``model.json``: the intercept, then one shape per line."""
        fitted(self.n_features_, "The additive model")
        assert self.intercept_ is not None
        lines = ",\n".join(json.dumps(_shape_to_json(shape)) for shape in self._shapes)
        intercept = json.dumps(self.intercept_.tolist())
        (folder / FILE).write_text(f'{{"intercept": {intercept},\n"shapes": [\n{lines}\n]}}\n', encoding="utf-8")
        facts = ("n_features_", "n_classes_", "rounds_", "rounds_done_")
        seal(folder, self, {name.strip("_"): getattr(self, name) for name in facts})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        model, facts = opened(folder, cls)
        tables = json.loads((folder / FILE).read_text(encoding="utf-8"))
        model.intercept_ = np.array(tables["intercept"])
        model._shapes = tuple(_shape_from_json(shape) for shape in tables["shapes"])
        model.n_features_, model.n_classes_ = facts["n_features"], facts["n_classes"]
        model.rounds_, model.rounds_done_ = facts["rounds"], facts["rounds_done"]
        return model

    def _raw(self, X: Matrix) -> Vector:
        """Sum the intercept and the shapes, (m, d) -> (m, K)."""
        assert self.intercept_ is not None
        total = np.tile(self.intercept_, (len(X), 1))
        for shape in self._shapes:
            total += shape.look_up([axis.locate(X[:, axis.column]) for axis in shape.axes])
        return total

    def _keep(self, trees: list[Tree], data: Tabular) -> None:
        """Make the trees into centred shapes; their means go to the intercept."""
        X = dense(data)
        weight = np.ones(data.n_rows) if data.weight is None else data.weight
        intercept, tables = tables_of(trees, _outputs(data), _levels(data))
        shapes = []
        for axes, scores in tables.values():
            rows = np.zeros(scores.shape[:-1])
            np.add.at(rows, tuple(axis.locate(X[:, axis.column]) for axis in axes), weight)
            mean = np.tensordot(rows, scores, axes=rows.ndim) / rows.sum()
            intercept = intercept + mean
            centred = _average_where_unseen(scores - mean, rows)
            name = " × ".join(data.names[a.column] if data.names else f"column {a.column}" for a in axes)
            shapes.append(Shape(name, axes, centred, rows))
        self.intercept_, self._shapes = intercept, tuple(shapes)


class _Boost:
    """The scaffolding: LightGBM held to one column per tree, then to chosen pairs."""

    def __init__(self, asked: Additive, data: Tabular, valid: Tabular | None, context: Context) -> None:
        self.asked, self.data, self.valid, self.context = asked, data, valid, context
        self.patience = max(0, asked.early_stopping_rounds) if valid is not None else 0
        self.kept = self.done = 0
        self.left = asked.num_round
        self.history: list[tuple[float, float]] = []
        self._best = math.inf

    def curves(self) -> list[Tree]:
        """Boost trees of one column each."""
        alone = [[column] for column in range(self.data.n_features)]
        limit = min(self.asked.main_round, self.left) if self.asked.n_pairs else self.left
        return self._run({"interaction_constraints": alone, "num_leaves": self.asked.num_leaves}, limit, None)

    def surfaces(self, curves: Any) -> list[Tree]:
        """Boost trees of the pairs that act together most, on what the curves leave over."""
        coarse = {"max_bin": PAIR_BINS, "num_leaves": PAIR_LEAVES, "feature_fraction": 1.0}
        booster, _ = self._booster({**coarse, "max_depth": 2, "learning_rate": 0.1}, curves, watched=False)
        for _ in range(PROBE_ROUNDS):
            booster.update()
        pairs = strongest_pairs(trees_of(booster.model_to_string()), self.asked.n_pairs)
        if not pairs or self.context.stop_asked():
            self.left = 0
            return []
        return self._run({**coarse, "interaction_constraints": [list(pair) for pair in pairs]}, self.left, curves)

    def _run(self, settings: Mapping[str, Any], limit: int, start: Any) -> list[Tree]:
        from lightgbm.basic import LightGBMError

        try:
            booster, metric = self._booster(settings, start, watched=self.valid is not None)
            rounds = Rounds(
                self.context, self.data.n_rows, self.patience, metric=metric, offset=self.done, start=self._best
            )
            built = [0]
            for _ in range(limit):
                booster.update()
                built.append(booster.current_iteration())
                if rounds.over(float(booster.eval_valid()[0][2]) if self.valid is not None else math.nan):
                    break
        except LightGBMError as error:
            raise refused("The additive model", error) from error
        asked_to_end = rounds.done < limit and not rounds.stalled
        self.kept, self.done = self.kept + rounds.kept, self.done + rounds.done
        self.left = 0 if asked_to_end else self.asked.num_round - self.done
        self.history.extend(rounds.history)
        self._best = rounds.best_loss if self.patience else math.inf
        trees = trees_of(booster.model_to_string(num_iteration=built[rounds.kept])) if rounds.kept else []
        return trees

    def _booster(self, settings: Mapping[str, Any], start: Any, *, watched: bool) -> tuple[Any, str]:
        """Make a booster over the rows, going on from the raw answers of ``start``; and name its metric."""
        import lightgbm

        asked, data = self.asked, self.data
        objective, metric = OBJECTIVES.get(data.n_classes, ("multiclass", "multi_logloss"))
        given = {
            "learning_rate": asked.learning_rate,
            "min_data_in_leaf": asked.min_data_in_leaf,
            "max_bin": asked.max_bin,
            "lambda_l2": asked.lambda_l2,
            "feature_fraction": asked.feature_fraction,
            "bagging_fraction": asked.bagging_fraction,
            "bagging_freq": int(asked.bagging_fraction < 1 and asked.bagging_fraction * data.n_rows >= 2),
            "cat_smooth": asked.cat_smooth,
            "monotone_constraints": asked.monotone_constraints,
            "objective": objective,
            "metric": metric,
            "num_class": _outputs(data),
            "seed": self.context.seed,
            "num_threads": self.context.threads,
            "deterministic": True,
            "force_col_wise": True,  # histograms of the sampled columns only
            "verbosity": -1,
            **settings,
        }
        given = {name: value for name, value in given.items() if value != ""}
        known = None if start is None else start(dense(data)).ravel(order="F")
        train = lightgbm.Dataset(
            data.X,
            data.y,
            weight=data.weight,
            init_score=known,
            categorical_feature=list(data.categorical),
            params=given,
        )
        booster = lightgbm.Booster(given, train)
        if watched and self.valid is not None:
            known = None if start is None else start(dense(self.valid)).ravel(order="F")
            rows = train.create_valid(
                self.valid.X, self.valid.y, weight=self.valid.weight, init_score=known, params=given
            )
            booster.add_valid(rows, "validation")
        return booster, metric


def _outputs(data: Tabular) -> int:
    return data.n_classes if data.n_classes > 2 else 1


def _levels(data: Tabular) -> dict[int, tuple[int, ...]]:
    """Return the codes that occur in each categorical column."""
    X = dense(data)
    found = {column: np.unique(X[:, column]) for column in data.categorical}
    return {column: tuple(int(code) for code in codes if code >= 0) for column, codes in found.items()}


def _average_where_unseen(scores: Vector, rows: Vector) -> Vector:
    """Let missing values add nothing where no training row was missing: a centred table's average is 0."""
    for axis in range(rows.ndim):
        last = (slice(None),) * axis + (-1,)
        if rows[last].sum() == 0:
            scores[last] = 0.0
    return scores


def _shape_to_json(shape: Shape) -> dict[str, Any]:
    axes = [
        {"column": a.column, "levels": list(a.levels)}
        if a.categorical
        else {"column": a.column, "edges": a.edges.tolist()}
        for a in shape.axes
    ]
    return {"name": shape.name, "axes": axes, "scores": shape.scores.tolist(), "rows": shape.rows.tolist()}


def _shape_from_json(written: Mapping[str, Any]) -> Shape:
    axes = tuple(
        Axis(a["column"], np.array(a.get("edges", []), np.float64), tuple(a.get("levels", ())), "levels" in a)
        for a in written["axes"]
    )
    return Shape(written["name"], axes, np.array(written["scores"]), np.array(written["rows"]))
