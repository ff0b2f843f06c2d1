"""DeepAR: one recurrent network learnt from many series forecasts each as a distribution.

Idea: an LSTM reads a series' earlier values (lags), the calendar, its categories and features, all in units of the
series' own size, and emits the parameters of the next value's distribution. It is trained on windows of all series by
maximum likelihood; a forecast draws many futures step by step, and reports their means and quantiles.

Source: Salinas, Flunkert, Gasthaus & Januschowski (2020), IJF 36, doi:10.1016/j.ijforecast.2019.07.001.
Cost:   fit is epochs × windows × (context + prediction) × cells² × layers; a forecast is series × draws × prediction
× cells² × layers. Memory is the series, and a few windows.

Decisions where SageMaker's guide is silent. The lags are those of :mod:`~tarragon.algorithms.calendar_features`. An
epoch draws as many windows as there are series, ten mini batches at least. Nine windows in ten have their whole
context behind them, the others may begin in a series' first steps, so that new series can be forecast. ν is b + the
mean absolute value of the window's context, where b is the paper's 1, or a tenth of the data's own if that is smaller:
units must not matter. Without progress for ten epochs the learning rate is halved. Where a mean absolute
value cannot be seen, as for a series that has no values yet, that of the training series stands in.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms import calendar_features, deepar_net
from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.deep import steady, torch_for
from tarragon.algorithms.params import OneOf, Range, Text, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.series_windows import Shape, Shelf
from tarragon.algorithms.weights import broken, read_weights, write_weights
from tarragon.data import Frequency, Prediction, Series, SeriesSet
from tarragon.errors import DataError, NotFittedError, ParameterError

TITLE = "DeepAR"
LEAST_OBSERVATIONS = 300  # SageMaker's: fewer are no ground for a network
NUMBERS = r"\[\s*[0-9.eE+-]+(\s*,\s*[0-9.eE+-]+)*\s*\]"
TOGETHER = 500  # series whose ends are forecast together
LARGEST_COUNT = 1_000_000  # levels of a category
KINDS = ("gaussian", "beta", "negative-binomial", "student-T", "deterministic-L1")


@dataclass(eq=False, kw_only=True)
class DeepAR:
    """Forecast every series of a set by drawing futures from a recurrent network.

    Hyperparameters are SageMaker's, and described where they are declared.

    Attributes
    ----------
    shape_ : Shape
        What the network reads of a window.
    cardinality_ : tuple of int
        Levels of each category.
    arrays_ : dict of str to ndarray
        The network.
    best_epoch_ : int
        The epoch that the network is from, from 1.
    loss_ : float
        Its mean negative log density per value.
    told : callable, optional
        Is handed epoch and batch, from 1 and 0, with the epoch's mean loss so far.
    """

    card: ClassVar[Card] = Card(
        name="deepar",
        title=TITLE,
        tasks=frozenset({"forecast"}),
        view="dense",
        accepts="series",
        use="Hundreds of related series and more, whose futures are wanted with their uncertainty.",
        avoid="A few series only: ARIMA or exponential smoothing do better. Horizons beyond some 400 steps.",
        interpretability="low",
        growth="epochs × windows × (context + prediction) × cells² × layers; forecasts × draws",
        source="Salinas et al. (2020), doi:10.1016/j.ijforecast.2019.07.001",
        images=("forecasting-deepar",),
        channels=("train", "test"),
        content_types=("application/jsonlines", "application/x-parquet"),
        metrics=("train:loss", "train:final_loss", "test:RMSE", "test:mean_wQuantileLoss"),
        answer=("mean", "quantiles", "samples"),
        extra="deep",
        library="torch",
    )
    time_freq: Annotated[
        str, Text(r"\d{0,6}(M|W|D|H|h|min)", about="Step of the series: a number and M, W, D, H, min.")
    ]
    prediction_length: Annotated[int, Range(1, 10_000, about="Steps that are forecast.")]
    context_length: Annotated[
        int, Range(1, 10_000, tune=(1, 200), about="Steps read before a forecast; more see more.")
    ]
    epochs: Annotated[int, Range(1, 100_000, tune=(1, 1_000), about="Passes over the series.")]
    num_cells: Annotated[int, Range(1, 4_096, tune=(30, 200), about="Cells per layer; more learn more, slower.")] = 40
    num_layers: Annotated[int, Range(1, 32, tune=(1, 8), about="Layers of cells.")] = 2
    mini_batch_size: Annotated[int, Range(1, 65_536, tune=(32, 1_028), about="Windows per step.")] = 128
    learning_rate: Annotated[
        float, Range(0, 1, log=True, tune=(1e-5, 1e-1), open_low=True, about="Length of a step at first.")
    ] = 1e-3
    dropout_rate: Annotated[
        float, Range(0, 1, tune=(0.0, 0.2), open_high=True, about="Share of states that zoneout keeps in a step.")
    ] = 0.10
    embedding_dimension: Annotated[int, Range(1, 1_024, tune=(1, 50), about="Numbers that stand for a category.")] = 10
    cardinality: Annotated[
        str, Text(r"auto|ignore||\[\s*\d{1,9}(\s*,\s*\d{1,9})*\s*\]", about="Levels of each category, a list or auto.")
    ] = "auto"
    num_dynamic_feat: Annotated[str, Text(r"auto|ignore||\d{1,6}", about="Features along time that are looked at.")] = (
        "auto"
    )
    likelihood: Annotated[str, OneOf(KINDS, about="Family of the forecast's distribution.")] = "student-T"
    early_stopping_patience: Annotated[
        int | None, Range(1, 100_000, about="Epochs without a better one after which training ends.")
    ] = None
    num_eval_samples: Annotated[int, Range(1, 10_000, about="Futures drawn per series when it is measured.")] = 100
    test_quantiles: Annotated[str, Text(NUMBERS, about="Quantiles that are measured and answered.")] = (
        "[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]"
    )
    shape_: Shape | None = field(default=None, init=False, repr=False)
    cardinality_: tuple[int, ...] = field(default=(), init=False, repr=False)
    arrays_: dict[str, NDArray[np.float32]] | None = field(default=None, init=False, repr=False)
    best_epoch_: int = field(default=0, init=False, repr=False)
    loss_: float = field(default=float("nan"), init=False, repr=False)
    told: deepar_net.Told | None = field(default=None, init=False, repr=False)

    def fit(self, data: SeriesSet, *, valid: SeriesSet | None = None, context: Context | None = None) -> Self:
        """Train on windows of the series; shorter ones than a forecast are left out.

        Parameters
        ----------
        data : SeriesSet
        valid : SeriesSet, optional
            The ends of these decide which epoch is best, instead of the training loss.
        context : Context, optional
            Hosts that share a fit share every step's gradient.

        Raises
        ------
        ParameterError, DataError
        """
        check(self)
        self.quantiles()
        context = context or Standalone()
        torch = torch_for(TITLE)
        self.arrays_ = self.shape_ = None
        usable = self._usable(data, context)
        shape, levels = self._surveyed(usable, context)
        self._within(usable, shape, levels)
        settings = self._settings(levels)
        held = None
        if valid is not None:
            kept = SeriesSet(tuple(s for s in valid if len(s) > self.prediction_length))
            self._within(kept, shape, levels)
            held = Shelf(kept, shape) if len(kept) else None
        trained = deepar_net.Trainer(torch, settings, Shelf(usable, shape), held, context, self.told).train()
        self.shape_, self.cardinality_, self.arrays_ = shape, levels, dict(trained.weights)
        self.best_epoch_, self.loss_ = trained.best, trained.loss
        return self

    def predict(self, data: SeriesSet) -> Prediction:
        """Forecast what follows each series.

        Returns
        -------
        mapping
            ``mean`` (n, h); ``quantiles`` (n, q, h) at the levels of ``test_quantiles``.

        Raises
        ------
        NotFittedError, DataError
        """
        drawn = self.sample(data, self.num_eval_samples).astype(np.float64)
        return {
            "mean": drawn.mean(axis=1),
            "quantiles": np.quantile(drawn, self.quantiles(), axis=1).transpose(1, 0, 2),
        }

    def sample(self, data: SeriesSet, draws: int, seed: int = 0) -> NDArray[np.float32]:
        """Draw futures, (n, draws, prediction_length). Raises ``NotFittedError`` or ``DataError``."""
        if self.arrays_ is None or self.shape_ is None:
            raise NotFittedError(f"{TITLE} is not fitted", why="There is no network yet", fix="Call fit, or load one")
        self._within(data, self.shape_, self.cardinality_, ahead=self.prediction_length)
        if not len(data):
            return np.zeros((0, draws, self.prediction_length), np.float32)
        torch = torch_for(TITLE)
        with steady(torch, 1):  # a step is small: threads would wait for each other
            shelf = Shelf(data, self.shape_)
            return deepar_net.draw(torch, self._settings(self.cardinality_), self.arrays_, shelf, draws, seed)

    def evaluate(self, data: SeriesSet) -> tuple[float, dict[float, float]]:
        """Forecast the withheld ends of series: root mean squared error, and weighted loss of each test quantile.

        Raises
        ------
        NotFittedError, DataError
        """
        past, actual = withheld(data, self.prediction_length)
        if not len(past):
            raise DataError(
                f"{TITLE} has nothing to be measured with",
                why=f"None of {len(data)} series has {self.prediction_length} values",
                fix="Give longer series",
            )
        parts = [
            self.sample(SeriesSet(past.items[at : at + TOGETHER]), self.num_eval_samples)
            for at in range(0, len(past), TOGETHER)
        ]
        return losses(actual, np.concatenate(parts), self.quantiles())

    def quantiles(self) -> list[float]:
        """Read ``test_quantiles``. Raises ``ParameterError``."""
        try:
            found = [float(q) for q in json.loads(self.test_quantiles)]
        except ValueError:
            found = [-1.0]
        if not found or not all(0 < q < 1 for q in found):
            raise ParameterError(
                f"{TITLE}: test_quantiles={self.test_quantiles[:60]} is not allowed",
                why="Quantiles lie between 0 and 1",
                fix="Write [0.1, 0.5, 0.9]",
            )
        return found

    def save(self, folder: Path) -> None:
        """Write the network, and what it reads, under the seal. Raises ``NotFittedError``."""
        fitted(len(self.arrays_ or ()), TITLE)
        assert self.shape_ is not None
        assert self.arrays_ is not None
        write_weights(folder, self.arrays_)
        s = self.shape_
        facts = {
            "lags": list(s.lags), "n_dynamic": s.n_dynamic, "base": s.base, "typical": s.typical,
            "centre": list(s.centre), "spread": list(s.spread), "cardinality": list(self.cardinality_),
            "best_epoch": self.best_epoch_, "loss": self.loss_,
        }  # fmt: skip
        seal(folder, self, facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        model, facts = opened(folder, cls)
        try:
            lags = tuple(int(lag) for lag in facts["lags"])
            centre, spread = tuple(map(float, facts["centre"])), tuple(map(float, facts["spread"]))
            levels = tuple(int(n) for n in facts["cardinality"])
            numbers = float(facts["base"]), float(facts["typical"])
            n_dynamic, best, loss = int(facts["n_dynamic"]), int(facts["best_epoch"]), float(facts["loss"])
        except (KeyError, TypeError, ValueError) as error:
            raise broken(f"the facts beside the network cannot be used: {error}") from error
        ascending = bool(lags) and lags == tuple(sorted(set(lags))) and lags[0] >= 1
        positive = all(np.isfinite(v) and v > 0 for v in (*numbers, *spread)) and np.isfinite(centre).all()
        if not ascending or not positive or not len(centre) == len(spread) == n_dynamic or min(levels, default=1) < 1:
            raise broken("the facts beside the network contradict each other")
        frequency = Frequency.of(model.time_freq)
        model.shape_ = Shape(
            frequency, model.context_length, model.prediction_length, lags, n_dynamic, len(levels), *numbers, centre,
            spread,
        )  # fmt: skip
        model.cardinality_, model.best_epoch_, model.loss_ = levels, best, loss
        weights = read_weights(folder)
        wanted = deepar_net.shapes(model._settings(levels), model.shape_.width)
        model.arrays_ = {name: weights.get(name, "f", shape) for name, shape in wanted.items()}
        if not all(np.isfinite(array).all() for array in model.arrays_.values()):
            raise broken("the network holds numbers that are not finite")
        return model

    def _settings(self, levels: tuple[int, ...]) -> deepar_net.Settings:
        return deepar_net.Settings(
            self.num_cells, self.num_layers, self.mini_batch_size, self.epochs, self.learning_rate, self.dropout_rate,
            self.early_stopping_patience or 0, self.embedding_dimension, self.likelihood, levels,
        )  # fmt: skip

    def _usable(self, data: SeriesSet, context: Context) -> SeriesSet:
        """Take the series that are long enough and hold something. Raises ``DataError``."""
        usable = SeriesSet(tuple(s for s in data if len(s) >= self.prediction_length and not np.isnan(s.target).all()))
        values = np.concatenate([s.target for s in usable]) if len(usable) else np.zeros(0)
        values = values[~np.isnan(values)]
        if not len(usable):
            raise DataError(
                f"{TITLE} has nothing to learn from",
                why=f"None of {len(data)} series has {self.prediction_length} values, which prediction_length asks for",
                fix="Give longer series, or forecast fewer steps",
            )
        seen = int(context.reduce({"seen": np.array([len(values)], np.int64)})["seen"][0])
        if seen < LEAST_OBSERVATIONS:
            raise DataError(
                f"{TITLE} learns from {LEAST_OBSERVATIONS} observations or more",
                why=f"The series hold {seen} together",
                fix="Give more or longer series",
            )
        outside = {
            "beta": ("between 0 and 1", (values < 0) | (values > 1)),
            "negative-binomial": ("whole numbers from 0", (values < 0) | (values != np.floor(values))),
        }.get(self.likelihood)
        if outside is not None and outside[1].any():
            raise DataError(
                f"{TITLE}: the target does not suit likelihood={self.likelihood}",
                why=f"It is for {outside[0]}, and a series holds {values[outside[1]][0]:g}",
                fix="Choose student-T or gaussian, or check the target",
            )
        return usable

    def _surveyed(self, usable: SeriesSet, context: Context) -> tuple[Shape, tuple[int, ...]]:
        """Look at all hosts' series: categories' levels, features' means and spreads, sizes, the longest."""
        first = usable.items[0]
        n_cat, n_dynamic = len(first.cat), first.n_dynamic
        for s in usable:
            if len(s.cat) != n_cat or s.n_dynamic != n_dynamic:
                raise _odd(
                    f"one has {len(s.cat)} categories and {s.n_dynamic} features, the first {n_cat}, {n_dynamic}"
                )
        if self.cardinality in ("ignore", ""):
            n_cat = 0
        elif self.cardinality != "auto" and len(json.loads(self.cardinality)) != n_cat:
            raise _odd(f"they have {n_cat} categories and cardinality names {len(json.loads(self.cardinality))}")
        if self.num_dynamic_feat in ("ignore", ""):
            n_dynamic = 0
        elif self.num_dynamic_feat != "auto" and int(self.num_dynamic_feat) != n_dynamic:
            raise _odd(f"they have {n_dynamic} features along time and num_dynamic_feat is {self.num_dynamic_feat}")
        absolute = [np.nanmean(np.abs(s.target)) for s in usable]
        own = np.zeros((context.world, 3 + n_cat))  # each host fills its row: a sum then gathers
        most = [max(s.cat[k] for s in usable) + 1 for k in range(n_cat)]
        own[context.rank] = [max(len(s) for s in usable), sum(absolute), len(absolute), *most]
        moments = np.zeros((3, n_dynamic))
        for s in usable if n_dynamic else ():
            assert s.dynamic is not None
            moments += np.stack([s.dynamic.sum(1), (s.dynamic**2).sum(1), np.full(n_dynamic, s.dynamic.shape[1])])
        shared = context.reduce({"rows": own, "moments": moments})
        rows, moments = shared["rows"], shared["moments"]
        typical = max(float(rows[:, 1].sum() / rows[:, 2].sum()), 1e-12)
        centre = moments[0] / np.maximum(moments[2], 1)
        spread = np.sqrt(np.maximum(moments[1] / np.maximum(moments[2], 1) - centre**2, 0))
        frequency = Frequency.of(self.time_freq)
        given = self.cardinality.startswith("[")
        levels = json.loads(self.cardinality) if given else rows[:, 3:].max(axis=0).astype(int).tolist()
        if any(not 1 <= n <= LARGEST_COUNT for n in levels):
            raise ParameterError(
                f"{TITLE}: a category of {max(levels)} levels is not allowed",
                why=f"1 to {LARGEST_COUNT} are",
                fix="Number the levels from 0",
            )
        shape = Shape(
            frequency, self.context_length, self.prediction_length,
            tuple(calendar_features.lags(frequency, int(rows[:, 0].max()))), n_dynamic, n_cat, min(1.0, typical / 10),
            typical, tuple(centre.tolist()), tuple(np.where(spread > 1e-9, spread, 1.0).tolist()),
        )  # fmt: skip
        return shape, tuple(levels)

    def _within(self, data: SeriesSet, shape: Shape, levels: tuple[int, ...], ahead: int = 0) -> None:
        """Check series against what the network reads. Raises ``DataError``."""
        for n, s in enumerate(data):
            if len(s.cat) < len(levels) or (levels and len(s.cat) != len(levels)):
                raise _odd(f"series {n} has {len(s.cat)} categories, and {len(levels)} are looked at")
            if any(not 0 <= c < most for c, most in zip(s.cat, levels, strict=False)):
                raise _odd(f"series {n} has categories {list(s.cat)}, and their levels are {list(levels)}")
            if shape.n_dynamic and s.n_dynamic != shape.n_dynamic:
                raise _odd(f"series {n} has {s.n_dynamic} features along time, and {shape.n_dynamic} are looked at")
            if shape.n_dynamic and s.dynamic is not None and s.dynamic.shape[1] < len(s) + ahead:
                raise _odd(
                    f"series {n} has dynamic_feat of length {s.dynamic.shape[1]}, and needs {len(s) + ahead}:"
                    f" the target's {len(s)}" + (f" and the {ahead} that are forecast" if ahead else "")
                )


