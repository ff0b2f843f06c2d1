"""The question asked of a run, and the whole story it tells."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tarragon.analyze.protocol import Analysis
from tarragon.choose.protocol import Feasibility, Plan, Profile
from tarragon.metrics import Task
from tarragon.registry.protocol import Package
from tarragon.tune.protocol import Leaderboard


@dataclass(frozen=True, slots=True)
class Limits:
    """What the model must obey; None is no limit.

    Parameters
    ----------
    latency_ms : float or None
        Median of one row, whole model.
    size_bytes : int or None
        Of the package's model files.
    glass_box : bool
        Only a model that can be read as a whole.
    """

    latency_ms: float | None = None
    size_bytes: int | None = None
    glass_box: bool = False


@dataclass(frozen=True, slots=True)
class Spec:
    """A develop run's question; equal specs on equal data plan equal work."""

    target: str
    name: str
    budget_s: float = 60.0
    metric: str = ""  # "" lets the task decide
    seed: int = 0
    holdout: float = 0.0  # share of rows set aside and opened once; 0: none
    holdout_file: str = ""
    drop: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    weight: str = ""
    group: str = ""
    time: str = ""
    task: str = ""
    positive: str = ""  # label of the positive class, as text
    limits: Limits = Limits()
    keep_leaks: bool = False  # train on columns the leak check would drop
    algorithms: tuple[str, ...] = ()  # only these; empty: all that are installed


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence for or against the model."""

    text: str
    weight: Literal["for", "note", "against"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """SHIP, REVIEW or STOP, with the strongest reasons first (three are shown)."""

    decision: Literal["SHIP", "REVIEW", "STOP"]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """What the winner is made of.

    Parameters
    ----------
    title : str
        "Blend of 3" or "LightGBM".
    members : tuple of (str, float)
        Trial names with their weights, sum 1.
    why : str
        Why it was kept over the best single model, or the other way round.
    threshold : float or None
        Binary: the probability from which the positive class is answered.
    calibrated : bool
    glass_box : bool
    obeyed : tuple of str
        Each limit with the measured figure ("latency 0.8 ms ≤ 2 ms").
    """

    title: str
    members: tuple[tuple[str, float], ...]
    why: str
    threshold: float | None
    calibrated: bool
    glass_box: bool
    obeyed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The whole story of a develop run; HTML, JSON and Markdown are renderings of this value.

    Parameters
    ----------
    run : str
        The job's name.
    created : str
        ISO 8601, UTC.
    source : str
        Where the table came from (a file name, never a full path).
    classes : tuple of str
    elapsed_s : float
        Up to the moment of writing.
    stopped_early : str
        "" or why the run ended before its budget.
    stages : tuple of (str, float)
        Seconds per line of the loop.
    environment : mapping
        Versions, machine, hashes that a replay compares.
    """

    run: str
    created: str
    tarragon: str
    source: str
    task: Task
    target: str
    classes: tuple[str, ...]
    n_rows: int
    n_columns: int
    spec: Spec
    verdict: Verdict
    profile: Profile
    feasibility: Feasibility
    plan: Plan
    board: Leaderboard
    model: ModelSummary
    analysis: Analysis
    package: Package | None
    elapsed_s: float
    stopped_early: str
    stages: tuple[tuple[str, float], ...]
    environment: Mapping[str, str]
    notes: tuple[str, ...] = ()
