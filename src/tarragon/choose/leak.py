"""Features that give the target away: near-perfect alone, near-copies, exact sums, columns filled in afterwards.

A strong feature is not a leak. What marks a leak is that one column alone does (nearly) perfectly what all the
others together cannot: every judgement here compares the column with the rest of the table, out of sample.

Notation: s is the share of the target a column explains alone, r the share all others explain together.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tarragon.choose.disguise import cuts_classes, fine_share, is_copy, mirrored_class, near_copy, segments
from tarragon.choose.identity import name_parts
from tarragon.choose.probe import Skill, best_skill
from tarragon.choose.protocol import Finding
from tarragon.choose.sheet import Floats, Sheet
from tarragon.choose.univariate import Strength

Mask = NDArray[np.bool_]
NEAR_PERFECT = 0.93  # s of a column that answers (almost) everything, classes
NEAR_PERFECT_ERROR = 0.03  # or wrong answers against those of the commonest class
NEAR_PERFECT_VALUE = 0.97  # s for values
STRONG = {True: 0.65, False: 0.9}  # s from which a column is compared with the rest; by "is it classification"
COPY_ERROR = 0.06  # of a column with one value per class, whatever the others can do
MOST_SUSPECTS = 12
MOST_COMPARED = 3
_AFTERWARDS = frozenset({
    "duration", "elapsed", "outcome", "result", "resolution", "resolved", "closed", "closing", "cancelled",
    "canceled", "cancellation", "refund", "refunded", "chargeback", "settled", "settlement", "recovered",
    "recovery", "collections", "final", "exit", "terminated", "termination", "discharge", "discharged", "after",
    "post", "payoff", "reason", "approved", "decision",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Suspect:
    """A column of the sheet under suspicion.

    Parameters
    ----------
    j : int
        Its place in the sheet.
    share, error : float
        What it does alone, out of sample.
    """

    j: int
    share: float
    error: float


def leaks(sheet: Sheet, strength: Strength, seed: int) -> tuple[Finding, ...]:
    """Find leaks and proxies in a sheet without identifiers, strongest first."""
    if sheet.n_rows < 20 or sheet.X.shape[1] == 0:
        return ()
    found: dict[str, Finding] = {}
    for finding in (*_copies(sheet, strength), *_filled_afterwards(sheet)):
        found.setdefault(finding.columns[0], finding)
    perfect, strong = _suspects(sheet, strength, set(found))
    refined = _refined(strength, [*perfect, *strong])
    if perfect:
        gone = {*found, *(sheet.source[s.j] for s in perfect)}
        rest = _rest(sheet, np.array([s not in gone for s in sheet.source], dtype=np.bool_), strength, seed)
        for suspect in perfect:
            copied = is_copy(sheet, suspect.j) or cuts_classes(sheet, suspect.j)
            if copied or _stands_out(sheet, suspect, rest, factor=0.5):
                found.setdefault(sheet.source[suspect.j], _alone(sheet, suspect, rest, certain=True))
    for suspect in strong[:MOST_COMPARED]:
        rest = _rest(sheet, _others(sheet, suspect.j, set(found)), refined, seed)
        copied = sheet.n_classes > 0 and suspect.error <= COPY_ERROR and is_copy(sheet, suspect.j)
        if copied or _stands_out(sheet, suspect, rest, factor=0.4):
            found.setdefault(sheet.source[suspect.j], _alone(sheet, suspect, rest, certain=copied))
    for hint in _named_afterwards(sheet, strength):
        found.setdefault(hint.columns[0], hint)
    return tuple(found.values())


def _suspects(sheet: Sheet, strength: Strength, known: set[str]) -> tuple[list[Suspect], list[Suspect]]:
    """Return the (nearly) perfect columns and the merely strong ones, one per table column, strongest first."""
    classes = sheet.n_classes > 0
    perfect: list[Suspect] = []
    strong: list[Suspect] = []
    taken = set(known)
    for j in np.argsort(-strength.share, kind="stable")[:MOST_SUSPECTS]:
        share, error = float(strength.share[j]), float(strength.error[j])
        if sheet.source[j] in taken or (share < 0.5 and error > NEAR_PERFECT_ERROR):
            continue
        if not classes:
            share = max(share, fine_share(sheet.X[:, j], sheet.y, nominal=bool(sheet.nominal[j])))
            error = 1.0 - share
        suspect = Suspect(int(j), share, error)
        bar = NEAR_PERFECT if classes else NEAR_PERFECT_VALUE
        if share >= bar or (classes and error <= NEAR_PERFECT_ERROR):
            perfect.append(suspect)
        elif share >= STRONG[classes]:
            strong.append(suspect)
        else:
            continue
        taken.add(sheet.source[j])
    return perfect, strong


def _refined(strength: Strength, suspects: list[Suspect]) -> Strength:
    share, error = strength.share.copy(), strength.error.copy()
    for s in suspects:
        share[s.j], error[s.j] = s.share, s.error
    return Strength(share, error)


def _rest(sheet: Sheet, keep: Mask, strength: Strength, seed: int) -> Skill:
    """Return what the kept columns do together; at least what the best of them does alone."""
    together, _ = best_skill(sheet.columns(keep), seed)
    if not keep.any():
        return together
    return Skill(
        max(together.share, float(strength.share[keep].max())), min(together.error, float(strength.error[keep].min()))
    )


def _others(sheet: Sheet, j: int, known: set[str]) -> Mask:
    """All columns but this one, its exact twins, and known leaks; the other words of a text stay."""
    keep = np.array([s not in known for s in sheet.source], dtype=np.bool_)
    if sheet.word[j]:
        keep[j] = False
    else:
        keep &= np.array([s != sheet.source[j] for s in sheet.source], dtype=np.bool_)
    if not sheet.nominal[j]:
        for i in np.flatnonzero(keep & ~sheet.nominal & ~sheet.word)[:200]:
            both = np.isfinite(sheet.X[:, i]) & np.isfinite(sheet.X[:, j])
            if both.sum() > 10 and _rank_link(sheet.X[both, i], sheet.X[both, j]) > 0.9999:
                keep[i] = False
    return keep


def _rank_link(a: Floats, b: Floats) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return abs(float(stats.spearmanr(a, b).statistic))


def _stands_out(sheet: Sheet, suspect: Suspect, rest: Skill, *, factor: float) -> bool:
    """Whether the column leaves at most ``factor`` of what the rest leaves, by loss and by errors, beyond chance."""
    if sheet.X.shape[1] < 2 and not sheet.nominal[suspect.j] and sheet.n_classes == 0:
        return suspect.share >= 0.995  # a table of one feature: only a copy is suspicious
    left, rest_left = 1.0 - suspect.share, 1.0 - max(rest.share, 0.0)
    if left > factor * rest_left:
        return False
    if not sheet.n_classes:
        return True
    n = sheet.n_rows
    commonest = float(np.bincount(sheet.y.astype(np.int64)).max()) / n
    scale = (1.0 - commonest) * n
    fewer = (rest.error - suspect.error) * scale
    return suspect.error <= 0.5 * rest.error and fewer >= 5 + 2.0 * np.sqrt(max(rest.error * scale, 0.0))


def _alone(sheet: Sheet, suspect: Suspect, rest: Skill, *, certain: bool) -> Finding:
    name, label = sheet.source[suspect.j], sheet.label[suspect.j]
    copy = near_copy(sheet, suspect.j, suspect.share)
    spare = len(set(sheet.source)) > 1
    evidence = {
        "alone": suspect.share,
        "rest": max(rest.share, 0.0),
        "error_alone": suspect.error,
        "error_rest": rest.error,
    }
    what = f'"{label}" is a near-copy of the target' if copy else f'"{label}" gives the target away'
    return Finding(
        fault="proxy" if copy else "leak",
        severity="critical" if certain else "warning",
        columns=(name,),
        what=what,
        why=f"Alone it explains {suspect.share:.1%} of the target out of sample, all other columns together "
        f"{max(rest.share, 0.0):.1%}" + (f"; {copy}" if copy else ""),
        fix=f'Leave "{name}" out unless it is really known when the prediction is made.',
        evidence=evidence,
        action="dropped" if certain and spare else "none",
    )


def _copies(sheet: Sheet, strength: Strength) -> list[Finding]:
    """Find low-cardinality recodings of the target: its bins, or an indicator of one class."""
    found = []
    for j in np.flatnonzero(strength.share >= 0.15):
        values = sheet.X[:, j]
        if len(np.unique(values[np.isfinite(values)])) > 24:
            continue
        told = mirrored_class(sheet, int(j)) if sheet.n_classes else segments(values, sheet.y)
        if told:
            found.append(
                Finding(
                    fault="proxy",
                    severity="critical",
                    columns=(sheet.source[j],),
                    what=f'"{sheet.label[j]}" is the target in another coding',
                    why=told,
                    fix=f'Leave "{sheet.source[j]}" out: it was made from the target.',
                    evidence={"alone": float(strength.share[j])},
                    action="dropped" if len(set(sheet.source)) > 1 else "none",
                )
            )
    return found


def _filled_afterwards(sheet: Sheet) -> list[Finding]:
    """Find columns that are only filled in (or only empty) for one outcome."""
    found = []
    gaps = np.isnan(sheet.X)
    seen: set[str] = set()
    for j in np.flatnonzero((gaps.mean(axis=0) > 0.02) & (gaps.mean(axis=0) < 0.995)):
        name = sheet.source[j]
        if name in seen:
            continue
        seen.add(name)
        told = _one_sided(gaps[:, j], sheet)
        if told is not None:
            state, purity, cover = told
            certain = purity >= 0.99 and cover >= 0.5
            found.append(
                Finding(
                    fault="leak",
                    severity="critical" if certain else "warning",
                    columns=(name,),
                    what=f'"{name}" looks filled in after the outcome',
                    why=_one_sided_words(state, purity, cover, classes=sheet.n_classes > 0),
                    fix=f'Leave "{name}" out unless it is really known when the prediction is made.',
                    evidence={"purity": purity, "cover": cover},
                    action="dropped" if certain and len(set(sheet.source)) > 1 else "none",
                )
            )
    return found


def _one_sided_words(state: str, purity: float, cover: float, *, classes: bool) -> str:
    if classes:
        return (
            f"{purity:.1%} of the rows where it is {state} have the same outcome, "
            f"and they are {cover:.0%} of all rows with that outcome"
        )
    apart = f"The {cover:.1%} of rows where it is {state} lie apart from the others"
    return f"{apart}: knowing so removes {purity:.0%} of their variance"


def _one_sided(gap: Mask, sheet: Sheet) -> tuple[str, float, float] | None:
    """(n,) missing -> (state, purity, cover) when one state goes with one outcome."""
    n = sheet.n_rows
    for state, rows in (("filled in", ~gap), ("empty", gap)):
        size = int(rows.sum())
        if size < 15 or size > 0.7 * n:
            continue
        values, counts = np.unique(sheet.y[rows], return_counts=True)
        value = values[counts.argmax()]
        purity, base = counts.max() / size, float((sheet.y == value).mean())
        cover = counts.max() / max(1, int((sheet.y == value).sum()))
        chance = stats.binom.sf(counts.max() - 1, size, base)
        enough = cover >= 0.05 if state == "filled in" else cover >= 0.5 and size >= max(30, 0.05 * n)
        if purity >= 0.97 and base <= 0.7 and chance < 1e-6 and enough:
            return state, float(purity), float(cover)
        if not sheet.n_classes and size >= 25 and _far_and_tight(sheet.y[rows], sheet.y[~rows]):
            return state, 1.0 - float(sheet.y[rows].var() / sheet.y.var()), size / n
    return None


def _far_and_tight(inside: Floats, outside: Floats) -> bool:
    """Whether the rows in one state have (nearly) one value, or lie wholly above or below the others."""
    whole = np.concatenate([inside, outside])
    spread = float(whole.std())
    tight = inside.var() <= 0.08 * whole.var() and abs(inside.mean() - outside.mean()) >= spread
    order = stats.mannwhitneyu(inside, outside).statistic / (len(inside) * max(1, len(outside)))
    return bool(tight or max(order, 1.0 - order) >= 0.98)


def _named_afterwards(sheet: Sheet, strength: Strength) -> list[Finding]:
    """Find the strongest column when its name speaks of the time after the outcome."""
    best: dict[str, float] = {}
    for j, name in enumerate(sheet.source):
        best[name] = max(best.get(name, 0.0), float(strength.share[j]))
    ranked = sorted(best.items(), key=lambda item: (-item[1], item[0]))
    if len(ranked) < 2:
        return []
    (name, share), (second, other) = ranked[:2]
    if not name_parts(name) & _AFTERWARDS or share < 0.1 or share < 1.5 * other:
        return []
    return [
        Finding(
            fault="leak",
            severity="warning",
            columns=(name,),
            what=f'"{name}" may only be known after the outcome',
            why=f"Its name speaks of the end of the event, and it explains {share:.1%} of the target alone, "
            f'next "{second}" {other:.1%}',
            fix=f'If "{name}" is not known when the prediction is made, drop it and run again.',
            evidence={"alone": share, "second": other},
        )
    ]
