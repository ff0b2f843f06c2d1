"""Random cut forest as its container trains it: unlabelled shares for training, labelled rows to test.

The channel ``train`` is taken in shares only (ShardedByS3Key), as the container insists: hosts that all had the same
rows would draw them several times. ``test`` must not be in shares where there are several hosts. A test row counts as
an anomaly where its score is above the mean of the test scores by more than three standard deviations.
"""

import json
from typing import Any

import numpy as np

from tarragon.algorithms import build, get
from tarragon.data import Vector, media
from tarragon.errors import DataError, ParameterError
from tarragon.train.builtin import first_party, quality, setting
from tarragon.train.builtin.setting import count, text
from tarragon.train.builtin.teller import Order

SHARED = True
SIGMAS = 3.0
MEASURES = ("accuracy", "precision_recall_fscore")
METRICS = (
    *((f"test:{name}", quality.HOST + rf"test {name} <score>=(\S+)") for name in ("f1", "accuracy", "precision")),
    ("test:recall", quality.HOST + r"test recall <score>=(\S+)"),
    *(pair for pair in quality.METRICS if pair[0] in ("train:progress", "train:throughput")),
)


def train(order: Order) -> None:
    """Train and save; score the test channel. Raises ``ParameterError`` or ``DataError``."""
    RandomCutForest: Any = get("random-cut-forest")
    wires = setting.declarations(RandomCutForest, required=("feature_dim",))
    given = setting.read(order.hyperparameters, {**wires, "eval_metrics": text(), "mini_batch_size": count()}, {})
    measures = _measures(given.get("eval_metrics", ""))
    model = build(RandomCutForest, setting.values(RandomCutForest, given))
    _check(order)
    first_party.configured(order, model)
    teller = order.teller
    rows = order.batches("train", labels=0)
    model.fit(rows, context=first_party.narrated(teller, "RandomCutForest", 1))
    if teller.rank:  # every host has grown the same forest
        return
    model.save(order.folder)
    order.serving("random-cut-forest", feature_dim=rows.n_features)
    if "test" in order.channels:
        for line in quality.lines("test", tested(*_scores(order, model, rows.n_features), measures)):
            teller.say(line)


def _measures(raw: str) -> tuple[str, ...]:
    """Read the list, as JSON or separated by commas; both measures where there is none."""
    try:
        listed = json.loads(raw) if raw.startswith("[") else [part.strip() for part in raw.split(",") if part.strip()]
    except ValueError:
        listed = [raw]
    if not isinstance(listed, list) or any(each not in MEASURES for each in listed):
        raise ParameterError(
            f"Hyperparameter eval_metrics: '{raw[:60]}' is not valid under any of the given schemas",
            why=f"It is a list of {' and '.join(MEASURES)}",
            fix=f"Use {json.dumps(MEASURES)}, or one of them",
        )
    return tuple(listed) or MEASURES


def _check(order: Order) -> None:
    channel = order.channel("train")
    if channel.sharded is False:
        raise DataError(
            "The channel train must be given in shares",
            why="Its S3DataDistributionType is FullyReplicated, and Random Cut Forest takes ShardedByS3Key only",
            fix='Say distribution="ShardedByS3Key"',
        )
    if channel.content_type and (kind := media(channel.content_type)).kind == "csv" and kind.labels > 0:
        raise DataError(
            "The channel train holds no labels",
            why=f"Its content type is {channel.content_type}",
            fix="Give rows of features only, with text/csv;label_size=0",
        )
    if "test" in order.channels and order.channel("test").sharded and order.teller.world > 1:
        raise DataError(
            "The channel test must be whole on every host",
            why="Its S3DataDistributionType is ShardedByS3Key, and Random Cut Forest takes FullyReplicated only",
            fix='Say distribution="FullyReplicated"',
        )


def _scores(order: Order, model: Any, width: int) -> tuple[Vector, Vector]:
    """Score the test rows; their labels, 1 for anomalies."""
    scores, labels = [], []
    for block in order.batches("test", labels=1, width=width):
        if block.y is None or not np.isin(block.y, (0.0, 1.0)).all():
            raise DataError(
                "The channel test needs labels",
                why="A row has none" if block.y is None else "One of them is neither 0 nor 1",
                fix="Put 1 for an anomaly or 0 before the features, with text/csv;label_size=1",
            )
        scores.append(model.predict(block)["score"])
        labels.append(block.y)
    return np.concatenate(scores), np.concatenate(labels)


def tested(score: Vector, labels: Vector, measures: tuple[str, ...]) -> dict[str, float]:
    """Measure the flags of test rows: (n,) scores, (n,) labels."""
    flagged, odd = score > score.mean() + SIGMAS * score.std(), labels == 1
    hits = float((flagged & odd).sum())
    precision, recall = hits / max(flagged.sum(), 1), hits / max(odd.sum(), 1)
    found = {}
    if "accuracy" in measures:
        found["accuracy"] = float((flagged == odd).mean())
    if "precision_recall_fscore" in measures:
        found |= {
            "precision": float(precision),
            "recall": float(recall),
            "f1": quality.f_beta(float(precision), float(recall), 1.0),
        }
    return found
