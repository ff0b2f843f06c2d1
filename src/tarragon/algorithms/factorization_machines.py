"""Factorization machines: a linear model plus the products of all pairs of columns, whose weights are inner products.

Idea:   ŷ = w₀ + Σ wᵢxᵢ + Σ_{i<j} ⟨vᵢ, vⱼ⟩ xᵢxⱼ with k factors per column, so that a pair never seen together still has
        a weight; learnt by Adam on mini-batches, each term with its own rate and decay.
Source: Rendle (2010), Factorization Machines, ICDM, doi:10.1109/ICDM.2010.127.
Cost:   O(non-zeros × k) per epoch; memory columns × (k + 1) × 3 and one block of rows.

What the service does not publish was decided so: it has squared loss for values and cross entropy for classes; Adam's
rates are those given times a base rate of 1; a step moves only the columns that occur in its batch; ``rescale_grad`` is
one over the rows of the batch; rows are shuffled within what is in memory. In the artifact ``v`` is (d, k),
``w1_weight`` (d, 1) and ``w0_weight`` (1, 1), as notebooks that read it index them. Several hosts sum the gradients of
one batch of ``mini_batch_size`` rows.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tarragon.algorithms.artifact import SEAL, fitted, opened, seal
from tarragon.algorithms.factorization_training import Adam, Machine, Sums, Term, told
from tarragon.algorithms.factorization_training import measured as sums
from tarragon.algorithms.inputs import same_columns
from tarragon.algorithms.linear_loss import probability
from tarragon.algorithms.minibatch import MiniBatches, blocks, finite, learnable
from tarragon.algorithms.module_archive import Module, Node, read_module, write_module
from tarragon.algorithms.params import OneOf, Range, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.weights import broken
from tarragon.data import Data, Prediction, Tabular
from tarragon.errors import DataError

TITLE = "Factorization machines"
INF, BIG = math.inf, 2**31 - 1
METHODS = ("normal", "uniform", "constant")
KINDS = ("binary_classifier", "regressor")
BLOCK_ROWS = 8_192
SUMS = {True: ("right", "hits", "guessed", "there", "cost"), False: ("squares", "absolute")}  # over rows
Floats = NDArray[np.float32]


@dataclass(eq=False, kw_only=True)
class FactorizationMachines:
    """Predict with one weight per column and one per pair of columns, the latter factorised.

    Parameters
    ----------
    All are SageMaker's. See each line.

    Attributes
    ----------
    factors_ : ndarray of shape (d, k), float32
    weights_ : ndarray of shape (d,), float32
    bias_ : float
    batches_ : tuple of (int, int, dict)
        Epoch (from 1), batch (from 0) and measures of the epoch so far, every 500 batches.
    """

    card: ClassVar[Card] = Card(
        name="factorization-machines",
        title=TITLE,
        tasks=frozenset({"binary", "regression"}),
        view="onehot",
        accepts="batches",
        use="Recommendation and click-through: one-hot sparse rows of many columns whose pairs matter.",
        avoid="Small dense tables, several classes, or effects of more than two columns at once.",
        interpretability="medium",
        growth="time linear in non-zeros × factors × epochs; memory columns × (factors + 1) × 3, not rows",
        source="Rendle (2010), ICDM, doi:10.1109/ICDM.2010.127",
        images=("factorization-machines",),
        channels=("train", "test"),
        content_types=("application/x-recordio-protobuf",),
        metrics=("test:rmse", "test:binary_classification_accuracy", "test:binary_classification_cross_entropy"),
        answer=("score", "predicted_label"),
    )
    feature_dim: Annotated[int, Range(1, BIG, about="Columns.")]
    num_factors: Annotated[int, Range(1, BIG, tune=(2, 1000), log=True, about="More: finer, slower, easier overfit.")]
    predictor_type: Annotated[str, OneOf(KINDS, about="What is predicted.")]
    epochs: Annotated[int, Range(1, BIG, log=True, tune=(1, 1000), about="Passes over the rows.")] = 1
    mini_batch_size: Annotated[int, Range(1, BIG, log=True, tune=(100, 10_000), about="Rows per step.")] = 1000
    bias_lr: Annotated[
        float, Range(0, INF, open_high=True, log=True, tune=(1e-8, 512), about="Step length of the bias.")
    ] = 0.1
    linear_lr: Annotated[
        float, Range(0, INF, open_high=True, log=True, tune=(1e-8, 512), about="Step length of the weights.")
    ] = 0.001
    factors_lr: Annotated[
        float, Range(0, INF, open_high=True, log=True, tune=(1e-8, 512), about="Step length of the factors.")
    ] = 0.0001
    bias_wd: Annotated[float, Range(0, INF, open_high=True, log=True, tune=(1e-8, 512), about="L2 of the bias.")] = 0.01
    linear_wd: Annotated[
        float, Range(0, INF, open_high=True, log=True, tune=(1e-8, 512), about="L2 of the weights.")
    ] = 0.001
    factors_wd: Annotated[
        float, Range(0, INF, open_high=True, log=True, tune=(1e-8, 512), about="L2 of the factors.")
    ] = 0.00001
    bias_init_method: Annotated[str, OneOf(METHODS, about="How the first bias is drawn.")] = "normal"
    bias_init_sigma: Annotated[float, Range(0, INF, open_high=True, about="Its spread, if normal.")] = 0.01
    bias_init_scale: Annotated[float | None, Range(0, INF, open_high=True, about="Its bound, if uniform.")] = None
    bias_init_value: Annotated[
        float | None, Range(-INF, INF, open_low=True, open_high=True, about="Its value, if constant.")
    ] = None
    linear_init_method: Annotated[str, OneOf(METHODS, about="How first weights are drawn.")] = "normal"
    linear_init_sigma: Annotated[float, Range(0, INF, open_high=True, about="Their spread, if normal.")] = 0.01
    linear_init_scale: Annotated[float | None, Range(0, INF, open_high=True, about="Their bound, if uniform.")] = None
    linear_init_value: Annotated[
        float | None, Range(-INF, INF, open_low=True, open_high=True, about="Their value, if constant.")
    ] = None
    factors_init_method: Annotated[str, OneOf(METHODS, about="How first factors are drawn.")] = "normal"
    factors_init_sigma: Annotated[float, Range(0, INF, open_high=True, about="Their spread, if normal.")] = 0.001
    factors_init_scale: Annotated[float | None, Range(0, INF, open_high=True, about="Their bound, if uniform.")] = None
    factors_init_value: Annotated[
        float | None, Range(-INF, INF, open_low=True, open_high=True, about="Their value, if constant.")
    ] = None
    clip_gradient: Annotated[
        float | None, Range(0, INF, open_low=True, open_high=True, about="Slopes are cut at it.")
    ] = None
    eps: Annotated[float | None, Range(0, INF, open_low=True, open_high=True, about="Adam's ε; none is 1e-8.")] = None
    rescale_grad: Annotated[
        float | None, Range(0, INF, open_low=True, open_high=True, about="Summed slopes are multiplied by it.")
    ] = None
    learning_rate: Annotated[
        float, Range(0, INF, open_low=True, open_high=True, wire="_learning_rate", about="Multiplies all three rates.")
    ] = 1.0
    use_bias: Annotated[bool, OneOf((True, False), about="Whether there is a bias.")] = True
    use_linear: Annotated[bool, OneOf((True, False), about="Whether columns have a weight of their own.")] = True

    publish: int = field(default=500, init=False, repr=False)
    """Batches between two measures that are kept, as the container publishes them."""
    factors_: Floats | None = field(default=None, init=False, repr=False)
    weights_: Floats = field(default_factory=lambda: np.zeros(0, np.float32), init=False, repr=False)
    bias_: float = field(default=0.0, init=False, repr=False)
    batches_: tuple[tuple[int, int, dict[str, float]], ...] = field(default=(), init=False, repr=False)

    @property
    def n_features(self) -> int | None:
        """Columns learnt from; None before that."""
        return None if self.factors_ is None else len(self.factors_)

    @property
    def n_classes(self) -> int:
        """As in ``Tabular``: 0 for a regressor."""
        return 2 if self.predictor_type == "binary_classifier" else 0

    def fit(self, data: Data, *, valid: Data | None = None, context: Context | None = None) -> Self:
        """Learn bias, weights and factors; ``valid`` has no use here.

        Raises
        ------
        ParameterError, DataError
        """
        check(self)
        if data.n_features != self.feature_dim:
            raise DataError(
                f"The rows have {data.n_features} features",
                why=f"feature_dim is {self.feature_dim}",
                fix="Make them agree",
            )
        context = context or Standalone()
        size = max(1, self.mini_batch_size // context.world)
        source = MiniBatches(data, size, context.seed, learnable(self.n_classes, TITLE))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            machine = self._machine(context)
            self.batches_ = ()
            for n in range(1, self.epochs + 1):
                self._epoch(machine, source, n, context)
                if context.reduce({"stop": np.array([int(context.stop_asked())])})["stop"][0]:
                    break
        factors, weights, bias = machine.factors.value, machine.weights.value[:, 0], float(machine.bias.value[0, 0])
        if not (np.isfinite(factors).all() and np.isfinite(weights).all() and math.isfinite(bias)):
            raise DataError(
                f"{TITLE} ran away from these rows",
                why="Weights became infinite",
                fix="Set smaller rates, or bring the columns to one scale",
            )
        self.factors_, self.weights_, self.bias_ = factors, np.array(weights), bias
        return self

    def predict(self, data: Data) -> Prediction:
        """Answer ``{"score": (n,)}`` or ``{"probability": (n, 2)}``. Raises ``NotFittedError`` or ``DataError``."""
        z = self.scores(data)
        if self.predictor_type == "regressor":
            return {"score": z}
        p = probability(z)
        return {"probability": np.column_stack([1 - p, p])}

    def scores(self, data: Data) -> NDArray[np.float64]:
        """Return what the sum of all terms is, (n,). Raises ``NotFittedError`` or ``DataError``."""
        parts = []
        for whole in [data] if isinstance(data, Tabular) else data:
            same_columns(whole, self.n_features, TITLE)
            parts += [self._scored(block) for block in blocks(whole, most=BLOCK_ROWS)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def measured(self, data: Data) -> dict[str, float]:
        """Measure rows with labels by SageMaker's names. Raises ``NotFittedError`` or ``DataError``."""
        seen, logistic = Sums(), self.n_classes == 2
        for block in blocks(data, learnable(self.n_classes, TITLE), most=BLOCK_ROWS):
            z = self.scores(block)
            seen.add(block.n_rows, sums(z, probability(z) if logistic else z, block.y, logistic=logistic))
        return told(seen.sums, seen.rows, logistic=logistic)

    def save(self, folder: Path) -> None:
        """Write ``model_algo-1`` and the seal. Raises ``NotFittedError``."""
        fitted(self.n_features, TITLE)
        assert self.factors_ is not None
        arrays = {
            "w0_weight": np.full((1, 1), self.bias_, np.float32),
            "w1_weight": self.weights_[:, None],
            "v": self.factors_,
        }
        facts = {"predictor_type": self.predictor_type, "feature_dim": self.n_features, "num_factors": self.num_factors}
        write_module(folder, arrays, _nodes(self.predictor_type), facts)
        seal(folder, self, {})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote, or ``model_algo-1`` of a model trained on AWS. Raises ``IntegrityError``."""
        made = opened(folder, cls)[0] if (folder / SEAL).is_file() else None
        module = read_module(folder)
        factors = module.arrays.get("v", "f", (-1, -1))
        d, k = factors.shape
        if not d or not k:
            raise broken(f"v is {factors.shape}")
        made = made or cls(feature_dim=d, num_factors=k, predictor_type=_kind(module))
        if (made.feature_dim, made.num_factors) != (d, k):
            raise broken(f"v is {factors.shape}, and ({made.feature_dim}, {made.num_factors}) is recorded")
        flat = {name: module.arrays.arrays.get(name) for name in ("w1_weight", "w0_weight")}
        weights, bias = flat["w1_weight"], flat["w0_weight"]
        if weights is None or bias is None or weights.size != d or bias.size != 1:
            raise broken("w1_weight or w0_weight is missing or of another size")
        if not all(np.isfinite(a).all() for a in (factors, weights, bias)):
            raise broken("weights are no numbers")
        made.factors_ = np.ascontiguousarray(factors, np.float32)
        made.weights_, made.bias_ = weights.reshape(-1).astype(np.float32), float(bias.reshape(-1)[0])
        return made

    # What fit is made of.

    def _machine(self, context: Context) -> Machine:
        """Draw first values; every host draws the same."""
        rng = np.random.default_rng((context.seed, 0))
        d, k, base = self.feature_dim, self.num_factors, self.learning_rate
        bias = Term(self._first("bias", (1, 1), rng), self.bias_lr * base, self.bias_wd, self.use_bias)
        weights = Term(self._first("linear", (d, 1), rng), self.linear_lr * base, self.linear_wd, self.use_linear)
        factors = Term(self._first("factors", (d, k), rng), self.factors_lr * base, self.factors_wd)
        for term in (bias, weights):
            if not term.used:
                term.value[:] = 0
        adam = Adam(epsilon=self.eps or 1e-8, clip=self.clip_gradient or 0.0, scale=self.rescale_grad)
        logistic = self.n_classes == 2
        return Machine(bias, weights, factors, adam, logistic, context.reduce, context.world)

    def _first(self, term: str, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
        method = getattr(self, f"{term}_init_method")
        if method == "constant":
            return np.full(shape, getattr(self, f"{term}_init_value") or 0.0, np.float32)
        found = rng.standard_normal(shape, np.float32)
        if method == "normal":
            return found * np.float32(getattr(self, f"{term}_init_sigma"))
        scale = getattr(self, f"{term}_init_scale")
        bound = np.float32(0.001 if scale is None else scale)
        return (2 * rng.random(shape, np.float32) - 1) * bound

    def _epoch(self, machine: Machine, source: MiniBatches, n: int, context: Context) -> None:
        """Pass over the rows once and tell what was seen."""
        seen, before, logistic = Sums(), machine.t, machine.logistic
        for batch in source.epoch(n):
            machine.learn(batch, seen)
            if (seen.batches - 1) % self.publish == 0:
                measures = told(seen.sums, seen.rows, logistic=logistic)
                self.batches_ = (*self.batches_, (n, seen.batches - 1, measures))
        while machine.world > 1 and machine.learn(None, seen):
            pass  # other hosts have rows left
        names = SUMS[logistic]
        own = np.array([seen.sums.get(name, 0.0) for name in names])
        whole = context.reduce({"rows": np.array([seen.rows]), "sums": own})
        rows = int(whole["rows"][0])
        measures = told(dict(zip(names, whole["sums"].tolist(), strict=True)), rows, logistic=logistic)
        metrics = {f"train:{name}": value for name, value in measures.items()}
        context.epoch(n, steps=machine.t - before, records=rows, metrics=metrics)

    def _scored(self, block: Tabular) -> NDArray[np.float64]:
        """Score rows, (n,), by the columns that occur in them."""
        assert self.factors_ is not None
        finite(block, TITLE)
        X = sp.csr_matrix(block.X)
        columns, place = np.unique(X.indices, return_inverse=True)
        narrow = sp.csr_matrix((X.data.astype(np.float64), place, X.indptr), shape=(X.shape[0], len(columns)))
        v, w = self.factors_[columns].astype(np.float64), self.weights_[columns].astype(np.float64)
        squares = sp.csr_matrix((narrow.data**2, place, X.indptr), shape=narrow.shape)
        pairs = np.asarray(narrow @ v) ** 2 - np.asarray(squares @ (v * v))
        return np.asarray(self.bias_ + np.asarray(narrow @ w) + 0.5 * pairs.sum(axis=1))


def _kind(module: Module) -> str:
    """Tell from a model trained elsewhere what kind it is: its facts say so, or the last operator does."""
    kind = module.facts.get("predictor_type")
    logistic = any(op in ("LogisticRegressionOutput", "sigmoid") for op in module.operators)
    return str(kind) if kind in KINDS else "binary_classifier" if logistic else "regressor"


def _nodes(kind: str) -> list[Node]:
    """Draw the model as MXNet's graph."""
    wide = {"axis": 1, "keepdims": True}
    last = "LogisticRegressionOutput" if kind == "binary_classifier" else "LinearRegressionOutput"
    return [
        ("null", "data", {}, ()),
        ("null", "w0_weight", {}, ()),
        ("null", "w1_weight", {}, ()),
        ("null", "v", {}, ()),
        ("dot", "linear", {}, (0, 2)),
        ("broadcast_add", "affine", {}, (4, 1)),
        ("dot", "sums", {}, (0, 3)),
        ("square", "squared_sums", {}, (6,)),
        ("sum", "whole", wide, (7,)),
        ("square", "squared_data", {}, (0,)),
        ("square", "squared_v", {}, (3,)),
        ("dot", "sums_of_squares", {}, (9, 10)),
        ("sum", "own", wide, (11,)),
        ("broadcast_sub", "both", {}, (8, 12)),
        ("_mul_scalar", "pairs", {"scalar": 0.5}, (13,)),
        ("broadcast_add", "score", {}, (5, 14)),
        ("null", "out_label", {}, ()),
        (last, "out", {}, (15, 16)),
    ]
