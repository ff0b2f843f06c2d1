"""Object2Vec against naive answers: each user's mean on real ratings, the frequent class on generated pairs."""

import csv
import gzip
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from benchmarks.algorithms import SHARED, Line, Measured, timed

from tarragon.algorithms import Standalone
from tarragon.algorithms.object2vec import Object2Vec
from tarragon.data import LabelledPairs, Tokens

BAR = "beats the mean rating of each user, and on generated pairs the more frequent class"
RATINGS: dict[str, Any] = {
    "enc0_network": "pooled_embedding", "enc0_max_seq_len": 1, "enc1_max_seq_len": 1, "enc0_token_embedding_dim": 16,
    "enc_dim": 16, "mlp_layers": 1, "mlp_dim": 32, "mlp_activation": "relu", "output_layer": "mean_squared_error",
    "epochs": 3, "mini_batch_size": 256, "learning_rate": 0.005,
}  # fmt: skip


def measure(seed: int, threads: int) -> list[Measured]:
    """Fit ratings of the shared data, and generated pairs with every encoder."""
    return [_ratings(seed, threads), *(_pairs(seed, threads, n) for n in ("pooled_embedding", "bilstm", "hcnn"))]


def met(lines: Mapping[str, Line]) -> bool:
    """Whether every error is below the naive one."""
    return all(line.quality < line.peer_quality for line in lines.values())


def _ratings(seed: int, threads: int) -> Measured:
    entry = next(
        e for e in json.loads((SHARED / "data" / "manifest.json").read_text()) if e["name"] == "movielens_100k"
    )
    place = SHARED / "data" / entry["file"]
    with gzip.open(place, "rt") if place.suffix == ".gz" else place.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    item = entry["item_column"]
    user = next(name for name in rows[0] if "user" in name)
    codes = [np.unique([row[name] for row in rows], return_inverse=True)[1] + 1 for name in (user, item)]
    y = np.array([float(row[entry["target"]]) for row in rows])
    held = np.zeros(len(y), bool)
    held[np.loadtxt(SHARED / "data" / entry["split"], dtype=int)] = True

    def part(which: np.ndarray) -> LabelledPairs:
        return LabelledPairs(*(Tokens(c[which], np.arange(which.sum() + 1)) for c in codes), y[which])

    model = Object2Vec(**RATINGS, enc0_vocab_size=int(codes[0].max()) + 1, enc1_vocab_size=int(codes[1].max()) + 1)
    seconds, _ = timed(lambda: model.fit(part(~held), context=Standalone(seed, threads)))
    error = model.measured(part(held))["mean_squared_error"] ** 0.5
    means = np.bincount(codes[0][~held], y[~held], codes[0].max() + 1) / np.maximum(
        np.bincount(codes[0][~held], minlength=codes[0].max() + 1), 1
    )
    naive = float(np.sqrt(np.mean((np.where(means > 0, means, y[~held].mean())[codes[0][held]] - y[held]) ** 2)))
    return Measured("movielens_100k", "rmse", seconds, error, "mean of the user", 0.0, naive)


def _pairs(seed: int, threads: int, network: str) -> Measured:
    """Pairs of sequences that belong together when their tokens are of one of eight kinds; 10 % of labels are wrong."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 8, (2, 3_000))
    kinds[1] = np.where(rng.random(3_000) < 0.5, kinds[0], kinds[1])
    sides = [Tokens.of([8 * rng.integers(1, 20, rng.integers(2, 9)) + k for k in side]) for side in kinds]
    y = ((kinds[0] == kinds[1]) ^ (rng.random(3_000) < 0.1)).astype(float)
    cut = 2_400
    train, held = (LabelledPairs(*(s.take(w) for s in sides), y[w]) for w in (np.arange(cut), np.arange(cut, 3_000)))
    model = Object2Vec(
        enc0_network=network, enc0_max_seq_len=8, enc0_vocab_size=176, enc0_token_embedding_dim=16, enc_dim=32,
        mlp_dim=32, mlp_activation="relu", epochs=12, learning_rate=0.005, early_stopping_tolerance=1e-4,
        enc0_layers=None if network == "bilstm" else 2,
    )  # fmt: skip
    seconds, _ = timed(lambda: model.fit(train, valid=held, context=Standalone(seed, threads)))
    share = float(held.y.mean())
    return Measured(
        f"pairs, {network}", "error", seconds, 1 - model.measured(held)["accuracy"], "frequent class", 0.0,
        min(share, 1 - share),
    )  # fmt: skip
