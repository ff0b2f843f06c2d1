"""Seq2Seq as its container trains it: records of token numbers, vocabularies of their own channel, its measures.

What the container's log looks like was not found published: lines have the shape that first-party algorithms share.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from tarragon.algorithms import build, get
from tarragon.data import read_token_pairs, read_vocabulary
from tarragon.errors import DataError
from tarragon.train.builtin import first_party, quality, setting
from tarragon.train.builtin.teller import Order

MEASURES = (("perplexity", "loss"), ("accuracy", "score"), ("bleu", "score"))
METRICS = (
    *((f"validation:{name}", quality.HOST + rf"validation {name} <{kind}>=(\S+)") for name, kind in MEASURES),
    *(
        (f"{channel}:{name}:epoch", quality.HOST + rf"epoch=\S+, {channel} {name} <(?:loss|score)>=(\S+)")
        for channel in ("train", "validation")
        for name, _ in MEASURES[: 3 if channel == "validation" else 2]
    ),
    ("train:throughput", r"#throughput_metric: host=\S+, train throughput=(\S+) records/second"),
)
WORDS = (("src", "source"), ("trg", "target"))


def train(order: Order) -> None:
    """Train, say the kept checkpoint's measures, save. Raises ``ParameterError`` or ``DataError``."""
    Seq2Seq: Any = get("seq2seq")
    given = setting.read(order.hyperparameters, setting.declarations(Seq2Seq), {})
    model = build(Seq2Seq, setting.values(Seq2Seq, given))
    first_party.configured(order, model)
    teller = order.teller
    source, target = (read_vocabulary(path) for path in _vocabularies(order.files("vocab")))
    data, held = (
        read_token_pairs(_records(order.files(name), name), source, target) for name in ("train", "validation")
    )
    teller.say("Training on a processor: a GPU would be faster, and is asked for by the managed service only")
    teller.say(f"{len(data)} training pairs, {len(held)} validation pairs, {len(source)} and {len(target)} words")
    planned = model.max_num_epochs or 0
    context = replace(first_party.narrated(teller, "AWS/Seq2Seq", planned), threads=teller.threads)
    model.fit(data, valid=held, context=context)
    for name, kind in MEASURES:
        if name in model.measures_:
            teller.say(f"#quality_metric: host=algo-1, validation {name} <{kind}>={model.measures_[name]}")
    model.save(order.folder)
    order.serving("seq2seq")


def _records(paths: list[Path], channel: str) -> list[Path]:
    found = [path for path in paths if path.suffix != ".json"]
    if not found:
        raise DataError(
            f"The channel {channel} has no records",
            why=f"It holds {[p.name for p in paths]}",
            fix="Put a .rec file there",
        )
    return found


def _vocabularies(paths: list[Path]) -> list[Path]:
    """Find vocab.src.json and vocab.trg.json. Raises ``DataError``."""
    found = []
    for short, long in WORDS:
        fitting = [path for path in paths if path.suffix == ".json" and {short, long} & set(path.name.split("."))]
        if len(fitting) != 1:
            raise DataError(
                f"The channel vocab has no vocab.{short}.json",
                why=f"It holds {[p.name for p in paths][:5]}",
                fix="Put vocab.src.json and vocab.trg.json there",
            )
        found += fitting
    return found
