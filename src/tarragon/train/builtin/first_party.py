"""The lines that SageMaker's first-party algorithms share: configuration, quality, progress, throughput.

Source: logs of real training jobs in public repositories (see the shape of each line at ``quality``).
"""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tarragon.algorithms import chosen, declared
from tarragon.data import Batches, Data, Tabular
from tarragon.train.builtin.quality import epoch_lines
from tarragon.train.builtin.teller import Order, Pass, Teller

PLACE = "/opt/amazon/lib/python3.7/site-packages/algorithm/resources/default-input.json"
KEPT_BYTES = 64 << 20  # of a channel's numbers
LONG = 4  # times the bytes of numbers, written as text
GIVEN = "/opt/ml/input/config/hyperparameters.json"


def configured(order: Order, model: object) -> None:
    """Say what is set by default, what was given, and what holds."""
    known = declared(type(model))
    defaults = {h.wire: _word(h.default) for h in known if not h.required}
    given = dict(order.hyperparameters)
    holds = {h.wire: _word(value) for h, value in zip(known, chosen(model).values(), strict=True)}
    say = order.teller.say
    say(f"Reading default configuration from {PLACE}: {json.dumps(defaults)}")
    say(f"Merging with provided configuration from {GIVEN}: {json.dumps(given)}")
    say(f"Final configuration: {json.dumps({**given, **holds})}")


def _word(value: object) -> str:
    return "auto" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def opened(order: Order, name: str, *, n_classes: int = 0, width: int | None = None) -> Data:
    """Open a labelled channel for a method that reads it more than once.

    What is small is kept, one block as a table; what is large is read anew in each pass.

    Raises
    ------
    DataError
        The channel is missing, empty, or cannot be read.
    """
    source = order.batches(name, width=width, n_classes=n_classes)
    written = sum(path.stat().st_size for path in order.files(name))
    if written > KEPT_BYTES * (1 if "recordio" in order.channel(name).content_type else LONG):
        return source  # it cannot be small: nothing is kept in vain
    kept: list[Tabular] = []
    size = 0
    for block in source:
        kept.append(block)
        size += block.X.nbytes if isinstance(block.X, np.ndarray) else block.X.data.nbytes + block.X.indices.nbytes
        if size > KEPT_BYTES:
            return source
    if len(kept) == 1:
        return kept[0]
    return Batches(lambda: iter(kept), source.n_features, n_classes)


def narrated(teller: Teller, algorithm: str, epochs: int) -> Teller:
    """Return a context that says each epoch's lines.

    Parameters
    ----------
    teller : Teller
    algorithm : str
        As the container names itself in its structured lines: "AWS/KMeansWebscale".
    epochs : int
        How many are planned, for the share that is done.
    """

    def told(done: Pass) -> None:
        for line in epoch_lines(done.n - 1, done.metrics):
            teller.say(line)
        teller.say(f"#progress_metric: host=algo-1, completed {100 * done.n / max(epochs, done.n):g} % of epochs")
        teller.say(f"#metrics {json.dumps(structured(algorithm, done))}")
        rate = done.records / max(done.seconds, 1e-9)
        teller.say(f"#throughput_metric: host=algo-1, train throughput={rate} records/second")

    return replace(teller, round=told)


def structured(algorithm: str, done: Pass) -> Mapping[str, Any]:
    """Lay an epoch out as the containers' own JSON does: sums, counts and extremes of what was measured."""
    now = time.time()

    def one(value: float) -> dict[str, float]:
        return {"sum": value, "count": 1, "min": value, "max": value}

    size = done.records / max(done.steps, 1)
    counted = {
        "Total Records Seen": done.records * done.n,
        "Number of Records Since Last Reset": done.records,
        "Number of Batches Since Last Reset": done.steps,
        "Mean Batch Size": size,
    }
    return {
        "StartTime": now - done.seconds,
        "EndTime": now,
        "Dimensions": {"Algorithm": algorithm, "Host": "algo-1", "Operation": "training", "epoch": str(done.n - 1)},
        "Metrics": {name: one(value) for name, value in {**counted, **done.metrics}.items()},
    }
