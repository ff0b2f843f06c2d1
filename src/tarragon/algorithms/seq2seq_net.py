"""Encoders, decoders and attention of Seq2Seq; imports torch, and is imported late.

Everything between two words of a target that does not depend on the answer so far is computed for all words at once:
the attention of the recurrent decoder asks with its first layer's output, and what it found goes to the layers above
and to the output, not back into the first layer.

Notation: b sentences, s source words, t target words, v words of the target's vocabulary, d columns.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from tarragon.algorithms.seq2seq_plan import Plan

Tensor = Any
FAR = -1e9  # the logit of a place that may not be looked at


class Memory(NamedTuple):
    """What an encoder leaves: outputs (b, s, d), which places are words (b, s), a summary (b, d)."""

    outputs: Tensor
    there: Tensor
    summary: Tensor


def activated(kind: str, x: Tensor) -> Tensor:
    """Apply an activation along the last axis; "glu" halves it."""
    if kind == "glu":
        return functional.glu(x, dim=-1)
    made = {"relu": torch.relu, "softrelu": functional.softplus, "sigmoid": torch.sigmoid, "tanh": torch.tanh}[kind]
    return made(x)


class Layer(nn.Module):  # type: ignore[misc]
    """One recurrent layer over (b, n, width), in one direction or both."""

    def __init__(self, kind: str, width: int, hidden: int, *, both: bool = False) -> None:
        super().__init__()
        made = nn.LSTM if kind == "lstm" else nn.GRU
        self.cells = made(width, hidden, batch_first=True, bidirectional=both)

    def forward(self, x: Tensor, lengths: Tensor | None = None, state: Any = None) -> tuple[Tensor, Any]:
        """Run it; lengths keep the backward direction from reading padding."""
        if lengths is None:
            found: tuple[Tensor, Any] = self.cells(x, state)
            return found
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        out, state = self.cells(packed)
        return nn.utils.rnn.pad_packed_sequence(out, batch_first=True, total_length=x.shape[1])[0], state


class RecurrentEncoder(nn.Module):  # type: ignore[misc]
    """A layer that reads both ways, then layers that read forwards (Bahdanau et al. 2015; Wu et al. 2016)."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan, self.width = plan, plan.hidden
        first = Layer(plan.cell, plan.embed_source, plan.hidden // 2, both=True)
        rest = (Layer(plan.cell, plan.hidden, plan.hidden) for _ in range(plan.layers_encoder - 1))
        self.layers = nn.ModuleList([first, *rest])

    def forward(self, x: Tensor, there: Tensor) -> Memory:
        """Encode embedded words (b, s, d)."""
        lengths = there.sum(dim=1).cpu()
        for n, layer in enumerate(self.layers):
            out, _ = layer(x, lengths)
            x = x + out if n and self.plan.residual_from and n + 1 >= self.plan.residual_from else out
        half = self.width // 2
        last = x[torch.arange(len(x)), lengths - 1]
        summary = torch.cat([last[:, :half], x[:, 0, half:]], dim=1) if len(self.layers) == 1 else last
        return Memory(x, there, summary)


class Convolution(nn.Module):  # type: ignore[misc]
    """One block: convolution, activation, residual, scaled to keep the variance (Gehring et al. 2017)."""

    def __init__(self, plan: Plan, kernel: int) -> None:
        super().__init__()
        self.plan, self.kernel = plan, kernel
        self.convolve = nn.Conv1d(plan.convolved, plan.convolved * (2 if plan.activation == "glu" else 1), kernel)

    def forward(self, x: Tensor, before: int) -> Tensor:
        """Convolve (b, n, d), with so many zeros before and the rest after."""
        padded = functional.pad(x.transpose(1, 2), (before, self.kernel - 1 - before))
        return activated(self.plan.activation, self.convolve(padded).transpose(1, 2))


class ConvolvedEncoder(nn.Module):  # type: ignore[misc]
    """Blocks of convolutions over words and their places."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan, self.width = plan, plan.convolved
        self.places = nn.Embedding(plan.longest_source + 1, plan.embed_source)
        self.enter = nn.Linear(plan.embed_source, plan.convolved)
        blocks = (Convolution(plan, plan.kernel_encoder) for _ in range(plan.layers_encoder))
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor, there: Tensor) -> Memory:
        """Encode embedded words (b, s, d)."""
        n = torch.arange(x.shape[1], device=x.device).clamp_max(self.places.num_embeddings - 1)
        x = self.enter(x + self.places(n))
        kept = there[:, :, None].to(x.dtype)
        for block in self.blocks:
            inner = functional.dropout(x * kept, self.plan.dropout_convolved, self.training)
            x = (block(inner, (self.plan.kernel_encoder - 1) // 2) + x) * math.sqrt(0.5)
        x = x * kept
        return Memory(x, there, x.sum(dim=1) / kept.sum(dim=1))


class Attention(nn.Module):  # type: ignore[misc]
    """Where to look in the source: dot, bilinear, mlp (Luong et al. 2015; Bahdanau et al. 2015), or always the end."""

    def __init__(self, kind: str, query: int, width: int, hidden: int) -> None:
        super().__init__()
        self.kind = kind
        if kind == "mlp":
            self.ask, self.tell = nn.Linear(query, hidden, bias=False), nn.Linear(width, hidden)
            self.score = nn.Linear(hidden, 1, bias=False)
        elif kind == "bilinear":
            self.ask = nn.Linear(query, width, bias=False)
        elif kind == "dot" and query != width:
            self.tell = nn.Linear(width, query, bias=False)

    def forward(self, query: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Look with (b, t, d): what was found (b, t, width), and how much of each place (b, t, s)."""
        keys = memory.outputs
        if self.kind == "fixed":
            last = memory.there.sum(dim=1) - 1
            weights = functional.one_hot(last, keys.shape[1]).to(keys.dtype)[:, None, :].expand(-1, query.shape[1], -1)
            return memory.summary[:, None, :].expand(-1, query.shape[1], -1), weights
        if self.kind == "mlp":
            logits = self.score(torch.tanh(self.ask(query)[:, :, None] + self.tell(keys)[:, None])).squeeze(-1)
        elif self.kind == "bilinear":
            logits = self.ask(query) @ keys.transpose(1, 2)
        else:
            told = self.tell(keys) if hasattr(self, "tell") else keys
            logits = query @ told.transpose(1, 2) / math.sqrt(query.shape[-1])
        weights = torch.softmax(logits.masked_fill(~memory.there[:, None, :], FAR), dim=-1)
        return weights @ keys, weights


class RecurrentDecoder(nn.Module):  # type: ignore[misc]
    """Recurrent layers over the target so far, with attention after the first."""

    def __init__(self, plan: Plan, width: int) -> None:
        super().__init__()
        self.plan = plan
        more = width if plan.attend_upper else 0
        first = Layer(plan.cell, plan.embed_target, plan.hidden)
        rest = (Layer(plan.cell, plan.hidden + more, plan.hidden) for _ in range(plan.layers_decoder - 1))
        self.layers = nn.ModuleList([first, *rest])
        self.attention = Attention(plan.attention, plan.hidden, width, plan.attention_hidden)
        states = plan.layers_decoder * (2 if plan.cell == "lstm" else 1)
        self.begin = nn.Linear(width, plan.hidden * states) if plan.state_init != "zero" else None
        self.leave = nn.Linear(plan.hidden + width, plan.hidden)
        self.width = plan.hidden

    def start(self, memory: Memory) -> list[Any]:
        """Make the layers' first states from what was encoded."""
        b, hidden, layers = len(memory.summary), self.plan.hidden, len(self.layers)
        if self.begin is None:
            flat = memory.summary.new_zeros(b, hidden * layers * (2 if self.plan.cell == "lstm" else 1))
        else:
            summary = memory.summary
            if self.plan.state_init == "avg":
                kept = memory.there[:, :, None].to(memory.outputs.dtype)
                summary = (memory.outputs * kept).sum(dim=1) / kept.sum(dim=1)
            flat = torch.tanh(self.begin(summary))
        parts = flat.view(b, -1, hidden).transpose(0, 1).contiguous()
        if self.plan.cell == "gru":
            return [parts[n : n + 1] for n in range(layers)]
        return [(parts[2 * n : 2 * n + 1], parts[2 * n + 1 : 2 * n + 2]) for n in range(layers)]

    def picked(self, state: list[Any], rows: Tensor) -> list[Any]:
        """Take the states of some sentences."""
        if self.plan.cell == "gru":
            return [one[:, rows] for one in state]
        return [(h[:, rows], c[:, rows]) for h, c in state]

    def forward(self, x: Tensor, memory: Memory, state: list[Any]) -> tuple[Tensor, Tensor, list[Any]]:
        """Decode embedded words (b, t, d): (b, t, hidden), attention (b, t, s), the states after them."""
        h, first = self.layers[0](x, None, state[0])
        found, weights = self.attention(h, memory)
        after = [first]
        for n, layer in enumerate(self.layers[1:], 1):
            out, one = layer(torch.cat([h, found], dim=-1) if self.plan.attend_upper else h, None, state[n])
            h = h + out if self.plan.residual_from and n + 1 >= self.plan.residual_from else out
            after.append(one)
        made = torch.tanh(self.leave(torch.cat([h, found], dim=-1)))
        return functional.dropout(made, self.plan.dropout_decoder, self.training), weights, after


class ConvolvedDecoder(nn.Module):  # type: ignore[misc]
    """Blocks of convolutions that see earlier words only, each with attention (Gehring et al. 2017)."""

    def __init__(self, plan: Plan, width: int) -> None:
        super().__init__()
        self.plan, self.width = plan, plan.convolved
        self.places = nn.Embedding(plan.longest_target + 2, plan.embed_target)
        self.enter = nn.Linear(plan.embed_target, plan.convolved)
        blocks = (Convolution(plan, plan.kernel_decoder) for _ in range(plan.layers_decoder))
        self.blocks = nn.ModuleList(blocks)
        kind = "dot" if plan.attention == "mlp" else plan.attention  # every block looks: mlp would be too dear
        looks = (Attention(kind, plan.convolved, width, plan.attention_hidden) for _ in range(plan.layers_decoder))
        self.looks = nn.ModuleList(looks)
        self.found = nn.ModuleList([nn.Linear(width, plan.convolved) for _ in range(plan.layers_decoder)])

    def start(self, memory: Memory) -> list[Any]:
        """Begin with no words: the state is all embedded words so far."""
        return [memory.outputs.new_zeros(len(memory.outputs), 0, self.plan.embed_target)]

    def picked(self, state: list[Any], rows: Tensor) -> list[Any]:
        """Take the states of some sentences."""
        return [state[0][rows]]

    def forward(self, x: Tensor, memory: Memory, state: list[Any]) -> tuple[Tensor, Tensor, list[Any]]:
        """Decode embedded words (b, t, d) that follow those in the state."""
        whole = torch.cat([state[0], x], dim=1)
        n = torch.arange(whole.shape[1], device=x.device).clamp_max(self.places.num_embeddings - 1)
        h = self.enter(whole + self.places(n))
        weights = None
        for block, look, found in zip(self.blocks, self.looks, self.found, strict=True):
            inner = functional.dropout(h, self.plan.dropout_convolved, self.training)
            made = block(inner, self.plan.kernel_decoder - 1)
            seen, weights = look(made, memory)
            h = ((made + found(seen)) * math.sqrt(0.5) + h) * math.sqrt(0.5)
        assert weights is not None
        return h[:, -x.shape[1] :], weights[:, -x.shape[1] :], [whole]


class Translator(nn.Module):  # type: ignore[misc]
    """Embeddings, encoder, decoder, and the words' logits."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.source = nn.Embedding(plan.words_source, plan.embed_source)
        self.target = nn.Embedding(plan.words_target, plan.embed_target)
        self.encoder = RecurrentEncoder(plan) if plan.encoder == "rnn" else ConvolvedEncoder(plan)
        decoder = RecurrentDecoder if plan.decoder == "rnn" else ConvolvedDecoder
        self.decoder = decoder(plan, self.encoder.width)
        self.words = nn.Linear(self.decoder.width, plan.words_target)

    def encode(self, source: Tensor) -> Memory:
        """Encode numbered words, (b, s), 0 beyond their end."""
        there = source != 0
        embedded = functional.dropout(self.source(source), self.plan.dropout_source, self.training)
        memory: Memory = self.encoder(embedded, there)
        return memory

    def decode(self, words: Tensor, memory: Memory, state: list[Any]) -> tuple[Tensor, Tensor, list[Any]]:
        """Read target words (b, t) after a state: logits of the word after each (b, t, v), attention, the state."""
        embedded = functional.dropout(self.target(words), self.plan.dropout_target, self.training)
        h, weights, state = self.decoder(embedded, memory, state)
        return self.words(h), weights, state

    def forward(self, source: Tensor, words: Tensor) -> Tensor:
        """Logits of the word after each of the target's, (b, t, v)."""
        memory = self.encode(source)
        return self.decode(words, memory, self.decoder.start(memory))[0]


def initial(net: Any, plan: Plan, seed: int) -> None:
    """Draw the first weights: uniformly, within the scale or Xavier's bound; biases are 0, forget gates' 1."""
    dice = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, w in net.named_parameters():
            if w.ndim < 2:
                w.zero_()
                if plan.cell == "lstm" and "bias_ih" in name:
                    w[len(w) // 4 : len(w) // 2] = 1.0
                continue
            outer, inner = w.shape[0], w[0].numel()
            fan = {"in": inner, "out": outer, "avg": (inner + outer) / 2}[plan.factor]
            most = abs(plan.scale) if plan.init == "uniform" else math.sqrt(abs(plan.scale) / fan)
            w.uniform_(-most, most, generator=dice)
