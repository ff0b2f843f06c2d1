"""The race: which fit next, until the portfolio is through, the search finds nothing more, or time is up.

Cheap candidates first. A candidate enters with one fold; if it falls clearly behind on that fold it is dropped,
otherwise it goes through the rest. When the portfolio is through, search goes on around its best families.
Everything a fit produces is on disk before it counts, so a killed race goes on where it was.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tarragon.algorithms import catalogue
from tarragon.choose.protocol import Candidate, Plan
from tarragon.data import Split, Vector
from tarragon.engine import Executor, Handle, Task
from tarragon.errors import JobError
from tarragon.metrics import Metric, number, paired
from tarragon.train import read_oof
from tarragon.tune.attempt import Attempt, reopen, to_trial
from tarragon.tune.protocol import Trial
from tarragon.tune.search import Sampler

FAR_BEHIND = 0.15  # of the leader's lead over a constant answer: a blend hardly uses members that far behind
GROUP_S = 0.6  # folds are put together into tasks of about this length, so that starting one costs little
CANDIDATE_SHARE = 0.4  # of the search time is the most that one candidate may take
LEAST_FIT_S = 0.5  # seconds that even a fit begun too late is given
WITHIN_REACH = 0.05  # of the leader's lead: what searching a family may at best be hoped to add
PATIENCE = 14  # search trials without a better one, after which nothing more is to be gained
WORTHWHILE = 0.002  # of the lead over a constant answer is the least that counts as better


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What every candidate is judged on.

    Parameters
    ----------
    folder : Path
        The job's folder; trials are written below ``trials/``.
    view : callable
        Name of a view -> folder that holds it, made when first asked for.
    folds_file : Path
    floor : float
        Utility of a constant answer.
    """

    folder: Path
    split: Split
    y: Vector
    weight: Vector | None
    n_classes: int
    metric: Metric
    view: Callable[[str], Path]
    folds_file: Path
    floor: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Of out-of-fold predictions."""
        return (len(self.y), self.n_classes) if self.n_classes else (len(self.y),)


@dataclass(frozen=True, slots=True)
class Tick:
    """A line for whoever watches."""

    message: str
    trials_done: int
    leader: Trial | None
    following: str


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What the race produced.

    Parameters
    ----------
    trials : tuple of Trial
        Complete ones, in the order they were begun.
    dropped : tuple of (str, int, float, str)
        Name, folds, mean score, reason.
    ended : str
        "" when time ran out, else why it ended before.
    """

    trials: tuple[Trial, ...]
    dropped: tuple[tuple[str, int, float, str], ...]
    ended: str


