"""Beam search finds what trying every sentence finds."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from tarragon.algorithms.seq2seq_plan import Plan

torch = pytest.importorskip("torch")
MOST = 3


def made(**more: Any) -> tuple[Any, Plan]:
    from tarragon.algorithms.seq2seq_net import Translator

    settings = {
        "words_source": 8, "words_target": 7, "encoder": "rnn", "decoder": "rnn", "layers_encoder": 1,
        "layers_decoder": 1, "embed_source": 5, "embed_target": 5, "cell": "lstm", "hidden": 6, "convolved": 6,
        "kernel_encoder": 3, "kernel_decoder": 3, "activation": "glu", "attention": "mlp", "attention_hidden": 4,
        "attend_upper": True, "state_init": "last", "residual_from": 0, "dropout_source": 0.0, "dropout_target": 0.0,
        "dropout_decoder": 0.0, "dropout_convolved": 0.0, "longest_source": 9, "longest_target": 9, "init": "uniform",
        "scale": 1.0, "factor": "in",
    }  # fmt: skip
    plan = Plan(**{**settings, **more})
    torch.manual_seed(0)
    net = Translator(plan)
    with torch.no_grad():
        for w in net.parameters():
            w.uniform_(-1.5, 1.5)
    return net.eval(), plan


@pytest.mark.parametrize(
    ("encoder", "decoder", "cell"), [("rnn", "rnn", "lstm"), ("rnn", "rnn", "gru"), ("cnn", "cnn", "gru")]
)
def test_a_wide_beam_finds_the_best_of_all_sentences(encoder: str, decoder: str, cell: str) -> None:
    from tarragon.algorithms.beam_search import END, search

    net, _ = made(encoder=encoder, decoder=decoder, cell=cell)
    source = torch.tensor([[4, 5, 3, 0], [6, 7, 4, 3]])
    words = [1, 4, 5, 6]
    whole = [(*s, END) for n in range(MOST) for s in product(words, repeat=n)] + list(product(words, repeat=MOST))
    with torch.no_grad():
        found = search(net, source, 200, MOST)
        for n in range(2):
            best, likeliest = (), -np.inf
            for sentence in whole:
                given = torch.tensor([[2, *sentence[:-1]]])
                log = torch.log_softmax(net(source[n : n + 1], given)[0], dim=-1)
                score = float(log[range(len(sentence)), list(sentence)].mean())
                if score > likeliest:
                    best, likeliest = sentence, score
            assert [int(w) for w in found.words[n] if w] == [w for w in best if w != END]
            assert float(found.score[n]) == pytest.approx(likeliest, abs=1e-4)


def test_neighbours_do_not_matter() -> None:
    from tarragon.algorithms.beam_search import search

    net, _ = made()
    with torch.no_grad():
        one = search(net, torch.tensor([[4, 5, 3]]), 3, 6)
        two = search(net, torch.tensor([[4, 5, 3, 0, 0], [7, 7, 7, 7, 3]]), 3, 6)
    first = [int(w) for w in two.words[0] if w]
    assert [int(w) for w in one.words[0] if w] == first
    torch.testing.assert_close(two.attention[0, : len(first), 3:], torch.zeros(len(first), 2))
