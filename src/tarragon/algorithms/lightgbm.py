"""LightGBM: gradient boosting on histograms, trees grown leaf by leaf where the gain is greatest.

Source: Ke et al. (2017), LightGBM: a highly efficient gradient boosting decision tree, NeurIPS.
Cost:   rows × columns once for binning, then about rows × columns × log(leaves) per round, times K for K classes.

Departures from SageMaker's: the model is the library's text, ``model.txt``, where theirs is a pickle (joblib) that
would run code when read; extremely random splits, linear leaves and the settings for categories are added; bounds that
the documentation leaves open at 1 (shares of columns) include it; with dart, whose later trees change earlier ones,
every round is kept; the search ranges start where tables of some thousand rows live.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np

from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.inputs import objective, refused, same_columns, supervised
from tarragon.algorithms.params import OneOf, Range, Text, check, chosen
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.rounds import Rounds
from tarragon.data import Prediction, Tabular
from tarragon.errors import ParameterError

FILE = "model.txt"
BIG = 2**31 - 1
FEW_ROWS = 256  # below this, starting threads costs more than they save
BARREN = 20  # rounds in a row in which no sampled rows and columns allowed a split: nothing more is to be gained
REGRESSION = ("regression", "regression_l1", "huber", "fair", "poisson", "mape", "gamma", "tweedie")
BINARY = ("binary", "cross_entropy")
MULTICLASS = ("multiclass", "multiclassova")
METRICS = (
    "rmse", "l1", "l2", "huber", "fair", "poisson", "mape", "gamma", "tweedie", "binary_logloss", "binary_error", "auc",
    "average_precision", "cross_entropy", "multi_logloss", "multi_error", "auc_mu",
)  # fmt: skip
DEFAULT_METRIC = {"regression": "rmse"}  # the others have their own loss
NOT_THE_LIBRARYS = ("num_boost_round", "early_stopping_rounds", "objective", "metric")
WIDE = 500  # columns: from here histograms are built column by column, which then is the faster way round


@dataclass(eq=False)
class LightGBM:
    """Gradient boosted trees grown best leaf first.

    Attributes
    ----------
    rounds_ : int
        Rounds the model keeps.
    rounds_done_ : int
        Rounds performed. Fitting again with ``num_boost_round`` set to it gives the same model.
    history_ : tuple of (float, float)
        Loss on the training rows (NaN: not measured) and on ``valid``, per round.
    """

    card: ClassVar[Card] = Card(
        name="lightgbm",
        title="LightGBM",
        tasks=frozenset({"binary", "multiclass", "regression"}),
        view="codes",
        use="Tables with many rows, when time matters; takes gaps and categories as they are.",
        avoid="A few hundred rows, where growing leaf by leaf follows noise unless leaves are kept large.",
        interpretability="medium",
        growth="Time: rows × columns × log(leaves) × rounds, × K for K classes. Memory: about 1 byte per cell.",
        source="Ke et al. (2017), NeurIPS 30, proceedings.neurips.cc/paper/2017/hash/6449f44a102fde848669bdd9eb6b76fa",
        images=("lightgbm-classification-model", "lightgbm-regression-model"),
        channels=("train", "training", "validation"),
        metrics=METRICS,
        answer=("prediction", "probabilities"),
    )

    num_boost_round: Annotated[int, Range(1, BIG, about="Rounds of boosting: more fit closer, and longer.")] = 100
    learning_rate: Annotated[
        float,
        Range(
            0,
            1,
            open_low=True,
            log=True,
            tune=(0.01, 0.3),
            about="How much of each tree is kept: less needs more rounds.",
        ),
    ] = 0.1
    num_leaves: Annotated[
        int, Range(2, 131_072, log=True, tune=(7, 255), about="Leaves of a tree: more join more columns.")
    ] = 64
    max_depth: Annotated[int, Range(-BIG, BIG, about="Most levels of a tree; 0 or less is no limit.")] = 6
    min_data_in_leaf: Annotated[
        int, Range(0, BIG, log=True, tune=(2, 100), about="Least rows in a leaf: more is smoother.")
    ] = 3
    min_sum_hessian_in_leaf: Annotated[
        float, Range(0, np.inf, log=True, about="Least curvature in a leaf: more is smoother.")
    ] = 1e-3
    feature_fraction: Annotated[
        float, Range(0, 1, open_low=True, tune=(0.4, 1), about="Share of columns per tree: less varies the trees.")
    ] = 0.9
    feature_fraction_bynode: Annotated[float, Range(0, 1, open_low=True, about="Share of columns per split.")] = 1.0
    bagging_fraction: Annotated[
        float, Range(0, 1, open_low=True, tune=(0.5, 1), about="Share of rows per tree: less varies the trees.")
    ] = 0.9
    bagging_freq: Annotated[int, Range(0, BIG, about="Rounds between new draws of rows; 0 never draws.")] = 1
    lambda_l1: Annotated[
        float, Range(0, np.inf, log=True, tune=(1e-3, 10), about="L1 penalty on leaves: more empties them.")
    ] = 0.0
    lambda_l2: Annotated[
        float, Range(0, np.inf, log=True, tune=(1e-3, 100), about="L2 penalty on leaves: more is smoother.")
    ] = 0.0
    min_gain_to_split: Annotated[float, Range(0, np.inf, about="Least gain of a split: more prunes harder.")] = 0.0
    path_smooth: Annotated[float, Range(0, np.inf, about="How far small leaves lean on their parents.")] = 0.0
    max_delta_step: Annotated[float, Range(-np.inf, np.inf, about="Largest step of a leaf; 0 or less is no limit.")] = (
        0.0
    )
    max_bin: Annotated[int, Range(2, 65_535, about="Bins per column: more cut finer, and slower.")] = 255
    min_data_in_bin: Annotated[int, Range(1, BIG, about="Least rows in a bin.")] = 3
    extra_trees: Annotated[
        bool, OneOf((False, True), tune=(False, True), about="Tries one random cut per column: less variance, faster.")
    ] = False
    linear_tree: Annotated[
        bool,
        OneOf((False, True), about="A line in each leaf instead of a constant: for smooth targets of few columns."),
    ] = False
    linear_lambda: Annotated[float, Range(0, np.inf, about="L2 penalty on the lines of ``linear_tree``.")] = 0.0
    boosting: Annotated[
        str,
        OneOf(
            ("gbdt", "goss", "dart", "rf"),
            about="goss draws rows by the size of their gradient; dart drops trees; rf is a forest, not boosted.",
        ),
    ] = "gbdt"
    cat_smooth: Annotated[
        float,
        Range(0, np.inf, log=True, tune=(1, 100), about="Pulls rare categories to the middle: more trusts them less."),
    ] = 10.0
    cat_l2: Annotated[float, Range(0, np.inf, log=True, about="Extra L2 penalty of splits by category.")] = 10.0
    max_cat_threshold: Annotated[int, Range(1, BIG, about="Most categories on the small side of a split.")] = 32
    max_cat_to_onehot: Annotated[int, Range(1, BIG, about="Categories up to here are split one against the rest.")] = 4
    min_data_per_group: Annotated[
        int, Range(1, BIG, log=True, about="Least rows of a category for it to be split off with others.")
    ] = 100
    monotone_constraints: Annotated[
        str, Text(r"(-?[01](,-?[01])*)?", about="1,0,-1: the answer rises, is free, falls with each column.")
    ] = ""
    scale_pos_weight: Annotated[
        float, Range(0, np.inf, open_low=True, about="Weight of the positive class; not with is_unbalance.")
    ] = 1.0
    is_unbalance: Annotated[bool, OneOf((False, True), about="Weighs both classes alike in total.")] = False
    tree_learner: Annotated[
        str, OneOf(("serial", "feature", "data", "voting"), about="How several machines share the work.")
    ] = "serial"
    tweedie_variance_power: Annotated[
        float, Range(1, 2, open_high=True, about="1 is counts, near 2 amounts; for tweedie.")
    ] = 1.5
    objective: Annotated[
        str, OneOf(("auto", *REGRESSION, *BINARY, *MULTICLASS), about="What a wrong answer costs; auto: by the target.")
    ] = "auto"
    metric: Annotated[
        str, OneOf(("auto", *METRICS), about="What early stopping watches; auto: the objective's own loss.")
    ] = "auto"
    early_stopping_rounds: Annotated[
        int, Range(-BIG, BIG, about="End after so many rounds without a better validation loss; 0 or less never does.")
    ] = 10

    native: Mapping[str, Any] = field(default_factory=dict, init=False, repr=False)
    """Settings handed to the library instead of ours; None leaves one to the library."""
    booster_: Any = field(default=None, init=False, repr=False)
    n_features_: int = field(default=0, init=False, repr=False)
    n_classes_: int = field(default=0, init=False, repr=False)
    rounds_: int = field(default=0, init=False, repr=False)
    rounds_done_: int = field(default=0, init=False, repr=False)
    history_: tuple[tuple[float, float], ...] = field(default=(), init=False, repr=False)
    _text: str = field(default="", init=False, repr=False)
    _threads: int = field(default=0, init=False, repr=False)

    def fit(self, data: Tabular, *, valid: Tabular | None = None, context: Context | None = None) -> Self:
        """Boost. Raises ``ParameterError``, or ``DataError`` for rows it cannot learn from."""
        import lightgbm

        check(self)
        supervised(data, "LightGBM")
        context = context or Standalone()
        settings = self._settings(data, context)
        train = lightgbm.Dataset(
            data.X, data.y, weight=data.weight, categorical_feature=list(data.categorical), params=settings
        )
        try:
            booster = lightgbm.Booster(settings, train)
            if valid is not None:
                booster.add_valid(
                    train.create_valid(valid.X, valid.y, weight=valid.weight, params=settings), "validation"
                )
            rounds, trees = self._boost(booster, data.n_rows, watched=valid is not None, context=context)
        except lightgbm.basic.LightGBMError as error:
            raise refused("LightGBM", error) from error
        # The text is the model without the training rows; it holds every number to its last bit.
        self._text = booster.model_to_string(num_iteration=trees, importance_type="gain")
        self.booster_ = _read(self._text)
        self.n_features_, self.n_classes_ = data.n_features, data.n_classes
        self.rounds_, self.rounds_done_, self.history_ = rounds.kept, rounds.done, rounds.history
        self._threads = context.threads
        return self

    def _boost(self, booster: Any, records: int, *, watched: bool, context: Context) -> tuple[Rounds, int]:
        """Run rounds until the last, the first without hope, or the first after the end was asked for.

        Returns the rounds, and how many iterations of trees to keep: a round in which nothing could be split has none.
        """
        rounds, built, barren = Rounds(context, records), [], 0
        if watched:
            (_, name, _, greater), *_ = booster.eval_valid()
            patience = 0 if self.boosting == "dart" else max(0, self.early_stopping_rounds)
            rounds = Rounds(context, records, patience, greater, name)
        for _ in range(self.num_boost_round):
            barren = barren + 1 if booster.update() else 0
            built.append(booster.current_iteration())
            loss = float(booster.eval_valid()[0][2]) if watched else float("nan")
            if rounds.over(loss) or barren == BARREN:
                break
        return rounds, built[rounds.kept - 1]

    def predict(self, data: Tabular) -> Prediction:
        """Return ``{"score": (m,)}`` or ``{"probability": (m, K)}``. Raises ``NotFittedError``, ``DataError``."""
        same_columns(data, self.n_features_, "LightGBM")
        threads = 1 if data.n_rows < FEW_ROWS else self._threads
        answer = np.asarray(self.booster_.predict(data.X, num_threads=threads))
        if self.n_classes_ == 0:
            return {"score": answer}
        if answer.ndim == 1:
            return {"probability": np.column_stack([1 - answer, answer])}
        return {"probability": answer / answer.sum(axis=1, keepdims=True)}  # one-vs-all answers do not sum to one

    def save(self, folder: Path) -> None:
        """Write ``model.txt``, the library's own text."""
        fitted(self.n_features_, "LightGBM")
        (folder / FILE).write_text(self._text, encoding="utf-8")
        facts = ("n_features_", "n_classes_", "rounds_", "rounds_done_")
        seal(folder, self, {name.strip("_"): getattr(self, name) for name in facts})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        model, facts = opened(folder, cls)
        model._text = (folder / FILE).read_text(encoding="utf-8")
        model.booster_ = _read(model._text)
        model.n_features_, model.n_classes_ = facts["n_features"], facts["n_classes"]
        model.rounds_, model.rounds_done_ = facts["rounds"], facts["rounds_done"]
        return model

    def _loss(self, n_classes: int) -> str:
        suited = REGRESSION if n_classes == 0 else (*BINARY, *MULTICLASS) if n_classes == 2 else MULTICLASS
        return objective(self.objective, suited, n_classes, "LightGBM")

    def _settings(self, data: Tabular, context: Context) -> dict[str, Any]:
        kind = self._loss(data.n_classes)
        if self.is_unbalance and self.scale_pos_weight != 1.0:
            raise ParameterError(
                "LightGBM: scale_pos_weight and is_unbalance exclude each other", why="Both were given", fix="Keep one"
            )
        given = {n: v for n, v in chosen(self).items() if n not in NOT_THE_LIBRARYS and v != ""}
        goss = given["boosting"] == "goss"
        given |= {"boosting": "gbdt" if goss else self.boosting, "data_sample_strategy": "goss" if goss else "bagging"}
        if kind not in (*BINARY, "multiclassova") or self.scale_pos_weight == 1.0:
            del given["scale_pos_weight"]
        if kind in MULTICLASS:
            given["num_class"] = data.n_classes
        if self.bagging_fraction * data.n_rows < 2:  # the library cannot draw less than a row
            given["bagging_freq"] = 0
        wide = data.n_features >= WIDE
        whole: dict[str, Any] = {
            **given,
            "objective": kind,
            "metric": DEFAULT_METRIC.get(kind, "") if self.metric == "auto" else self.metric,
            "seed": context.seed,
            "num_threads": context.threads,
            "deterministic": True,
            "force_col_wise": wide,
            "force_row_wise": not wide,
            "verbosity": -1,
            **self.native,
        }
        return {name: value for name, value in whole.items() if value is not None}


def _read(text: str) -> Any:
    import lightgbm

    return lightgbm.Booster(model_str=text)
