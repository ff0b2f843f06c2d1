"""Rows ordered in time whose neighbours tell the target: a random split would look into the future.

Evidence is asked twice. Neighbours in time must tell something the other features do not (autocorrelation of the
residuals of a probe that was fitted on other stretches of time), and a probe must really do worse on the future than
a random split of the same size promises (paired losses of the same rows).

Notation: n sampled rows sorted by time, e residuals (n, c).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from tarragon.choose.identity import name_parts
from tarragon.choose.probe import design, forest, one_hot, ridge
from tarragon.choose.protocol import Finding
from tarragon.choose.sheet import Floats, Sheet, day_numbers, floats, sheet
from tarragon.data import Column, Index, Kind, Role, Table, Vector

LEAST_ROWS = 80
PROBE_ROWS = 2_400
STRETCH = 150  # rows of a sampled run of neighbours; sampling single rows would break up what neighbours share
LAGS = 3
LEAST_LINK = 0.05  # autocorrelation of the residuals, about the share of their variance that time tells
LEAST_GAP = 0.05  # share of the target's loss by which the future is harder than a random split says
SMALL_GAP, MUCH_WORSE = 0.02, 1.4  # enough where errors on the future are 1.4 times as large
SURE_Z = 3.0
CLEAR_LINK = 0.3  # with neighbours this alike, few rows need not prove the gap as well
MOST_COLUMNS = 2
_TIME_NAMES = frozenset({
    "t", "time", "timestamp", "ts", "date", "datetime", "day", "week", "month", "quarter", "year", "period",
    "epoch", "step", "tick", "seq", "sequence", "order",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gap:
    """The probe that loses most between a random split and the future; same rows judged, as many rows taught.

    Parameters
    ----------
    random, forward : float
        1 − loss / loss of a constant answer.
    z : float
        Mean paired difference in standard errors.
    """

    random: float
    forward: float
    z: float


def time_leaks(table: Table, seed: int, y: Vector, *, without: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Look along every column that orders the rows in time; at most two are reported on."""
    found: list[Finding] = []
    gone = tuple(without)
    rows_of = _Rows(table, y, gone, seed)
    for column, moment in clocks(table)[:MOST_COLUMNS]:
        finding = _along(rows_of, column, moment) if column.name not in gone else None
        if finding is not None:
            found.append(finding)
            break  # one time order is enough to choose the split
    return tuple(found)


def clocks(table: Table) -> list[tuple[Column, Floats]]:
    """Columns that may be a clock, the declared one first, then by number of distinct values."""
    found: list[tuple[int, int, Column, Floats]] = []
    for column in table.columns:
        if column.role not in (Role.FEATURE, Role.TIME) or table.n_rows < LEAST_ROWS:
            continue
        series = table.frame[column.name]
        declared = column.role is Role.TIME
        if series.dtype.is_temporal() and series.dtype not in (pl.Duration, pl.Time):
            moment = day_numbers(series)
        elif series.dtype.is_numeric() and (declared or name_parts(column.name) & _TIME_NAMES):
            moment = floats(series)
            if not declared and not _counts_up(moment):
                continue
        else:
            continue
        distinct = series.n_unique()
        if distinct >= 12 and np.isfinite(moment).mean() > 0.9:
            found.append((0 if declared else 1, -distinct, column, moment))
    return [(c, m) for _, _, c, m in sorted(found, key=lambda item: item[:2])]


def _counts_up(moment: Floats) -> bool:
    """Whether whole numbers without gaps either rise with the rows or (nearly) never repeat."""
    known = moment[np.isfinite(moment)]
    if not len(known) or (known != np.round(known)).any():
        return False
    distinct = len(np.unique(known))
    step = np.diff(known)
    return bool((distinct >= 24 and ((step >= 0).all() or (step <= 0).all())) or distinct >= 0.9 * len(known))


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """What every look along a clock needs: the table, its (n,) target, columns left out, the seed."""

    table: Table
    y: Vector
    without: tuple[str, ...]
    seed: int


def _along(given: _Rows, column: Column, moment: Floats) -> Finding | None:
    table, y, seed = given.table, given.y, given.seed
    rng = np.random.default_rng(seed)
    known = np.flatnonzero(np.isfinite(moment))
    order = known[np.lexsort((rng.permutation(len(known)), moment[known]))]  # equal moments in random order
    order = _stretches(order, rng)
    targets = one_hot(y[order], table.n_classes)
    if link(targets) < max(LEAST_LINK, 4.0 / np.sqrt(LAGS * len(order))):
        return None
    plain = sheet(table, order, without=given.without, y=y)
    within = _link_within(plain, column, table, seed)
    if within < max(LEAST_LINK, 4.0 / np.sqrt(LAGS * len(order))):
        return None
    gap = forward_gap(plain, seed)
    lost = gap.random - max(gap.forward, 0.0)
    left = (1.0 - gap.forward) / max(1.0 - gap.random, 1e-6)
    sure = gap.z >= SURE_Z and (lost >= LEAST_GAP or (lost >= SMALL_GAP and left >= MUCH_WORSE))
    if not sure and not (within >= CLEAR_LINK and lost >= SMALL_GAP):
        return None
    return Finding(
        fault="time_leak",
        severity="critical" if lost > 0.2 else "warning",
        columns=(column.name,),
        what=f'Rows follow each other in time ("{column.name}"); a random split would look into the future',
        why=f"A probe explains {gap.random:.1%} of the target on a random split but {max(gap.forward, 0.0):.1%} on "
        f"later rows; what it misses is alike in neighbouring rows (correlation {within:.2f})",
        fix=f'Split by time: develop does so; say --time-column "{column.name}" to make it explicit.',
        evidence={"random": gap.random, "forward": gap.forward, "z": gap.z, "neighbours": within},
        action="time_split",
    )


