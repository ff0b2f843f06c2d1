"""Targets that are arithmetic of other columns: total = fare + tip + tolls, revenue = price × quantity.

Columns are added greedily (orthogonal matching pursuit, Pati et al. 1993) until the relation is exact; the second
half of the rows must confirm what the first half found.
"""

import numpy as np

from tarragon.choose.protocol import Finding
from tarragon.choose.sheet import Floats, Sheet
from tarragon.data import Vector

MOST_TERMS = 4
MOST_COLUMNS = 400
EXACT = 1e-6  # share of variance left by an exact relation
ROUNDED = 0.02  # left by a sum with charges of its own; only believed with coefficients of one and rounded amounts
UNIT = 0.2  # how far from ±1 such coefficients may be: charges left out go along with the amounts


def relations(sheet: Sheet) -> tuple[Finding, ...]:
    """Find one sum or product of two to four numeric columns that is the target."""
    if sheet.n_classes or sheet.n_rows < 40:
        return ()
    usable = ~sheet.nominal & ~sheet.word & (np.isnan(sheet.X).mean(axis=0) < 0.05)
    plain = np.array(
        [sheet.label[j] == sheet.source[j] or "−" in sheet.label[j] for j in range(len(usable))], dtype=bool
    )
    chosen = np.flatnonzero(usable & plain)
    if not 2 <= len(chosen) <= MOST_COLUMNS:
        return ()
    X, y = sheet.X[:, chosen], sheet.y
    kept = np.isfinite(X).all(axis=1)
    if kept.sum() < 40:
        return ()
    X, y = X[kept], y[kept]
    terms, kind = _pursue(X, y), "sum"
    if terms is None and (y > 0).all():
        positive = (X > 0).all(axis=0)
        if positive.sum() >= 2:
            terms, kind, chosen = (
                _pursue(np.log(X[:, positive]), np.log(y), exact_only=True),
                "product",
                chosen[positive],
            )
    if terms is None:
        return ()
    places, left = terms
    names = tuple(dict.fromkeys(sheet.source[chosen[j]] for j in places))
    if len(names) < 2:
        return ()
    told = ", ".join(f'"{n}"' for n in names)
    return (
        Finding(
            fault="leak",
            severity="critical",
            columns=names,
            what=f"The target is a {kind} of {told}",
            why=f"On rows not used to find it, the {kind} leaves {left:.2g} of the target's variance",
            fix="Leave these columns out unless all of them are known before the target is.",
            evidence={"left": left, "terms": float(len(places))},
            action="dropped" if len(set(sheet.source) - set(names)) > 0 else "none",
        ),
    )


def _pursue(X: Floats, y: Vector, *, exact_only: bool = False) -> tuple[list[int], float] | None:
    """(n, d), (n,) -> (columns, share of variance left on the second half), or None."""
    half = np.arange(len(y)) % 2 == 0
    centre, scale = X[half].mean(axis=0), X[half].std(axis=0)
    alive = scale > 0
    Z = (X - centre) / np.where(alive, scale, 1.0)
    t = y - y[half].mean()
    base = float((t[~half] ** 2).sum())
    amounts = not exact_only and bool(np.mean(np.abs(y * 100 - np.round(y * 100)) < 1e-6) > 0.99)
    places: list[int] = []
    best: tuple[list[int], float] | None = None
    left = t[half]
    for _ in range(min(MOST_TERMS, X.shape[1])):
        pull = np.abs(Z[half].T @ left) * alive
        pull[places] = 0.0
        if pull.max() <= 0:
            break
        places.append(int(pull.argmax()))
        weight = np.linalg.lstsq(Z[np.ix_(half, places)], t[half], rcond=None)[0]
        left = t[half] - Z[np.ix_(half, places)] @ weight
        rest = float(((t[~half] - Z[np.ix_(~half, places)] @ weight) ** 2).sum()) / max(base, 1e-300)
        if len(places) < 2:
            continue
        units = np.abs(np.abs(weight / scale[places]) - 1.0).max() < UNIT
        if rest < EXACT:
            return places, rest
        if amounts and units and rest < ROUNDED and (best is None or rest < 0.9 * best[1]):
            best = list(places), rest
    return best
