"""Factorization machines as their container trains them: recordIO-protobuf only, lines of batches and of each epoch.

A batch's line comes every ``batch_metrics_publish_interval``, 500 if it is not given, counted from the first.
Several hosts share a fit: gradients of their rows are summed batch by batch. ``test`` is measured by the first host.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tarragon.algorithms import build, get
from tarragon.errors import DataError
from tarragon.train.builtin import first_party, quality, setting
from tarragon.train.builtin.setting import choice, count
from tarragon.train.builtin.teller import Order, Pass, Teller

SHARED = True
NAME, WORDS = "factorization-machines", "factorization-machines"
RECORDS = ("application/x-recordio-protobuf", "recordio-protobuf")
MAGIC = b"\x0a\x23\xd7\xce"
KINDS = {
    "rmse": "loss", "mse": "loss", "absolute_loss": "loss", "binary_classification_cross_entropy": "loss",
    "binary_classification_accuracy": "score", "binary_f_1.000": "score",
}  # fmt: skip
SPELLED = {"binary_f_1.000": "binary_f_beta"}
METRICS = (
    *(
        pair
        for name, kind in KINDS.items()
        for pair in (
            (
                f"train:{SPELLED.get(name, name)}:batch",
                quality.HOST + rf"epoch=\S+, batch=\S+ train {name} <{kind}>=(\S+)",
            ),
            (f"train:{SPELLED.get(name, name)}:epoch", quality.HOST + rf"epoch=\S+, train {name} <{kind}>=(\S+)"),
        )
    ),
    *(
        (f"test:{SPELLED.get(name, name)}", quality.HOST + rf"test {name} <{kind}>=(\S+)")
        for name, kind in KINDS.items()
    ),
    *(pair for pair in quality.METRICS if pair[0] in ("train:progress", "train:throughput")),
)


def train(order: Order) -> None:
    """Train and save; measure the test channel. Raises ``ParameterError`` or ``DataError``."""
    Machines: Any = get(NAME)
    hidden = {"_optimizer": choice("adam"), "batch_metrics_publish_interval": count()}
    given = setting.read(order.hyperparameters, {**setting.declarations(Machines), **hidden}, {})
    model = build(Machines, setting.values(Machines, given))
    model.publish = given.get("batch_metrics_publish_interval", model.publish)
    first_party.configured(order, model)
    teller = order.teller
    _records(order, "train")
    rows = first_party.opened(order, "train", n_classes=model.n_classes, width=model.feature_dim)
    model.fit(rows, context=_told(teller, model))
    if teller.rank:  # every host has found the same model
        return
    model.save(order.folder)
    order.serving(NAME, predictor_type=model.predictor_type, feature_dim=model.feature_dim)
    if "test" in order.channels:
        for name, value in _tested(order, model).items():
            teller.say(f"#test_score (algo-1) : ('{name}', {value})")
            teller.say(f"#quality_metric: host=algo-1, test {name} <{KINDS[name]}>={value}")


def _records(order: Order, name: str) -> None:
    """Refuse what is not recordIO-protobuf. Raises ``DataError``."""
    channel = order.channel(name)
    kind = channel.content_type.partition(";")[0].strip().lower()
    if not kind:  # then the files say what they are; a pipe cannot be looked into twice
        first = next((path for path in order.files(name) if path.is_file() and path.stat().st_size), None)
        if first is None:
            return
        with first.open("rb") as file:
            kind = RECORDS[0] if file.read(4) == MAGIC else "text/csv"
    if kind not in RECORDS:
        raise DataError(
            f'The channel "{name}" is {kind}, which factorization machines do not read',
            why="Their rows are sparse, and CSV has a cell for every column",
            fix=f"Write it as {RECORDS[0]}, numbers of float32",
        )


def _told(teller: Teller, model: Any) -> Teller:
    """Return a context that says the lines of each epoch: those of its batches, its own, structured ones."""

    def told(done: Pass) -> None:
        say = teller.say
        for epoch, batch, measures in model.batches_:
            if epoch == done.n:
                for line in lines(f"epoch={epoch - 1}, batch={batch} train", measures):
                    say(line)
        own = {name.partition(":")[2]: value for name, value in done.metrics.items()}
        for line in lines(f"epoch={done.n - 1}, train", own):
            say(line)
        say(f"#progress_metric: host=algo-1, completed {100 * done.n / max(model.epochs, done.n):g} %")
        say(f"#metrics {json.dumps(first_party.structured(WORDS, done))}")
        rate = done.records / max(done.seconds, 1e-9)
        say(f"#throughput_metric: host=algo-1, train throughput={rate} records/second")

    return replace(teller, round=told)


def lines(place: str, measures: Mapping[str, float]) -> list[str]:
    """Write measures as log lines.

    Examples
    --------
    >>> lines("epoch=0, train", {"rmse": 0.5})
    ['#quality_metric: host=algo-1, epoch=0, train rmse <loss>=0.5']
    """
    return [f"#quality_metric: host=algo-1, {place} {name} <{KINDS[name]}>={value}" for name, value in measures.items()]


def _tested(order: Order, model: Any) -> dict[str, float]:
    _records(order, "test")
    rows = first_party.opened(order, "test", n_classes=model.n_classes, width=model.feature_dim)
    return dict(model.measured(rows))
