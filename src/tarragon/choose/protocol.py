"""What looking at a table tells: findings, a profile, a feasibility verdict and the plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tarragon.algorithms import OneOf, Range
from tarragon.algorithms.protocol import Value, View
from tarragon.metrics import Task

Severity = Literal["info", "warning", "critical"]
Fault = Literal[
    "leak",  # a feature that gives the target away
    "proxy",  # a near-copy of the target under another name or coding
    "duplicate_rows",  # equal rows that would sit on both sides of a random split
    "time_leak",  # rows are ordered in time and a random split would look into the future
    "random_labels",  # no signal above a permuted-label null
    "noisy_labels",  # labels that contradict their neighbours more than the problem explains
    "id_column",  # a feature that only names the row
    "imbalance",
    "few_rows",
    "missing",
    "constant",
    "wide",
    "drift",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a reader should know about the table.

    Parameters
    ----------
    fault : str
        The kind of thing.
    severity : {"info", "warning", "critical"}
    columns : tuple of str
        Columns concerned; empty for the whole table.
    what, why, fix : str
        Plain sentences: what was seen, the measured evidence, what to do.
    evidence : mapping of str to float
        The numbers behind ``why``.
    action : {"none", "dropped", "grouped", "time_split", "downweighted"}
        What develop does about it unless told otherwise.
    """

    fault: Fault
    severity: Severity
    columns: tuple[str, ...]
    what: str
    why: str
    fix: str
    evidence: Mapping[str, float]
    action: Literal["none", "dropped", "grouped", "time_split", "downweighted"] = "none"


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column in numbers, for the report.

    Parameters
    ----------
    histogram : tuple of int
        Counts in at most 20 bins (numeric, datetime) or of the most frequent levels (others).
    labels : tuple of str
        Bin or level names, as many as ``histogram``.
    strength : float
        How much of the target this column explains alone, 0…1 (out of sample; 0 is nothing).
    """

    name: str
    kind: str
    n_missing: int
    n_unique: int
    histogram: tuple[int, ...]
    labels: tuple[str, ...]
    mean: float | None
    std: float | None
    minimum: float | None
    maximum: float | None
    strength: float


@dataclass(frozen=True, slots=True)
class Profile:
    """The table described.

    Parameters
    ----------
    target_counts : mapping
        Rows per class, or 20 histogram bins of the target for regression (keys are bin labels).
    findings : tuple of Finding
        From leakage, duplicate, id and time checks, strongest first.
    """

    task: Task
    n_rows: int
    n_features: int
    columns: tuple[ColumnProfile, ...]
    target_counts: Mapping[str, int]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """A learning curve: rows against score of a cheap probe, with the extrapolation.

    Parameters
    ----------
    rows, score, low, high : tuple of float
        Measured points; score in units of the metric.
    more_rows, expected : tuple of float
        Extrapolated points (2×, 4× the rows).
    """

    rows: tuple[float, ...]
    score: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    more_rows: tuple[float, ...]
    expected: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Feasibility:
    """GO, CAUTION or STOP, with the evidence.

    Parameters
    ----------
    verdict : {"GO", "CAUTION", "STOP"}
    reasons : tuple of str
        Plain sentences, strongest first.
    probe_score, null_score, null_high : float
        Score of a cheap probe, mean score on permuted labels and the null's 99th percentile, in units of ``metric``.
    p_value : float
        Chance of the probe's score under the null.
    label_noise : float
        Estimated share of wrong labels (classification) or of target variance that is noise (regression), 0…1.
    curve : Curve or None
    findings : tuple of Finding
        All of the profile's and those found by the probes.
    seconds : float
    """

    verdict: Literal["GO", "CAUTION", "STOP"]
    reasons: tuple[str, ...]
    metric: str
    probe_score: float
    null_score: float
    null_high: float
    p_value: float
    label_noise: float
    curve: Curve | None
    findings: tuple[Finding, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something worth trying.

    Parameters
    ----------
    algorithm : str
        Catalogue name.
    params : mapping
        Named hyperparameters that differ from the defaults.
    view : str
        How the table reaches it.
    why : str
        The reason it is tried on this table.
    cost : float
        Expected seconds for one fold on one thread of this machine.
    """

    algorithm: str
    params: Mapping[str, Value]
    view: View
    why: str
    cost: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be tried, judged by what, within what.

    Parameters
    ----------
    metric : str
        The objective.
    why_metric : str
    candidates : tuple of Candidate
        The portfolio in the order it is tried.
    n_folds, n_repeats : int
    budget_s : float
        The whole run's wall time.
    search_s, closing_s : float
        Shares for trials, and for analysis, report and registration.
    workers, threads : int
        Fits side by side, threads each.
    spaces : mapping
        Per algorithm, what the search may vary once the portfolio is through.
    left_out : tuple of str
        What was not planned and why ("catboost: not installed; pip install 'tarragon[catboost]'").
    """

    metric: str
    why_metric: str
    candidates: tuple[Candidate, ...]
    n_folds: int
    n_repeats: int
    budget_s: float
    search_s: float
    closing_s: float
    workers: int
    threads: int
    seed: int
    spaces: Mapping[str, Mapping[str, Range | OneOf]]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What the plan must fit in.

    Parameters
    ----------
    metric : str
        Asked objective; "" lets the task decide.
    budget_s, left_s : float
        The whole run's wall time, and what is left of it now.
    algorithms : tuple of str
        Only these; empty for all that are installed and fit.
    glass_box : bool
        Only algorithms that can be read as a whole.
    workers : int
        Fits side by side; each gets one thread, which is the fastest use of few cores on many small fits.
    hopeless : bool
        Feasibility said STOP: only confirm it.
    slowness : float
        Seconds that pass for a second of work, at least 1, because of other load on the machine.
    """

    metric: str = ""
    budget_s: float = 60.0
    left_s: float = 60.0
    seed: int = 0
    algorithms: tuple[str, ...] = ()
    glass_box: bool = False
    workers: int = 2
    hopeless: bool = False
    slowness: float = 1.0
