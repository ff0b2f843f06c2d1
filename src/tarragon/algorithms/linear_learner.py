"""Linear learner: many linear models trained side by side in one pass over the rows, the best of them kept.

Idea:   mini-batch steps on a grid of learning rates, penalties and schedules. All models see the same batch, so that
        one matrix product serves them all; after each epoch they are judged, and the best so far is remembered.
Source: Liberty et al. (2020), Elastic machine learning algorithms in Amazon SageMaker, SIGMOD.
Cost:   O(non-zeros × models × classes) per epoch; memory columns × models × classes × 3 and one block of rows.

What the service does not publish was decided so: the grid (see ``linear_grid``); a learning rate, penalty or schedule
that was asked for holds for every model; wd and l1 are those of loss + wd/2·w² + l1·|w| on scaled columns; errors of a
regression, and with them δ and ε, are in units of the scaled label; "auto" is 1 for ``bias_lr_mult`` and 0.9 for
``momentum``; ``positive_example_weight_mult`` "auto" trains half of the grid with 1 and half with balanced weights;
sparse columns move only when they occur; rows are shuffled within what is in memory. Several hosts sum the gradients
of one batch of ``mini_batch_size`` rows.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tarragon.algorithms.artifact import SEAL, fitted, opened, seal
from tarragon.algorithms.gradient_steps import OPTIMIZERS, Steps
from tarragon.algorithms.inputs import same_columns
from tarragon.algorithms.linear_choice import CRITERIA, FINE, Criterion, counted, decision
from tarragon.algorithms.linear_grid import Asked, Setting, grid
from tarragon.algorithms.linear_loss import BINARY, SEVERAL, VALUES, Loss, probability
from tarragon.algorithms.linear_scaler import Reduce, Scaler, Wish
from tarragon.algorithms.linear_search import Plan, Winner, search
from tarragon.algorithms.linear_training import BLOCK_ROWS, Bias, Classes, SideBySide
from tarragon.algorithms.minibatch import MiniBatches, blocks, finite, learnable
from tarragon.algorithms.module_archive import Module, Node, read_module, write_module
from tarragon.algorithms.params import OneOf, Range, Text, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.threads import limited
from tarragon.algorithms.weights import broken
from tarragon.data import Data, Prediction, Tabular
from tarragon.errors import DataError, ParameterError

TITLE = "Linear learner"
INF, BIG = math.inf, 2**31 - 1
KINDS = {"binary_classifier": BINARY, "multiclass_classifier": SEVERAL, "regressor": VALUES}
OUTPUTS = {"logistic": "LogisticRegressionOutput", "softmax_loss": "SoftmaxOutput"}  # others: LinearRegressionOutput
CALIBRATION = 10_000_000  # rows, as the container's configuration has it
Floats = NDArray[np.float32]


@dataclass(eq=False, kw_only=True)
class LinearLearner:
    """Predict with one weight per column, of the best of many models.

    Parameters
    ----------
    All are SageMaker's; None is its "auto". See each line.

    Attributes
    ----------
    weights_ : ndarray of shape (K, d), float32
        Per unit of the raw column; K is 1 but for several classes.
    bias_ : ndarray of shape (K,), float32
    threshold_ : float
        Score from which a binary classifier answers 1: a probability, or a margin of hinge_loss.
    best_ : Setting
        What the best model was set to.
    label_scale_ : float
        In whose units errors of a regression were measured while training.
    history_ : tuple of (float, float)
        Loss of training and validation rows per epoch, of the model that led; NaN without validation rows.
    """

    card: ClassVar[Card] = Card(
        name="linear-learner",
        title=TITLE,
        tasks=frozenset({"binary", "multiclass", "regression"}),
        view="onehot",
        accepts="batches",
        use="A fast baseline on tables of any length, wide sparse data, thresholds for a wanted precision or recall.",
        avoid="When interactions or bends decide; for small tables the exact solver called linear.",
        interpretability="high",
        growth="time linear in non-zeros × models × classes × epochs; memory columns × models × classes, not rows",
        source="Liberty et al. (2020), SIGMOD, doi:10.1145/3318464.3386126",
        images=("linear-learner",),
        channels=("train", "validation", "test"),
        content_types=("text/csv", "application/x-recordio-protobuf"),
        metrics=("validation:objective_loss", "validation:mse", "validation:binary_classification_accuracy"),
        answer=("score", "predicted_label"),
    )
    predictor_type: Annotated[str, OneOf(tuple(KINDS), about="What is predicted.")]
    num_classes: Annotated[int | None, Range(3, 1_000_000, about="Classes of a multiclass_classifier.")] = None
    feature_dim: Annotated[int | None, Range(1, BIG, about="Columns; auto counts them.")] = None
    epochs: Annotated[int, Range(1, BIG, about="Passes over the rows, at most.")] = 15
    mini_batch_size: Annotated[
        int, Range(1, BIG, log=True, tune=(100, 5000), about="Rows per step: fewer are more, noisier steps.")
    ] = 1000
    loss: Annotated[
        str, OneOf(("auto", *BINARY, *SEVERAL, *VALUES), about="What a wrong answer costs; auto suits the kind.")
    ] = "auto"
    optimizer: Annotated[str, OneOf(("auto", *OPTIMIZERS), about="How steps are taken; auto is adam.")] = "auto"
    learning_rate: Annotated[
        float | None, Range(0, INF, open_low=True, open_high=True, log=True, tune=(1e-5, 1), about="Length of a step.")
    ] = None
    wd: Annotated[
        float | None, Range(0, INF, open_high=True, log=True, tune=(1e-7, 1), about="L2: more shrinks the weights.")
    ] = None
    l1: Annotated[float | None, Range(0, INF, open_high=True, log=True, tune=(1e-7, 1), about="L1: more zeros.")] = None
    momentum: Annotated[float | None, Range(0, 1, open_high=True, about="How long sgd keeps a direction.")] = None
    beta_1: Annotated[float | None, Range(0, 1, open_high=True, about="Memory of adam's direction.")] = None
    beta_2: Annotated[float | None, Range(0, 1, open_high=True, about="Memory of slopes' sizes.")] = None
    bias_lr_mult: Annotated[
        float | None, Range(0, INF, open_low=True, open_high=True, about="Step length of the bias, relative.")
    ] = None
    bias_wd_mult: Annotated[
        float | None, Range(0, INF, open_high=True, about="L2 of the bias, relative; auto is none.")
    ] = None
    use_bias: Annotated[bool, OneOf((True, False), tune=(True, False), about="Whether there is a bias.")] = True
    num_models: Annotated[int | None, Range(1, 10_000, about="Models side by side; auto is at most 32.")] = None
    num_calibration_samples: Annotated[int | None, Range(1, BIG, about="Rows that decide where scores are cut.")] = None
    binary_classifier_model_selection_criteria: Annotated[
        str, OneOf(CRITERIA, about="By what a binary classifier is chosen and cut.")
    ] = "accuracy"
    target_recall: Annotated[
        float, Range(0, 1, open_low=True, open_high=True, about="Of precision_at_target_recall.")
    ] = 0.8
    target_precision: Annotated[
        float, Range(0, 1, open_low=True, open_high=True, about="Of recall_at_target_precision.")
    ] = 0.8
    f_beta: Annotated[float, Range(0, INF, open_low=True, open_high=True, about="More weighs recall more.")] = 1.0
    accuracy_top_k: Annotated[int, Range(1, BIG, about="Of the top-k accuracy that is reported.")] = 3
    positive_example_weight_mult: Annotated[
        str, Text(r"auto|balanced|\+?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", about="What an example of class 1 counts.")
    ] = "1.0"
    balance_multiclass_weights: Annotated[bool, OneOf((True, False), about="Whether classes count alike.")] = False
    init_method: Annotated[str, OneOf(("uniform", "normal"), about="How first weights are drawn.")] = "uniform"
    init_scale: Annotated[
        float, Range(0, INF, open_low=True, open_high=True, about="Bound of uniform first weights.")
    ] = 0.07
    init_sigma: Annotated[
        float, Range(0, INF, open_low=True, open_high=True, about="Spread of normal first weights.")
    ] = 0.01
    init_bias: Annotated[float, Range(-INF, INF, open_low=True, open_high=True, about="First bias.")] = 0.0
    normalize_data: Annotated[bool | None, OneOf((True, False), about="Whether columns get one spread.")] = True
    normalize_label: Annotated[bool | None, OneOf((True, False), about="The same of a regression's label.")] = None
    unbias_data: Annotated[bool | None, OneOf((True, False), about="Whether columns are centred; auto if dense.")] = (
        None
    )
    unbias_label: Annotated[bool | None, OneOf((True, False), about="Whether a regression's label is centred.")] = None
    num_point_for_scaler: Annotated[int, Range(1, BIG, about="First rows that decide about scales.")] = 10_000
    use_lr_scheduler: Annotated[bool, OneOf((True, False), about="Whether steps get shorter.")] = True
    lr_scheduler_step: Annotated[int | None, Range(1, BIG, about="Updates between two cuts of the rate.")] = None
    lr_scheduler_factor: Annotated[
        float | None, Range(0, 1, open_low=True, open_high=True, about="What each cut leaves.")
    ] = None
    lr_scheduler_minimum_lr: Annotated[
        float | None, Range(0, INF, open_low=True, open_high=True, about="The lowest rate.")
    ] = None
    early_stopping_patience: Annotated[int, Range(1, BIG, about="Epochs to wait for a better model.")] = 3
    early_stopping_tolerance: Annotated[
        float, Range(0, INF, open_low=True, open_high=True, about="Relative gain that counts.")
    ] = 0.001
    margin: Annotated[float, Range(0, INF, open_high=True, about="Of hinge_loss.")] = 1.0
    quantile: Annotated[float, Range(0, 1, open_low=True, open_high=True, about="Of quantile_loss.")] = 0.5
    loss_insensitivity: Annotated[
        float, Range(0, INF, open_low=True, open_high=True, about="Errors below it cost nothing.")
    ] = 0.01
    huber_delta: Annotated[float, Range(0, INF, open_high=True, about="Errors beyond it count linearly.")] = 1.0

    weights_: Floats | None = field(default=None, init=False, repr=False)
    bias_: Floats = field(default_factory=lambda: np.zeros(0, np.float32), init=False, repr=False)
    threshold_: float = field(default=0.5, init=False, repr=False)
    best_: Setting | None = field(default=None, init=False, repr=False)
    history_: tuple[tuple[float, float], ...] = field(default=(), init=False, repr=False)
    label_scale_: float = field(default=1.0, init=False, repr=False)

    @property
    def outputs(self) -> int:
        """Columns of weights: one per class where there are several, else 1."""
        return (self.num_classes or 0) if self.predictor_type == "multiclass_classifier" else 1

    @property
    def n_classes(self) -> int:
        """As in ``Tabular``: 0 for a regressor."""
        return {"regressor": 0, "binary_classifier": 2}.get(self.predictor_type, self.outputs)

    @property
    def n_features(self) -> int | None:
        """Columns learnt from; None before that."""
        return None if self.weights_ is None else int(self.weights_.shape[1])

    @property
    def costs(self) -> Loss:
        """The loss that is minimised."""
        name = KINDS[self.predictor_type][0] if self.loss == "auto" else self.loss
        return Loss(name, self.margin, self.loss_insensitivity, self.quantile, self.huber_delta)

    @property
    def criterion(self) -> Criterion | None:
        """By what a binary classifier is chosen; None for other kinds."""
        if self.predictor_type != "binary_classifier":
            return None
        name = self.binary_classifier_model_selection_criteria
        return Criterion(name, self.target_recall, self.target_precision, self.f_beta)

    def fit(self, data: Data, *, valid: Data | None = None, context: Context | None = None) -> Self:
        """Train the grid and keep its best model.

        Parameters
        ----------
        data : Tabular or Batches
        valid : Tabular or Batches, optional
            Decides which model is best, when to stop, and where scores are cut.
        context : Context, optional

        Raises
        ------
        ParameterError, DataError
        """
        check(self)
        self._suited(data)
        context = context or Standalone()
        sees = learnable(self.n_classes, TITLE)
        source = MiniBatches(data, max(1, self.mini_batch_size // context.world), context.seed, sees)
        with limited(context.threads), np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            sample = source.first(max(1, self.num_point_for_scaler // context.world))
            if valid is not None:
                same_columns_as(data, valid)
                for _ in blocks(valid, sees):
                    pass
            models, judge = self._models(sample, context)
            plan = Plan(
                self.epochs, self.early_stopping_patience, self.early_stopping_tolerance, self.criterion, valid, sample,
                self.num_calibration_samples or CALIBRATION, judge, models.loss.unit(models.scaler.y_scale),
            )  # fmt: skip
            winner = search(models, source, plan, context)
            self._take(models, winner)
            self._cut(data if valid is None else valid, plan.most, context.reduce)
        return self

    def predict(self, data: Data) -> Prediction:
        """Answer ``{"score": (n,)}`` or ``{"probability": (n, K)}``; hinge_loss has margins as scores.

        Raises
        ------
        NotFittedError, DataError
        """
        parts = [self._scores(block) for block in ([data] if isinstance(data, Tabular) else data)]
        z = np.concatenate(parts) if parts else np.zeros((0, self.outputs))
        if self.predictor_type == "regressor" or self.costs.name == "hinge_loss":
            return {"score": z[:, 0]}
        if self.outputs > 1:
            return {"probability": probability(z)}
        p = probability(z[:, 0])
        return {"probability": np.column_stack([1 - p, p])}

    def cost(self, data: Tabular) -> float:
        """Return the mean loss of labelled rows, in the label's unit or its square. Raises ``DataError``."""
        learnable(self.n_classes, TITLE)(data)
        assert data.y is not None
        loss, z = self.costs, self._scores(data)
        shaped: Any = z[:, :, None] if self.outputs > 1 else z / self.label_scale_
        y: Any = data.y / self.label_scale_
        return float(loss(shaped, y)[0].mean()) * loss.unit(self.label_scale_)

    def save(self, folder: Path) -> None:
        """Write ``model_algo-1`` and the seal. Raises ``NotFittedError``."""
        fitted(self.n_features, TITLE)
        assert self.weights_ is not None
        facts = {
            "predictor_type": self.predictor_type, "loss": self.costs.name, "threshold": self.threshold_,
            "num_classes": self.num_classes, "feature_dim": self.n_features,
            "best": self.best_.words(self._optimizer) if self.best_ else {},
        }  # fmt: skip
        nodes: list[Node] = [
            ("null", "data", {}, ()), ("null", "fc0_weight", {}, ()), ("null", "fc0_bias", {}, ()),
            ("FullyConnected", "fc0", {"num_hidden": self.outputs}, (0, 1, 2)), ("null", "out_label", {}, ()),
            (OUTPUTS.get(self.costs.name, "LinearRegressionOutput"), "out", {}, (3, 4)),
        ]  # fmt: skip
        write_module(folder, {"fc0_weight": self.weights_, "fc0_bias": self.bias_}, nodes, facts)
        seal(folder, self, {"history": [list(line) for line in self.history_], "label_scale": self.label_scale_})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote, or ``model_algo-1`` of a model trained on AWS. Raises ``IntegrityError``."""
        sealed = (folder / SEAL).is_file()
        made, facts = opened(folder, cls) if sealed else (None, {})
        module = read_module(folder)
        made = made or cls(**_deduced(module))
        weights = module.arrays.get("fc0_weight", "f", (-1, -1))
        if weights.shape[0] != made.outputs and weights.shape[1] == made.outputs:
            weights = weights.T
        if weights.shape[0] != made.outputs or not weights.shape[1]:
            raise broken(f"fc0_weight is {weights.shape}, and there are {made.outputs} outputs")
        made.weights_ = np.ascontiguousarray(weights, np.float32)
        made.bias_ = module.arrays.get("fc0_bias", "f", (made.outputs,)).astype(np.float32)
        if not np.isfinite(made.weights_).all() or not np.isfinite(made.bias_).all():
            raise broken("weights are no numbers")
        try:
            made.threshold_ = float(module.facts.get("threshold", 0.5))
            made.label_scale_ = float(facts.get("label_scale", 1.0)) or 1.0
            made.history_ = tuple((float(a), float(b)) for a, b in facts.get("history", ()))
        except (TypeError, ValueError) as error:
            raise broken(f"facts: {error}") from error
        return made

    # What fit is made of.

    @property
    def _optimizer(self) -> str:
        return "adam" if self.optimizer == "auto" else self.optimizer

    def _suited(self, data: Data) -> None:
        """Hold hyperparameters against each other and the data. Raises ``ParameterError`` or ``DataError``."""
        kind = self.predictor_type
        if self.loss != "auto" and self.loss not in KINDS[kind]:
            raise ParameterError(
                f"loss={self.loss} does not suit a {kind}", why=f"It has {', '.join(KINDS[kind])}", fix="Use auto"
            )
        if kind == "multiclass_classifier" and self.num_classes is None:
            raise ParameterError(
                "'num_classes' is a required property", why=f"predictor_type is {kind}", fix="Set num_classes"
            )
        if self.feature_dim is not None and self.feature_dim != data.n_features:
            raise DataError(
                f"The rows have {data.n_features} features",
                why=f"feature_dim is {self.feature_dim}",
                fix="Set feature_dim to auto, or give as many columns",
            )
        if data.n_features == 0:
            raise DataError(f"{TITLE} has nothing to learn from", why="There are no columns", fix="Give at least one")

    def _models(self, sample: Tabular, context: Context) -> tuple[SideBySide, Classes]:
        """Set the grid up; also what rows count when its models are judged."""
        wish = Wish(self.normalize_data, self.normalize_label, self.unbias_data, self.unbias_label)
        scaler = Scaler.learn(sample, wish, context.reduce, regression=self.predictor_type == "regressor")
        positive, classes = self._classes(sample, context.reduce)
        asked = Asked(
            self._optimizer, self.learning_rate, self.wd, self.l1,
            (self.lr_scheduler_step, self.lr_scheduler_factor, self.lr_scheduler_minimum_lr),
            self.use_lr_scheduler, positive,
        )  # fmt: skip
        settings = grid(asked, self.num_models)
        steps = Steps(
            self._optimizer,
            0.9 if self.momentum is None else self.momentum,
            0.9 if self.beta_1 is None else self.beta_1,
            0.999 if self.beta_2 is None else self.beta_2,
        )
        learning = Classes(classes)
        if any(s.positive != 1.0 for s in settings):
            learning = Classes(classes, np.array([s.positive for s in settings], np.float32))
        judging = Classes(classes) if len(positive) > 1 else learning
        bias = Bias(self.use_bias, self.bias_lr_mult or 1.0, self.bias_wd_mult or 0.0)
        lazy = sp.issparse(sample.X) and not scaler.centred
        models = SideBySide(
            settings, self.outputs, self.costs, steps, scaler, bias, learning, lazy, context.reduce, context.world
        )
        rng = np.random.default_rng((context.seed, 0))
        shape = (sample.n_features, len(settings) * self.outputs)
        first = (
            rng.uniform(-self.init_scale, self.init_scale, shape)
            if self.init_method == "uniform"
            else rng.normal(0.0, self.init_sigma, shape)
        )
        models.begin(first.astype(np.float32), self.init_bias)
        return models, judging

    def _classes(self, sample: Tabular, reduce: Reduce) -> tuple[tuple[float, ...], Floats | None]:
        """Return what a positive example may count, and what each of several classes does, (K,)."""
        if self.n_classes == 0:
            return (1.0,), None
        assert sample.y is not None
        counts = reduce({"seen": np.bincount(sample.y.astype(np.int64), minlength=self.n_classes)})["seen"]
        if self.n_classes == 2:
            asked, even = self.positive_example_weight_mult, float(counts[0] / max(counts[1], 1)) or 1.0
            if asked == "auto":
                return (1.0, even), None
            factor = even if asked == "balanced" else float(asked)
            if factor <= 0:
                raise ParameterError("positive_example_weight_mult is 0", why="It is a factor", fix="Give one above 0")
            return (factor,), None
        if not self.balance_multiclass_weights:
            return (1.0,), None
        return (1.0,), (counts.sum() / (self.n_classes * np.maximum(counts, 1))).astype(np.float32)

    def _take(self, models: SideBySide, winner: Winner) -> None:
        self.weights_, self.bias_ = models.scaler.fold(winner.weights, winner.offset)
        self.best_ = models.settings[winner.model]
        self.history_ = tuple(winner.history)
        self.label_scale_ = models.scaler.y_scale

    def _cut(self, data: Data, most: int, reduce: Reduce) -> None:
        """Choose the score from which a binary classifier answers 1, by the first ``most`` rows."""
        criterion = self.criterion
        self.threshold_ = 0.5
        if criterion is None:
            return
        counts, seen = np.zeros((2, FINE), np.int64), 0
        for block in blocks(data, most=BLOCK_ROWS):
            if not criterion.cuts or seen >= most:
                break
            assert block.y is not None
            counts += counted(self._scores(block).astype(np.float32), block.y.astype(np.float32), FINE)[0]
            seen += block.n_rows
        cut = decision(reduce({"counts": counts})["counts"], criterion)
        self.threshold_ = cut if self.costs.name == "hinge_loss" else float(probability(np.array([cut]))[0])

    def _scores(self, data: Tabular) -> NDArray[np.float64]:
        """Return raw scores, (n, K)."""
        same_columns(data, self.n_features, TITLE)
        assert self.weights_ is not None
        down = self.weights_.T.astype(np.float64)
        parts = [
            np.asarray(block.X.astype(np.float64) @ down + self.bias_) for block in blocks(data, most=4 * BLOCK_ROWS)
        ]
        z = np.concatenate(parts) if parts else np.zeros((0, self.outputs))
        if not np.isfinite(z).all():
            finite(data, TITLE)
        return z


def same_columns_as(data: Data, other: Data) -> None:
    """Refuse validation rows of other columns. Raises ``DataError``."""
    if data.n_features != other.n_features:
        raise DataError(
            f"Validation rows have {other.n_features} columns",
            why=f"Training rows have {data.n_features}",
            fix="Give both the same",
        )


def _deduced(module: Module) -> dict[str, Any]:
    """Tell from a model trained elsewhere what kind it is: its facts say so, or the shape and the last operator do."""
    kind = module.facts.get("predictor_type")
    outputs = len(module.arrays.get("fc0_bias", "f", (-1,)))
    if kind not in KINDS:
        logistic = any(op in ("LogisticRegressionOutput", "sigmoid") for op in module.operators)
        kind = "multiclass_classifier" if outputs > 2 else "binary_classifier" if logistic else "regressor"
    loss = module.facts.get("loss")
    found = {"predictor_type": kind, "loss": loss if loss in KINDS[kind] else "auto"}
    return found | ({"num_classes": outputs} if kind == "multiclass_classifier" else {})
