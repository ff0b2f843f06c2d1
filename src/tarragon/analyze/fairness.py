"""Bias metrics under their Clarify names, as arithmetic on counts.

Notation: a table is (…, 2, 2, 2) counts n[g, y, ŷ] with g = 1 for the facet d and 0 for everyone else (a), y and ŷ = 1
for the positive outcome; leading axes are resamples. q is a share of observed positives, q' of predicted ones.
Strict reading: divergences run over both outcomes even where one is absent in a group (KL is then infinite), and the
sign of every difference is the documented one. As in Clarify 0/0 is 0, x/0 is ±∞, and ∞ − ∞ is 0.
Formulas: Clarify's public documentation; Speicher et al. 2018 for GE.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]
Values = NDArray[np.float64]

DESCRIPTIONS = {
    "CI": "Class imbalance: how much smaller the group is than the rest",
    "DPL": "Difference in positive proportions in labels",
    "KL": "Kullback-Leibler divergence of the rest's labels from the group's",
    "JS": "Jensen-Shannon divergence of the labels",
    "LP": "L2 distance of the label shares",
    "TVD": "Total variation distance of the label shares",
    "KS": "Largest gap of the label shares",
    "CDDL": "Conditional demographic disparity in labels",
    "DPPL": "Difference in positive proportions in predicted labels",
    "DI": "Disparate impact: the group's share of predicted positives over the rest's",
    "DCA": "Difference in conditional acceptance",
    "DCR": "Difference in conditional rejection",
    "RD": "Recall difference",
    "SD": "Specificity difference",
    "DAR": "Difference in acceptance rates (precision)",
    "DRR": "Difference in rejection rates",
    "AD": "Accuracy difference",
    "CDDPL": "Conditional demographic disparity in predicted labels",
    "TE": "Treatment equality: difference in false negatives per false positive",
    "GE": "Generalised entropy: inequality of benefit over all rows",
}


def count(facet: NDArray[np.bool_], y: NDArray[np.bool_], answer: NDArray[np.bool_]) -> Counts:
    """(n,) each -> (2, 2, 2) counts."""
    code = facet.astype(np.int64) * 4 + y.astype(np.int64) * 2 + answer.astype(np.int64)
    return np.bincount(code, minlength=8).astype(np.float64).reshape(2, 2, 2)


def ratio(top: Values, bottom: Values) -> Values:
    """Divide; 0/0 is 0 and x/0 infinite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((top == 0) & (bottom == 0), 0.0, np.true_divide(top, bottom))


def minus(one: Values, other: Values) -> Values:
    """Subtract; two infinities give 0."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(one) & np.isinf(other), 0.0, one - other)


def _labels(n: Counts) -> tuple[Values, Values]:
    """(…, 2) label shares (negative, positive) of the rest and of the facet."""
    by = n.sum(axis=-1)
    shares = ratio(by, by.sum(axis=-1, keepdims=True))
    return shares[..., 0, :], shares[..., 1, :]


def _kl(p: Values, q: Values) -> Values:
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(p == 0, 0.0, p * np.log(np.true_divide(p, q)))
    return np.asarray(parts.sum(axis=-1))


def _js(n: Counts) -> Values:
    p, q = _labels(n)
    middle = (p + q) / 2
    return (_kl(p, middle) + _kl(q, middle)) / 2


def _shares(n: Counts, group: int) -> dict[str, Values]:
    tn, fp, fn, tp = (n[..., group, y, a] for y in (0, 1) for a in (0, 1))
    return {"tp": tp, "fp": fp, "fn": fn, "tn": tn, "n": tp + fp + fn + tn}


def _two(n: Counts, share: Callable[[dict[str, Values]], Values]) -> tuple[Values, Values]:
    """Evaluate one ratio for the rest (a) and for the facet (d)."""
    return share(_shares(n, 0)), share(_shares(n, 1))


def _accepted(s: dict[str, Values]) -> Values:
    return ratio(s["tp"] + s["fp"], s["n"])


def _di(n: Counts) -> Values:
    a, d = _two(n, _accepted)
    return ratio(d, a)


def _ge(n: Counts) -> Values:
    """α = 2: benefit b = ŷ − y + 1 is 1 when right, 2 for a false positive, 0 for a false negative."""
    total = n.sum(axis=(-3, -2, -1))
    twice = n[..., 0, 1].sum(axis=-1)
    once = n[..., 0, 0].sum(axis=-1) + n[..., 1, 1].sum(axis=-1)
    mean = ratio(once + 2 * twice, total)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(mean > 0, (np.true_divide(once + 4 * twice, total * mean**2) - 1) / 2, np.nan)


def _gap(share: Callable[[dict[str, Values]], Values], *, turned: bool = False) -> Callable[[Counts], Values]:
    """Rest minus facet of a share, or facet minus rest when turned."""

    def metric(n: Counts) -> Values:
        a, d = _two(n, share)
        return minus(d, a) if turned else minus(a, d)

    return metric


PRE: dict[str, Callable[[Counts], Values]] = {
    "CI": lambda n: ratio(n[..., 0, :, :].sum((-2, -1)) - n[..., 1, :, :].sum((-2, -1)), n.sum((-3, -2, -1))),
    "DPL": _gap(lambda s: ratio(s["tp"] + s["fn"], s["n"])),
    "KL": lambda n: _kl(*_labels(n)),
    "JS": _js,
    "LP": lambda n: np.sqrt(((_labels(n)[0] - _labels(n)[1]) ** 2).sum(axis=-1)),
    "TVD": lambda n: np.abs(_labels(n)[0] - _labels(n)[1]).sum(axis=-1) / 2,
    "KS": lambda n: np.abs(_labels(n)[0] - _labels(n)[1]).max(axis=-1),
}
POST: dict[str, Callable[[Counts], Values]] = {
    "DPPL": _gap(_accepted),
    "DI": _di,
    "DCA": _gap(lambda s: ratio(s["tp"] + s["fn"], s["tp"] + s["fp"])),
    "DCR": _gap(lambda s: ratio(s["tn"] + s["fp"], s["tn"] + s["fn"]), turned=True),
    "RD": _gap(lambda s: ratio(s["tp"], s["tp"] + s["fn"])),
    "SD": _gap(lambda s: ratio(s["tn"], s["tn"] + s["fp"]), turned=True),
    "DAR": _gap(lambda s: ratio(s["tp"], s["tp"] + s["fp"])),
    "DRR": _gap(lambda s: ratio(s["tn"], s["tn"] + s["fn"]), turned=True),
    "AD": _gap(lambda s: ratio(s["tp"] + s["tn"], s["n"])),
    "TE": _gap(lambda s: ratio(s["fn"], s["fp"]), turned=True),
    "GE": _ge,
}


def conditional_disparity(facet: NDArray[np.bool_], outcome: NDArray[np.bool_], stratum: NDArray[np.int64]) -> float:
    """CDDL with observed outcomes, CDDPL with predicted ones: demographic disparity averaged over strata by size.

    In a stratum: the facet's share of the rejected minus its share of the accepted; no accepted or no rejected
    rows count as a share of 0.
    """
    size = int(stratum.max(initial=0)) + 1
    table = np.zeros((size, 2, 2))
    np.add.at(table, (stratum, facet.astype(np.int64), outcome.astype(np.int64)), 1.0)
    shares = ratio(table[:, 1, :], table.sum(axis=1))
    return float((table.sum(axis=(1, 2)) * (shares[:, 0] - shares[:, 1])).sum() / len(facet))
