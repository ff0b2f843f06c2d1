"""TabTransformer against a plain torch script of the same size: torch's own encoder, embeddings and optimiser."""

import csv
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.algorithms import SHARED, Line, Measured, timed

BAR = "learns what a plain torch script of the same size learns: a log loss at most 2 % above"
EPOCHS, BATCH, WIDTH, BLOCKS, RATE = 5, 256, 32, 2, 1e-3
MOST = 3_000  # rows of a table
TABLES = ("adult", "bank_marketing")


def table(name: str, seed: int) -> tuple[Any, Any]:
    """Rows of a public table with two classes, text as categories; (training, held out)."""
    from tarragon.data import Tabular

    about = next(each for each in json.loads((SHARED / "data" / "manifest.json").read_text()) if each["name"] == name)
    path = Path(SHARED / "data" / about["file"])
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rng = np.random.default_rng(seed)
    rows = [rows[i] for i in rng.permutation(len(rows))[: MOST + MOST // 4]]
    target, dropped = about["target"], {about["target"], *about["drop"]}
    y = np.array([float(row[target] == str(about["positive_label"])) for row in rows])
    columns, categorical = [], []
    for j, column in enumerate(each for each in rows[0] if each not in dropped):
        cells = [row[column] for row in rows]
        try:
            columns.append([float(cell) if cell else np.nan for cell in cells])
        except ValueError:
            columns.append(np.unique(cells, return_inverse=True)[1].tolist())
            categorical.append(j)
    X = np.array(columns, np.float32).T
    whole = Tabular(X, y=y, n_classes=2, categorical=tuple(categorical))
    return whole.rows(np.arange(MOST)), whole.rows(np.arange(MOST, len(X)))


def plain(train: Any, held: Any, seed: int, threads: int) -> np.ndarray:
    """Train the same network as one would by hand; probabilities of the held-out rows."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    places = list(train.categorical)
    numbers = [j for j in range(train.X.shape[1]) if j not in places]
    mean, unit = np.nanmean(train.X[:, numbers], axis=0), np.nanstd(train.X[:, numbers], axis=0)
    unit[unit == 0] = 1
    levels = [int(train.X[:, j].max()) + 2 for j in places]

    def read(X: np.ndarray) -> tuple[Any, Any]:
        codes = np.stack([np.clip(X[:, j] + 1, 0, n - 1) for j, n in zip(places, levels, strict=True)], axis=1)
        scaled = np.nan_to_num((X[:, numbers] - mean) / unit)
        return torch.from_numpy(codes.astype(np.int64)), torch.from_numpy(scaled.astype(np.float32))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.own = nn.ModuleList(nn.Embedding(n, WIDTH) for n in levels)
            for each in self.own:
                nn.init.normal_(each.weight, std=WIDTH**-0.5)
            layer = nn.TransformerEncoderLayer(WIDTH, 8, 4 * WIDTH, 0.2, "gelu", batch_first=True)
            self.blocks = nn.TransformerEncoder(layer, BLOCKS, enable_nested_tensor=False)
            self.norm = nn.LayerNorm(len(numbers))
            size = len(places) * WIDTH + len(numbers)
            wide, narrow = min(4 * size, 512), min(2 * size, 256)
            self.head = nn.Sequential(
                nn.Linear(size, wide), nn.ReLU(), nn.Dropout(0.1), nn.Linear(wide, narrow), nn.ReLU(), nn.Dropout(0.1),
                nn.Linear(narrow, 1),
            )  # fmt: skip

        def forward(self, codes: Any, scaled: Any) -> Any:
            x = torch.stack([embed(codes[:, i]) for i, embed in enumerate(self.own)], dim=1)
            return self.head(torch.cat([self.blocks(x).flatten(1), self.norm(scaled)], dim=1))[:, 0]

    net, (codes, scaled) = Net(), read(train.X)
    y = torch.from_numpy(train.y.astype(np.float32))
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    for _ in range(EPOCHS):
        net.train()
        for part in torch.randperm(len(y)).split(BATCH):
            loss = nn.functional.binary_cross_entropy_with_logits(net(codes[part], scaled[part]), y[part])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    net.eval()
    with torch.no_grad():
        return torch.sigmoid(net(*read(held.X))).double().numpy()


def loss(p: np.ndarray, y: np.ndarray) -> float:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))


def measure(seed: int, threads: int) -> list[Measured]:
    return [_case(name, seed, threads) for name in TABLES]


def _case(name: str, seed: int, threads: int) -> Measured:
    from tarragon.algorithms import Standalone, get

    train, held = table(name, seed)

    def ours() -> np.ndarray:
        model: Any = get("tab-transformer")(
            n_epochs=EPOCHS, batch_size=BATCH, input_dim=WIDTH, n_blocks=BLOCKS, learning_rate=RATE
        )
        model.fit(train, context=Standalone(seed=seed, threads=threads))
        return np.asarray(model.predict(held)["probability"][:, 1])

    seconds, p = timed(ours)
    peer_seconds, q = timed(lambda: plain(train, held, seed, threads))
    mine, other = loss(p, held.y), loss(q, held.y)
    return Measured(f"{name}, {MOST} rows", "log loss", seconds, mine, "plain torch", peer_seconds, other)


def met(lines: Mapping[str, Line]) -> bool:
    return all(line.quality <= 1.02 * line.peer_quality for line in lines.values())
