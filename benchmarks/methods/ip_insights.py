"""IP Insights beside counting: how often has the entity used this address, its /24, its /16 before.

Pairs are generated: networks own a few prefixes each, entities live in one or two networks, some far more active than
others. Held-out pairs are to be told from a random and from another row's address for the same entity.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from benchmarks.algorithms import Line, Measured, timed

BAR = "a higher AUC than an entity's own history of addresses and prefixes, against any noise and against other rows'"
ENTITIES, NETWORKS, PREFIXES = 1_000, 40, 8
ROWS, HELD = 50_000, 10_000
HISTORY = ((0, 4.0), (8, 2.0), (16, 1.0))  # bits cut off the address, and what a use counts


def pairs(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Entities' numbers and addresses, (n,) each."""
    rng = np.random.default_rng(seed)
    prefixes = rng.integers(1 << 16, 224 << 16, size=(NETWORKS, PREFIXES))
    homes = rng.integers(0, NETWORKS, size=(ENTITIES, 2))
    activity = rng.pareto(1.2, ENTITIES) + 0.3
    entity = rng.choice(ENTITIES, n, p=activity / activity.sum())
    network = homes[entity, (rng.random(n) < 0.25).astype(int)]
    prefix = prefixes[network, np.minimum(rng.geometric(0.35, n) - 1, PREFIXES - 1)]
    return entity, ((prefix << 8) + rng.integers(1, 255, n)).astype(np.uint32)


def measure(seed: int, threads: int) -> list[Measured]:
    from sklearn.metrics import roc_auc_score

    from tarragon.algorithms import Standalone, get
    from tarragon.data import AddressPairs, entity_hash

    entity, address = pairs(seed, ROWS + HELD)
    hashes = np.array([entity_hash(f"user-{i}") for i in range(ENTITIES)], np.uint64)
    rng = np.random.default_rng([seed, 1])
    held = address[ROWS:]
    asked = [held, rng.integers(0, 1 << 32, HELD, dtype=np.uint32), held[rng.permutation(HELD)]]

    def ours() -> list[np.ndarray]:
        model: Any = get("ip-insights")(
            num_entity_vectors=2 * ENTITIES, vector_dim=32, epochs=5, mini_batch_size=500, learning_rate=0.005
        )
        model.fit(AddressPairs(hashes[entity[:ROWS]], address[:ROWS]), context=Standalone(seed=seed, threads=threads))
        who = hashes[entity[ROWS:]]
        return [model.predict(AddressPairs(who, each))["dot_product"] for each in asked]

    def theirs() -> list[np.ndarray]:
        found = [np.zeros(HELD) for _ in asked]
        for bits, weight in HISTORY:
            used = Counter(zip(entity[:ROWS].tolist(), (address[:ROWS] >> bits).tolist(), strict=True))
            for score, each in zip(found, asked, strict=True):
                keys = zip(entity[ROWS:].tolist(), (each >> bits).tolist(), strict=True)
                score += weight * np.log1p([used[key] for key in keys])
        return found

    seconds, own = timed(ours)
    peer_seconds, peer = timed(theirs)
    found = []
    for case, which in (("one random, one shuffled", (1, 2)), ("shuffled only", (2,))):
        labels = np.repeat([1, 0], [HELD, HELD * len(which)])
        a, b = (
            float(roc_auc_score(labels, np.concatenate([scores[i] for i in (0, *which)]))) for scores in (own, peer)
        )
        found.append(Measured(case, "AUC", seconds, a, "own history", peer_seconds, b))
    return found


def met(lines: Mapping[str, Line]) -> bool:
    return all(line.quality > line.peer_quality for line in lines.values())
