"""Neural topic model as its container trains it: losses by epoch, and topics in words where a vocabulary is given.

Lines of topics are written as the container's: how well a topic's words go together and how far they are its own, then
the words. Coherence is WETC where the auxiliary channel also holds a file of word vectors, NPMI in the training
documents otherwise.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from tarragon.algorithms import build, get
from tarragon.data import Batches, read_vectors, read_word_list
from tarragon.errors import DataError
from tarragon.train.builtin import first_party, quality, setting
from tarragon.train.builtin.teller import Order

SHARED = True
LOSSES = ("total_loss", "recons_loss", "kld_loss")
METRICS = (
    *((f"train:{name}", quality.HOST + rf"epoch=\S+, train {name} <loss>=(\S+)") for name in LOSSES),
    ("validation:total_loss", quality.HOST + r"epoch=\S+, validation total_loss <loss>=(\S+)"),
    ("test:total_loss", quality.HOST + r"test total_loss <loss>=(\S+)"),
)
VOCABULARY = "vocab.txt"
SHOWN = 20  # words of a topic in the log


def train(order: Order) -> None:
    """Train, save, score the test channel and show topics. Raises ``ParameterError`` or ``DataError``."""
    NTM: Any = get("ntm")
    given = setting.read(order.hyperparameters, setting.declarations(NTM, required=("feature_dim",)), {})
    model = build(NTM, setting.values(NTM, given))
    first_party.configured(order, model)
    words = _vocabulary(order, model.feature_dim)  # before the work: a bad file should not cost an hour
    corpus = order.batches("train", labels=0, width=model.feature_dim)
    held = _maybe(order, "validation", model.feature_dim)
    told = first_party.narrated(order.teller, "AWS/NTM", model.epochs)
    model.fit(corpus, valid=held, context=replace(told, seed=0))
    model.save(order.folder)
    if words:
        (order.folder / VOCABULARY).write_text("\n".join(words) + "\n", encoding="utf-8")
    order.serving("ntm", feature_dim=model.feature_dim, num_topics=model.num_topics)
    if order.teller.rank:
        return
    test = _maybe(order, "test", model.feature_dim)
    if test is not None:
        order.teller.say(f"#quality_metric: host=algo-1, test total_loss <loss>={model.loss(test)}")
    if words:
        for line in _topics(model, order, words, corpus):
            order.teller.say(line)


def _maybe(order: Order, name: str, width: int) -> Batches | None:
    return order.batches(name, labels=0, width=width) if name in order.channels else None


def _vocabulary(order: Order, words: int) -> tuple[str, ...]:
    if "auxiliary" not in order.channels:
        return ()
    path = next((path for path in order.files("auxiliary") if path.name == VOCABULARY), None)
    if path is None:
        raise DataError(
            "The auxiliary channel has no vocabulary", why=f"No file in it is named {VOCABULARY}", fix="Name it so"
        )
    found = read_word_list(path)
    if len(found) != words:
        raise DataError(
            f"{VOCABULARY} has {len(found)} words", why=f"feature_dim is {words}", fix="Give one line a column"
        )
    return found


def _topics(model: Any, order: Order, words: tuple[str, ...], corpus: Batches) -> list[str]:
    """Say each topic: its coherence, its uniqueness, its most likely words."""
    tops = model.top_words(SHOWN)
    vectors = _vectors(order, words)
    kind, coherent, unique = model.judged(corpus, vectors)
    found = [
        f"Topics from epoch:final (num_topics:{len(tops)}) [{kind} {coherent.mean():.2f}, tu {unique.mean():.2f}]:"
    ]
    for topic, c, u in zip(tops, coherent, unique, strict=True):
        found.append(f"[{c:.2f}, {u:.2f}] {' '.join(words[w] for w in topic)}")
    return found


def _vectors(order: Order, words: tuple[str, ...]) -> Any:
    """Read the auxiliary channel's word vectors, (V, d), zeros for words without one; None where it has none."""
    others = (path for path in order.files("auxiliary") if path.name != VOCABULARY)
    path = next((path for path in others if path.suffix in (".txt", ".vec")), None)
    if path is None:
        return None
    found = read_vectors(path, words)
    if not found:
        raise DataError(f"{path.name} has no vector for any word", why="The words differ", fix="Check the vocabulary")
    table = np.zeros((len(words), len(next(iter(found.values())))))
    for i, word in enumerate(words):
        if word in found:
            table[i] = found[word]
    return table
