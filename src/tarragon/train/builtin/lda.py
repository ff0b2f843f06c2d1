"""Latent Dirichlet allocation as its container trains it: one host, the whole corpus at once, scored per word."""

from dataclasses import replace
from typing import Any

from tarragon.algorithms import build, get
from tarragon.data import Tabular
from tarragon.train.builtin import first_party, quality, setting
from tarragon.train.builtin.teller import Order

METRICS = (("test:pwll", quality.HOST + r"test pwll <score>=(\S+)"),)


def train(order: Order) -> None:
    """Train, save, and score the test channel. Raises ``ParameterError`` or ``DataError``."""
    LDA: Any = get("lda")
    wires = setting.declarations(LDA, required=("feature_dim", "mini_batch_size"))
    given = setting.read(order.hyperparameters, wires, {})
    model = build(LDA, setting.values(LDA, given))
    first_party.configured(order, model)
    teller = order.teller
    corpus = Tabular(order.rows("train", labels=0).X)
    model.fit(corpus, context=replace(teller, threads=teller.threads_for(corpus)))
    told = first_party.narrated(teller, "AWS/Lda", 1)
    told.epoch(1, steps=1, records=corpus.n_rows, metrics={})
    model.save(order.folder)
    order.serving("lda", feature_dim=model.feature_dim, num_topics=model.num_topics)
    if "test" in order.channels:
        pwll = model.pwll(Tabular(order.rows("test", labels=0).X))
        teller.say(f"#quality_metric: host=algo-1, test pwll <score>={pwll}")
