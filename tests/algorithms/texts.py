"""Generated texts with a known structure."""

import numpy as np


def topics(lines: int, seed: int = 0, *, length: int = 12, kinds: int = 4) -> list[tuple[int, str]]:
    """Lines of words, half of them of the line's topic, half of anything."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(lines):
        topic = int(rng.integers(kinds))
        own = rng.random(length) < 0.5
        own[0] = True
        words = [f"t{topic}w{rng.integers(8)}" if mine else f"any{rng.integers(20)}" for mine in own]
        found.append((topic, " ".join(words)))
    return found


def labelled(lines: int, seed: int = 0) -> list[str]:
    """The same with labels in front."""
    return [f"__label__{topic} {text}" for topic, text in topics(lines, seed)]


def plain(lines: int, seed: int = 0) -> list[str]:
    """The same without labels."""
    return [text for _, text in topics(lines, seed)]
