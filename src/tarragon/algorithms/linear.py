"""Linear model: a weighted sum of the columns, with just as much L2 penalty as the data ask for.

Idea:   minimise mean loss + l2/2 · ‖W‖², for a whole path of penalties from strong to weak, each fit started from the
        one before; keep the penalty that predicts rows it did not learn from best.
Source: ridge with leave-one-out errors: Golub, Heath & Wahba (1979), Technometrics 21; softmax curvature bound: Böhning
        (1992), AISM 44; penalty paths from strong to weak: Friedman, Hastie & Tibshirani (2010), JSS 33.
Cost:   one d × d (or n × n) eigendecomposition where min(n, d) ≤ 1,500, then O(non-zeros × K) per step, about ten
        steps per penalty; memory one rotated copy of the table.

Notation: n rows, d columns, K outputs (1 for regression and binary), Z columns as the method sees them, λ = l2.

Second-order steps on a stored table make the answer exact and repeatable; tables larger than memory, and SageMaker's
own method and artifact, are those of :mod:`tarragon.algorithms.linear_learner`.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
import scipy.sparse as sp

from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.inputs import same_columns, supervised
from tarragon.algorithms.linear_columns import Columns
from tarragon.algorithms.linear_path import Judge, Line, Loss, Problem, walk
from tarragon.algorithms.params import OneOf, Range, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.target import Dense, Target
from tarragon.algorithms.threads import limited
from tarragon.algorithms.weights import broken, read_weights, write_weights
from tarragon.data import Prediction, Tabular
from tarragon.errors import DataError

PATH = tuple(float(v) for v in 10.0 ** np.arange(0.5, -7.75, -0.5))  # half decades: finer steps change scores < noise
SMALL = 2_000  # below this many rows the penalty is chosen by 5 folds inside, for one split is too noisy
BLOCK_ROWS = 16_384
EDGE = 0.05  # |error| below this many standard deviations is rounded off, to make the absolute loss smooth
TITLE = "Linear model"
LOSSES = ("auto", "squared_loss", "absolute_loss", "huber_loss", "logistic", "softmax_loss")


@dataclass(eq=False)
class Linear:
    """Predict with one weight per column.

    Parameters
    ----------
    l2 : float or None in [0, 10,000], default=None
        Penalty on squared weights, in units of the mean loss (C of scikit-learn is 1 / (n · l2)). None: chosen from a
        path, by leave-one-out errors for squared loss, else by ``valid`` (tables of 2,000 rows and more) or by folds
        inside the training rows.
    loss : str, default="auto"
        auto is squared_loss, logistic or softmax_loss, by ``Tabular.n_classes``. absolute_loss and huber_loss care
        less about outliers.
    huber_delta : float > 0, default=1.0
        Errors beyond it count linearly; in standard deviations of the target.
    interactions : bool, default=False
        Adds the products and squares of the 40 columns most related to the target.
    normalize_data : {"auto", "true", "false"}, default="auto"
        auto brings columns that vary by more than 1 down to unit variance and leaves the others as they are: levels,
        word frequencies and text components are small because they are rare, and should stay so. true scales all.

    Attributes
    ----------
    coefficients_ : ndarray of shape (K, d + products), float64
        Per unit of the column as handed in (products: of standardised columns).
    intercept_ : ndarray of shape (K,), float64
    terms_ : tuple of str
        One name per coefficient.
    l2_ : float
        The penalty used.
    path_ : tuple of (l2, train loss, held-out loss)
    rounds_, rounds_done_, history_ : int, int, tuple
        0, 0, (): there is nothing to stop early.
    """

    card: ClassVar[Card] = Card(
        name="linear",
        title=TITLE,
        tasks=frozenset({"binary", "multiclass", "regression"}),
        view="onehot",
        use="A fast first model, wide and sparse tables, text, few rows; when each column's effect must be readable.",
        avoid="When effects bend or depend on each other more than the columns express.",
        interpretability="high",
        growth="time linear in non-zeros × outputs, plus min(n, d)³ up to 1,500; memory one copy of the table",
        source="Golub, Heath & Wahba (1979), doi:10.1080/00401706.1979.10489751",
    )
    l2: Annotated[
        float | None,
        Range(0.0, 1e4, log=True, tune=(1e-7, 1.0), about="More shrinks the weights: steadier, stiffer."),
    ] = None
    loss: Annotated[str, OneOf(LOSSES, about="What a wrong answer costs.")] = "auto"
    huber_delta: Annotated[
        float, Range(0.0, 1e3, open_low=True, tune=(0.1, 3.0), log=True, about="Less ignores more of the large errors.")
    ] = 1.0
    interactions: Annotated[
        bool, OneOf((False, True), tune=(False, True), about="Adds products of columns: bends and joint effects.")
    ] = False
    normalize_data: Annotated[
        str, OneOf(("auto", "true", "false"), about="Whether columns are brought to one scale.")
    ] = "auto"

    coefficients_: Dense = field(default_factory=lambda: np.zeros((0, 0)), init=False, repr=False)
    intercept_: Dense = field(default_factory=lambda: np.zeros(0), init=False, repr=False)
    terms_: tuple[str, ...] = field(default=(), init=False, repr=False)
    l2_: float = field(default=0.0, init=False, repr=False)
    path_: tuple[Line, ...] = field(default=(), init=False, repr=False)
    rounds_: int = field(default=0, init=False, repr=False)
    rounds_done_: int = field(default=0, init=False, repr=False)
    history_: tuple[tuple[float, float], ...] = field(default=(), init=False, repr=False)
    _columns: Columns | None = field(default=None, init=False, repr=False)
    _target: Target | None = field(default=None, init=False, repr=False)

    def fit(self, data: Tabular, *, valid: Tabular | None = None, context: Context | None = None) -> Self:
        """Learn the weights. Raises ``ParameterError``, or ``DataError`` for rows it cannot learn from."""
        check(self)
        supervised(data, TITLE)
        _finite(data)
        context = context or Standalone()
        loss = self._loss(data.n_classes)
        with limited(context.threads):
            target = Target.learn(data)
            columns = Columns.learn(data, normalize=self.normalize_data, products=self.interactions)
            problem = Problem.make(columns.apply(data), target, data, loss if target.outputs > 1 else loss.single())
            held = None
            if valid is not None:
                same_columns(valid, data.n_features, TITLE)
                held = problem.beside(columns.apply(valid), target, valid)
            self.coefficients_, self.intercept_ = columns.fold(*self._choose(problem, held, context))
        self._target, self._columns, self.terms_ = target, columns, columns.terms(data.names)
        return self

    def predict(self, data: Tabular) -> Prediction:
        """Answer ``{"score": (n,)}`` or ``{"probability": (n, K)}``. Raises ``NotFittedError`` or ``DataError``."""
        columns, target = self._columns, self._target
        same_columns(data, None if columns is None else columns.n_features, TITLE)
        assert columns is not None
        assert target is not None
        scores = np.empty((data.n_rows, len(self.intercept_)))
        for start in range(0, data.n_rows, BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            scores[part] = columns.raw(data.X[part]) @ self.coefficients_.T + self.intercept_
        if not np.isfinite(scores).all():
            _finite(data)
        return target.answer(scores)

    def save(self, folder: Path) -> None:
        """Write ``weights.npz`` and the seal. Raises ``NotFittedError``."""
        columns, target = self._columns, self._target
        fitted(None if columns is None else columns.n_features, TITLE)
        assert columns is not None
        assert target is not None
        arrays = {"pairs": columns.pairs, "centre": columns.centre, "scale": columns.scale}
        write_weights(folder, {**arrays, "coefficients": self.coefficients_, "intercept": self.intercept_})
        facts = {"l2": self.l2_, "path": [list(line) for line in self.path_], "terms": list(self.terms_)}
        seal(folder, self, {**facts, "target": target.facts()})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        made, facts = opened(folder, cls)
        found = read_weights(folder)
        centre, pairs = found.get("centre", "f", (-1,)), found.get("pairs", "i", (-1, 2))
        d, m = len(centre), len(pairs)
        if m and (pairs.min() < 0 or pairs.max() >= d):
            raise broken("a product names a column that is not there")
        try:
            made._target = target = Target.read(facts["target"])
            made.terms_ = tuple(str(name) for name in facts["terms"])
            made.path_ = tuple((float(a), float(b), float(c)) for a, b, c in facts["path"])
            made.l2_ = float(facts["l2"])
        except (KeyError, TypeError, ValueError) as error:
            raise broken(f"facts: {error}") from error
        made._columns = Columns(d, centre, found.get("scale", "f", (d,)), pairs, np.zeros(m), np.ones(m))
        made.coefficients_ = found.get("coefficients", "f", (target.outputs, d + m))
        made.intercept_ = found.get("intercept", "f", (target.outputs,))
        return made

    def _loss(self, n_classes: int) -> Loss:
        """Return the loss asked for, or the task's own. Raises ``DataError`` where it belongs to another task."""
        own = {0: "squared_loss", 2: "logistic"}.get(n_classes, "softmax_loss")
        name = own if self.loss == "auto" else self.loss
        if name != own and (n_classes or name not in ("absolute_loss", "huber_loss")):
            raise DataError(f"{name} does not fit the target", why=f"n_classes is {n_classes}", fix='Use loss="auto"')
        return Loss(name, EDGE if name == "absolute_loss" else self.huber_delta)

    def _choose(self, problem: Problem, held: Problem | None, context: Context) -> tuple[Dense, Dense]:
        """Fit at the penalty asked for, or at the best of the path: (d', K) weights and (K,) intercepts."""
        penalties = PATH if self.l2 is None else (self.l2,)
        if problem.constant:
            self.l2_, self.path_ = penalties[0], ()
            return problem.unpack(problem.start())
        if problem.loss.name == "squared_loss" and problem.rotation is not None:
            self.l2_, self.path_, flat = problem.ridge(penalties)
            return problem.unpack(flat)
        judge: Judge = [(problem, held)]
        again = self.l2 is None and (held is None or problem.n_rows < SMALL)
        if again:
            judge = problem.folds(5, context.seed, used=5 if problem.n_rows < SMALL else 1)
        self.path_, (self.l2_, flat) = walk(judge, penalties, context)
        if again:
            flat = problem.start()
            for penalty in (p for p in penalties if p > self.l2_):
                flat = problem.solve(penalty, flat)
        return problem.unpack(problem.solve(self.l2_, flat, fine=True))


def _finite(data: Tabular) -> None:
    """Refuse missing values. Raises ``DataError``."""
    values = data.X.data if sp.issparse(data.X) else data.X
    if not np.isfinite(values).all():
        fix = 'Use the "onehot" view, which imputes'
        raise DataError(f"{TITLE} cannot read missing values", why="NaN or infinity among the columns", fix=fix)
