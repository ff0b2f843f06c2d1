"""K-means as its container trains it: unlabelled rows, the lines of its log, mean and sum of squared distances.

Several hosts share a fit: each follows its own share of ``train``. ``test`` is measured by the first host on the files
it has, so it should be whole there. Labels that come along are not looked at.
"""

import json
from typing import Any

import numpy as np

from tarragon.algorithms import build, get
from tarragon.errors import ParameterError
from tarragon.train.builtin import first_party, quality, setting
from tarragon.train.builtin.setting import text
from tarragon.train.builtin.teller import Order

SHARED = True
NAME, WORDS = "kmeans", "AWS/KMeansWebscale"
MEASURES = ("msd", "ssd")
METRICS = (
    ("train:msd", quality.HOST + r"train msd <loss>=(\S+)"),
    *((f"test:{name}", quality.HOST + rf"test {name} <loss>=(\S+)") for name in MEASURES),
    *(pair for pair in quality.METRICS if pair[0] in ("train:progress", "train:throughput")),
)


def train(order: Order) -> None:
    """Train and save; measure the test channel. Raises ``ParameterError`` or ``DataError``."""
    KMeans: Any = get(NAME)
    wires = setting.declarations(KMeans, required=("feature_dim",))
    given = setting.read(order.hyperparameters, {**wires, "eval_metrics": text()}, {})
    measures = _measures(given.get("eval_metrics", '["msd"]'))
    model = build(KMeans, setting.values(KMeans, given))
    first_party.configured(order, model)
    teller = order.teller
    model.fit(order.batches("train", labels=0), context=first_party.narrated(teller, WORDS, model.epochs))
    if teller.rank:  # every host has found the same centres
        return
    for line in _shrunk(model):
        teller.say(line)
    model.save(order.folder)
    order.serving(NAME, feature_dim=int(model.centres_.shape[1]))
    if "test" not in order.channels:
        teller.say("Test data is not provided.")
        return
    for line in quality.lines("test", _tested(order, model, measures)):
        teller.say(line.replace("<score>", "<loss>"))


def _measures(raw: str) -> tuple[str, ...]:
    try:
        listed = json.loads(raw.replace("'", '"'))
    except ValueError:
        listed = None
    if not isinstance(listed, list) or any(each not in MEASURES for each in listed):
        raise ParameterError(
            f"Hyperparameter eval_metrics: '{raw[:60]}' is not valid under any of the given schemas",
            why="It is a list of msd and ssd",
            fix='Use ["msd"], ["ssd"] or ["msd", "ssd"]',
        )
    return tuple(listed)


def _shrunk(model: Any) -> list[str]:
    """Tell how the followed centres became those asked for."""
    factor = -(-model.followed_ // model.k)
    auto = [f"'extra_center_factor' was set to 'auto', evaluated to {factor}."]
    return [
        *(auto if model.extra_center_factor is None else []),
        f"shrinking {model.followed_} centers into {model.k}",
        *(f"local kmeans attempt #{i}. Current mean square distance {x:f}" for i, x in enumerate(model.attempts_)),
        f"finished shrinking process. Mean Square Distance = {min(model.attempts_):f}",
        f"#quality_metric: host=algo-1, train msd <loss>={model.msd_}",
    ]


def _tested(order: Order, model: Any, measures: tuple[str, ...]) -> dict[str, float]:
    ssd, n = 0.0, 0
    for block in order.batches("test", labels=0, width=int(model.centres_.shape[1])):
        gap = model.predict(block)["distance_to_cluster"]
        ssd, n = ssd + float(np.square(gap).sum()), n + len(gap)
    found = {"msd": ssd / max(n, 1), "ssd": ssd}
    return {name: found[name] for name in measures}
