"""Copied rows that would sit on both sides of a random split, told from rows that are equal by coincidence.

In a table of few levels rows coincide, and then many more coincide in all columns but one, and more still in all
but two. For independent columns the numbers of pairs D0, D1, D2 that differ in none, one, two columns obey Newton's
inequality, D0·D2 ≤ D1²/2. Copies have no such halo: D0·D2/D1² shoots up (measured: at most 1.4 on real tables with
natural repeats of a percent or more, 3 and above once 5 % copies are mixed in). Pairs are counted by leaving columns
out, one subtraction each, because a row's hash is the sum of its columns' hashes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tarragon.choose.protocol import Finding
from tarragon.choose.sheet import floats, sample_rows
from tarragon.data import Kind, Role, Table

LEAST_SHARE = 0.01  # of rows that have a copy; below it the score hardly moves
LEAST_ROWS = 6
EXCESS = 2.5  # D0·D2/D1² from which coincidence no longer explains the pairs
AGREE = 0.6  # share of equal rows whose real-valued target is equal too: coincidence does not reach it
HALO_ROWS = 12_000
HALO_COLUMNS = 18
ROUNDING = 1e-4  # of a column's spread; copies may have been shaken by less
Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Repeats:
    """Counts of repeated rows.

    Parameters
    ----------
    copies : int
        Rows beyond the first of each group of equal rows, target included.
    twins : int
        Rows that have an equal row, target included.
    agree : float
        Share of rows with equal features whose target is equal too.
    excess : float
        D0·D2/D1²; 0 without repeats.
    """

    copies: int
    twins: int
    agree: float
    excess: float


def duplicates(table: Table, ids: Iterable[str], seed: int) -> tuple[Finding, ...]:
    """Find copied rows; identifiers are not compared."""
    gone = set(ids)
    compared = [
        c.name for c in table.columns
        if c.role in (Role.FEATURE, Role.TIME) and c.kind not in (Kind.ID, Kind.CONSTANT) and c.name not in gone
    ]  # fmt: skip
    if not compared or table.n_rows < 20:
        return ()
    exact = count_repeats(table.frame, compared, table.target, seed)
    shaken = False
    if exact.twins < max(LEAST_ROWS, LEAST_SHARE * table.n_rows) and len(compared) > 1:
        rounded = count_repeats(_rounded(table.frame, compared, table.target), compared, table.target, seed)
        if rounded.twins > 2 * exact.twins + LEAST_ROWS:
            exact, shaken = rounded, True
    if exact.copies == 0:
        return ()
    n = table.n_rows
    share = exact.twins / n
    serious = share >= LEAST_SHARE and exact.twins >= LEAST_ROWS and not _natural(table, compared, exact)
    nearly = " (nearly)" if shaken else ""
    return (
        Finding(
            fault="duplicate_rows",
            severity="warning" if serious else "info",
            columns=(),
            what=f"{exact.copies:,} rows are{nearly} copies of other rows",
            why=_why(share, serious=serious),
            fix="Remove the copies, or keep them on one side of every split."
            if serious
            else "Nothing to do: equal rows are kept on one side of every split.",
            evidence={"copies": float(exact.copies), "share": share, "agree": exact.agree, "excess": exact.excess},
            action="grouped",
        ),
    )


def _why(share: float, *, serious: bool) -> str:
    told = f"{share:.1%} of the rows have a twin with the same target"
    if serious:
        return (
            f"{told}, more than coincidence explains: a random split puts copies on both sides and flatters the score"
        )
    if share >= LEAST_SHARE:
        return f"{told}, about what coincidence makes in a table like this"
    return f"{told}, too few to move the score"


def _natural(table: Table, compared: list[str], repeats: Repeats) -> bool:
    """Whether coincidence explains the repeats."""
    if len(compared) == 1:
        return next(c.kind for c in table.columns if c.name == compared[0]) is not Kind.TEXT
    if table.task == "regression" and repeats.agree >= AGREE:
        share = table.frame[table.target].value_counts()["count"].to_numpy() / table.n_rows
        if float((share**2).sum()) < 0.2:
            return False
    return repeats.excess <= EXCESS


def count_repeats(frame: pl.DataFrame, compared: list[str], target: str, seed: int) -> Repeats:
    """Count equal rows exactly, and near-equal pairs on at most 12,000 rows. Cost O(n·d)."""
    whole = np.zeros(frame.height, dtype=np.uint64)
    for j, name in enumerate(compared):
        whole += _hash(frame[name], j)
    with_target = whole + _hash(frame[target], len(compared))
    _, inverse, counts = np.unique(with_target, return_inverse=True, return_counts=True)
    copies = int(frame.height - len(counts))
    if not copies:
        return Repeats(0, 0, 1.0, 0.0)
    twins = int((counts[inverse] > 1).sum())
    agree = twins / max(1, int(_in_groups(whole).sum()))
    rows = sample_rows(frame.height, HALO_ROWS, seed)
    widest = sorted(range(len(compared)), key=lambda j: -frame[compared[j]].n_unique())[:HALO_COLUMNS]
    parts = [_hash(frame[compared[j]][rows], j) for j in widest]
    parts.append(_hash(frame[target][rows], len(compared)))
    return Repeats(copies, twins, agree, _excess(with_target[rows], parts))


def _excess(whole: Hashes, parts: list[Hashes]) -> float:
    """(m,) row hashes and their (m,) column parts -> D0·D2/D1² over those columns."""
    equal = _pairs(whole)
    one = [_pairs(whole - part) - equal for part in parts]
    two = 0.0
    for i, j in combinations(range(len(parts)), 2):
        two += _pairs(whole - parts[i] - parts[j]) - equal - one[i] - one[j]
    return equal * max(two, 1.0) / max(sum(one), 1.0) ** 2


def _pairs(keys: Hashes) -> float:
    """Count the pairs of equal keys."""
    _, counts = np.unique(keys, return_counts=True)
    size = counts.astype(np.float64)
    return float((size * (size - 1.0)).sum() / 2.0)


def _in_groups(keys: Hashes) -> NDArray[np.bool_]:
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse] > 1)


def _hash(series: pl.Series, j: int) -> Hashes:
    """(n,) 64-bit hashes, mixed with the column's place so that sums do not cancel."""
    raw = series.hash(seed=j + 1).to_numpy().astype(np.uint64)
    raw = (raw ^ (raw >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15 + 2 * j)
    return np.asarray(raw ^ (raw >> np.uint64(29)))


def _rounded(frame: pl.DataFrame, compared: list[str], target: str) -> pl.DataFrame:
    """Round floats to a ten-thousandth of their spread."""
    shaken = [n for n in (*compared, target) if frame[n].dtype.is_float()]
    steps = {n: float(np.nan_to_num(np.nanstd(floats(frame[n])))) * ROUNDING for n in shaken}
    return frame.with_columns([(pl.col(n) / s).round() for n, s in steps.items() if s > 0])
