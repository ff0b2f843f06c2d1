"""Everything an analysis says about a model, as values; pages and files render them.

Sequences that are drawn are tuples of float. "Units of the metric" unless said otherwise.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's value with its 95 % interval.

    Parameters
    ----------
    value, low, high : float or None
        None where the metric is undefined; ``why`` says so.
    sentence : str
        What it means here, in plain words.
    """

    metric: str
    title: str
    greater_is_better: bool
    value: float | None
    low: float | None
    high: float | None
    n: int
    sentence: str
    why: str = ""

    @property
    def numbers(self) -> tuple[float, float, float]:
        """Value, low and high; NaN where there is none."""
        value, low, high = (math.nan if part is None else part for part in (self.value, self.low, self.high))
        return value, low, high


@dataclass(frozen=True, slots=True)
class Baseline:
    """A model anyone could have made, and how much better ours is.

    Parameters
    ----------
    name : {"dummy", "one-rule", "linear", "previous"}
    rule : str
        What it does, in words ("predict No when tenure > 12").
    score : Score
        Of the objective.
    gain, gain_low, gain_high : float
        Paired difference model minus baseline in utility (greater is better), 95 % interval.
    """

    name: str
    rule: str
    score: Score
    gain: float
    gain_low: float
    gain_high: float


@dataclass(frozen=True, slots=True)
class Line:
    """A curve to draw. ``low``/``high`` are a band of the same length, or empty."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts and row shares: ``counts[i][j]`` rows of true class i predicted as j."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class Pictures:
    """What is drawn of the out-of-fold predictions; empty where it does not apply.

    Parameters
    ----------
    roc, pr : tuple of Line
        One per class (binary: the positive one). x, y in 0…1.
    calibration : tuple of Line
        Predicted probability against observed share, with Wilson bands.
    confusion : Confusion or None
    threshold : tuple of Line
        Binary: precision, recall and F1 against the threshold.
    residuals : tuple of (float, float)
        At most 1,000 (predicted, actual − predicted) points.
    predicted_actual : tuple of (float, float)
        At most 1,000 (actual, predicted) points.
    residual_histogram : tuple of (float, float, int)
        (left, right, count).
    gain : Line or None
        Binary: share of positives found against share of rows looked at.
    """

    roc: tuple[Line, ...] = ()
    pr: tuple[Line, ...] = ()
    calibration: tuple[Line, ...] = ()
    confusion: Confusion | None = None
    threshold: tuple[Line, ...] = ()
    residuals: tuple[tuple[float, float], ...] = ()
    predicted_actual: tuple[tuple[float, float], ...] = ()
    residual_histogram: tuple[tuple[float, float, int], ...] = ()
    gain: Line | None = None


@dataclass(frozen=True, slots=True)
class Fit:
    """One verdict on over- and underfitting, with its evidence.

    Parameters
    ----------
    verdict : {"balanced", "overfit", "underfit"}
    train, valid : float
        Mean score on training and validation parts of the folds.
    gap, gap_low, gap_high : float
        Train minus valid in utility.
    history : tuple of Line
        Loss per round where the model is iterative.
    """

    verdict: Literal["balanced", "overfit", "underfit"]
    sentence: str
    train: float
    valid: float
    gap: float
    gap_low: float
    gap_high: float
    history: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Importance:
    """What one input column is worth.

    Parameters
    ----------
    permutation, low, high : float
        Loss of utility when the column is shuffled, with its 95 % interval.
    shap : float or None
        Mean absolute SHAP value (units of the prediction: probability of the positive class, or the target's);
        None where the column was not explained on its own.
    related : tuple of str
        Columns that say nearly the same: shuffling one leaves the others, so they share their worth.
    """

    column: str
    permutation: float
    low: float
    high: float
    shap: float | None
    related: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """SHAP values of a sample of rows, on the table's own columns.

    Parameters
    ----------
    columns : tuple of str
        Strongest first, at most 20.
    values : tuple of tuple of float
        Rows × columns, units of the prediction.
    scaled : tuple of tuple of float or None
        Where the cell's value lies in its column, 0 (low) … 1 (high); None for missing or unordered values.
    cells : tuple of tuple of str
        The cells themselves, for tooltips.
    expected : float
        Mean prediction of the background.
    method : str
    additivity_error : float
        Largest |sum of values + expected − prediction| over the rows.
    rows : tuple of int
        Row numbers of the table, one per row of ``values``.
    """

    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    scaled: tuple[tuple[float | None, ...], ...]
    cells: tuple[tuple[str, ...], ...]
    expected: float
    method: str
    additivity_error: float
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows that share a value, and how the model does there.

    Parameters
    ----------
    score : float
        Objective on the slice.
    gap, gap_low, gap_high : float
        Slice minus rest in utility.
    worse : bool
        Whether it is worse beyond noise after correcting for the number of slices looked at (Holm).
    """

    column: str
    value: str
    n: int
    score: float | None
    gap: float
    gap_low: float
    gap_high: float
    worse: bool


@dataclass(frozen=True, slots=True)
class BiasMetric:
    """A bias metric under its Clarify name."""

    name: str
    description: str
    value: float | None
    low: float | None
    high: float | None
    flagged: bool
    error: str = ""


@dataclass(frozen=True, slots=True)
class BiasFacet:
    """One group of a sensitive column against everyone else."""

    column: str
    value: str
    n: int
    metrics: tuple[BiasMetric, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class Interpretability:
    """What the best glass box costs.

    Parameters
    ----------
    price, price_low, price_high : float
        Winner minus glass box in utility, paired, 95 % interval.
    """

    trial: str
    algorithm: str
    score: Score
    price: float
    price_low: float
    price_high: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What the model costs to make and to keep.

    Parameters
    ----------
    latency_ms : float
        Median of one row through the whole model, table row in, answer out.
    latency_p95_ms : float
    rows_per_s : float
        In batch.
    size_bytes : int
    size_parts : mapping of str to int
        Bytes by cause (each member, encoder).
    train_s : float
        Seconds of fitting the winner's members.
    """

    latency_ms: float
    latency_p95_ms: float
    rows_per_s: float
    size_bytes: int
    size_parts: Mapping[str, int]
    train_s: float


@dataclass(frozen=True, slots=True)
class Action:
    """A next step, with the gain a probe measured.

    Parameters
    ----------
    gain : float or None
        Expected change in utility; None where it cannot be probed.
    how : str
        What to type or do.
    """

    title: str
    why: str
    how: str
    gain: float | None


@dataclass(frozen=True, slots=True)
class Analysis:
    """The whole examination of one model.

    Parameters
    ----------
    score : Score
        The objective, honest: corrected for having chosen the best, with the 95 % interval for a fresh sample.
    apparent : float
        The winner's plain out-of-fold score before the correction.
    optimism : float
        What choosing the best had added, in utility.
    holdout : Score or None
        On the rows set aside, if any were.
    others : tuple of Score
        Every other metric of the task.
    seconds : float
    skipped : tuple of str
        What the time left did not allow, and what was done on fewer rows, in plain words.
    """

    score: Score
    apparent: float
    optimism: float
    holdout: Score | None
    others: tuple[Score, ...]
    baselines: tuple[Baseline, ...]
    pictures: Pictures
    fit: Fit
    importance: tuple[Importance, ...]
    explanation: Explanation | None
    slices: tuple[Slice, ...]
    bias: tuple[BiasFacet, ...]
    interpretability: Interpretability | None
    cost: Cost
    actions: tuple[Action, ...]
    seconds: float
    skipped: tuple[str, ...] = ()
