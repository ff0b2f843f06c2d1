"""Columns that are the target in disguise: recoded, rounded, ranked, scaled, or with a little noise.

Notation: (n,) values x of one column and (n,) target y.
"""

import numpy as np
from scipy import stats
from scipy.ndimage import uniform_filter1d

from tarragon.choose.sheet import Floats, Sheet
from tarragon.choose.univariate import fold_numbers
from tarragon.data import Vector

COPY_RANK = 0.985  # rank correlation of a near-copy; 5 % noise gives 0.998, the strongest honest column here 0.96
COPY_SHARE = 0.985
SURE_RANK = 0.998
TIGHT = 0.12  # spread within a class against the gap between classes, when values are class codes plus noise


def fine_share(x: Floats, y: Vector, *, nominal: bool) -> float:
    """Share of the target one column explains out of fold, by order-preserving fit and by nearest values."""
    kept = np.isfinite(x)
    if nominal or kept.sum() < 20:
        return 0.0
    from sklearn.isotonic import IsotonicRegression

    fold = fold_numbers(len(y), 0)
    centre = y[~kept].mean() if (~kept).any() else 0.0
    rise = np.full(len(y), centre)
    near = np.full(len(y), centre)
    for f in range(5):
        teach, judge = kept & (fold != f), kept & (fold == f)
        if teach.sum() < 10 or not judge.any():
            continue
        rising = float(((x[teach] - x[teach].mean()) * (y[teach] - y[teach].mean())).sum()) >= 0
        line = IsotonicRegression(increasing=rising, out_of_bounds="clip").fit(x[teach], y[teach])
        rise[judge] = line.predict(x[judge])
        near[judge] = _nearest(x[teach], y[teach], x[judge])
    base = float(((y - y.mean()) ** 2).sum())
    if base <= 0:
        return 0.0
    return float(1.0 - min(((y - rise) ** 2).sum(), ((y - near) ** 2).sum()) / base)


def _nearest(x: Floats, y: Vector, query: Floats) -> Floats:
    """Mean target of the about five nearest known values."""
    order = np.argsort(x, kind="stable")
    smooth = uniform_filter1d(y[order], size=5, mode="nearest")
    return np.asarray(np.interp(query, x[order], smooth))


def near_copy(sheet: Sheet, j: int, share: float) -> str:
    """Say how a column copies the target, or ""."""
    x, y = sheet.X[:, j], sheet.y
    kept = np.isfinite(x)
    if kept.mean() < 0.9 or sheet.word[j]:
        return ""
    x, y = x[kept], y[kept]
    levels = np.unique(x)
    if not sheet.n_classes:
        if sheet.nominal[j] or len(levels) < 3:
            return ""
        rank = abs(float(stats.spearmanr(x, y).statistic))
        if rank >= COPY_RANK or share >= COPY_SHARE:
            return f"its rank correlation with the target is {rank:.4f}"
        return ""
    k = sheet.n_classes
    if len(levels) <= k + 3:
        table = np.zeros((len(levels), k))
        np.add.at(table, (np.searchsorted(levels, x), y.astype(np.int64)), 1.0)
        own = table.argmax(axis=1)
        if len(np.unique(own)) == len(np.unique(y)):
            agree = table.max(axis=1).sum() / len(y)
            return f"its {len(levels)} values stand for the {k} classes in {agree:.1%} of the rows"
        return ""
    if sheet.nominal[j]:
        return ""
    centres = np.array([np.median(x[y == c]) for c in np.unique(y)])
    spread = max(float(np.median(np.abs(x[y == c] - m))) * 1.4826 for c, m in zip(np.unique(y), centres, strict=True))
    if len(centres) > 1 and spread <= TIGHT * float(np.diff(np.sort(centres)).min()):
        return "its values are the classes' codes plus a little noise"
    return ""


def is_copy(sheet: Sheet, j: int) -> bool:
    """Whether a column is so near a copy that it does not matter what the other columns can do."""
    told = near_copy(sheet, j, 0.0)
    if not told:
        return False
    if sheet.n_classes:
        return True  # one value per class, or tight clusters around class codes, and nearly no errors
    kept = np.isfinite(sheet.X[:, j])
    return abs(float(stats.spearmanr(sheet.X[kept, j], sheet.y[kept]).statistic)) >= SURE_RANK


def cuts_classes(sheet: Sheet, j: int) -> bool:
    """Whether three or more classes are exactly ranges of one column: the classes were cut from it, or it from them.

    Two classes that one column separates happen in honest easy problems.
    """
    if sheet.n_classes < 3 or sheet.nominal[j] or sheet.n_rows < 100:
        return False
    kept = np.isfinite(sheet.X[:, j])
    x, y = sheet.X[kept, j], sheet.y[kept]
    changes = int((np.diff(y[np.lexsort((y, x))]) != 0).sum())
    shared = len(np.unique(np.column_stack([x, y]), axis=0)) > len(np.unique(x))
    return bool(kept.mean() > 0.9 and not shared and changes == len(np.unique(y)) - 1)


def segments(x: Floats, y: Vector) -> str:
    """Say whether a column of few levels cuts the target's range into pieces, or "".

    Sorted by target, the level of a recoded target changes only between pieces; an honest column's keeps changing.
    """
    kept = np.isfinite(x)
    if kept.mean() < 0.8:
        return ""
    x, y = x[kept], y[kept]
    levels, counts = np.unique(x, return_counts=True)
    if not 2 <= len(levels) <= 24:
        return ""
    expected = len(x) * (1.0 - float(((counts / len(x)) ** 2).sum()))
    if expected < 20 or len(np.unique(y)) < 2 * len(levels):
        return ""
    order = np.lexsort((np.random.default_rng(0).permutation(len(x)), y))  # ties in random order hide nothing
    changes = int((np.diff(x[order]) != 0).sum())
    if changes - (len(levels) - 1) > 0.03 * expected:
        return ""
    return (
        f"sorted by the target its value changes {changes} times; {len(levels) - 1} is what cutting the target into "
        f"{len(levels)} pieces gives, an unrelated column changes {expected:,.0f} times"
    )


def mirrored_class(sheet: Sheet, j: int) -> str:
    """Say whether one value of a column of few levels stands for exactly one class, or ""."""
    if sheet.n_classes > 6:
        return ""
    x, y, n = sheet.X[:, j], sheet.y, sheet.n_rows
    if len(np.unique(x[np.isfinite(x)])) > max(sheet.n_classes, 3):
        return ""
    for c in range(sheet.n_classes):
        mine = y == c
        size = int(mine.sum())
        if sheet.n_classes == 2 or size < max(15, n / (4 * sheet.n_classes)):
            continue
        for level in np.unique(x[np.isfinite(x)]):
            wrong = int(((x == level) != mine).sum())
            if wrong <= 0.01 * size:
                return f"one of its values marks class {c + 1} of {sheet.n_classes}: {wrong} exceptions in {n:,} rows"
    return ""
