"""Text classification as the model hub's TensorFlow script trains it: a channel of CSV, Keras' words in the log.

The channel ``model`` may hold a former model (training goes on from it), or a checkpoint of the transformers library
(it is tuned). What the hub itself puts there is a TensorFlow model: it is not read, and a warning says so.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tarragon.algorithms import build, get
from tarragon.data import Texts, read_texts
from tarragon.errors import DataError, ParameterError
from tarragon.train.builtin import first_party, setting
from tarragon.train.builtin.teller import SIDECAR, Order, Pass

METRICS = (("validation:accuracy", r"val_accuracy=([0-9\.]+)"),)
CHANNELS = ("training", "train")
ALIASES = {"eps": "epsilon"}
TYPES = ("text/csv", "csv", "application/x-text", "text/plain", "application/x-sagemaker-model")


def train(order: Order) -> None:
    """Train and save. Raises ``ParameterError`` or ``DataError``."""
    Classification: Any = get("text-classification")
    given = setting.read(order.hyperparameters, setting.declarations(Classification), ALIASES)
    model = build(Classification, setting.values(Classification, given))
    data, valid = _texts(order, model.validation_split_ratio)
    first_party.configured(order, model)
    teller = order.teller

    def told(done: Pass) -> None:
        m = done.metrics
        teller.say(f"Epoch {done.n}/{model.epochs}")
        words = f"{done.steps}/{done.steps} - {done.seconds:.0f}s - loss: {m['train:loss']:.4f}"
        words += f" - accuracy: {m['train:accuracy']:.4f}"
        if "validation:accuracy" in m:
            words += f" - val_loss: {m['validation:loss']:.4f} - val_accuracy: {m['validation:accuracy']:.4f}"
        teller.say(words)
        if "validation:accuracy" in m:
            teller.say(f"val_accuracy={m['validation:accuracy']:.4f}")

    with order.previous() as former:
        _begin(order, model, Classification, former)
        model.fit(data, valid=valid, context=replace(teller, round=told))
    model.save(order.folder)
    order.serving("text-classification", labels=list(range(data.n_classes)))
    teller.say(f"The weights are those of epoch {model.epoch_}")


def _texts(order: Order, ratio: float) -> tuple[Texts, Texts | None]:
    """Read the texts to learn from and those to judge on."""
    name = next((each for each in CHANNELS if each in order.channels), CHANNELS[0])
    data = _channel(order, name, 0)
    if "validation" in order.channels:
        return data, _channel(order, "validation", data.n_classes)
    n = len(data)
    held = round(ratio * n)
    if held >= n:
        raise ParameterError(
            f"validation_split_ratio={ratio:g} leaves nothing to learn from", why=f"Of {n} texts", fix="Give less"
        )
    if not held:
        return data, None
    drawn = np.random.default_rng(0).permutation(n)
    return data.rows(np.sort(drawn[held:])), data.rows(np.sort(drawn[:held]))


def _channel(order: Order, name: str, classes: int) -> Texts:
    channel = order.channel(name)
    kind = channel.content_type.partition(";")[0].strip().lower()
    if kind and kind not in TYPES:
        raise DataError(f"The channel {name} has content type {kind}", why="Texts are CSV here", fix="Use text/csv")
    return read_texts((channel.folder, *channel.others), n_classes=classes)


def _begin(order: Order, model: Any, kind: Any, former: Path | None) -> None:
    """Say from what training begins, by what lies in the channel ``model``."""
    say = order.teller.say
    if former is not None and (former / SIDECAR).is_file():
        model.start = kind.load(former)
        say("Training goes on from the model in the channel model")
    elif former is not None and (place := _checkpoint(former)) is not None:
        model.pretrained = place
        say("Tuning the checkpoint in the channel model")
    else:
        what = "no published encoder that can be read" if former is not None else "no published encoder"
        say(
            f"WARNING: there is {what} in the channel model; a small one is trained from nothing, on these texts only."
            " Put a checkpoint of the transformers library (config.json, tokenizer, safetensors) there to tune it."
        )


def _checkpoint(folder: Path) -> Path | None:
    """Find a checkpoint's folder: one with config.json and the tokenizer beside it."""
    found = [p.parent for p in sorted(folder.rglob("config.json")) if list(p.parent.glob("tokenizer*"))]
    return found[0] if found else None
