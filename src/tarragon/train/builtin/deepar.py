"""DeepAR as its container trains it: JSON Lines or Parquet, its words in the log, scores of withheld ends."""

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from tarragon.algorithms import build, get
from tarragon.data import SeriesSet, read_series
from tarragon.errors import DataError
from tarragon.train.builtin import first_party, quality, setting
from tarragon.train.builtin.teller import Order, Teller

SHARED = True  # hosts add up their gradients
BATCHES = 5  # between two lines of batches, from the first on, as the container says them
METRICS = (
    ("test:RMSE", quality.HOST + r"test RMSE <loss>=(\S+)"),
    ("test:mean_wQuantileLoss", quality.HOST + r"test mean_wQuantileLoss <loss>=(\S+)"),
    ("train:final_loss", quality.HOST + r"train final_loss <loss>=(\S+)"),
    ("train:loss:batch", quality.HOST + r"epoch=\S+, batch=\S+ train loss <loss>=(\S+)"),
    ("train:loss", quality.HOST + r"epoch=\S+, train loss <loss>=(\S+)"),
    ("train:progress", r"#progress_metric: host=\S+, completed (\S+) %"),
    ("train:throughput", r"#throughput_metric: host=\S+, train throughput=(\S+) records/second"),
)


def train(order: Order) -> None:
    """Train, save, and score the test channel. Raises ``ParameterError`` or ``DataError``."""
    DeepAR: Any = get("deepar")
    given = setting.read(order.hyperparameters, setting.declarations(DeepAR), {})
    model = build(DeepAR, setting.values(DeepAR, given))
    first_party.configured(order, model)
    teller = order.teller
    data = _read(order, "train")
    _described(order, data)
    model.told = partial(_told, teller)
    model.fit(data, context=replace(first_party.narrated(teller, "AWS/DeepAR", model.epochs), threads=teller.threads))
    teller.say(f"Loading parameters from best epoch ({model.best_epoch_ - 1})")
    teller.say(f"Final loss: {model.loss_} (occurred at epoch {model.best_epoch_ - 1})")
    teller.say(f"#quality_metric: host=algo-1, train final_loss <loss>={model.loss_}")
    model.save(order.folder)
    order.serving("deepar")
    if "test" in order.channels and not teller.rank:
        _scored(order, model)


def _read(order: Order, name: str) -> SeriesSet:
    channel = order.channel(name)
    return read_series((channel.folder, *channel.others), channel.content_type)


def _told(teller: Teller, epoch: int, batch: int, mean: float) -> None:
    """Say an epoch's mean loss so far, every few batches."""
    if batch % BATCHES == 0:
        teller.say(f"Epoch[{epoch - 1}] Batch[{batch}] avg_epoch_loss={mean:.6f}")
        teller.say(f"#quality_metric: host=algo-1, epoch={epoch - 1}, batch={batch} train loss <loss>={mean}")


def _described(order: Order, data: SeriesSet) -> None:
    lengths = [len(s) for s in data]
    say = order.teller.say
    say(f"Training set statistics: number of time series: {len(data)}, number of observations: {sum(lengths)}")
    say(f"mean target length: {np.mean(lengths)}, longest: {max(lengths)}")


def _scored(order: Order, model: Any) -> None:
    began, say = time.monotonic(), order.teller.say
    try:
        rmse, weighted = model.evaluate(_read(order, "test"))
    except DataError as error:
        raise DataError(f"The channel test: {error.what}", why=error.why, fix=error.fix) from error
    mean = float(np.mean(list(weighted.values())))
    scores: Mapping[str, float] = {"RMSE": rmse, "mean_wQuantileLoss": mean}
    named = {**scores, **{f"wQuantileLoss[{level:g}]": value for level, value in weighted.items()}}
    say(f"The test channel was scored in {time.monotonic() - began:.3f} seconds")
    for name, value in named.items():
        say(f"#test_score (algo-1, {name}): {value}")
    for name, value in scores.items():
        say(f"#quality_metric: host=algo-1, test {name} <loss>={value}")
