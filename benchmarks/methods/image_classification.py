"""Image classification against a plain torch script of the same network, on handwritten digits as PNGs.

The script is what a user would write: a loop over shuffled batches, SGD with momentum, no framework around it. It
decodes the pictures once. Neither side scores validation pictures; ours also counts each step's accuracy, looks whether
the loss is finite, and keeps the weights of each epoch, which a job must and the script does not.
"""

import gzip
from collections.abc import Mapping
from functools import cache

import numpy as np
from benchmarks.algorithms import SHARED, Line, Measured, timed

from tarragon.algorithms.image_classification import ImageClassification
from tarragon.algorithms.protocol import Standalone
from tarragon.algorithms.resnet import resnet
from tarragon.algorithms.vision_training import tensor
from tarragon.data import Pictures, read_picture, write_png

BAR = "at least the plain script's accuracy less two standard errors, in at most 1.2 times its time"
TRAIN, TEST, EPOCHS, BATCH, RATE = 1_000, 1_000, 4, 32, 0.02


@cache
def digits() -> tuple[list[bytes], np.ndarray]:
    """MNIST's first pictures as PNGs, and their classes."""
    with gzip.open(SHARED / "data" / "image" / "mnist_5k.csv.gz", "rt") as file:
        head = file.readline().strip().split(",")
        rows = np.loadtxt(file, delimiter=",", max_rows=TRAIN + TEST)
    label = next(i for i, name in enumerate(head) if name in ("label", "class", "target", "y"))
    y = rows[:, label].astype(np.int64)
    pixels = np.delete(rows, label, axis=1).astype(np.uint8).reshape(-1, 28, 28)
    return [write_png(np.repeat(p[..., None], 3, axis=2)) for p in pixels], y


def plain(seed: int, threads: int, train: Pictures, test: Pictures) -> np.ndarray:
    """Train as a short script does; answer the test pictures."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    assert train.labels is not None
    x = tensor(torch, [train.read(i) for i in range(len(train))], torch.device("cpu"))
    y = torch.from_numpy(train.labels)
    net = resnet(20, classes=10)
    optimiser = torch.optim.SGD(net.parameters(), lr=RATE, momentum=0.9, weight_decay=1e-4)
    for _ in range(EPOCHS):
        net.train()
        for part in torch.randperm(len(x)).split(BATCH):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(x[part]), y[part]).backward()
            optimiser.step()
    net.eval()
    with torch.no_grad():
        held = tensor(torch, [test.read(i) for i in range(len(test))], torch.device("cpu"))
        return np.concatenate([net(part).numpy() for part in held.split(64)]).argmax(axis=1)


def ours(seed: int, threads: int, train: Pictures, test: Pictures) -> np.ndarray:
    model = ImageClassification(
        num_classes=10, num_training_samples=TRAIN, num_layers=20, image_shape="3,28,28", epochs=EPOCHS,
        mini_batch_size=BATCH, learning_rate=RATE,
    )  # fmt: skip
    model.fit(train, context=Standalone(seed=seed, threads=threads))
    return model.predict(test)["probability"].argmax(axis=1)


def measure(seed: int, threads: int) -> list[Measured]:
    content, y = digits()
    order = np.random.default_rng(seed).permutation(len(y))
    whole = Pictures(len(y), lambda i: read_picture(content[i]), labels=y)
    train, test = whole.part(order[:TRAIN]), whole.part(order[TRAIN:])
    ours(0, threads, train.part(range(BATCH)), test.part([0]))  # torch is loaded and warm before either is timed
    seconds, found = timed(lambda: ours(seed, threads, train, test))
    peer_seconds, peer = timed(lambda: plain(seed, threads, train, test))
    truth = y[order[TRAIN:]]
    return [
        Measured(
            "mnist, ResNet-20", "accuracy", seconds, float((found == truth).mean()), "torch script", peer_seconds,
            float((peer == truth).mean()),
        )
    ]  # fmt: skip


def met(lines: Mapping[str, Line]) -> bool:
    return all(
        line.quality >= line.peer_quality - 2 * (0.25 / TEST) ** 0.5 and line.ratio > 1 / 1.2 for line in lines.values()
    )
