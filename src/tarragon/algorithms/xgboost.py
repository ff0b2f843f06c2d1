"""XGBoost: regularised gradient boosting, each tree fitted to the gradient and curvature of the loss so far.

Source: Chen & Guestrin (2016), XGBoost: a scalable tree boosting system, KDD.
Cost:   rows × columns once for binning, then rows × columns × depth per round, times K for K classes.

Departures from SageMaker's container: the intercept is estimated when ``base_score`` is not given (the library's own
default since 2.0; the container documents 0.5); linear and dart boosters are not searched: whoever wants one hands its
settings to the library (``native``); the learning rate worth searching starts below the documented 0.1. In sparse rows
what is not stored is missing, as in the container. Ranking without ``query`` takes all rows for one query, as the
library does. Survival takes times, negative ones where the end was not seen (censored at the right): the library's rule
for Cox's model, and ours for the accelerated failure time, whose bounds a single label cannot hold.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.inputs import objective, refused, same_columns, supervised
from tarragon.algorithms.params import OneOf, Range, Text, check, chosen
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.rounds import Rounds, Watch
from tarragon.data import Prediction, Tabular

FILE = "xgboost-model"  # SageMaker's name
BIG = 2**31 - 1
FEW_ROWS = 256  # below this, starting threads costs more than they save
REGRESSION = (
    "reg:squarederror", "reg:pseudohubererror", "reg:absoluteerror", "reg:squaredlogerror", "reg:gamma", "reg:tweedie",
    "count:poisson",
)  # fmt: skip
RANKING = ("rank:pairwise", "rank:ndcg", "rank:map")
AFT, COX = "survival:aft", "survival:cox"
BINARY = ("binary:logistic", "binary:logitraw", "binary:hinge", "reg:logistic")
MULTICLASS = ("multi:softprob", "multi:softmax")
METRICS = (
    "rmse", "mae", "mape", "rmsle", "mphe", "logloss", "error", "auc", "aucpr", "mlogloss", "merror", "poisson-nloglik",
    "gamma-nloglik", "gamma-deviance", "tweedie-nloglik", "ndcg", "map", "cox-nloglik", "aft-nloglik",
    "interval-regression-accuracy",
)  # fmt: skip
GREATER_IS_BETTER = ("auc", "aucpr", "ndcg", "map")
LOSSES = "tarragon_losses"  # attribute of a checkpoint's booster: validation losses so far
NOT_THE_LIBRARYS = ("num_round", "early_stopping_rounds", "objective", "eval_metric")


@dataclass(eq=False)
class XGBoost:
    """Gradient boosted trees with second-order steps and penalties on leaves.

    Attributes
    ----------
    rounds_ : int
        Rounds the model keeps.
    rounds_done_ : int
        Rounds performed. Fitting again with ``num_round`` set to it gives the same model.
    history_ : tuple of (float, float)
        Loss on the training rows (NaN: not measured, it would cost a pass per round) and on ``valid``, per round.
    """

    card: ClassVar[Card] = Card(
        name="xgboost",
        title="XGBoost",
        tasks=frozenset({"binary", "multiclass", "regression"}),
        view="codes",
        use="A strong default for tables of mixed columns that fit in memory; takes gaps and categories as they are.",
        avoid="Text as thousands of sparse columns, images, or trends that go on beyond the training range.",
        interpretability="medium",
        growth="Time: rows × columns × depth × rounds, × K for K classes. Memory: the matrix and 1–2 bytes per cell.",
        source="Chen & Guestrin (2016), doi:10.1145/2939672.2939785",
        images=("sagemaker-xgboost", "xgboost"),
        channels=("train", "validation", "model"),
        content_types=("text/libsvm", "text/csv", "application/x-parquet", "application/x-recordio-protobuf"),
        metrics=tuple(f"validation:{m}" for m in METRICS),
        answer=("score",),
    )

    num_round: Annotated[int, Range(1, BIG, about="Rounds of boosting: more fit closer, and longer.")] = 100
    eta: Annotated[
        float, Range(0, 1, log=True, tune=(0.01, 0.3), about="How much of each tree is kept: less needs more rounds.")
    ] = 0.3
    max_depth: Annotated[
        int, Range(0, BIG, tune=(3, 10), about="Levels of a tree: more join more columns; 0 no limit.")
    ] = 6
    min_child_weight: Annotated[
        float, Range(0, np.inf, log=True, tune=(0.3, 30), about="Least weight of rows in a leaf: more is smoother.")
    ] = 1.0
    gamma: Annotated[float, Range(0, np.inf, tune=(0, 5), about="Least gain of a split: more prunes harder.")] = 0.0
    max_delta_step: Annotated[
        float, Range(0, np.inf, about="Largest step of a leaf; 1 to 10 steadies very unequal classes; 0 no limit.")
    ] = 0.0
    subsample: Annotated[
        float, Range(0, 1, open_low=True, tune=(0.5, 1), about="Share of rows per tree: less varies the trees.")
    ] = 1.0
    sampling_method: Annotated[
        str, OneOf(("uniform", "gradient_based"), about="How rows are drawn; by gradient only on an accelerator.")
    ] = "uniform"
    colsample_bytree: Annotated[
        float, Range(0, 1, open_low=True, tune=(0.4, 1), about="Share of columns per tree: less varies the trees.")
    ] = 1.0
    colsample_bylevel: Annotated[float, Range(0, 1, open_low=True, about="Share of columns per level.")] = 1.0
    colsample_bynode: Annotated[float, Range(0, 1, open_low=True, about="Share of columns per split.")] = 1.0
    reg_lambda: Annotated[
        float,
        Range(0, np.inf, log=True, tune=(0.1, 100), wire="lambda", about="L2 penalty on leaves: more is smoother."),
    ] = 1.0
    reg_alpha: Annotated[
        float,
        Range(0, np.inf, log=True, tune=(1e-3, 10), wire="alpha", about="L1 penalty on leaves: more empties them."),
    ] = 0.0
    tree_method: Annotated[
        str, OneOf(("auto", "hist", "approx", "exact"), about="How splits are searched; auto is hist, the fast one.")
    ] = "auto"
    grow_policy: Annotated[
        str, OneOf(("depthwise", "lossguide"), about="Grow level by level, or always where the gain is greatest.")
    ] = "depthwise"
    max_leaves: Annotated[int, Range(0, BIG, about="Most leaves of a tree grown by gain; 0 no limit.")] = 0
    max_bin: Annotated[int, Range(2, 65_535, about="Bins per column: more cut finer, and slower.")] = 256
    num_parallel_tree: Annotated[int, Range(1, 1_000, about="Trees per round: more than 1 boosts small forests.")] = 1
    scale_pos_weight: Annotated[
        float, Range(0, np.inf, open_low=True, about="Weight of the positive class: for unequal classes.")
    ] = 1.0
    max_cat_to_onehot: Annotated[int, Range(1, BIG, about="Categories up to here are split one against the rest.")] = 4
    max_cat_threshold: Annotated[
        int, Range(1, BIG, about="Most categories on one side of a split: fewer overfit less.")
    ] = 64
    monotone_constraints: Annotated[
        str,
        Text(
            r"(\(\s*-?[01](\s*,\s*-?[01])*\s*,?\s*\))?", about="(1,0,-1): the answer rises, is free, falls per column."
        ),
    ] = ""
    base_score: Annotated[
        float | None, Range(-np.inf, np.inf, about="Answer before the first tree; None: estimated.")
    ] = None
    tweedie_variance_power: Annotated[
        float, Range(1, 2, open_low=True, open_high=True, about="Near 1 counts, near 2 amounts; for reg:tweedie.")
    ] = 1.5
    objective: Annotated[
        str,
        OneOf(
            ("auto", *REGRESSION, *RANKING, AFT, COX, *BINARY, *MULTICLASS),
            about="What a wrong answer costs; auto: by the target.",
        ),
    ] = "auto"
    eval_metric: Annotated[
        str, OneOf(("auto", *METRICS), about="What early stopping watches; auto: the objective's own loss.")
    ] = "auto"
    early_stopping_rounds: Annotated[
        int | None, Range(1, BIG, about="End after so many rounds without a better validation loss, and keep the best.")
    ] = None

    watch: Watch | None = field(default=None, init=False, repr=False)
    native: Mapping[str, Any] = field(default_factory=dict, init=False, repr=False)
    """Settings handed to the library beside ours or instead; None leaves one to the library."""
    start: bytes = field(default=b"", init=False, repr=False)
    """A booster to go on from, as the library saves it."""
    booster_: Any = field(default=None, init=False, repr=False)
    n_features_: int = field(default=0, init=False, repr=False)
    n_classes_: int = field(default=0, init=False, repr=False)
    rounds_: int = field(default=0, init=False, repr=False)
    rounds_done_: int = field(default=0, init=False, repr=False)
    history_: tuple[tuple[float, float], ...] = field(default=(), init=False, repr=False)
    _objective: str = field(default="", init=False, repr=False)
    _linear: bool = field(default=False, init=False, repr=False)
    _threads: int = field(default=0, init=False, repr=False)
    _threads_set: int = field(default=-1, init=False, repr=False)

    def fit(self, data: Tabular, *, valid: Tabular | None = None, context: Context | None = None) -> Self:
        """Boost. Raises ``ParameterError``, or ``DataError`` for rows it cannot learn from."""
        import xgboost

        check(self)
        supervised(data, "XGBoost")
        context = context or Standalone()
        kind = self._loss(data.n_classes)
        with xgboost.config_context(verbosity=0):
            try:
                train = self._binned(data, context.threads, None)
                watched = [(self._binned(valid, context.threads, train), "validation")] if valid is not None else []
                known = context.resume()
                begun = bytearray(known["model"].tobytes() if known else self.start) or None
                booster = xgboost.Booster(
                    self._settings(data, kind, context), [train, *(m for m, _ in watched)], model_file=begun
                )
                if self.watch is not None:
                    watched = [(train, "train"), *watched]
                rounds = self._boost(booster, train, watched, context)
            except xgboost.core.XGBoostError as error:
                raise refused("XGBoost", error) from error
            self._linear = self.native.get("booster") == "gblinear"  # its rounds cannot be told apart afterwards
            self.booster_ = booster if self._linear or rounds.kept == rounds.done else booster[: rounds.kept]
        self.n_features_, self.n_classes_, self._objective = data.n_features, data.n_classes, kind
        self.rounds_, self.rounds_done_, self.history_ = rounds.kept, rounds.done, rounds.history
        self._threads, self._threads_set = context.threads, -1
        return self

    def _boost(self, booster: Any, train: Any, watched: list[tuple[Any, str]], context: Context) -> Rounds:
        """Run rounds until the last, the first without hope, or the first after the end was asked for."""
        watch = self.watch or Watch()
        rounds = Rounds(context, train.num_row())
        if watched:
            metric = list(self._measured(booster, watched, 0, watch))[-1]  # names the metric and sets the direction
            greater = watch.maximize if watch.metrics else metric.partition(":")[2] in GREATER_IS_BETTER
            validated = watched[-1][1] == "validation"
            patience = (self.early_stopping_rounds or 0) if validated else 0
            rounds = Rounds(context, train.num_row(), patience, greater, metric.partition(":")[2])
        for loss in json.loads(booster.attr(LOSSES) or "[]"):
            rounds.note(loss)
        for i in range(rounds.done, self.num_round):
            booster.update(train, i)
            measured = self._measured(booster, watched, i, watch)
            loss = list(measured.values())[-1] if watched and watched[-1][1] == "validation" else float("nan")
            if rounds.over(loss, measured):
                break
            if watch.due():
                booster.set_attr(**{LOSSES: json.dumps(rounds.losses)})
                context.checkpoint({"model": np.frombuffer(booster.save_raw("ubj"), np.uint8)})
        booster.set_attr(**{LOSSES: None})
        return rounds

    @staticmethod
    def _measured(booster: Any, watched: list[tuple[Any, str]], i: int, watch: Watch) -> dict[str, float]:
        """Return the metrics of a round by name, ``train:rmse`` …, in the order of ``watched`` and of the metrics."""
        if not watched:
            return {}
        pairs = (part.rsplit(":", 1) for part in booster.eval_set(watched, i).split("\t")[1:])
        found = {name.replace("-", ":", 1): float(value) for name, value in pairs}
        if not watch.own:
            return found
        ordered = {}
        for rows, place in watched:
            answer, labels = booster.predict(rows), rows.get_label()
            for metric in watch.metrics:
                own = watch.own.get(metric)
                name = f"{place}:{metric}"
                ordered[name] = found[name] if own is None else own(answer, labels)
        return ordered

    def predict(self, data: Tabular) -> Prediction:
        """Return ``{"score": (m,)}`` or ``{"probability": (m, K)}``. Raises ``NotFittedError``, ``DataError``."""
        same_columns(data, self.n_features_, "XGBoost")
        self._use_threads(1 if data.n_rows < FEW_ROWS else self._threads)
        if self.n_classes_ == 0:
            return {"score": self._answer(data, "value")}
        return {"probability": _probability(self._answer(data, "margin"), self._objective)}

    def _answer(self, data: Tabular, kind: str) -> NDArray[np.float64]:
        if not self._linear:
            found = self.booster_.inplace_predict(data.X, predict_type=kind, validate_features=False)
            return np.asarray(found, np.float64)
        import xgboost

        rows = xgboost.DMatrix(data.X, nthread=self._threads or None)
        return np.asarray(self.booster_.predict(rows, output_margin=kind == "margin"), np.float64)

    def save(self, folder: Path) -> None:
        """Write ``xgboost-model``, the library's own JSON-like binary, which SageMaker's container reads too."""
        fitted(self.n_features_, "XGBoost")
        (folder / FILE).write_bytes(self.booster_.save_raw("ubj"))
        facts = ("n_features_", "n_classes_", "rounds_", "rounds_done_", "_objective")
        seal(folder, self, {name.strip("_"): getattr(self, name) for name in facts})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        import xgboost

        model, facts = opened(folder, cls)
        with xgboost.config_context(verbosity=0):
            model.booster_ = xgboost.Booster(model_file=bytearray((folder / FILE).read_bytes()))
        model.n_features_, model.n_classes_ = facts["n_features"], facts["n_classes"]
        model.rounds_, model.rounds_done_, model._objective = facts["rounds"], facts["rounds_done"], facts["objective"]
        model._linear = json.loads(model.booster_.save_config())["learner"]["gradient_booster"]["name"] == "gblinear"
        return model

    def _use_threads(self, threads: int) -> None:
        """Set the number of threads (0: all) where it differs: the library sets itself up anew after each change."""
        if threads != self._threads_set:
            self.booster_.set_param({"nthread": threads})
            self._threads_set = threads

    def _loss(self, n_classes: int) -> str:
        values = (*REGRESSION, *RANKING, AFT, COX)
        suited = values if n_classes == 0 else (*BINARY, *MULTICLASS) if n_classes == 2 else MULTICLASS
        return objective(self.objective, suited, n_classes, "XGBoost")

    def _settings(self, data: Tabular, kind: str, context: Context) -> dict[str, Any]:
        wire = {"reg_lambda": "lambda", "reg_alpha": "alpha"}
        given = {
            wire.get(name, name): value
            for name, value in chosen(self).items()
            if name not in NOT_THE_LIBRARYS and value is not None and value != ""
        }
        if kind not in ("binary:logistic", "binary:logitraw", "reg:logistic"):
            del given["scale_pos_weight"]
        if kind != "reg:tweedie":
            del given["tweedie_variance_power"]
        if kind in MULTICLASS:
            given["num_class"] = data.n_classes
        if kind == "reg:pseudohubererror" and self.base_score is None:
            # The library's own estimate is one Newton step from 0, which far from 0 lands anywhere.
            assert data.y is not None
            weight = np.ones(data.n_rows) if data.weight is None else data.weight
            sums = context.reduce({"of": np.array([weight @ data.y, weight.sum()])})["of"]  # over hosts, where several
            given["base_score"] = float(sums[0] / sums[1])
        if self.eval_metric != "auto":
            given["eval_metric"] = self.eval_metric
        if self.watch is not None and self.watch.metrics:
            given["eval_metric"] = [m for m in self.watch.metrics if m not in self.watch.own]
        more: Mapping[str, Any] = {
            "objective": kind, "seed": context.seed, "nthread": context.threads, "device": context.device,
            "verbosity": 0, "validate_parameters": False,
        }  # fmt: skip
        whole = {**given, **more, **self.native}
        return {name: value for name, value in whole.items() if value is not None}

    def _binned(self, data: Tabular, threads: int, reference: Any) -> Any:
        """Hand rows to the library: binned at once for the histogram methods, as they are otherwise."""
        import xgboost

        kinds = ["q"] * data.n_features
        for column in data.categorical:
            kinds[column] = "c"
        shared: dict[str, Any] = {
            "label": data.y, "weight": data.weight, "feature_types": kinds, "enable_categorical": True,
            "nthread": threads, "qid": data.query if self.objective in RANKING else None,
        }  # fmt: skip
        if self.objective == AFT:
            assert data.y is not None
            known = np.abs(data.y)
            shared |= {"label": None, "label_lower_bound": known}
            shared |= {"label_upper_bound": np.where(data.y < 0, np.inf, known)}
        binned = not {"updater", "process_type"} & set(self.native) and self.native.get("booster") != "gblinear"
        if self.tree_method in ("auto", "hist") and binned:
            return xgboost.QuantileDMatrix(data.X, max_bin=self.max_bin, ref=reference, **shared)
        return xgboost.DMatrix(data.X, **shared)


def _probability(margin: NDArray[np.float64], objective: str) -> NDArray[np.float64]:
    """Turn raw sums, (m,) or (m, K), into probabilities (m, 2) or (m, K); a hinge answers 0 or 1."""
    if objective in MULTICLASS:
        return np.asarray(softmax(margin, axis=1))
    positive = (margin > 0).astype(np.float64) if objective == "binary:hinge" else expit(margin)
    return np.column_stack([1 - positive, positive])
