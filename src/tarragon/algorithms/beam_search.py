"""The likeliest sentences, found by keeping the best few beginnings; imports torch, and is imported late.

All sentences and all their beginnings walk side by side. Beginnings are compared by log probability per word, so that
short ones have no advantage (Wu et al. 2016, with exponent 1); one that is finished waits, and the walk ends when the
best of every sentence is.
"""

from typing import Any, NamedTuple

import torch

PAD, BEGIN, END = 0, 2, 3
NEVER = -1e30


class Found(NamedTuple):
    """Words (n, t), 0 after a sentence's end; their log probability per word (n,); attention (n, t, s)."""

    words: Any
    score: Any
    attention: Any


def search(net: Any, source: Any, beams: int, most: int) -> Found:
    """Translate.

    Parameters
    ----------
    net : Translator
    source : tensor of shape (n, s)
    beams : int
        Beginnings kept per sentence.
    most : int
        Words of a translation.
    """
    n, s = source.shape
    memory = net.encode(source)
    state = net.decoder.start(memory)
    each = torch.arange(n).repeat_interleave(beams)
    memory = type(memory)(*(part[each] for part in memory))
    state = net.decoder.picked(state, each)
    words = torch.full((n * beams, 1), BEGIN)
    attention = torch.zeros(n * beams, 0, s)
    total = torch.full((n, beams), NEVER)
    total[:, 0] = 0.0  # all beginnings are alike at first: one is enough
    done, length = torch.zeros(n, beams, dtype=torch.bool), torch.zeros(n, beams)
    base = torch.arange(n)[:, None] * beams
    for _ in range(most):
        logits, weights, state = net.decode(words[:, -1:], memory, state)
        log = torch.log_softmax(logits[:, 0], dim=-1).view(n, beams, -1)
        log[..., PAD] = log[..., BEGIN] = NEVER
        log = torch.where(done[..., None], torch.full_like(log, NEVER), log)
        log[..., PAD] = torch.where(done, torch.zeros_like(total), log[..., PAD])
        v = log.shape[-1]
        sums = (total[..., None] + log).view(n, -1)
        lengths = (length + (~done).float())[..., None].expand(n, beams, v).reshape(n, -1)
        _, best = (sums / lengths.clamp_min(1.0)).topk(beams, dim=1)
        rows = (base + best // v).view(-1)
        word = (best % v).view(-1)
        total, length = sums.gather(1, best), lengths.gather(1, best)
        done = done.view(-1)[rows].view(n, beams) | (word.view(n, beams) == END)
        words = torch.cat([words[rows], word[:, None]], dim=1)
        attention = torch.cat([attention[rows], weights[rows, -1:]], dim=1)
        state = net.decoder.picked(state, rows)
        if done[:, 0].all():
            break
    first = torch.arange(n) * beams
    kept = words[first, 1:]
    return Found(
        torch.where(kept == END, torch.zeros_like(kept), kept), (total / length.clamp_min(1.0))[:, 0], attention[first]
    )