@dataclass(slots=True, eq=False)
class Race:
    """The state of the race. ``run`` is the only way in."""

    plan: Plan
    ground: Ground
    executor: Executor
    deadline: float
    clock: Callable[[], float] = time.monotonic
    stop: Callable[[], bool] = lambda: False
    on_tick: Callable[[Tick], None] = lambda tick: None

    attempts: list[Attempt] = field(default_factory=list, init=False)
    running: list[tuple[Handle, Attempt, tuple[int, ...]]] = field(default_factory=list, init=False)
    waiting: list[Candidate] = field(default_factory=list, init=False)
    samplers: dict[str, Sampler] = field(default_factory=dict, init=False)
    trials: dict[str, Trial] = field(default_factory=dict, init=False)
    searched: int = field(default=0, init=False)
    last_gain: int = field(default=0, init=False)
    best: float = field(default=-np.inf, init=False)
    ended: str = field(default="", init=False)

    @property
    def n_folds(self) -> int:
        """Fits of a complete candidate."""
        return len(self.ground.split.folds)

    def run(self) -> Outcome:
        """Race until done. Whatever still runs then is killed: it has nothing on disk yet that would count."""
        self._reopen()
        while not self._over():
            self._fill()
            if not self.running:
                self.ended = self.ended or self._why_idle()
                break
            left = max(0.0, self.deadline - self.clock())
            self.executor.wait([handle for handle, _, _ in self.running], min(0.1, left))
            for ended in [each for each in self.running if each[0].done()]:
                self.running.remove(ended)
                self._settle(*ended)
        for handle, attempt, folds in self.running:
            handle.kill()
            attempt.collect(folds)
            self._close_if_complete(attempt)
        return self._outcome()

    def _why_idle(self) -> str:
        short = any(a.dropped.startswith("no time") for a in self.attempts)
        return "" if short else "every candidate was tried"

    # -- what to do next ------------------------------------------------------------------------------------------

    def _over(self) -> bool:
        first = self.attempts[0] if self.attempts else None
        if not self.trials and (first is None or not first.dropped):
            return False  # there must be a model, however late it is
        if self.stop():
            self.ended = "stopped by the user"
        return bool(self.ended) or self.clock() >= self.deadline

    def _fill(self) -> None:
        while len(self.running) < self.plan.workers:
            chosen = self._next()
            if chosen is None:
                return
            self._submit(*chosen)

    def _next(self) -> tuple[Attempt, tuple[int, ...]] | None:
        for attempt in self.attempts:
            folds = self._open_folds(attempt)
            if folds:
                return attempt, folds
        fresh = self._fresh()
        return None if fresh is None else (fresh, self._open_folds(fresh))

    def _open_folds(self, attempt: Attempt) -> tuple[int, ...]:
        """Folds of this attempt that may start now, as many as make one task worth its overhead."""
        if attempt.dropped or attempt.name in self.trials:
            return ()
        left = [k for k in range(self.n_folds) if k not in attempt.records and k not in attempt.running]
        if not left:
            return ()
        at_once = max(1, int(GROUP_S / max(1e-3, self._fold_seconds(attempt))))
        if not attempt.records:
            waits_for_entry = attempt.running and attempt is not self.attempts[0]
            return () if waits_for_entry else tuple(left[:at_once])
        if not self._affordable(attempt, len(left)):
            attempt.dropped = "no time for its other folds"
            return ()
        return tuple(left[:at_once])

    def _fresh(self) -> Attempt | None:
        """Begin the next candidate that can be afforded: from the portfolio, then from the search."""
        while self.waiting:
            candidate = self.waiting.pop(0)
            attempt = self._begin(candidate, "portfolio")
            if self._affordable(attempt, self.n_folds):
                return attempt
            attempt.dropped = "no time for it"
        candidate_or_none = self._search()
        return None if candidate_or_none is None else candidate_or_none

    def _search(self) -> Attempt | None:
        families = self._families()
        if not families or any(a.origin == "portfolio" and a.running for a in self.attempts):
            return None
        if self.searched - self.last_gain >= PATIENCE:
            self.ended = f"{PATIENCE} searched configurations in a row brought nothing more"
            return None
        family = families[(0, 1, 0, 2)[self.searched % 4] % len(families)]
        leader = max((t for t in self.trials.values() if t.algorithm == family), key=self._utility)
        sampler = self._sampler(family)
        name = self._name(family)
        params = {**leader.params, **sampler.ask(name)}
        cost = leader.fit_s / max(1, len(leader.folds))
        candidate = Candidate(family, params, leader.view, "searched around the best so far", cost)
        attempt = self._begin(candidate, "search")
        self.searched += 1
        if not self._affordable(attempt, self.n_folds):
            attempt.dropped = "no time for it"
            return None
        return attempt

    def _families(self) -> list[str]:
        """List algorithms worth searching, best first: they have a space and are not far from the leader."""
        best: dict[str, float] = {}
        for trial in self.trials.values():
            if trial.algorithm in self.plan.spaces:
                best[trial.algorithm] = max(best.get(trial.algorithm, -np.inf), self._utility(trial))
        reach = self.best - WITHIN_REACH * abs(self.best - self.ground.floor)
        return sorted((f for f in best if best[f] >= reach), key=lambda family: -best[family])

    def _sampler(self, family: str) -> Sampler:
        if family not in self.samplers:
            sampler = Sampler(self.plan.spaces[family], self.plan.seed)
            for trial in self.trials.values():
                if trial.algorithm == family:
                    sampler.learn(trial.params, self._utility(trial))
            self.samplers[family] = sampler
        return self.samplers[family]

    # -- time -----------------------------------------------------------------------------------------------------

    def _pace(self) -> float:
        """How much slower fits are than the plan expected; 1 until one has been measured."""
        ratios = [
            a.fold_seconds() / a.candidate.cost
            for a in self.attempts
            if a.records and a.origin == "portfolio" and a.candidate.cost > 0
        ]
        return float(np.median(ratios)) if ratios else 1.0

    def _fold_seconds(self, attempt: Attempt) -> float:
        return attempt.fold_seconds() * (1.0 if attempt.records else self._pace())

    def _affordable(self, attempt: Attempt, folds_left: int) -> bool:
        if attempt is self.attempts[0]:
            return True  # there must be a model, however late it is
        per_fold = self._fold_seconds(attempt)
        waves = -(-folds_left // self.plan.workers)
        return min(per_fold, self._fold_limit()) * waves < self.deadline - self.clock()

    def _fold_limit(self) -> float:
        """Seconds one fold may take before it is asked to stop with the best so far."""
        waves = -(-self.n_folds // self.plan.workers)
        return CANDIDATE_SHARE * self.plan.search_s / waves

    # -- doing it -------------------------------------------------------------------------------------------------

    def _reopen(self) -> None:
        known = sorted(
            (self.ground.folder / "trials").glob("*/attempt.json"), key=lambda p: int(p.parent.name.split("-")[0])
        )
        for path in known:
            attempt = reopen(path.parent, self.ground.split)
            if attempt is not None:
                self.attempts.append(attempt)
                self._close_if_complete(attempt)
        tried = [(a.candidate.algorithm, dict(a.candidate.params)) for a in self.attempts]
        self.waiting = [c for c in self.plan.candidates if (c.algorithm, dict(c.params)) not in tried]
        self.searched = sum(a.origin == "search" for a in self.attempts)
        self.last_gain = self.searched

    def _name(self, algorithm: str) -> str:
        return f"{algorithm}-{1 + sum(a.candidate.algorithm == algorithm for a in self.attempts)}"

    def _begin(self, candidate: Candidate, origin: str) -> Attempt:
        name = self._name(candidate.algorithm)
        folder = self.ground.folder / "trials" / f"{len(self.attempts):03d}-{name}"
        attempt = Attempt(name, candidate, "search" if origin == "search" else "portfolio", folder)
        attempt.begin()
        self.attempts.append(attempt)
        return attempt

    def _submit(self, attempt: Attempt, folds: tuple[int, ...]) -> None:
        left = self.deadline - self.clock()
        argument: Mapping[str, object] = {
            "view": str(self.ground.view(attempt.candidate.view)),
            "folds_file": str(self.ground.folds_file),
            "trial": str(attempt.folder),
            "algorithm": attempt.candidate.algorithm,
            "params": dict(attempt.candidate.params),
            "folds": list(folds),
            "metric": self.ground.metric.name,
            "seed": self.plan.seed,
            "threads": self.plan.threads,
            "time_limit": max(LEAST_FIT_S, min(left, self._fold_limit() * len(folds))),
        }
        attempt.running.update(folds)
        task = Task(
            "tarragon.train.unit:work", argument, attempt.folder / "tasks" / str(folds[0]), f"{attempt.name} {folds}"
        )
        self.running.append((self.executor.submit(task), attempt, folds))

    def _settle(self, handle: Handle, attempt: Attempt, folds: tuple[int, ...]) -> None:
        try:
            handle.result()
        except JobError as error:
            attempt.dropped = str(error)
        attempt.collect(folds)
        if attempt.dropped:
            self._tell(attempt)
            return
        self._close_if_complete(attempt)
        if attempt.name not in self.trials and self._behind(attempt):
            attempt.dropped = "fell behind"
            self._tell(attempt)
        self._tick(attempt)

    def _close_if_complete(self, attempt: Attempt) -> None:
        if attempt.name in self.trials or not attempt.complete(self.n_folds):
            return
        glass = catalogue.get(attempt.candidate.algorithm).card.interpretability == "high"
        trial = to_trial(attempt, self.ground.split, self.ground.shape, self.ground.folder, glass_box=glass)
        if not np.isfinite(trial.oof[np.concatenate([f.valid for f in self.ground.split.folds])]).all():
            attempt.dropped = "answered with numbers that are not finite"
            return
        self.trials[attempt.name] = trial
        utility = self._utility(trial)
        if utility > self.best + WORTHWHILE * abs(utility - self.ground.floor):
            self.best, self.last_gain = utility, self.searched
        self._tell(attempt)

    def _tell(self, attempt: Attempt) -> None:
        sampler = self.samplers.get(attempt.candidate.algorithm)
        if sampler is not None and attempt.records:
            sampler.tell(attempt.name, self._level(attempt))

    # -- judging --------------------------------------------------------------------------------------------------

    def _utility(self, trial: Trial) -> float:
        return self.ground.metric.utility(float(np.mean(trial.scores)))

    def _level(self, attempt: Attempt) -> float:
        """Put utility on the leader's scale when only some folds were seen: the leader's mean plus the paired gap."""
        folds = tuple(sorted(attempt.records))
        leader = self._leader()
        mine = self.ground.metric.utility(attempt.mean_score())
        if leader is None or len(folds) == self.n_folds:
            return mine
        theirs = self.ground.metric.utility(float(np.mean([leader.scores[leader.folds.index(k)] for k in folds])))
        return self._utility(leader) + mine - theirs

    def _leader(self) -> Trial | None:
        return max(self.trials.values(), key=self._utility, default=None)

    def _behind(self, attempt: Attempt) -> bool:
        """Whether the folds so far say that going on is a waste: worse beyond noise, and by more than a blend bears."""
        leader = self._leader()
        if leader is None or not attempt.records or attempt is self.attempts[0]:
            return False
        rows = np.concatenate([self.ground.split.folds[k].valid for k in sorted(attempt.records)])
        mine = np.concatenate([read_oof(attempt.folder / f"fold-{k}") for k in sorted(attempt.records)])
        gap, _, high = paired(self.ground.metric, self.ground.y[rows], mine, leader.oof[rows])
        if attempt.origin == "search":
            return high < 0
        lead = abs(self._utility(leader) - self.ground.floor)
        return high < 0 and -gap > FAR_BEHIND * lead

    def _tick(self, attempt: Attempt) -> None:
        leader = self._leader()
        score = f"{self.ground.metric.name} {number(attempt.mean_score(), 4)}" if attempt.records else ""
        state = attempt.dropped or (
            "done" if attempt.name in self.trials else f"{len(attempt.records)} of {self.n_folds} folds"
        )
        following = ", ".join(sorted({a.name for _, a, _ in self.running})) or (
            self.waiting[0].algorithm if self.waiting else "search"
        )
        self.on_tick(Tick(f"{attempt.name}: {score} ({state})", len(self.trials), leader, following))

    def _outcome(self) -> Outcome:
        trials = tuple(self.trials[a.name] for a in self.attempts if a.name in self.trials)
        dropped = tuple(
            (a.name, len(a.records), a.mean_score() if a.records else float("nan"), a.dropped or "time was up")
            for a in self.attempts
            if a.name not in self.trials
        )
        return Outcome(trials, dropped, self.ended)
