"""Object detection against a plain torch script of the same network, on generated pictures with known boxes.

Both sides match anchors to boxes at each step, as changed pictures need it, and neither scores validation pictures;
ours also adds up both losses, looks whether they are finite, and keeps the weights of each epoch.
"""

from collections.abc import Mapping

import numpy as np
from benchmarks.algorithms import Line, Measured, timed

from tarragon.algorithms.boxes import decoded, detections, mean_average_precision
from tarragon.algorithms.object_detection import ObjectDetection
from tarragon.algorithms.protocol import Standalone
from tarragon.algorithms.ssd import anchors, detector, losses, targets
from tarragon.algorithms.vision_training import tensor
from tarragon.data import Pictures

BAR = "at least the plain script's mAP less 0.1, in at most 1.2 times its time"
SIDE, TRAIN, TEST, EPOCHS, BATCH, RATE, WIDTH = 32, 96, 48, 60, 8, 0.002, 8


def drawn(n: int, seed: int) -> Pictures:
    """One bright square on noise, red (0) or blue (1)."""
    rng = np.random.default_rng([seed, 6])
    pictures, boxes = [], []
    for _ in range(n):
        pixels = rng.integers(0, 60, (SIDE, SIDE, 3)).astype(np.uint8)
        kind, size = int(rng.integers(2)), int(rng.integers(SIDE // 3, SIDE * 5 // 9))
        x, y = rng.integers(0, SIDE - size, 2)
        pixels[y : y + size, x : x + size] = ((230, 30, 30), (30, 30, 230))[kind]
        pictures.append(pixels)
        boxes.append(np.array([[kind, x / SIDE, y / SIDE, (x + size) / SIDE, (y + size) / SIDE]], np.float32))
    return Pictures.of(pictures, boxes=boxes)


def plain(seed: int, threads: int, train: Pictures, test: Pictures) -> list[np.ndarray]:
    """Train as a short script does; answer the test pictures."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    rng, device = np.random.default_rng(seed), torch.device("cpu")
    net = detector(2, "vgg-16", SIDE, WIDTH)
    laid = anchors(net.shapes)
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    assert train.boxes is not None
    for _ in range(EPOCHS):
        net.train()
        for part in rng.permutation(TRAIN).reshape(-1, BATCH):
            pixels = [train.read(i) for i in part]
            kinds, offsets = targets(laid, [train.boxes[i] for i in part], 0.5)
            optimiser.zero_grad()
            scores, moves = net(tensor(torch, pixels, device))
            sum(losses(scores, moves, torch.from_numpy(kinds), torch.from_numpy(offsets))).backward()
            optimiser.step()
    net.eval()
    with torch.no_grad():
        scores, moves = net(tensor(torch, [test.read(i) for i in range(TEST)], device))
    p, moved = torch.softmax(scores, dim=2).numpy(), moves.numpy().astype(np.float64)
    return [detections(decoded(laid, m), q, 0.45, 0.01, 400) for q, m in zip(p, moved, strict=True)]


def ours(seed: int, threads: int, train: Pictures, test: Pictures) -> list[np.ndarray]:
    model = ObjectDetection(
        num_classes=2, num_training_samples=TRAIN, base_network="vgg-16", image_shape=SIDE, epochs=EPOCHS,
        mini_batch_size=BATCH, optimizer="adam", learning_rate=RATE, use_pretrained_model=0, width=WIDTH,
    )  # fmt: skip
    model.changed = lambda pixels, boxes, draw: (pixels, boxes)  # a few hundred steps cannot learn every change too
    model.fit(train, context=Standalone(seed=seed, threads=threads))
    return [rows[rows[:, 0] >= 0] for rows in model.predict(test)["detection"]]


def measure(seed: int, threads: int) -> list[Measured]:
    train, test = drawn(TRAIN, seed), drawn(TEST, seed + 1_000)
    ours(0, threads, drawn(BATCH, 0), drawn(1, 0))  # torch is loaded and warm before either is timed
    seconds, found = timed(lambda: ours(seed, threads, train, test))
    peer_seconds, peer = timed(lambda: plain(seed, threads, train, test))
    assert test.boxes is not None
    scores = [mean_average_precision(each, test.boxes, 0.5) for each in (found, peer)]
    return [Measured("squares, SSD", "mAP", seconds, scores[0], "torch script", peer_seconds, scores[1])]


def met(lines: Mapping[str, Line]) -> bool:
    return all(line.quality >= line.peer_quality - 0.1 and line.ratio > 1 / 1.2 for line in lines.values())
