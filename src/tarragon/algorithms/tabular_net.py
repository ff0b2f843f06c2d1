"""Tabular network: a small multilayer perceptron made for tables.

Idea:   numbers are given as filled quantile bins beside themselves, columns are scaled by weights that are learned, and
        a few members share almost all weights but answer on their own; the mean of their answers, with weights
        averaged over the last steps, is the prediction.
Source: Gorishniy et al. (2022), On embeddings for numerical features in tabular deep learning, NeurIPS; Gorishniy,
        Kotelnikov & Babenko (2025), TabM, ICLR (members that share weights); Holzmüller, Grinsztajn & Steinwart (2024),
        Better by default, NeurIPS (learned scales, schedule).
Cost:   fit O(epochs · n · members · (D·h/members + layers·h²)), D columns after encoding, h width; predict needs no
        torch and takes under a millisecond for a row.

Departures from the papers: members share the first layer whole, and part ways after it by signs; dropout cuts its masks
from one long random mask.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.inputs import same_columns, supervised
from tarragon.algorithms.net_training import Recipe, Rows, Trained, begin, train
from tarragon.algorithms.params import Range, check
from tarragon.algorithms.piecewise import Piecewise
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.rows import full
from tarragon.algorithms.target import Target
from tarragon.algorithms.weights import Weights, broken
from tarragon.data import Matrix, Prediction, Tabular

TITLE = "Tabular network"
FILE = "model.safetensors"
STEPS = 1_800  # updates of a fit when epochs is left open: where more gained less than noise on the tables tried
FEW = 3_000  # rows up to which a narrow network of four members is as good as a wide one, and as quick
MOST_INPUTS = 2_048  # columns after encoding, beyond which fewer bins are cut
ROWS_PER_BIN = 20
BLOCK_ROWS = 4_096


@dataclass(eq=False)
class TabularNet:
    """Train a small network for tables.

    Parameters
    ----------
    epochs : int or None, default=None
        Passes over the rows; the schedule of the learning rate ends there. None: about 1,800 updates, 12 to 200 passes.
    hidden : int or None, default=None
        Width. None: 128 up to 3,000 rows, else 256.
    layers : int, default=2
        After the first.
    members : int or None, default=None
        Answers averaged. None: 4 up to 3,000 rows, else 1.
    bins : int, default=32
        Quantile bins per number, of 20 rows at least; 0: none.
    batch_size : int or None, default=None
        Rows per update. None: 32 to 256, by the number of rows.
    learning_rate, weight_decay, dropout, label_smoothing : float
    patience : int or None, default=None
        Epochs without a better validation loss before the end. None: a quarter of the epochs, at least 8.
    stop_after : int or None, default=None
        End after so many epochs of a longer schedule, as a run that was cut short did.

    Attributes
    ----------
    rounds_, rounds_done_ : int
        Epochs behind the kept weights, epochs done. ``stop_after=rounds_done_`` repeats a run that was cut short.
    history_ : tuple of (training loss, validation loss)
        Per epoch; of standardised values, or log loss.
    """

    card: ClassVar[Card] = Card(
        name="tabular-net",
        title=TITLE,
        tasks=frozenset({"binary", "multiclass", "regression"}),
        view="dense",
        use="Smooth effects of numbers, many classes, and as an unlike partner for trees in a blend.",
        avoid="A few hundred noisy rows, thousands of columns, or where the answer must be explained.",
        interpretability="low",
        growth="time linear in rows × epochs; memory one encoded copy of the table",
        source="Gorishniy et al. (2022), NeurIPS, arXiv:2203.05556",
        extra="deep",
        library="torch",
    )
    epochs: Annotated[int | None, Range(1, 100_000, about="More passes fit closer and take longer.")] = None
    hidden: Annotated[int | None, Range(4, 4_096, log=True, tune=(64, 512), about="More width can express more.")] = (
        None
    )
    layers: Annotated[int, Range(0, 8, tune=(1, 3), about="More layers join more columns.")] = 2
    members: Annotated[
        int | None, Range(1, 64, log=True, tune=(1, 8), about="More members are steadier and slower.")
    ] = None
    bins: Annotated[int, Range(0, 256, tune=(8, 64), about="More bins bend at more places.")] = 32
    batch_size: Annotated[
        int | None, Range(1, 1_000_000, log=True, tune=(64, 512), about="More rows per update are faster and blunter.")
    ] = None
    learning_rate: Annotated[
        float, Range(0.0, 1.0, open_low=True, log=True, tune=(5e-4, 8e-3), about="How far each update goes.")
    ] = 2e-3
    weight_decay: Annotated[
        float, Range(0.0, 10.0, log=True, tune=(1e-3, 0.3), about="More shrinks the weights: smoother.")
    ] = 1e-2
    dropout: Annotated[
        float, Range(0.0, 1.0, open_high=True, tune=(0.0, 0.4), about="Share of units silenced per update.")
    ] = 0.1
    label_smoothing: Annotated[
        float, Range(0.0, 1.0, open_high=True, tune=(0.0, 0.1), about="More keeps probabilities from the ends.")
    ] = 0.0
    patience: Annotated[int | None, Range(1, 100_000, about="Epochs to wait for a better validation loss.")] = None
    stop_after: Annotated[int | None, Range(0, 100_000, about="Epochs after which to end; repeats a cut run.")] = None

    weights_: dict[str, NDArray[np.float32]] = field(default_factory=dict, init=False, repr=False)
    rounds_: int = field(default=0, init=False, repr=False)
    rounds_done_: int = field(default=0, init=False, repr=False)
    history_: tuple[tuple[float, float], ...] = field(default=(), init=False, repr=False)
    _n_rows: int = field(default=0, init=False, repr=False)
    _pieces: Piecewise | None = field(default=None, init=False, repr=False)
    _target: Target | None = field(default=None, init=False, repr=False)

    def fit(self, data: Tabular, *, valid: Tabular | None = None, context: Context | None = None) -> Self:
        """Train. Raises ``ParameterError``, ``MissingExtraError`` without torch, or ``DataError``."""
        check(self)
        supervised(data, TITLE)
        context = context or Standalone()
        X = full(data, TITLE)
        target = Target.learn(data)
        pieces = Piecewise.learn(X, min(self.bins, max(0, MOST_INPUTS // X.shape[1] - 1), data.n_rows // ROWS_PER_BIN))
        rows = _rows(pieces.encode(X), data, target)
        held = None
        if valid is not None:
            same_columns(valid, data.n_features, TITLE)
            held = _rows(pieces.encode(full(valid, TITLE)), valid, target)
        recipe = self._recipe(data.n_rows, max(1, len(target.classes)))
        bias = np.zeros(1)
        if target.n_classes:
            share = np.bincount(rows.y.astype(np.int64), weights=rows.weight, minlength=len(target.classes))
            bias = np.log(np.maximum(share / share.sum(), 0.5 / (data.n_rows + 1.0)))
        start = begin(recipe, pieces.width_out, bias, context.seed)
        if len(target.classes) == 1:
            done = Trained(start, 0, 0, ())
        else:
            done = train(recipe, start, rows, held if held is not None and len(held.y) else None, context)
        self._pieces, self._target, self.weights_ = pieces, target, dict(done.weights)
        self._n_rows = data.n_rows
        self.rounds_, self.rounds_done_, self.history_ = done.kept, done.done, done.history
        return self

    def predict(self, data: Tabular) -> Prediction:
        """Answer ``{"score": (n,)}`` or ``{"probability": (n, K)}``. Raises ``NotFittedError`` or ``DataError``."""
        same_columns(data, None if self._pieces is None else self._pieces.n_features, TITLE)
        assert self._target is not None
        X = full(data, TITLE)
        answer = np.vstack([self._answer(X[i : i + BLOCK_ROWS]) for i in range(0, max(1, len(X)), BLOCK_ROWS)])
        return self._target.probabilities(answer) if self._target.n_classes else self._target.values(answer[:, 0])

    def save(self, folder: Path) -> None:
        """Write ``model.safetensors`` and the seal. Raises ``NotFittedError``."""
        from safetensors.numpy import save_file

        fitted(None if self._pieces is None else self._pieces.n_features, TITLE)
        assert self._pieces is not None
        assert self._target is not None
        save_file({**self.weights_, **self._pieces.arrays()}, folder / FILE)
        facts = {"n_features": self._pieces.n_features, "n_rows": self._n_rows}
        rounds = {"rounds": self.rounds_, "rounds_done": self.rounds_done_, "history": [list(h) for h in self.history_]}
        seal(folder, self, {**facts, **rounds, "target": self._target.facts()})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        made, facts = opened(folder, cls)
        try:
            found = Weights(load_file(folder / FILE))
            made._target = target = Target.read(facts["target"])
            made._n_rows, made.rounds_ = int(facts["n_rows"]), int(facts["rounds"])
            made.rounds_done_ = int(facts["rounds_done"])
            made.history_ = tuple((float(a), float(b)) for a, b in facts["history"])
            n_features = int(facts["n_features"])
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise broken(f"{FILE}: {error}") from error
        made._pieces = Piecewise.read(found, n_features)
        expected = made._recipe(made._n_rows, max(1, len(target.classes))).shapes(made._pieces.width_out)
        made.weights_ = {name: found.get(name, "f", shape) for name, shape in expected.items()}
        return made

    def _recipe(self, n_rows: int, outputs: int) -> Recipe:
        """Fill in what was left open, by the number of rows."""
        batch = self.batch_size or int(np.clip(2 ** round(np.log2(max(1, n_rows) / 16)), 32, 256))
        updates = -(-n_rows // batch)
        epochs = self.epochs or int(np.clip(round(STEPS / updates), 12, 200))
        small = n_rows <= FEW
        return Recipe(
            hidden=self.hidden or (128 if small else 256), layers=self.layers, outputs=outputs, epochs=epochs,
            members=self.members or (4 if small else 1), batch=batch, patience=self.patience or max(8, epochs // 4),
            stop_after=epochs if self.stop_after is None else self.stop_after,
            learning_rate=self.learning_rate, weight_decay=self.weight_decay, dropout=self.dropout,
            label_smoothing=self.label_smoothing,
        )  # fmt: skip

    def _answer(self, X: Matrix) -> NDArray[np.float64]:
        """(n, d) -> (n, outputs): the members' mean class shares, or standardised values."""
        assert self._pieces is not None
        assert self._target is not None
        w = self.weights_
        h = _silu((self._pieces.encode(X) * w["scale"]) @ w["first"] + w["first_bias"])
        total = np.zeros((len(X), w["head"].shape[2]))
        for m, sign in enumerate(w["sign"]):
            z = h * sign
            for i in range(self.layers):
                z = _silu((z @ w[f"layer{i}"]) * w[f"gain{i}"][m] + w[f"bias{i}"][m])
            raw = (z @ w["head"][m] + w["head_bias"][m]).astype(np.float64)
            total += softmax(raw, axis=1) if self._target.n_classes else raw
        return np.asarray(total / len(w["sign"]), dtype=np.float64)


def _silu(x: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(x * expit(x), dtype=np.float32)


def _rows(X: Matrix, data: Tabular, target: Target) -> Rows:
    """Join encoded rows, targets and weights; rows of classes never seen are left out."""
    assert data.y is not None
    y = target.code(data.y)
    weight = np.ones(len(y)) if data.weight is None else data.weight
    seen = (y >= 0) & (weight > 0) if target.n_classes else weight > 0
    if not seen.all():
        X, y, weight = X[seen], y[seen], weight[seen]
    return Rows(X, y, weight / max(weight.mean(), 1e-300) if len(weight) else weight)
