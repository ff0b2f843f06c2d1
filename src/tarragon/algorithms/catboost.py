"""CatBoost: gradient boosting of symmetric trees, with categories replaced by target statistics that do not leak.

Source: Prokhorenkova et al. (2018), CatBoost: unbiased boosting with categorical features, NeurIPS.
Cost:   about rows × columns × depth per round, several times that with categories or ordered boosting, times K for K
        classes.

Departures from SageMaker's: early stopping watches the objective's own loss unless told otherwise (theirs: AUC for two
classes); ``l2_leaf_reg`` need not be whole; the kind of draw can be named, and rows are drawn once per tree where that
is the kind's own habit (theirs: once per level, which is a third slower and no better). Needs the extra "catboost".
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.inputs import dense, objective, refused, same_columns, supervised
from tarragon.algorithms.params import OneOf, Range, Text, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.rounds import Rounds
from tarragon.data import Prediction, Tabular
from tarragon.errors import MissingExtraError

FILE = "model"  # SageMaker's name; CatBoost's binary format (.cbm)
BIG = 2**31 - 1
MISSING = -1  # the category of a missing value
FEW_ROWS = 32  # up to here a list of lists is handed over faster than a frame
REGRESSION = ("RMSE", "MAE", "Poisson", "MAPE", "LogCosh")
BINARY = ("Logloss", "CrossEntropy")
MULTICLASS = ("MultiClass", "MultiClassOneVsAll")
METRICS = ("RMSE", "MAE", "MedianAbsoluteError", "MAPE", "R2", "Poisson", "Logloss", "CrossEntropy", "AUC", "Precision",
           "Recall", "F1", "Accuracy", "BalancedAccuracy", "MultiClass", "MultiClassOneVsAll", "TotalF1")  # fmt: skip
GREATER_IS_BETTER = (
    "R2", "Precision", "Recall", "F1", "AUC", "Accuracy", "BalancedAccuracy", "TotalF1",
)  # fmt: skip


@dataclass(eq=False)
class CatBoost:
    """Gradient boosted symmetric trees that treat categories well.

    Attributes
    ----------
    rounds_ : int
        Rounds the model keeps.
    rounds_done_ : int
        Rounds performed. Fitting again with ``iterations`` set to it gives the same model.
    history_ : tuple of (float, float)
        Loss on the training rows (NaN: not measured) and on ``valid``, per round.
    """

    card: ClassVar[Card] = Card(
        name="catboost",
        title="CatBoost",
        tasks=frozenset({"binary", "multiclass", "regression"}),
        view="codes",
        use="Many categories or many levels, and little time to tune: its defaults are hard to beat.",
        avoid="Very wide sparse data, many classes, or a tight time limit: rounds are slower than its rivals'.",
        interpretability="medium",
        growth="Time: rows × columns × depth × rounds, × K for K classes; ordered boosting several times that.",
        source="Prokhorenkova et al. (2018), arXiv:1706.09516",
        images=("catboost-classification-model", "catboost-regression-model"),
        channels=("training", "validation"),
        metrics=METRICS,
        answer=("prediction", "probabilities"),
        extra="catboost",
        library="catboost",
    )

    iterations: Annotated[int, Range(1, BIG, about="Rounds of boosting: more fit closer, and longer.")] = 500
    learning_rate: Annotated[
        float,
        Range(
            0,
            1,
            open_low=True,
            log=True,
            tune=(0.02, 0.3),
            about="How much of each tree is kept: less needs more rounds.",
        ),
    ] = 0.009
    depth: Annotated[int, Range(1, 16, tune=(4, 10), about="Levels of a tree: each doubles its leaves.")] = 6
    l2_leaf_reg: Annotated[
        float, Range(0, np.inf, open_low=True, log=True, tune=(1, 30), about="L2 penalty on leaves: more is smoother.")
    ] = 3.0
    random_strength: Annotated[
        float, Range(0, np.inf, tune=(0, 10), about="Noise when splits are compared: more varies the trees.")
    ] = 1.0
    rsm: Annotated[
        float, Range(0, 1, open_low=True, tune=(0.4, 1), about="Share of columns per split: less is faster.")
    ] = 1.0
    bootstrap_type: Annotated[
        str,
        OneOf(("auto", "Bayesian", "Bernoulli", "MVS", "No"), about="How rows are drawn or weighted for each tree."),
    ] = "auto"
    bagging_temperature: Annotated[
        float, Range(0, np.inf, about="0 weighs rows alike, more weighs them more at random; Bayesian only.")
    ] = 1.0
    subsample: Annotated[
        float | None, Range(0, 1, open_low=True, about="Share of rows per tree; Bernoulli and MVS only.")
    ] = None
    sampling_frequency: Annotated[
        str,
        OneOf(("auto", "PerTreeLevel", "PerTree"), about="How often rows are drawn; auto: as suits the kind of draw."),
    ] = "auto"
    boosting_type: Annotated[
        str, OneOf(("Auto", "Ordered", "Plain"), about="Ordered leaks less on few rows and is several times slower.")
    ] = "Auto"
    grow_policy: Annotated[
        str, OneOf(("SymmetricTree", "Depthwise", "Lossguide"), about="One split per level, or one per node.")
    ] = "SymmetricTree"
    max_leaves: Annotated[int, Range(2, 64, about="Most leaves of a tree; Lossguide only.")] = 31
    min_data_in_leaf: Annotated[int, Range(1, BIG, about="Least rows in a leaf; Lossguide and Depthwise only.")] = 1
    max_bin: Annotated[
        int | None, Range(1, 65_535, about="Bins per column: fewer are faster; None: the library's.")
    ] = None
    one_hot_max_size: Annotated[
        int | None, Range(1, BIG, about="Categories up to here are split one against the rest; None: the library's.")
    ] = None
    max_ctr_complexity: Annotated[
        int, Range(1, 8, about="Most categories joined into one: 1 joins none and is much faster.")
    ] = 4
    leaf_estimation_iterations: Annotated[
        int | None, Range(1, 1_000, about="Newton steps per leaf; None: the library's.")
    ] = None
    monotone_constraints: Annotated[
        str, Text(r"(-?[01](,-?[01])*)?", about="1,0,-1: the answer rises, is free, falls with each column.")
    ] = ""
    scale_pos_weight: Annotated[
        float, Range(0, np.inf, open_low=True, about="Weight of the positive class: for unequal classes.")
    ] = 1.0
    objective: Annotated[
        str, OneOf(("auto", *REGRESSION, *BINARY, *MULTICLASS), about="What a wrong answer costs; auto: by the target.")
    ] = "auto"
    eval_metric: Annotated[
        str, OneOf(("auto", *METRICS), about="What early stopping watches; auto: the objective's own loss.")
    ] = "auto"
    early_stopping_rounds: Annotated[
        int, Range(-BIG, BIG, about="End after so many rounds without a better validation loss; 0 or less never does.")
    ] = 5

    native: Mapping[str, Any] = field(default_factory=dict, init=False, repr=False)
    """Settings handed to the library instead of ours; None leaves one to the library."""
    booster_: Any = field(default=None, init=False, repr=False)
    constant_: NDArray[np.float64] | None = field(default=None, init=False, repr=False)
    n_features_: int = field(default=0, init=False, repr=False)
    n_classes_: int = field(default=0, init=False, repr=False)
    rounds_: int = field(default=0, init=False, repr=False)
    rounds_done_: int = field(default=0, init=False, repr=False)
    history_: tuple[tuple[float, float], ...] = field(default=(), init=False, repr=False)
    _categorical: tuple[int, ...] = field(default=(), init=False, repr=False)
    _bytes: bytes = field(default=b"", init=False, repr=False)
    _threads: int = field(default=-1, init=False, repr=False)

    def fit(self, data: Tabular, *, valid: Tabular | None = None, context: Context | None = None) -> Self:
        """Boost. Raises ``ParameterError``, ``MissingExtraError``, or ``DataError`` for rows it cannot learn from."""
        check(self)
        library = _library()
        supervised(data, "CatBoost")
        context = context or Standalone()
        settings = self._settings(data, context)
        self.n_features_, self.n_classes_, self._categorical = data.n_features, data.n_classes, data.categorical
        self._threads, self.booster_, self.constant_ = context.threads, None, _constant(data)
        rounds = Rounds(context, data.n_rows)
        if self.constant_ is not None:
            rounds.over()
        else:
            watch = _Watch(self._watching(settings, data, valid, context), settings["eval_metric"].partition(":")[0])
            model, sink = library.CatBoost(settings), io.StringIO()
            pools = [_pool(d, data.categorical, context.threads, learn=True) for d in (data, valid) if d is not None]
            try:
                model.fit(pools[0], eval_set=pools[1:] or None, callbacks=[watch], log_cout=sink, log_cerr=sink)
            except library.CatBoostError as error:
                raise refused("CatBoost", error) from error
            rounds = watch.rounds
            if rounds.kept < model.tree_count_:
                model.shrink(rounds.kept)
            self.booster_, self._bytes = model, _plain(model)
        self.rounds_, self.rounds_done_, self.history_ = rounds.kept, rounds.done, rounds.history
        return self

    def _watching(self, settings: dict[str, Any], data: Tabular, valid: Tabular | None, context: Context) -> Rounds:
        metric = settings["eval_metric"].split(":")[0]
        patience = max(0, self.early_stopping_rounds) if valid is not None else 0
        return Rounds(context, data.n_rows, patience, metric in GREATER_IS_BETTER, metric)

    def predict(self, data: Tabular) -> Prediction:
        """Return ``{"score": (m,)}`` or ``{"probability": (m, K)}``. Raises ``NotFittedError``, ``DataError``."""
        same_columns(data, self.n_features_, "CatBoost")
        if self.constant_ is not None:
            answer = np.tile(self.constant_, (data.n_rows, 1))
            return {"probability": answer} if self.n_classes_ else {"score": answer[:, 0]}
        threads = 1 if data.n_rows <= FEW_ROWS else self._threads
        pool = _pool(data, self._categorical, threads)
        if self.n_classes_ == 0:
            kind = "Exponent" if self.objective == "Poisson" else "RawFormulaVal"
            return {"score": np.asarray(self.booster_.predict(pool, prediction_type=kind, thread_count=threads))}
        answer = np.asarray(self.booster_.predict(pool, prediction_type="Probability", thread_count=threads))
        return {"probability": answer / answer.sum(axis=1, keepdims=True)}  # one-vs-all answers do not sum to one

    def save(self, folder: Path) -> None:
        """Write ``model``, the library's own binary format; a constant answer is in the seal alone."""
        fitted(self.n_features_, "CatBoost")
        if self.booster_ is not None:
            (folder / FILE).write_bytes(self._bytes)
        facts = ("n_features_", "n_classes_", "rounds_", "rounds_done_", "_categorical")
        constant = None if self.constant_ is None else self.constant_.tolist()
        seal(folder, self, {**{name.strip("_"): getattr(self, name) for name in facts}, "constant": constant})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``, ``MissingExtraError``."""
        model, facts = opened(folder, cls)
        if facts["constant"] is None:
            model._bytes = (folder / FILE).read_bytes()
            model.booster_ = _library().CatBoost().load_model(blob=model._bytes)
        else:
            model.constant_ = np.asarray(facts["constant"], np.float64)
        model.n_features_, model.n_classes_ = facts["n_features"], facts["n_classes"]
        model.rounds_, model.rounds_done_ = facts["rounds"], facts["rounds_done"]
        model._categorical = tuple(facts["categorical"])
        return model

    def _loss(self, n_classes: int) -> str:
        suited = REGRESSION if n_classes == 0 else (*BINARY, *MULTICLASS) if n_classes == 2 else MULTICLASS
        return objective(self.objective, suited, n_classes, "CatBoost")

    def _settings(self, data: Tabular, context: Context) -> dict[str, Any]:
        kind = self._loss(data.n_classes)
        metric = kind if self.eval_metric == "auto" else self.eval_metric
        given = {name: getattr(self, name) for name in ("iterations", "learning_rate", "depth", "l2_leaf_reg", "rsm")}
        optional = {
            "subsample": self.subsample,
            "max_bin": self.max_bin,
            "one_hot_max_size": self.one_hot_max_size,
            "leaf_estimation_iterations": self.leaf_estimation_iterations,
            "monotone_constraints": [int(s) for s in self.monotone_constraints.split(",") if s] or None,
            "boosting_type": None if self.boosting_type == "Auto" else self.boosting_type,
            "min_data_in_leaf": None if self.grow_policy == "SymmetricTree" else self.min_data_in_leaf,
            "max_leaves": self.max_leaves if self.grow_policy == "Lossguide" else None,
            "scale_pos_weight": self.scale_pos_weight if kind in BINARY and self.scale_pos_weight != 1 else None,
            "classes_count": data.n_classes if kind in MULTICLASS else None,
            **self._draw(data.n_rows),
        }
        whole = {
            **given,
            **{name: value for name, value in optional.items() if value is not None},
            "random_strength": self.random_strength,
            "grow_policy": self.grow_policy,
            "max_ctr_complexity": self.max_ctr_complexity,
            "loss_function": kind,
            "eval_metric": f"{metric}:hints=skip_train~true",  # measuring training rows too would cost a pass per round
            "random_seed": context.seed,
            "thread_count": context.threads,
            "use_best_model": False,
            "allow_writing_files": False,
            "logging_level": "Silent",
            **self.native,
        }
        return {name: value for name, value in whole.items() if value is not None}

    def _draw(self, rows: int) -> dict[str, Any]:
        """How rows are drawn. The library cannot draw a share of hardly any rows."""
        if rows < FEW_ROWS and self.subsample is None and self.bootstrap_type in ("auto", "MVS", "Bernoulli"):
            return {"bootstrap_type": "No"}
        kind = self.bootstrap_type
        if kind == "auto":
            kind = "" if self.bagging_temperature == 1.0 else "Bayesian"
        return {
            "bootstrap_type": kind or None,
            "bagging_temperature": self.bagging_temperature if kind == "Bayesian" else None,
            "sampling_frequency": None
            if kind == "No" or self.sampling_frequency == "auto"
            else self.sampling_frequency,
        }


@dataclass(slots=True)
class _Watch:
    """What the library calls after each round."""

    rounds: Rounds
    metric: str

    def after_iteration(self, state: Any) -> bool:
        """Return whether to go on."""
        losses = (state.metrics or {}).get("validation", {})  # of the objective, and of the metric where it differs
        loss = next((float(line[-1]) for name, line in losses.items() if _named(name, self.metric)), float("nan"))
        return not self.rounds.over(loss)


def _named(name: str, metric: str) -> bool:
    return name.partition(":")[0] == metric


def _library() -> Any:
    try:
        import catboost
    except ImportError as error:
        raise MissingExtraError(
            "CatBoost is an optional part", why=str(error), fix='pip install "tarragon[catboost]"'
        ) from error
    return catboost


def _plain(model: Any) -> bytes:
    """Serialise a model without the clock and the random name in it: equal models are equal bytes.

    The library orders a loaded model's notes anew, so the bytes of the fit are kept for saving again.
    """
    notes = model.get_metadata()
    notes["model_guid"] = notes["train_finish_time"] = ""
    return bytes(model._serialize_model())


def _constant(data: Tabular) -> NDArray[np.float64] | None:
    """Return the one answer the library refuses to learn: with one target value, or no column that varies."""
    assert data.y is not None
    X = dense(data)
    varies = data.y.min() < data.y.max() and any(not _one_value(X[:, j]) for j in range(data.n_features))
    if varies:
        return None
    weight = np.ones(data.n_rows) if data.weight is None else data.weight
    if data.n_classes:
        share = np.bincount(data.y.astype(np.int64), weight, minlength=data.n_classes)
        return np.asarray(share / share.sum(), np.float64)
    return np.array([np.average(data.y, weights=weight)])


def _one_value(column: NDArray[np.float32]) -> bool:
    return bool((column == column[0]).all() or np.isnan(column).all())


def _pool(data: Tabular, categorical: tuple[int, ...], threads: int, *, learn: bool = False) -> Any:
    """Hand rows to the library: numbers as they are, categories as whole numbers."""
    library = _library()
    extra: dict[str, Any] = {"label": data.y, "weight": data.weight} if learn else {}
    if not categorical:
        return library.Pool(data.X, thread_count=threads, **extra)
    X = dense(data)
    levels = {j: np.where(np.isnan(X[:, j]), MISSING, X[:, j]).astype(np.int32) for j in categorical}
    if data.n_rows <= FEW_ROWS and not learn:
        columns = [levels[j].tolist() if j in levels else X[:, j].tolist() for j in range(data.n_features)]
        return library.Pool([list(row) for row in zip(*columns, strict=True)], cat_features=list(categorical))
    import polars

    frame = polars.DataFrame({str(j): levels.get(j, X[:, j]) for j in range(data.n_features)})
    return library.Pool(frame, cat_features=list(categorical), thread_count=threads, **extra)
