"""What the counts alone tell: few rows, rare classes, gaps, constants, more columns than rows, drift along time."""

import numpy as np
from scipy import stats

from tarragon.choose.protocol import Finding
from tarragon.choose.sheet import Floats
from tarragon.data import Kind, Role, Table, Vector

FEW_ROWS = 200
VERY_FEW_ROWS = 60
RARE = 0.05
TINY_CLASS = 20
MOSTLY_MISSING = 0.5
MOST_NAMED = 8


def shape_findings(table: Table, y: Vector) -> tuple[Finding, ...]:
    """Judge sizes and counts. Cost O(columns)."""
    found = [*_size(table), *_balance(table, y), *_gaps(table)]
    return tuple(found)


def _named(names: list[str]) -> str:
    told = ", ".join(f'"{n}"' for n in names[:MOST_NAMED])
    return told + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")


def _size(table: Table) -> list[Finding]:
    n, d = table.n_rows, len(table.features)
    found = []
    if n < FEW_ROWS:
        found.append(
            Finding(
                "few_rows",
                "warning" if n < VERY_FEW_ROWS else "info",
                (),
                f"The table has only {n} rows",
                f"With {n} rows a score is known to about ±{1.96 * 0.5 / np.sqrt(n):.0%} (accuracy near one half)",
                "Collect more rows, or read the intervals before the score.",
                {"rows": float(n)},
            )
        )
    if d > n / 2:
        found.append(
            Finding(
                "wide",
                "warning" if d > n else "info",
                (),
                f"{d:,} features for {n:,} rows",
                "With so many columns some follow the target by chance",
                "Prefer regularised models and feature selection inside the folds, or collect more rows.",
                {"features": float(d), "rows": float(n)},
            )
        )
    return found


def _balance(table: Table, y: Vector) -> list[Finding]:
    if table.task == "regression":
        return []
    counts = np.bincount(y.astype(np.int64), minlength=table.n_classes)
    rare, share = int(counts.argmin()), float(counts.min()) / len(y)
    if share >= RARE and counts.min() >= TINY_CLASS:
        return []
    tiny = counts.min() < TINY_CLASS
    if not tiny and share >= RARE / max(1, table.n_classes - 1):
        return []
    return [
        Finding(
            "imbalance",
            "warning" if tiny and table.n_rows >= FEW_ROWS else "info",
            (table.target,),
            f"Class {table.classes[rare]!r} is rare: {counts.min():,} rows, {share:.2%}",
            "Accuracy hides such a class" + (", and so few rows cannot judge it" if tiny else ""),
            "Watch average precision and recall of this class; collect more of its rows."
            if tiny
            else "Watch average precision and recall of this class; weight it if missing it is costly.",
            {"rows": float(counts.min()), "share": share},
        )
    ]


def _gaps(table: Table) -> list[Finding]:
    n = max(1, table.n_rows)
    gaps = [(c.name, c.n_missing / n) for c in table.features if c.kind is not Kind.CONSTANT]
    empty = [(name, share) for name, share in gaps if share >= MOSTLY_MISSING]
    constant = [c.name for c in table.columns if c.kind is Kind.CONSTANT and c.role in (Role.FEATURE, Role.IGNORED)]
    found = []
    if empty:
        worst = max(share for _, share in empty)
        found.append(
            Finding(
                "missing",
                "info",
                tuple(name for name, _ in empty),
                f"Mostly empty: {_named([name for name, _ in empty])}",
                f"At least half of the rows have no value there, up to {worst:.1%}",
                "Nothing to do: an empty cell is used as a value of its own. Check that gaps mean the same tomorrow.",
                {"worst": worst, "columns": float(len(empty))},
            )
        )
    if constant:
        found.append(
            Finding(
                "constant",
                "info",
                tuple(constant),
                f"Always the same: {_named(constant)}",
                "A column with one value tells nothing",
                "Nothing to do: left out.",
                {"columns": float(len(constant))},
                "dropped",
            )
        )
    return found


def drift(table: Table, moment: Floats, name: str, y: Vector) -> tuple[Finding, ...]:
    """Compare the target in the first and the last fifth along a clock, (n,) moments."""
    known = np.flatnonzero(np.isfinite(moment))
    if len(known) < 100:
        return ()
    order = known[np.argsort(moment[known], kind="stable")]
    fifth = len(order) // 5
    first, last = y[order[:fifth]], y[order[-fifth:]]
    spread = float(y.std())
    if table.task == "multiclass":
        a, b = (np.bincount(part.astype(np.int64), minlength=table.n_classes) for part in (first, last))
        keep = (a + b) > 0
        chance = float(stats.chi2_contingency(np.vstack([a[keep], b[keep]])).pvalue) if keep.sum() > 1 else 1.0
        shift = float(np.abs(a - b).sum()) / (2.0 * fifth)
    else:
        chance = float(stats.mannwhitneyu(first, last).pvalue)
        shift = abs(float(last.mean() - first.mean())) / max(spread, 1e-300)
    if chance > 1e-4 or shift < 0.2:
        return ()
    return (
        Finding(
            "drift",
            "warning" if shift >= 0.5 else "info",
            (name,),
            f'The target moves along "{name}"',
            f"Between the first and the last fifth it shifts by {shift:.2f} "
            + ("of its rows" if table.task == "multiclass" else "standard deviations"),
            "Judge on the latest rows, retrain often, and watch the live distribution.",
            {"shift": shift, "p_value": chance},
        ),
    )