def losses(
    actual: NDArray[np.float64], drawn: NDArray[np.float32], levels: list[float]
) -> tuple[float, dict[float, float]]:
    """Measure forecasts: the root mean squared error of the mean, and each quantile's weighted loss.

    wQL(τ) = 2 Σ [τ max(y - q, 0) + (1 - τ) max(q - y, 0)] / Σ |y|

    Parameters
    ----------
    actual : ndarray of shape (n, h)
        NaN does not count.
    drawn : ndarray of shape (n, draws, h)
    levels : list of float
        The quantiles.

    Raises
    ------
    DataError
        There is nothing to measure against.
    """
    there = ~np.isnan(actual)
    if not there.any():
        raise DataError("The forecasts cannot be measured", why="All that was withheld is missing", fix="Give values")
    y = actual[there]
    error = drawn.mean(axis=1)[there] - y
    total = max(float(np.abs(y).sum()), 1e-300)
    found = {}
    for level in levels:
        away = y - np.quantile(drawn, level, axis=1)[there]
        found[level] = float(2 * np.maximum(level * away, (level - 1) * away).sum() / total)
    return float(np.sqrt(np.mean(error**2))), found


def withheld(data: SeriesSet, horizon: int) -> tuple[SeriesSet, NDArray[np.float64]]:
    """Cut the last ``horizon`` values off every series that is long enough: what is left, and (n, horizon) cut off."""
    usable: list[Series] = [s for s in data if len(s) >= horizon]
    actual = np.array([s.target[len(s) - horizon :] for s in usable]).reshape(len(usable), horizon)
    return SeriesSet(tuple(s.head(len(s) - horizon) for s in usable)), actual


def _odd(why: str) -> DataError:
    return DataError(
        f"{TITLE}: the series do not fit", why=why, fix="Give every series the same categories and features"
    )
