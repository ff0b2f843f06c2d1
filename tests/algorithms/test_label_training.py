"""Answers do not depend on how a text is cut, and a classifier can be asked about nothing."""

import numpy as np

from tarragon.algorithms import label_training
from tarragon.algorithms.blazingtext import BlazingText
from tarragon.algorithms.label_training import Classifier
from tarragon.data import Lines

from .texts import labelled, plain


def made() -> BlazingText:
    model = BlazingText(mode="supervised", vector_dim=4, buckets=300, epochs=3, min_count=1, learning_rate=0.5)
    return model.fit(Lines.of(labelled(80)))


def test_a_line_is_answered_alone_as_among_others(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    model, texts = made(), plain(40, seed=1)
    together = model.predict(Lines.of(texts))["probability"]
    alone = np.concatenate([model.predict(Lines.of([text]))["probability"] for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    whole = model.accuracy(Lines.of(labelled(80)))
    monkeypatch.setattr(label_training, "ANSWER_BYTES", 50)
    assert model.accuracy(Lines.of(labelled(80))) == whole


def test_nothing_is_answered_by_nothing() -> None:
    asked = made().asked()
    assert isinstance(asked, Classifier)
    assert asked.answer(b"")[0].shape == (0, 4)
    assert asked.accuracy(Lines.of([])) == (0.0, 0)
    assert asked.accuracy(Lines.of(plain(3))) == (0.0, 0)
