"""Semantic segmentation against a plain torch script of the same network, on generated pictures with known masks."""

from collections.abc import Mapping

import numpy as np
from benchmarks.algorithms import Line, Measured, timed

from tarragon.algorithms.augment import scaled_crop
from tarragon.algorithms.protocol import Standalone
from tarragon.algorithms.segmentation_heads import segmenter
from tarragon.algorithms.semantic_segmentation import SemanticSegmentation
from tarragon.algorithms.vision_segment import confusion, quality
from tarragon.algorithms.vision_training import tensor
from tarragon.data import Pictures

BAR = "at least the plain script's mean overlap less 0.05, in at most 1.2 times its time"
SIDE, TRAIN, TEST, EPOCHS, BATCH, RATE, WIDTH = 48, 64, 32, 6, 8, 0.01, 8


def drawn(n: int, seed: int) -> Pictures:
    """Textured ground (0), discs (1) and boxes (2) in colours that differ by picture."""
    rng = np.random.default_rng([seed, 5])
    y, x = np.mgrid[:SIDE, :SIDE]
    pictures, masks = [], []
    for _ in range(n):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        a, b, r = [*rng.integers(8, SIDE - 8, 2).tolist(), int(rng.integers(8, 16))]
        mask[(x - a) ** 2 + (y - b) ** 2 < r**2] = 1
        left, top = rng.integers(0, SIDE - 20, 2)
        mask[top : top + 18, left : left + 18] = 2
        colour = np.array([[60, 60, 60], [200, 80, 60], [60, 90, 210]]) + rng.integers(-30, 30, (3, 3))
        pixels = colour[mask] + rng.normal(0, 20, (SIDE, SIDE, 3))
        pictures.append(pixels.clip(0, 255).astype(np.uint8))
        masks.append(mask)
    return Pictures.of(pictures, masks=masks)


def overlap(guess: np.ndarray, data: Pictures) -> float:
    assert data.mask is not None
    return quality(sum(confusion(data.mask(i), guess[i], 3) for i in range(len(data))))["mIOU"]  # type: ignore[arg-type]


def plain(seed: int, threads: int, train: Pictures, test: Pictures) -> np.ndarray:
    """Train as a short script does; answer the test pictures."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    rng, device = np.random.default_rng(seed), torch.device("cpu")
    net = segmenter(3, "fcn", 50, WIDTH)
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    steps = EPOCHS * (TRAIN // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda t: (1 - t / steps) ** 0.9)
    assert train.mask is not None
    for _ in range(EPOCHS):
        net.train()
        for part in rng.permutation(TRAIN).reshape(-1, BATCH):
            made = [scaled_crop(train.read(i), train.mask(i), SIDE, SIDE, rng) for i in part]
            y = torch.from_numpy(np.stack([np.ascontiguousarray(m) for _, m in made]).astype(np.int64))
            optimiser.zero_grad()
            scores = net(tensor(torch, [p for p, _ in made], device))
            torch.nn.functional.cross_entropy(scores, y, ignore_index=255).backward()
            optimiser.step()
            schedule.step()
    net.eval()
    with torch.no_grad():
        return net(tensor(torch, [test.read(i) for i in range(TEST)], device)).numpy().argmax(axis=1)


def ours(seed: int, threads: int, train: Pictures, test: Pictures) -> np.ndarray:
    model = SemanticSegmentation(
        num_classes=3, num_training_samples=TRAIN, base_size=SIDE, crop_size=SIDE, epochs=EPOCHS, mini_batch_size=BATCH,
        optimizer="adam", learning_rate=RATE, use_pretrained_model=False, width=WIDTH,
    )  # fmt: skip
    model.fit(train, context=Standalone(seed=seed, threads=threads))
    return model.predict(test)["mask"]


def measure(seed: int, threads: int) -> list[Measured]:
    train, test = drawn(TRAIN, seed), drawn(TEST, seed + 1_000)
    ours(0, threads, drawn(BATCH, 0), drawn(1, 0))  # torch is loaded and warm before either is timed
    seconds, found = timed(lambda: ours(seed, threads, train, test))
    peer_seconds, peer = timed(lambda: plain(seed, threads, train, test))
    case = Measured(
        "discs and boxes, fcn", "mIOU", seconds, overlap(found, test), "torch script", peer_seconds, overlap(peer, test)
    )
    return [case]


def met(lines: Mapping[str, Line]) -> bool:
    return all(line.quality >= line.peer_quality - 0.05 and line.ratio > 1 / 1.2 for line in lines.values())
