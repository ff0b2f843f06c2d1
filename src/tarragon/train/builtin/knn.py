"""k-nearest neighbours as its container trains it: a sample of the rows of all hosts in a FAISS index.

Several hosts share a fit: each draws from its own share of ``train``. ``test`` is measured by the first host on the
files it has, so it should be whole there.
"""

import numpy as np

from tarragon.algorithms import KNNIndex, build
from tarragon.data import Vector
from tarragon.errors import DataError
from tarragon.train.builtin import first_party, quality, setting
from tarragon.train.builtin.teller import Order

SHARED = True
NAME, WORDS = "knn", "AWS/KNN"
METRICS = (
    ("test:accuracy", quality.HOST + r"test accuracy <score>=(\S+)"),
    ("test:mse", quality.HOST + r"test mse <loss>=(\S+)"),
    *(pair for pair in quality.METRICS if pair[0] in ("train:progress", "train:throughput")),
)


def train(order: Order) -> None:
    """Draw the sample, build the index, save; measure the test channel. Raises ``ParameterError`` or ``DataError``."""
    given = setting.read(order.hyperparameters, setting.declarations(KNNIndex), {})
    model = build(KNNIndex, setting.values(KNNIndex, given))
    first_party.configured(order, model)
    teller = order.teller
    rows = order.batches("train", labels=1)
    model.fit(rows, context=first_party.narrated(teller, WORDS, 1))
    if teller.rank:  # every host has drawn the same sample
        return
    model.save(order.folder)
    order.serving(NAME, feature_dim=rows.n_features)
    if "test" in order.channels:
        for line in quality.lines("test", _tested(order, model, rows.n_features)):
            teller.say(line)


def _tested(order: Order, model: KNNIndex, width: int) -> dict[str, float]:
    guesses, labels = [], []
    for block in order.batches("test", labels=1, width=width):
        if block.y is None or not np.isfinite(block.y).all():
            raise DataError("The channel test needs labels", why="A row has none", fix="Put it before the features")
        guesses.append(model.predict(block)["predicted_label"])
        labels.append(block.y)
    return measured(np.concatenate(guesses), np.concatenate(labels), model.predictor_type)


def measured(guess: Vector, y: Vector, kind: str) -> dict[str, float]:
    """Measure answers, (n,), against labels, (n,): the mean squared error, or the accuracy and the mean F1."""
    if kind == "regressor":
        return {"mse": float(np.square(guess - y).mean())}
    f = []
    for c in np.unique(y):
        hits, guessed, there = ((guess == c) & (y == c)).sum(), (guess == c).sum(), (y == c).sum()
        f.append(quality.f_beta(hits / max(guessed, 1), hits / there, 1.0))
    return {"accuracy": float((guess == y).mean()), "macro_f_1.000": float(np.mean(f))}
