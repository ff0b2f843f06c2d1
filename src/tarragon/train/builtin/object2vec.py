"""Object2Vec as its container trains it: pairs in JSON Lines, given token vectors, losses and accuracy by channel."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms import build, get
from tarragon.data import LabelledPairs, read_pair_lines, read_vectors
from tarragon.errors import DataError, ParameterError
from tarragon.train.builtin import first_party, quality, setting
from tarragon.train.builtin.teller import Order

KINDS = (("accuracy", "score"), ("cross_entropy", "loss"), ("mean_squared_error", "loss"))
METRICS = (
    *(
        (f"{channel}:{name}", quality.HOST + rf"epoch=\S+, {channel} {name} <{kind}>=(\S+)")
        for channel in ("train", "validation")
        for name, kind in KINDS
    ),
    *((f"test:{name}", quality.HOST + rf"test {name} <{kind}>=(\S+)") for name, kind in KINDS),
)
CONTENT_TYPES = ("", "application/jsonlines", "application/x-jsonlines")


def train(order: Order) -> None:
    """Train, save and score the test channel. Raises ``ParameterError`` or ``DataError``."""
    Object2Vec: Any = get("object2vec")
    given = setting.read(order.hyperparameters, setting.declarations(Object2Vec), {})
    model = build(Object2Vec, setting.values(Object2Vec, given))
    first_party.configured(order, model)
    model.tables = _tables(order, model)
    pairs = _pairs(order, "train")
    held = _pairs(order, "validation") if "validation" in order.channels else None
    test = _pairs(order, "test") if "test" in order.channels else None
    told = first_party.narrated(order.teller, "AWS/Object2Vec", model.epochs)
    model.fit(pairs, valid=held, context=replace(told, seed=0))
    model.save(order.folder)
    order.serving("object2vec", output_layer=model.output_layer)
    if test is not None:
        kinds = dict(KINDS)
        for name, value in model.measured(test).items():
            order.teller.say(f"#quality_metric: host=algo-1, test {name} <{kinds[name]}>={value}")


def _pairs(order: Order, name: str) -> LabelledPairs:
    content_type = order.channel(name).content_type.partition(";")[0].strip().lower()
    if content_type not in CONTENT_TYPES:
        raise DataError(
            f"The channel {name} cannot be read",
            why=f"Its content type is {content_type}",
            fix=f"Use {CONTENT_TYPES[1]}",
        )
    return read_pair_lines(order.files(name))


def _tables(order: Order, model: Any) -> dict[int, NDArray[np.float32]]:
    """Read given token vectors, (vocabulary, width) by encoder; rows of tokens without one are zeros."""
    found = {}
    for side in (0, 1):
        vectors, vocabulary = (
            getattr(model, f"enc{side}_{name}") for name in ("pretrained_embedding_file", "vocab_file")
        )
        if not vectors:
            continue
        if not vocabulary:
            raise ParameterError(
                f"'enc{side}_vocab_file' is a required property",
                why=f"enc{side}_pretrained_embedding_file is {vectors}",
                fix="Name the file that maps tokens to numbers",
            )
        encoder = model.recipe().encoders[side]
        numbers = _numbers(_file(order, vocabulary), encoder.words)
        known = read_vectors(_file(order, vectors), numbers)
        if not known:
            raise DataError(
                f"{vectors} has no vector for any token", why="The tokens differ", fix=f"Check {vocabulary}"
            )
        table = np.zeros((encoder.words, len(next(iter(known.values())))), np.float32)
        for token, vector in known.items():
            table[numbers[token]] = vector
        found[side] = table
    return found


def _file(order: Order, name: str) -> Path:
    """Find a file of the auxiliary channel by its name."""
    for path in order.files("auxiliary"):
        if path.name == name:
            return path
    raise DataError(f"The auxiliary channel has no file {name}", why="A hyperparameter names it", fix="Upload it there")


def _numbers(path: Path, words: int) -> dict[str, int]:
    """Read a JSON object of token numbers by token, all below ``words``."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        numbers = {str(token): int(number) for token, number in found.items()}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path.name} cannot be read", why=str(error)[:200], fix='Write {"word": 1, …}') from error
    wrong = next((token for token, number in numbers.items() if not 0 <= number < words), None)
    if wrong is not None:
        raise DataError(
            f"{path.name} gives {wrong[:40]!r} the number {numbers[wrong]}",
            why=f"vocab_size is {words}",
            fix="Raise it",
        )
    return numbers
