"""Text classification beside a plain torch script of the same size, trained by the same steps on the same texts."""

import csv
import gzip
import io
import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from benchmarks.algorithms import SHARED, Line, Measured, timed

from tarragon.algorithms import Standalone, get
from tarragon.data import Texts

BAR = "as right as a plain torch script of the same size"
SETS = ("ag_news_7600", "sms_spam")
EPOCHS, BATCH, RATE, WIDTH, HEADS, LENGTH = 5, 32, 1e-3, 64, 4, 128
NOISE = 0.01  # of an accuracy


def measure(seed: int, threads: int) -> list[Measured]:
    """Measure both sets."""
    found = []
    for name in SETS:
        train, test = splits(name)
        kind: Any = get("text-classification")
        model = kind(epochs=EPOCHS, batch_size=BATCH, learning_rate=RATE)
        context = Standalone(seed=seed, threads=threads)
        seconds, _ = timed(lambda: model.fit(train, context=context))  # noqa: B023 - called at once
        quality = float((model.predict(test)["probability"].argmax(1) == test.y).mean())
        peer_seconds, peer = timed(lambda: script(train, test, seed, threads))  # noqa: B023 - called at once
        found.append(Measured(name, "accuracy", seconds, quality, "plain torch", peer_seconds, peer))
    return found


def met(lines: Mapping[str, Line]) -> bool:
    """Whether each case is as good."""
    return all(line.quality >= line.peer_quality - NOISE for line in lines.values())


def splits(name: str) -> tuple[Texts, Texts]:
    """Read a shared text set."""
    entry = next(one for one in json.loads((SHARED / "data" / "manifest.json").read_text()) if one["name"] == name)
    raw = (SHARED / "data" / entry["file"]).read_bytes()
    head, *body = csv.reader(io.StringIO((gzip.decompress(raw) if entry["file"].endswith(".gz") else raw).decode()))
    target = head.index(entry["target"])
    names = sorted({row[target] for row in body})
    y = np.array([names.index(row[target]) for row in body])
    texts = tuple(" ".join(cell for i, cell in enumerate(row) if i != target) for row in body)
    whole = Texts(texts, y, len(names))
    held = np.array(sorted(int(number) for number in (SHARED / "data" / entry["split"]).read_text().split()))
    return whole.rows(np.setdiff1d(np.arange(len(body)), held)), whole.rows(held)


def script(train: Texts, test: Texts, seed: int, threads: int) -> float:
    """Train what one would write by hand: embedding, one transformer block, mean, linear layer; Adam."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    words = [re.findall(r"\w+|[^\w\s]", text.lower())[:LENGTH] for text in train.texts]
    known = {w: i + 2 for i, (w, n) in enumerate(Counter(w for row in words for w in row).most_common()) if n > 1}

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(len(known) + 2, WIDTH, padding_idx=0)
            self.position = nn.Embedding(LENGTH, WIDTH)
            self.block = nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, dropout=0.1, batch_first=True)
            self.top = nn.Linear(WIDTH, train.n_classes)

        def forward(self, ids: Any) -> Any:
            shown = ids > 0
            h = self.embed(ids) + self.position(torch.arange(ids.shape[1]))
            h = self.block(h, src_key_padding_mask=~shown)
            return self.top((h * shown[..., None]).sum(1) / shown.sum(1, keepdim=True).clamp(min=1))

    def padded(rows: list[list[str]]) -> Any:
        found = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
        for i, row in enumerate(rows):
            found[i, : len(row)] = torch.tensor([known.get(w, 1) for w in row])
        return found

    net, y = Net(), torch.tensor(train.y)
    optimiser = torch.optim.Adam(net.parameters(), RATE)
    for _ in range(EPOCHS):
        net.train()
        for part in torch.randperm(len(words)).split(BATCH):
            loss = nn.functional.cross_entropy(net(padded([words[i] for i in part])), y[part])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    net.eval()
    held = [re.findall(r"\w+|[^\w\s]", text.lower())[:LENGTH] or ["."] for text in test.texts]
    with torch.no_grad():
        guess = torch.cat([net(padded(held[i : i + 256])).argmax(1) for i in range(0, len(held), 256)])
    return float((guess.numpy() == test.y).mean())
