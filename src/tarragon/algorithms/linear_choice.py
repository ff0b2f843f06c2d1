"""By what a binary classifier is chosen, and from which score it answers 1.

Scores are counted in narrow bins, apart for both classes. Counts of blocks and of hosts add up, so that the choice
costs the same memory for any number of rows, and every cut between two bins can be tried at once.

Notation: M models, B bins; counts are (…, 2, B): negatives and positives per bin, from low scores to high.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
CRITERIA = (
    "accuracy", "f_beta", "f1", "precision_at_target_recall", "recall_at_target_precision", "loss_function",
    "cross_entropy_loss",
)  # fmt: skip
REACH = 16.0  # log-odds beyond it are 1e-7 from certainty
COARSE, FINE = 4_096, 131_072  # bins: to compare models, and to cut the one chosen


@dataclass(frozen=True, slots=True)
class Criterion:
    """What is wanted of the answers.

    Parameters
    ----------
    name : str
        One of ``CRITERIA``.
    recall, precision : float
        Targets of the two criteria that have one.
    beta : float
        Of the F measure.
    """

    name: str = "accuracy"
    recall: float = 0.8
    precision: float = 0.8
    beta: float = 1.0

    @property
    def cuts(self) -> bool:
        """Whether it depends on where scores are cut: the two losses do not."""
        return self.name not in ("loss_function", "cross_entropy_loss")

    def merits(self, counts: Counts) -> NDArray[np.float64]:
        """Return how good it is to answer 1 from each bin upwards, (…, B).

        Precision at a target recall is precision among cuts whose recall reaches the target; cuts that miss it are
        worth less than any that does, the more the closer they come. The other way round likewise.
        """
        from_top = counts[..., ::-1].cumsum(axis=-1)[..., ::-1].astype(np.float64)
        false, true = from_top[..., 0, :], from_top[..., 1, :]
        positives, negatives = true[..., :1], false[..., :1]
        precision = true / np.maximum(true + false, 1.0)
        recall = true / np.maximum(positives, 1.0)
        if self.name == "accuracy":
            return np.asarray((true + negatives - false) / np.maximum(positives + negatives, 1.0))
        if self.name == "precision_at_target_recall":
            return np.where(recall >= self.recall, 1.0 + precision, recall)
        if self.name == "recall_at_target_precision":
            return np.where(precision >= self.precision, 1.0 + recall, precision)
        b = 1.0 if self.name == "f1" else self.beta**2
        return np.asarray((1 + b) * precision * recall / np.maximum(b * precision + recall, 1e-300))


def counted(z: NDArray[np.float32], y: NDArray[np.float32], bins: int) -> Counts:
    """Count scores (n, M) of rows with classes (n,) in bins of equal width from -16 to 16: (M, 2, bins)."""
    n_models = z.shape[1]
    held = np.fmax(np.fmin(z, np.float32(REACH)), np.float32(-REACH))  # no number counts as the highest
    place = ((held + np.float32(REACH)) * np.float32(bins / (2 * REACH))).astype(np.int64)
    np.minimum(place, bins - 1, out=place)
    place += bins * (2 * np.arange(n_models) + y.astype(np.int64)[:, None])
    return np.bincount(place.ravel(), minlength=n_models * 2 * bins).reshape(n_models, 2, bins)


def decision(counts: Counts, criterion: Criterion) -> float:
    """Choose the score from which 1 is answered.

    Parameters
    ----------
    counts : ndarray of shape (2, B)
    criterion : Criterion

    Returns
    -------
    float
        Midway between the lowest score taken and the highest left out. 0 where the criterion is a loss, or only one
        class was seen.
    """
    if not criterion.cuts or (counts.sum(axis=-1) == 0).any():
        return 0.0
    seen = np.flatnonzero(counts.sum(axis=0))
    best = int(criterion.merits(counts[:, seen]).argmax())
    width = 2 * REACH / counts.shape[-1]
    centre = (seen + 0.5) * width - REACH
    return float((centre[best - 1] + centre[best]) / 2 if best else centre[0] - width / 2)
