"""Columns that only name the row: counters, account numbers, hashes, codes.

A whole number that never repeats although chance alone would make it repeat is a name, not a measurement: m values
drawn from R possible ones are expected to collide m(m − 1)/2R times (the birthday problem).
"""

import re
from collections.abc import Mapping

import numpy as np
import polars as pl
from scipy import stats

from tarragon.choose.protocol import Finding
from tarragon.choose.sheet import Floats, floats, sample_rows
from tarragon.data import Column, Kind, Role, Table, Vector

LEAST_ROWS = 20
DISTINCT = 0.98
EXPECTED_COLLISIONS = 10.0  # that many are expected and (almost) none seen: chance e^-10
LOOKED_AT = 50_000  # rows; more tell nothing new
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NAMES = frozenset({
    "id", "ids", "uid", "uuid", "guid", "key", "code", "no", "nr", "num", "number", "idx", "index", "rowid", "row",
    "rownames", "serial", "ref", "reference", "hash", "token", "record", "unnamed", "account", "identifier",
})  # fmt: skip
_HASH = re.compile(r"^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{12,128})$", re.I)
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[a-z]+$", re.I)


def name_parts(name: str) -> frozenset[str]:
    """Split a column name into lower-case words.

    Examples
    --------
    >>> sorted(name_parts("customerID_old2"))
    ['2', 'customer', 'id', 'old']
    """
    return frozenset(p.lower() for p in _PARTS.findall(name))


def identifiers(table: Table, share: Mapping[str, float], seed: int, y: Vector) -> tuple[Finding, ...]:
    """Find the columns that name rows. ``share`` is what each column explains alone, (n,) ``y`` the target."""
    if table.n_rows < LEAST_ROWS:
        return ()
    rows = sample_rows(table.n_rows, LOOKED_AT, seed)
    found = []
    for column in table.columns:
        looked = column.role in (Role.FEATURE, Role.IGNORED) and column.kind not in (Kind.CONSTANT, Kind.DATETIME)
        if not looked or (column.role is Role.IGNORED and column.kind is not Kind.ID):
            continue
        series = table.frame[column.name]
        if _may_be(series, column):
            part = series if len(rows) == len(series) else series[rows]
            finding = _judge(part, column, y[rows], share.get(column.name, 0.0))
            if finding is not None:
                found.append(finding)
    return tuple(found)


def _may_be(series: pl.Series, column: Column) -> bool:
    present = len(series) - (column.n_missing or series.null_count())
    unique = column.n_unique or series.n_unique()
    return present >= 0.9 * len(series) and unique >= 0.5 * present


def _judge(series: pl.Series, column: Column, y: Vector, share: float) -> Finding | None:
    named = column.kind is Kind.ID or bool(name_parts(column.name) & _NAMES)
    if series.dtype.is_numeric():
        values = floats(series)
        kept = np.isfinite(values)
        reason = _number(values[kept], named=named, share=share)
        if reason and _is_rank(values[kept], y[kept]):
            return _ranks_target(column.name)
    else:
        values = np.empty(0)
        reason = _code(series.drop_nulls().cast(pl.String), named=named)
    if not reason:
        return None
    sorted_by_target = share > 0.2
    distinct = series.drop_nulls().n_unique() / max(1, len(series) - series.null_count())
    return Finding(
        fault="id_column",
        severity="critical" if sorted_by_target else "warning",
        columns=(column.name,),
        what=f'"{column.name}" only names the row' + (", yet it tells the target" if sorted_by_target else ""),
        why=f"{reason}; {distinct:.1%} of its values are distinct"
        + (
            f". Alone it explains {share:.0%} of the target: the rows were sorted by it, new rows will not be"
            if sorted_by_target
            else ""
        ),
        fix="Leave it out of the model; it is kept aside so that predictions can be matched to rows.",
        evidence={"distinct_share": distinct, "strength": share},
        action="dropped",
    )


def _number(values: Floats, *, named: bool, share: float) -> str:
    """Return the reason why these numbers are names, or ""."""
    m = len(values)
    known = np.unique(values)
    repeats = m - len(known)
    if len(known) < LEAST_ROWS or repeats > (1.0 - DISTINCT) * m:
        return ""
    gaps = np.diff(known)
    whole = bool((known == np.round(known)).all()) and float(np.abs(known).max()) < 2.0**53
    step = float(np.gcd.reduce(gaps.astype(np.int64))) if whole else float(gaps.min())
    span = float(known[-1] - known[0])
    if not whole and step <= 1e-9 * max(abs(known[0]), abs(known[-1]), span):
        return ""
    multiples = gaps / step
    if np.abs(multiples - np.round(multiples)).max() > 1e-4:
        return ""
    possible = span / step + 1.0
    expected = m * (m - 1.0) / (2.0 * possible)
    if expected >= EXPECTED_COLLISIONS * (1.0 + repeats):
        told = f"{m:,} values on a grid of {possible:,.0f} repeat {repeats:,} times"
        return f"{told} where chance alone would repeat {expected:,.0f}"
    if not whole or repeats:
        return ""
    if named:
        return "its name says so and every value is a different whole number"
    even = stats.kstest((values - known[0]) / span, "uniform").pvalue > 0.01
    if possible >= 1e6 and even and share < 0.02 and m >= 100:
        return "every value is a different whole number, spread evenly, unrelated to the target"
    return ""


def _ranks_target(name: str) -> Finding:
    return Finding(
        fault="proxy",
        severity="critical",
        columns=(name,),
        what=f'"{name}" ranks the rows by the target',
        why="It numbers the rows without repeats, in the order of the target but not of the file",
        fix=f'Leave "{name}" out: it was made from the target.',
        evidence={"rank_correlation": 0.98},
        action="dropped",
    )


def _is_rank(values: Floats, y: Vector) -> bool:
    """Whether the numbers rank the target without following the order of the rows: a proxy, not a name."""
    order = stats.spearmanr(values, np.arange(len(values))).statistic
    target = stats.spearmanr(values, y).statistic if np.ptp(y) > 0 else 0.0
    return abs(float(target)) >= 0.98 and abs(float(order)) < 0.9


def _code(series: pl.Series, *, named: bool) -> str:
    m = len(series)
    if m < LEAST_ROWS:
        return ""
    distinct = series.n_unique() / m
    looked = series[np.linspace(0, m - 1, min(m, 400)).astype(np.int64)].to_list()
    hashed = float(np.mean([bool(_HASH.match(v)) and bool(re.search(r"\d", v)) for v in looked]))
    if hashed > 0.95 and distinct >= 0.8:
        return "its values are hashes"
    if distinct < DISTINCT:
        return ""
    if float(np.mean([bool(_EMAIL.match(v)) for v in looked])) > 0.95:
        return "its values are e-mail addresses"
    if float(np.mean([len(v.split()) for v in looked])) > 1.3:
        return ""  # words, not codes
    digits = float(np.mean([any(c.isdigit() for c in v) for v in looked]))
    if named:
        return "its name or form says so and its values are codes without repeats"
    if digits > 0.9:
        return "its values are codes with digits that do not repeat"
    same_length = len({len(v) for v in looked}) == 1 and len(looked[0]) >= 5
    return "its values are codes of equal length that do not repeat" if same_length else ""
