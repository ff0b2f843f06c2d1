"""Batches hold every pair once and are alike in length; schedules halve the rate when they say."""

import numpy as np
import pytest

from tarragon.algorithms.protocol import Standalone

from .test_beam_search import made

torch = pytest.importorskip("torch")


def test_buckets_hold_every_pair_once() -> None:
    from tarragon.algorithms.seq2seq_training import Pairs, buckets

    rng = np.random.default_rng(0)
    sentences = tuple(np.full(n, 4) for n in rng.integers(1, 40, 103))
    pairs = Pairs(sentences, sentences)
    for width in (0, 10):
        parts = buckets(pairs, 16, width, np.random.default_rng(1))
        assert sorted(np.concatenate(parts).tolist()) == list(range(103))
        spans = [np.ptp([len(sentences[i]) for i in part]) for part in parts]
        assert (np.mean(spans) < 20) == bool(width)


def test_padding_and_ends() -> None:
    from tarragon.algorithms.seq2seq_training import padded

    assert padded([np.array([4, 5]), np.array([6])]).tolist() == [[4, 5, 3], [6, 3, 0]]


@pytest.mark.parametrize(("schedule", "expected"), [("fixed_rate_inv_t", 0.5), ("fixed_rate_inv_sqrt_t", 0.5)])
def test_fixed_schedules_halve_in_their_half_life(schedule: str, expected: float) -> None:
    from tarragon.algorithms.seq2seq_training import Pairs, Settings, Trainer

    _, plan = made()
    pairs = Pairs((np.array([4]),), (np.array([5]),))
    settings = Settings(
        2, 10, "adam", 1.0, 0.0, 0.0, 1.0, schedule, 0.5, 3, 10, "perplexity", 1, 1, -1, 1, 0, 2, 0
    )  # fmt: skip
    trainer = Trainer(plan, settings, pairs, None, Standalone())
    assert trainer._rate() == 1.0
    trainer.checkpoints = 10
    assert trainer._rate() == pytest.approx(expected)


def test_measures() -> None:
    from tarragon.algorithms.seq2seq_training import measured

    found = measured(np.array([10 * np.log(3.0), 4, 10]))
    assert found == {"perplexity": pytest.approx(3.0), "accuracy": 0.4}
