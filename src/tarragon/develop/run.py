"""What a run carries through the loop: its folder, its clock, and whoever watches."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tarragon.engine import Executor, Job, Workspace
from tarragon.tune import Tick, Trial

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of a run.

    Parameters
    ----------
    stage : str
        Line of the loop.
    message : str
        What just happened.
    best : (float, float, float) or None
        Best score so far with its 95 % interval, units of the objective.
    following : str
        What is next.
    first_model_s : float or None
        When the first usable model was there.
    """

    stage: str
    message: str
    metric: str = ""
    best: tuple[float, float, float] | None = None
    following: str = ""
    elapsed_s: float = 0.0
    budget_s: float = 0.0
    trials_done: int = 0
    first_model_s: float | None = None


Watcher = Callable[[Progress], None]
STAGES = (
    "read", "profile", "split", "opening", "feasibility", "plan", "trials", "leaderboard", "blend", "compress",
    "analysis", "package", "report",
)  # fmt: skip


def nobody(progress: Progress) -> None:
    """Watch nothing."""


@dataclass(slots=True, eq=False)
class Run:
    """One run of the loop.

    Parameters
    ----------
    folder : Path
        Where everything is kept; the job's folder where there is a job.
    job, workspace : optional
        None for the scikit-learn estimators, which leave nothing behind.
    spent_s : float
        Seconds an interrupted earlier part of this run has used.
    """

    folder: Path
    executor: Executor
    budget_s: float
    job: Job | None = None
    workspace: Workspace | None = None
    watcher: Watcher = nobody
    stop: threading.Event = field(default_factory=threading.Event)
    clock: Callable[[], float] = time.monotonic
    cpu: Callable[[], float] = time.process_time
    spent_s: float = 0.0
    began: float = field(default=0.0)
    metric: str = ""
    best: tuple[float, float, float] | None = None
    first_model_s: float | None = None
    trials_done: int = 0
    stages: dict[str, float] = field(default_factory=dict)
    _stage: str = ""
    _start: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        self.began = self.began or self.clock()
        self._start = (self.clock(), self.cpu())

    @property
    def elapsed_s(self) -> float:
        """Seconds of the budget used, earlier parts of a resumed run included."""
        return self.spent_s + self.clock() - self.began

    @property
    def left_s(self) -> float:
        """Seconds of the budget that are left."""
        return self.budget_s - self.elapsed_s

    @property
    def slowness(self) -> float:
        """How many seconds pass for one second of this process's work, at least 1: other load on the machine."""
        worked = self.cpu() - self._start[1]
        return max(1.0, (self.clock() - self._start[0]) / worked) if worked > 0.5 else 1.0

    def stage(self, name: str, kind: type[Value], make: Callable[[], Value]) -> Value:
        """Do one line of the loop, or take its result from before the run was interrupted."""
        known = self.job.load(name, kind) if self.job is not None else None
        if known is not None:
            return known
        value = self.timed(name, make)
        if self.job is not None:
            self.job.save(name, value)
        return value

    def timed(self, name: str, make: Callable[[], Value]) -> Value:
        """Do one line of the loop that is cheap enough to be repeated after an interruption."""
        began = self.clock()
        self._stage = name
        self.tell(f"{name} …")
        value = make()
        self.stages[name] = self.stages.get(name, 0.0) + self.clock() - began
        if self.job is not None:
            self.job.event("stage", name=name, seconds=round(self.stages[name], 3), elapsed_s=round(self.elapsed_s, 3))
        return value

    def tell(self, message: str, following: str = "") -> None:
        """Say what is going on."""
        at = STAGES.index(self._stage) if self._stage in STAGES else -1
        after = following or (STAGES[at + 1] if 0 <= at < len(STAGES) - 1 else "")
        self.watcher(
            Progress(
                self._stage,
                message,
                self.metric,
                self.best,
                after,
                self.elapsed_s,
                self.budget_s,
                self.trials_done,
                self.first_model_s,
            )
        )

    def tick(self, tick: Tick, interval: Callable[[Trial], tuple[float, float, float]]) -> None:
        """Pass on a moment of the race."""
        if tick.trials_done and self.first_model_s is None:
            self.first_model_s = self.elapsed_s
        if tick.leader is not None and tick.trials_done != self.trials_done:
            self.best = interval(tick.leader)
            if self.job is not None:
                self.job.event("trial", message=tick.message, best=self.best[0], elapsed_s=round(self.elapsed_s, 3))
        self.trials_done = tick.trials_done
        self.tell(tick.message, tick.following)