def _stretches(order: Index, rng: np.random.Generator) -> Index:
    """Keep at most 2,400 rows as runs of neighbours, spread evenly."""
    if len(order) <= PROBE_ROWS:
        return order
    n_runs = PROBE_ROWS // STRETCH
    starts = np.linspace(0, len(order) - STRETCH, n_runs).astype(np.int64)
    starts[1:-1] += rng.integers(0, max(1, (len(order) - n_runs * STRETCH) // n_runs), n_runs - 2)
    starts = np.minimum(starts, len(order) - STRETCH)
    chosen = np.unique((starts[:, None] + np.arange(STRETCH)).ravel())
    return order[chosen]


def link(e: Floats) -> float:
    """(n, c) -> mean autocorrelation at lags 1…3, columns weighted by their variance."""
    e = e - e.mean(axis=0)
    base = float((e**2).sum()) / len(e)
    if base <= 0:
        return 0.0
    return float(np.mean([(e[k:] * e[:-k]).sum() / (len(e) - k) for k in range(1, LAGS + 1)]) / base)


def _link_within(plain: Sheet, column: Column, table: Table, seed: int) -> float:
    """Autocorrelation of what a probe without the clock misses on stretches of time it was not taught."""
    clocks = {c.name for c in table.features if c.kind is Kind.DATETIME} | {column.name}
    blind = plain.columns(np.array([lab not in clocks for lab in plain.label], dtype=np.bool_))
    truth = one_hot(plain.y, plain.n_classes)
    if blind.X.shape[1] == 0:
        return link(truth)
    n = plain.n_rows
    block = (np.arange(n) * 5) // n
    trees, line = np.zeros_like(truth), np.zeros_like(truth)
    Z = design(blind)
    for b in range(5):
        train, valid = np.flatnonzero(block != b), np.flatnonzero(block == b)
        told = forest(blind, train, valid, seed)
        trees[valid] = told if plain.n_classes else told[:, None]
        line[valid] = ridge(Z, truth, train, valid)
    # A trend the features explain is followed by the line, steps by the forest: what neither explains counts.
    return min(link(truth - trees), link(truth - line))


def forward_gap(plain: Sheet, seed: int) -> Gap:
    """Judge half of each later fifth by a probe taught on the past, and by one taught on as many rows of any time."""
    rng = np.random.default_rng(seed + 1)
    n = plain.n_rows
    block = (np.arange(n) * 5) // n
    ahead: list[Floats] = []
    mixed: list[Floats] = []
    flat: list[Floats] = []
    Z = design(plain)
    for b in (2, 3, 4):
        later = np.flatnonzero(block == b)
        judged = np.sort(rng.permutation(later)[: len(later) // 2])
        past = np.flatnonzero(block < b)
        other = np.setdiff1d(np.arange(n), judged)
        anywhere = np.sort(rng.permutation(other)[: len(past)])
        ahead.append(_losses(plain, Z, past, judged, seed))
        mixed.append(_losses(plain, Z, anywhere, judged, seed))
        flat.append(_constant_losses(plain, anywhere, judged))
    forward, random = np.hstack(ahead), np.hstack(mixed)
    base = max(float(np.concatenate(flat).mean()), 1e-300)
    useful = random.mean(axis=1) <= 0.98 * base  # a probe that finds nothing has nothing to lose
    probe = int(np.where(useful, forward.mean(axis=1) - random.mean(axis=1), -np.inf).argmax())
    difference = forward[probe] - random[probe]
    error = float(difference.std(ddof=1) / np.sqrt(len(difference)))
    return Gap(
        random=1.0 - float(random[probe].mean()) / base,
        forward=1.0 - float(forward[probe].mean()) / base,
        z=float(difference.mean()) / max(error, 1e-300),
    )


def _losses(plain: Sheet, Z: Floats, train: Index, valid: Index, seed: int) -> Floats:
    """(3, m) squared errors (Brier for classes) of forest, ridge and their mean."""
    truth = one_hot(plain.y, plain.n_classes)
    trees, line = forest(plain, train, valid, seed), ridge(Z, truth, train, valid)
    trees = trees if plain.n_classes else trees[:, None]
    answers = (trees, line, (trees + line) / 2.0)
    return np.vstack([((truth[valid] - a) ** 2).sum(axis=1) for a in answers])


def _constant_losses(plain: Sheet, train: Index, valid: Index) -> Floats:
    truth = one_hot(plain.y, plain.n_classes)
    return np.asarray(((truth[valid] - truth[train].mean(axis=0)) ** 2).sum(axis=1))
