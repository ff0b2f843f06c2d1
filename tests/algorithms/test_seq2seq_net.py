"""The network reads only what it may: no padding, no word that is still to be written."""

from typing import Any

import pytest

from .test_beam_search import made

torch = pytest.importorskip("torch")
KINDS = [
    {"encoder": e, "decoder": d, "attention": a, "layers_decoder": 2, "layers_encoder": 2}
    for e, d, a in (("rnn", "rnn", "mlp"), ("cnn", "cnn", "dot"), ("rnn", "cnn", "bilinear"), ("cnn", "rnn", "fixed"))
]


@pytest.mark.parametrize("more", KINDS, ids=lambda more: "-".join(map(str, more.values())))
def test_padding_and_later_words_do_not_matter(more: dict[str, Any]) -> None:
    net, _ = made(**more)
    source, target = torch.tensor([[4, 5, 6, 3]]), torch.tensor([[2, 4, 5, 6]])
    with torch.no_grad():
        whole = net(source, target)
        padded = net(torch.tensor([[4, 5, 6, 3, 0, 0], [7] * 6]), torch.cat([target, target]))[:1]
        torch.testing.assert_close(padded, whole, atol=1e-5, rtol=1e-4)
        other = net(source, torch.tensor([[2, 4, 1, 1]]))
        torch.testing.assert_close(other[:, :2], whole[:, :2])


@pytest.mark.parametrize("more", KINDS, ids=lambda more: "-".join(map(str, more.values())))
def test_word_by_word_is_all_at_once(more: dict[str, Any]) -> None:
    net, _ = made(**more)
    source, target = torch.tensor([[4, 5, 6, 3]]), torch.tensor([[2, 4, 5]])
    with torch.no_grad():
        memory = net.encode(source)
        state = net.decoder.start(memory)
        parts = []
        for word in target[0]:
            logits, weights, state = net.decode(word.view(1, 1), memory, state)
            parts.append(logits)
            assert float(weights.sum()) == pytest.approx(1.0, abs=1e-5)
        torch.testing.assert_close(torch.cat(parts, dim=1), net(source, target), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["glu", "relu", "softrelu", "sigmoid", "tanh"])
def test_activations(kind: str) -> None:
    from tarragon.algorithms.seq2seq_net import activated

    assert activated(kind, torch.randn(2, 6)).shape == (2, 3 if kind == "glu" else 6)


@pytest.mark.parametrize(
    ("init", "factor", "most"), [("uniform", "in", 0.5), ("xavier", "in", 0.3), ("xavier", "avg", 0.32)]
)
def test_first_weights_lie_within_their_bound(init: str, factor: str, most: float) -> None:
    from tarragon.algorithms.seq2seq_net import initial

    net, plan = made(init=init, factor=factor, scale=0.5)
    initial(net, plan, 3)
    w = net.words.weight
    bound = {"uniform": 0.5, "in": (0.5 / 6) ** 0.5, "avg": (0.5 / 6.5) ** 0.5}[init if init == "uniform" else factor]
    assert 0.8 * bound < float(w.detach().abs().max()) <= bound <= most
    bias = net.decoder.layers[0].cells.bias_ih_l0
    assert bias[6:12].tolist() == [1.0] * 6
    assert float(bias[:6].detach().abs().max()) == 0.0
