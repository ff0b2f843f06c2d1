"""A candidate on its way through the folds, and the trial it becomes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.protocol import Value
from tarragon.choose.protocol import Candidate
from tarragon.data import Split
from tarragon.engine import write_json
from tarragon.train import FoldRecord, read_oof, read_record
from tarragon.tune.protocol import Trial

Origin = Literal["portfolio", "search", "baseline"]


@dataclass(slots=True, eq=False)
class Attempt:
    """A candidate and the folds it has been through.

    Parameters
    ----------
    folder : Path
        Holds ``attempt.json`` and ``fold-K/`` for every fold that ended.
    """

    name: str
    candidate: Candidate
    origin: Origin
    folder: Path
    records: dict[int, FoldRecord] = field(default_factory=dict)
    running: set[int] = field(default_factory=set)
    dropped: str = ""

    def begin(self) -> None:
        """Write down what is tried, before any work is done."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "attempt.json"
        if not path.exists():
            about = {
                "name": self.name,
                "origin": self.origin,
                "algorithm": self.candidate.algorithm,
                "params": dict(self.candidate.params),
                "view": self.candidate.view,
                "why": self.candidate.why,
                "cost": self.candidate.cost,
            }
            write_json(about, path)

    def collect(self, folds: tuple[int, ...]) -> None:
        """Read the records that have appeared on disk."""
        for number in folds:
            record = read_record(self.folder / f"fold-{number}")
            if record is not None:
                self.records[number] = record
            self.running.discard(number)

    def complete(self, n_folds: int) -> bool:
        """Whether every fold has ended."""
        return len(self.records) == n_folds

    def mean_score(self, folds: tuple[int, ...] | None = None) -> float:
        """Mean score over the folds it has been through (or over those named)."""
        return float(np.mean([self.records[k].score for k in (folds or tuple(sorted(self.records)))]))

    def fold_seconds(self) -> float:
        """Seconds one fold takes: measured where it was, else expected."""
        if self.records:
            return float(np.mean([r.fit_s for r in self.records.values()]))
        return self.candidate.cost


def reopen(folder: Path, split: Split) -> Attempt | None:
    """Read an attempt that an earlier run of the same job began."""
    path = folder / "attempt.json"
    if not path.exists():
        return None
    raw: dict[str, Any] = json.loads(path.read_text())
    candidate = Candidate(raw["algorithm"], raw["params"], raw["view"], raw["why"], raw["cost"])
    attempt = Attempt(raw["name"], candidate, raw["origin"], folder)
    attempt.collect(tuple(range(len(split.folds))))
    return attempt


def out_of_fold(attempt: Attempt, split: Split, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Mean of the predictions each row got while it was held out; NaN where it never was."""
    total = np.zeros(shape)
    times = np.zeros(shape[0])
    for number in sorted(attempt.records):
        rows = split.folds[number].valid
        total[rows] += read_oof(attempt.folder / f"fold-{number}")
        times[rows] += 1
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / (times if total.ndim == 1 else times[:, None])


def to_trial(attempt: Attempt, split: Split, shape: tuple[int, ...], job_folder: Path, *, glass_box: bool) -> Trial:
    """Close an attempt: its predictions and figures as one value."""
    folds = tuple(sorted(attempt.records))
    records = [attempt.records[k] for k in folds]
    params: Mapping[str, Value] = attempt.candidate.params
    return Trial(
        name=attempt.name,
        algorithm=attempt.candidate.algorithm,
        params=params,
        view=attempt.candidate.view,
        origin=attempt.origin,
        folds=folds,
        scores=tuple(r.score for r in records),
        train_scores=tuple(r.train_score for r in records),
        oof=out_of_fold(attempt, split, shape),
        complete=attempt.complete(len(split.folds)),
        rounds=tuple(r.rounds for r in records),
        fit_s=float(sum(r.fit_s for r in records)),
        predict_ms=float(np.mean([r.predict_ms for r in records])) if records else 0.0,
        size_bytes=sum(r.size_bytes for r in records),
        paths=tuple(str((attempt.folder / f"fold-{k}").relative_to(job_folder)) for k in folds),
        glass_box=glass_box,
        history=records[0].history if records else (),
    )
