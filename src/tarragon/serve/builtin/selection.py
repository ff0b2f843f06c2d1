"""Which parts of an answer SAGEMAKER_INFERENCE_OUTPUT asks for."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.serve.protocol import RefusalError

KEYS = (
    "predicted_label", "labels", "probability", "probabilities", "raw_score", "raw_scores", "predicted_score",
)  # fmt: skip
Columns = dict[str, list[Any]]


def selected(scores: NDArray[Any], objective: str, n_classes: int, keys: Sequence[str]) -> Columns:
    """Pick parts of a booster's answer; what the objective does not have is NaN.

    Parameters
    ----------
    scores : ndarray of shape (n,) or (n, K)
        As the library answers.
    objective : str
    n_classes : int
        0 unless the objective is for several classes.
    keys : sequence of str
        Of ``KEYS``.

    Raises
    ------
    RefusalError
        400: a key is none of these.
    """
    parts = _parts(scores, objective, n_classes)
    return chosen(parts, keys, len(scores))


def chosen(parts: Columns, keys: Sequence[str], n_rows: int) -> Columns:
    """Take the named parts in their order; NaN for those that are not there. Raises ``RefusalError`` 400."""
    for key in keys:
        if key not in KEYS:
            raise RefusalError(400, f"SAGEMAKER_INFERENCE_OUTPUT has {key!r}, which is none of {', '.join(KEYS)}")
    return {key: parts.get(key, [math.nan] * n_rows) for key in keys}


def _parts(scores: NDArray[Any], objective: str, n_classes: int) -> Columns:
    n = len(scores)
    if objective.startswith("binary:"):
        raw = scores.tolist()
        cut = 0.0 if objective == "binary:logitraw" else 0.5
        found: Columns = {
            "predicted_label": [int(value > cut) for value in raw],
            "labels": [[0, 1]] * n,
            "raw_score": raw,
            "raw_scores": [[1 - value, value] for value in raw],
        }
        if objective == "binary:logistic":
            found |= {"probability": raw, "probabilities": found["raw_scores"]}
        return found
    if objective == "multi:softprob":
        rows = scores.tolist()
        best = [max(row) for row in rows]
        return {
            "predicted_label": np.argmax(scores, axis=1).tolist(),
            "labels": [list(range(n_classes))] * n,
            "probability": best,
            "probabilities": rows,
            "raw_score": best,
            "raw_scores": rows,
        }
    if objective == "multi:softmax":
        labels = [int(value) for value in scores.tolist()]
        return {"predicted_label": labels, "labels": [list(range(n_classes))] * n, "raw_score": scores.tolist()}
    return {"predicted_score": scores.tolist()}
