"""TabTransformer: categories are read in the context of a row's other categories, by self-attention.

Idea:   each category becomes a vector; a few transformer blocks let the vectors of a row look at each other, so that
        one category means something else beside another; then a perceptron joins them with the numbers.
Source: Huang, Khetan, Cvitkovic & Karnin (2020), TabTransformer, arXiv:2012.06678.
Cost:   O(epochs · n · (blocks · (c²·d + c·d²) + h·(c·d + m))) for n rows of c categories and m numbers.

Departures from the paper: hidden layers are at most 512 and 256 wide; the first category of a column stands for what is
missing, rare or never seen, so that gaps are answered; numbers are standardised before they are layer-normed, and a gap
in them is their mean. SageMaker's script does not publish its optimiser, its heads or the dropout beside attention's:
here they are Adam, 8 and 0.1. Its weights and encoders lie in files that would run code when read; here they are one
safetensors file.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms import tab_transformer_net as net
from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.deep import torch_for
from tarragon.algorithms.inputs import dense, same_columns, supervised
from tarragon.algorithms.params import OneOf, Range, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.target import Target
from tarragon.algorithms.weights import Weights, broken
from tarragon.data import Prediction, Tabular

TITLE = "TabTransformer"
FILE = "model.safetensors"
MOST_LEVELS = 1 << 20  # of a column: beyond it a code is no category
TINY = 1e-12


@dataclass(eq=False)
class TabTransformer:
    """Train a transformer over the categories of a table.

    Attributes
    ----------
    rounds_, rounds_done_ : int
        Epochs behind the kept weights, epochs done. Fitting again with ``n_epochs`` set to it gives the same model.
    history_ : tuple of (training loss, validation loss)
        Per epoch; of standardised values, or log loss.
    """

    card: ClassVar[Card] = Card(
        name="tab-transformer",
        title=TITLE,
        tasks=frozenset({"binary", "multiclass", "regression"}),
        view="codes",
        use="Many categorical columns whose meaning depends on each other, also with gaps, and rows in plenty.",
        avoid="Small tables or mostly numbers: boosted trees usually win there, and are quicker.",
        interpretability="low",
        growth="Time: rows × epochs × blocks × the square of the categorical columns. Memory: the table and weights.",
        source="Huang et al. (2020), arXiv:2012.06678",
        images=("pytorch-tabtransformerclassification-model", "pytorch-tabtransformerregression-model"),
        channels=("training", "validation"),
        metrics=("r2", "f1_score", "accuracy_score"),
        answer=("prediction", "probabilities"),
        extra="deep",
        library="torch",
    )
    n_epochs: Annotated[int, Range(1, 100_000, about="Passes over the rows: more fit closer, and longer.")] = 5
    patience: Annotated[int, Range(2, 60, about="Epochs to wait for a better validation loss before the end.")] = 10
    learning_rate: Annotated[
        float, Range(0, 1, open_low=True, log=True, tune=(0.001, 0.01), about="How far each update goes.")
    ] = 0.001
    batch_size: Annotated[int, Range(1, 2048, about="Rows per update: more are faster and blunter.")] = 256
    input_dim: Annotated[
        int,
        OneOf((16, 32, 64, 128, 256, 512), tune=(16, 32, 64, 128, 256, 512), about="Width of a category's embedding."),
    ] = 32
    n_blocks: Annotated[int, Range(1, 12, tune=(1, 12), about="Blocks of attention: more join more categories.")] = 4
    attn_dropout: Annotated[
        float, Range(0, 1, open_high=True, tune=(0, 0.8), about="Share of attention silenced per update.")
    ] = 0.2
    mlp_dropout: Annotated[
        float, Range(0, 1, open_high=True, tune=(0, 0.8), about="Share of hidden units silenced per update.")
    ] = 0.1
    frac_shared_embed: Annotated[
        float, Range(0, 1, open_high=True, tune=(0, 0.5), about="Share of an embedding that its whole column has.")
    ] = 0.25

    weights_: dict[str, NDArray[np.float32]] = field(default_factory=dict, init=False, repr=False)
    rounds_: int = field(default=0, init=False, repr=False)
    rounds_done_: int = field(default=0, init=False, repr=False)
    history_: tuple[tuple[float, float], ...] = field(default=(), init=False, repr=False)
    _target: Target | None = field(default=None, init=False, repr=False)
    _columns: "Columns | None" = field(default=None, init=False, repr=False)
    _net: Any = field(default=None, init=False, repr=False)

    def fit(self, data: Tabular, *, valid: Tabular | None = None, context: Context | None = None) -> Self:
        """Train. Raises ``ParameterError``, ``MissingExtraError`` without torch, or ``DataError``."""
        check(self)
        supervised(data, TITLE)
        context = context or Standalone()
        target, columns = Target.learn(data), Columns.learn(data)
        rows, held = _rows(data, target, columns), None
        if valid is not None:
            same_columns(valid, data.n_features, TITLE)
            held = _rows(valid, target, columns)
        shape = self._shape(columns, target.outputs)
        loss: Any = "entropy" if target.outputs > 1 else "logistic" if target.n_classes else "squared"
        how = net.Schedule(self.n_epochs, self.patience, self.batch_size, self.learning_rate, loss)

        def measure(answers: NDArray[np.float64]) -> dict[str, float]:
            assert held is not None
            return measured(target, answers, held.y)

        if len(target.classes) == 1:
            torch = torch_for(TITLE)
            done = net.Trained(net.arrays(net.network(torch, shape)), 0, 0, ())
        else:
            done = net.train(shape, how, rows, held if held is not None and len(held.y) else None, context, measure)
        self.weights_, self._target, self._columns, self._net = done.weights, target, columns, None
        self.rounds_, self.rounds_done_, self.history_ = done.kept, done.done, done.history
        return self

    def predict(self, data: Tabular) -> Prediction:
        """Answer ``{"score": (n,)}`` or ``{"probability": (n, K)}``. Raises ``NotFittedError`` or ``DataError``."""
        same_columns(data, None if self._columns is None else self._columns.n_features, TITLE)
        assert self._columns is not None
        assert self._target is not None
        if len(self._target.classes) == 1:
            return self._target.probabilities(np.ones((data.n_rows, 1)))
        torch = torch_for(TITLE)
        if self._net is None:
            self._net = net.loaded(torch, self._shape(self._columns, self._target.outputs), self.weights_)
        return self._target.answer(net.answer(torch, self._net, *self._columns.read(dense(data))))

    def save(self, folder: Path) -> None:
        """Write ``model.safetensors`` and the seal. Raises ``NotFittedError``."""
        from safetensors.numpy import save_file

        fitted(None if self._columns is None else self._columns.n_features, TITLE)
        assert self._columns is not None
        assert self._target is not None
        save_file({**self.weights_, **self._columns.arrays()}, folder / FILE)
        rounds = {"rounds": self.rounds_, "rounds_done": self.rounds_done_, "history": [list(h) for h in self.history_]}
        seal(folder, self, {"n_features": self._columns.n_features, **rounds, "target": self._target.facts()})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``, ``MissingExtraError``."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        made, facts = opened(folder, cls)
        try:
            found = Weights(load_file(folder / FILE))
            made._target = target = Target.read(facts["target"])
            made.rounds_, made.rounds_done_ = int(facts["rounds"]), int(facts["rounds_done"])
            made.history_ = tuple((float(a), float(b)) for a, b in facts["history"])
            n_features = int(facts["n_features"])
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise broken(f"{FILE}: {error}") from error
        made._columns = columns = Columns.given(found, n_features)
        expected = net.network(torch_for(TITLE), made._shape(columns, target.outputs)).state_dict()
        made.weights_ = {name: found.get(name, "f", tuple(w.shape)) for name, w in expected.items()}
        return made

    def _shape(self, columns: "Columns", outputs: int) -> net.Shape:
        return net.Shape(
            levels=tuple(int(n) + 1 for n in columns.levels), numbers=len(columns.mean), width=self.input_dim,
            blocks=self.n_blocks, shared=int(self.frac_shared_embed * self.input_dim), outputs=outputs,
            attn_dropout=self.attn_dropout, mlp_dropout=self.mlp_dropout,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Which columns are categories, how many each has, and the units of the others.

    Parameters
    ----------
    n_features : int
    categorical : ndarray of shape (c,), int64
        Their positions, ascending.
    levels : ndarray of shape (c,), int64
        One more than the greatest code seen.
    mean, unit : ndarray of shape (m,), float32
        Of the numbers.
    """

    n_features: int
    categorical: NDArray[np.int64]
    levels: NDArray[np.int64]
    mean: NDArray[np.float32]
    unit: NDArray[np.float32]

    @classmethod
    def learn(cls, data: Tabular) -> "Columns":
        """Look at training rows. Raises ``DataError``: a categorical column holds no codes."""
        X = dense(data)
        categorical = np.array(sorted(data.categorical), np.int64)
        codes = np.where(np.isfinite(X[:, categorical]), X[:, categorical], -1)
        levels = codes.max(axis=0, initial=-1).astype(np.int64).clip(-1, MOST_LEVELS - 1) + 1
        numbers = np.delete(X, categorical, axis=1).astype(np.float64)
        there = np.isfinite(numbers)
        count = np.maximum(there.sum(axis=0), 1)
        mean = np.where(there, numbers, 0.0).sum(axis=0) / count
        spread = np.sqrt(np.where(there, (numbers - mean) ** 2, 0.0).sum(axis=0) / count)
        unit = np.where(spread > TINY * np.maximum(1.0, np.abs(mean)), spread, 1.0)
        return cls(data.n_features, categorical, levels, mean.astype(np.float32), unit.astype(np.float32))

    @classmethod
    def given(cls, found: Weights, n_features: int) -> "Columns":
        """Make what :meth:`arrays` described. Raises ``IntegrityError``."""
        made = cls(
            n_features, found.get("columns.categorical", "i", (-1,)), found.get("columns.levels", "i", (-1,)),
            found.get("columns.mean", "f", (-1,)), found.get("columns.unit", "f", (-1,)),
        )  # fmt: skip
        places = made.categorical
        sound = (np.diff(places) > 0).all() and (not len(places) or (places[0] >= 0 and places[-1] < n_features))
        sized = len(places) == len(made.levels) and len(made.mean) == len(made.unit) == n_features - len(places)
        units = np.isfinite(made.mean).all() and np.isfinite(made.unit).all() and (made.unit > 0).all()
        if not (sound and sized and units and ((made.levels >= 0) & (made.levels <= MOST_LEVELS)).all()):
            raise broken("the columns do not fit each other")
        return made

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return arrays by name."""
        found: dict[str, NDArray[Any]] = {
            "categorical": self.categorical,
            "levels": self.levels,
            "mean": self.mean,
            "unit": self.unit,
        }
        return {f"columns.{name}": array for name, array in found.items()}

    def read(self, X: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """(n, d) -> codes (n, c), 0 for what is missing or was not seen, and standardised numbers (n, m)."""
        raw = X[:, self.categorical]
        known = np.isfinite(raw) & (raw >= 0) & (raw < self.levels)
        codes = np.where(known, np.where(known, raw, 0).astype(np.int64) + 1, 0)
        numbers = (np.delete(X, self.categorical, axis=1) - self.mean) / self.unit
        return codes, np.ascontiguousarray(np.where(np.isfinite(numbers), numbers, 0.0), np.float32)


def _rows(data: Tabular, target: Target, columns: Columns) -> net.Rows:
    """Join encoded rows, targets and weights; rows of classes never seen are left out."""
    assert data.y is not None
    codes, numbers = columns.read(dense(data))
    y = target.code(data.y)
    weight = np.ones(len(y)) if data.weight is None else data.weight
    seen = (y >= 0) & (weight > 0) if target.n_classes else weight > 0
    codes, numbers, y, weight = codes[seen], numbers[seen], y[seen], weight[seen]
    return net.Rows(codes, numbers, y, weight / max(weight.mean(), 1e-300) if len(weight) else weight)


def measured(target: Target, answers: NDArray[np.float64], y: NDArray[np.float64]) -> dict[str, float]:
    """Return the validation metric of the task: r2 of values, f1 of two classes, accuracy of more.

    Parameters
    ----------
    target : Target
    answers : ndarray of shape (n, outputs)
        Standardised values or logits.
    y : ndarray of shape (n,)
        Standardised values, or positions of classes.
    """
    if target.n_classes == 0:
        total = float(((y - y.mean()) ** 2).sum())
        return {"validation:r2": 1.0 - float(((answers[:, 0] - y) ** 2).sum()) / total if total else 0.0}
    if len(target.classes) > 2:
        return {"validation:accuracy": float((answers.argmax(axis=1) == y).mean())}
    guess = answers[:, 0] > 0
    hits, guessed, there = float((guess & (y == 1)).sum()), float(guess.sum()), float((y == 1).sum())
    return {"validation:f1": 2 * hits / max(guessed + there, 1.0)}
