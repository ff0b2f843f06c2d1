"""Principal components as their container trains them: unlabelled rows in, arrays out; no metrics but progress.

Several hosts share a fit: each adds up its own share of ``train``. A ``test`` channel is projected, so that rows of
other columns are noticed, and nothing is measured on it: the container publishes no metric either.
"""

from typing import Any

from tarragon.algorithms import build, get
from tarragon.train.builtin import first_party, quality, setting
from tarragon.train.builtin.teller import Order

SHARED = True
NAME, WORDS = "pca", "PCA"
METRICS = tuple(pair for pair in quality.METRICS if pair[0] in ("train:progress", "train:throughput"))


def train(order: Order) -> None:
    """Train and save. Raises ``ParameterError`` or ``DataError``."""
    PCA: Any = get(NAME)
    wires = setting.declarations(PCA, required=("feature_dim", "mini_batch_size"))
    given = setting.read(order.hyperparameters, wires, {})
    model = build(PCA, setting.values(PCA, given))
    first_party.configured(order, model)
    teller = order.teller
    model.fit(order.batches("train", labels=0), context=first_party.narrated(teller, WORDS, 1))
    if teller.rank:  # every host has found the same components
        return
    model.save(order.folder)
    order.serving(NAME, feature_dim=len(model.mean_))
    if "test" not in order.channels:
        teller.say("Test data is not provided.")
        return
    rows = sum(
        len(model.predict(part)["projection"]) for part in order.batches("test", labels=0, width=len(model.mean_))
    )
    teller.say(f"processed a total of {rows} examples")
