"""The table described: columns, target, and what the trust gate found."""

import time
from collections.abc import Callable, Iterable

import numpy as np

from tarragon.choose.column import column_profile, counted, target_counts
from tarragon.choose.duplicate import duplicates
from tarragon.choose.identity import identifiers
from tarragon.choose.leak import leaks
from tarragon.choose.order import clocks, time_leaks
from tarragon.choose.protocol import Finding, Profile
from tarragon.choose.relation import relations
from tarragon.choose.shape import drift, shape_findings
from tarragon.choose.sheet import Sheet, sample_rows, sheet
from tarragon.choose.univariate import Strength, strengths
from tarragon.data import Role, Table

SAMPLE_ROWS = 5_000
WIDE_CELLS = 8_000_000  # fewer rows are looked at in very wide tables
_SEVERITY = {"critical": 0, "warning": 1, "info": 2}


def profile(
    table: Table, *, seed: int = 0, budget_s: float = 5.0, clock: Callable[[], float] = time.monotonic
) -> Profile:
    """Describe a table and check whether it can be trusted.

    Parameters
    ----------
    table : Table
    seed : int
        Of the row sample and the probes.
    budget_s : float
        Wall seconds; the dearer checks (time order, sums) are left out once three quarters are gone.
    clock : callable
        Seconds, rising.

    Returns
    -------
    Profile
        Findings come strongest first.
    """
    start = clock()
    table = counted(table)
    y = table.y
    width = max(1, len(table.features))
    rows = sample_rows(table.n_rows, max(200, min(SAMPLE_ROWS, WIDE_CELLS // width)), seed)
    numbers = sheet(table, rows, y=y)
    alone = strengths(numbers, seed)
    share = best_share(numbers, alone)
    found: list[Finding] = [*identifiers(table, share, seed, y)]
    ids = [name for f in found for name in f.columns]  # numbers that rank the target included
    keep = np.array([s not in ids for s in numbers.source], dtype=np.bool_)
    free, free_alone = numbers.columns(keep), Strength(alone.share[keep], alone.error[keep])
    sums = relations(free)
    found.extend(_new(sums, ()))
    found.extend(_new(leaks(free, free_alone, seed), [n for f in sums for n in f.columns]))
    found.extend(duplicates(table, ids, seed))
    if clock() - start < 0.75 * budget_s:
        dates = {c.name for c, _ in clocks(table)}
        leaked = [n for f in found if f.fault in ("leak", "proxy") for n in f.columns if n not in dates]
        ordered = time_leaks(table, seed, y, without=leaked)
        named = {n for f in ordered for n in f.columns}
        # A date that tells the target because the target drifts along it is one fault, not two.
        found = [f for f in found if not ("alone" in f.evidence and named.issuperset(f.columns))]
        found.extend(ordered)
    for column, moment in clocks(table)[:1]:
        found.extend(drift(table, moment, column.name, y))
    found.extend(shape_findings(table, y))
    part = table.frame if len(rows) == table.n_rows else table.frame[rows]
    return Profile(
        task=table.task,
        n_rows=table.n_rows,
        n_features=len(table.features),
        columns=tuple(
            column_profile(part[c.name], c, share.get(c.name, 0.0)) for c in table.columns if c.role is not Role.TARGET
        ),
        target_counts=target_counts(table, y),
        findings=strongest_first(found),
    )


def _new(findings: Iterable[Finding], known: Iterable[str]) -> list[Finding]:
    names = set(known)
    return [f for f in findings if not names.intersection(f.columns)]


def best_share(numbers: Sheet, alone: Strength) -> dict[str, float]:
    """Return what each table column explains, by the best of the numbers made from it."""
    share: dict[str, float] = {}
    for j, name in enumerate(numbers.source):
        share[name] = max(share.get(name, 0.0), float(alone.share[j]))
    return share


def strongest_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Critical before warning before info, otherwise as found."""
    return tuple(sorted(findings, key=lambda f: _SEVERITY[f.severity]))
