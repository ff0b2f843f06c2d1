"""Quality metrics as SageMaker's first-party algorithms print them: names, values, lines, and how to find them."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tarragon.data import Prediction, Tabular

Numbers = NDArray[np.float64]
HOST = r"#quality_metric: host=\S+, "
LOSSES = ("_objective", "absolute_loss", "mse", "rmse", "log_loss")
SCORES = ("accuracy", "auc", "recall", "precision", "f1", "mAP", "mIOU", "score")
PATTERNS = (
    ("objective_loss:final", r"\S+_objective <loss>"),
    ("absolute_loss", "absolute_loss <loss>"),
    ("mse", "mse <loss>"),
    ("rmse", "rmse <loss>"),
    ("binary_classification_accuracy", "binary_classification_accuracy <score>"),
    ("binary_f_beta", r"binary_f_\S+ <score>"),
    ("precision", "precision <score>"),
    ("recall", "recall <score>"),
    ("roc_auc_score", "roc_auc_score <score>"),
    ("multiclass_accuracy", "multiclass_accuracy <score>"),
    ("multiclass_top_k_accuracy", r"multiclass_top_k_accuracy_\S+ <score>"),
    ("dcg", "dcg <score>"),
    ("macro_f_beta", r"macro_f_\S+ <score>"),
    ("macro_precision", "macro_precision <score>"),
    ("macro_recall", "macro_recall <score>"),
)
METRICS = (
    ("train:objective_loss", HOST + r"epoch=\S+, train \S+_objective <loss>=(\S+)"),
    ("validation:objective_loss", HOST + r"epoch=\S+, validation \S+_objective <loss>=(\S+)"),
    ("test:objective_loss", HOST + r"test \S+_objective <loss>=(\S+)"),
    ("train:objective_loss:final", HOST + r"train \S+_objective <loss>=(\S+)"),
    ("train:progress", r"#progress_metric: host=\S+, completed (\S+) %"),
    ("train:throughput", r"#throughput_metric: host=\S+, train throughput=(\S+) records/second"),
    *((f"validation:{name}", HOST + f"validation {pattern}" + r"=(\S+)") for name, pattern in PATTERNS),
    *((f"test:{name}", HOST + f"test {pattern}" + r"=(\S+)") for name, pattern in PATTERNS[1:]),
)


def lines(channel: str, scores: Mapping[str, float]) -> list[str]:
    """Write a channel's scores as log lines."""
    found = []
    for name, value in scores.items():
        kind = "loss" if name.endswith(LOSSES) else "score"
        found.append(f"#quality_metric: host=algo-1, {channel} {name} <{kind}>={value}")
    return found


def epoch_lines(epoch: int, metrics: Mapping[str, float]) -> list[str]:
    """Write an epoch's metrics, named "channel:metric", as log lines; epochs count from 0.

    Examples
    --------
    >>> epoch_lines(0, {"train:loss": 0.5})
    ['#quality_metric: host=algo-1, epoch=0, train loss <loss>=0.5']
    """
    found = []
    for name, value in metrics.items():
        channel, _, metric = name.partition(":")
        kind = "score" if metric.endswith(SCORES) else "loss"
        found.append(f"#quality_metric: host=algo-1, epoch={epoch}, {channel} {metric} <{kind}>={value}")
    return found


def measured(answer: Prediction, rows: Tabular, threshold: float, top_k: int, beta: float) -> dict[str, float]:
    """Measure predictions; the objective comes first.

    Parameters
    ----------
    answer : mapping
        ``score`` (n,) or ``probability`` (n, K).
    rows : Tabular
        With ``y``.
    threshold : float
        From which a binary classifier answers 1.
    top_k : int
    beta : float
        Of the F measure.
    """
    assert rows.y is not None
    if rows.n_classes == 0:
        return values(answer["score"], rows.y)
    if rows.n_classes == 2:
        return binary(answer["probability"][:, 1], rows.y, threshold, beta)
    return multiclass(answer["probability"], rows.y.astype(np.int64), top_k, beta)


def values(score: Numbers, y: Numbers) -> dict[str, float]:
    """Measure a regression: (n,) and (n,)."""
    mse = float(np.mean((score - y) ** 2))
    return {"mse_objective": mse, "mse": mse, "rmse": mse**0.5, "absolute_loss": float(np.mean(np.abs(score - y)))}


def binary(p: Numbers, y: Numbers, threshold: float, beta: float) -> dict[str, float]:
    """Measure a binary classifier: (n,) probabilities of 1 and (n,) labels."""
    own = np.clip(np.where(y == 1, p, 1 - p), 1e-15, None)
    guess = p >= threshold
    hits, guessed, there = float((guess & (y == 1)).sum()), float(guess.sum()), float((y == 1).sum())
    precision, recall = hits / guessed if guessed else 0.0, hits / there if there else 0.0
    found = {
        "binary_classification_cross_entropy_objective": float(-np.log(own).mean()),
        "binary_classification_accuracy": float((guess == (y == 1)).mean()),
        f"binary_f_{beta:.3f}": f_beta(precision, recall, beta),
        "precision": precision,
        "recall": recall,
    }
    if 0 < there < len(y):
        from scipy.stats import rankdata

        ranks = rankdata(p)[y == 1].sum()
        found["roc_auc_score"] = float((ranks - there * (there + 1) / 2) / (there * (len(y) - there)))
    return found


def multiclass(p: Numbers, y: NDArray[np.int64], top_k: int, beta: float) -> dict[str, float]:
    """Measure a classifier of several classes: (n, K) probabilities and (n,) codes."""
    own = p[np.arange(len(y)), y]
    rank = (p > own[:, None]).sum(axis=1)  # classes held more likely than the true one
    guess = p.argmax(axis=1)
    classes = np.unique(y)
    hits = np.array([((guess == c) & (y == c)).sum() for c in classes], dtype=float)
    precision = hits / np.maximum([(guess == c).sum() for c in classes], 1)
    recall = hits / np.array([(y == c).sum() for c in classes])
    f = [f_beta(a, b, beta) for a, b in zip(precision.tolist(), recall.tolist(), strict=True)]
    return {
        "multiclass_cross_entropy_objective": float(-np.log(np.clip(own, 1e-15, None)).mean()),
        "multiclass_accuracy": float((guess == y).mean()),
        f"multiclass_top_k_accuracy_{top_k}": float((rank < top_k).mean()),
        "dcg": float((1 / np.log2(rank + 2)).mean()),
        "macro_recall": float(recall.mean()),
        "macro_precision": float(precision.mean()),
        f"macro_f_{beta:.3f}": float(np.mean(f)),
        "multiclass_balanced_accuracy": float(recall.mean()),
        "multiclass_log_loss": float(-np.log(np.clip(own, 1e-15, None)).mean()),
    }


def f_beta(precision: float, recall: float, beta: float) -> float:
    """Weigh precision and recall into one number; 0 where both are."""
    below = beta**2 * precision + recall
    return (1 + beta**2) * precision * recall / below if below else 0.0
