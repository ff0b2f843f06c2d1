"""Targets: units, codes and probabilities of classes never seen."""

import json

import numpy as np
import pytest

from tarragon.algorithms.target import Target, shares
from tarragon.data import Tabular
from tarragon.errors import IntegrityError

X = np.zeros((4, 1), dtype=np.float32)


def test_values_are_standardised_with_weights_and_brought_back() -> None:
    data = Tabular(X, y=np.array([1.0, 3.0, 5.0, 100.0]), weight=np.array([1.0, 1.0, 1.0, 0.0]))
    target = Target.learn(data)
    assert (target.offset, target.unit) == (3.0, pytest.approx(np.std([1, 3, 5])))
    np.testing.assert_allclose(target.values(target.code(data.y))["score"], data.y)


def test_classes_never_seen_get_half_a_row() -> None:
    target = Target.learn(Tabular(X, y=np.array([1.0, 1.0, 3.0, 4.0]), n_classes=5))
    np.testing.assert_array_equal(target.code(np.array([1.0, 3.0, 4.0, 0.0])), [0, 1, 2, -1])
    p = target.answer(np.array([[0.0, 0.0, 50.0]]))["probability"]
    np.testing.assert_allclose(p[0], [0.1, 0.0, 0.1, 0.0, 0.8], atol=1e-9)


def test_one_score_tells_two_classes_apart() -> None:
    target = Target.learn(Tabular(X, y=np.array([0.0, 0.0, 2.0, 2.0]), n_classes=3))
    assert target.outputs == 1
    p = target.answer(np.array([[np.log(3.0)]]))["probability"][0]
    assert p[2] / p[0] == pytest.approx(3.0)
    assert p.sum() == pytest.approx(1.0)


def test_facts_are_read_back_and_bad_ones_refused() -> None:
    target = Target.learn(Tabular(X, y=np.array([0.0, 1.0, 2.0, 2.0]), n_classes=3))
    facts = json.loads(json.dumps(target.facts()))
    assert Target.read(facts).facts() == target.facts()
    for wrong in ({"classes": [2, 1]}, {"classes": [0, 3]}, {"classes": []}, {"unit": "x"}, {"n_classes": None}):
        with pytest.raises(IntegrityError):
            Target.read({**facts, **wrong})


def test_shares_sum_to_one() -> None:
    np.testing.assert_allclose(shares(Tabular(X, weight=np.array([1.0, 0.0, 2.0, 1.0]))), [0.25, 0.0, 0.5, 0.25])
