"""What classifying is to the training loop: cross-entropy, accuracy, and answers for pictures in batches.

Notation: n pictures, K classes. Of one class each: softmax. Of several: a logistic answer per class.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.vision_training import ROOM, tensor
from tarragon.data import Pictures, Pixels
from tarragon.errors import DataError

ROWS = 64  # pictures answered at a time
MOST_WEIGHT = 100.0  # of a rare label's yes
View = Callable[..., Pixels]


class Classify:
    """The task of :mod:`tarragon.algorithms.vision_training`.

    Parameters
    ----------
    data, valid : Pictures
        With labels.
    classes : int
    changed : callable
        (pixels, generator) -> pixels of the network's shape, for training.
    view : callable
        pixels -> pixels of the network's shape.
    several : bool
    top_k : int, optional
    smoothing : float
        Share of a training label that is spread over all classes.
    """

    def __init__(  # noqa: PLR0913 - settings of one small class, each named
        self, data: Pictures, valid: Pictures | None, classes: int, changed: View, view: View, *,
        several: bool = False, top_k: int | None = None, smoothing: float = 0.0,
    ) -> None:  # fmt: skip
        self.data, self.valid, self.classes = data.held(ROOM), None if valid is None else valid.held(ROOM), classes
        self.changed, self.view, self.several = changed, view, several
        self.top_k, self.smoothing = top_k, smoothing
        self.weight: NDArray[Any] | None = None

    def check(self, who: str) -> None:
        """Refuse pictures that are none, or whose labels do not fit. Raises ``DataError``."""
        for part in (self.data, *([] if self.valid is None else [self.valid])):
            y = part.labels
            if not len(part) or y is None or len(y) != len(part):
                raise DataError(
                    f"{who} learns from pictures with classes",
                    why=f"There are {len(part)} pictures and {0 if y is None else len(y)} labels",
                    fix="Give one label a picture",
                )
            right = y.shape == (len(part), self.classes) if self.several else y.ndim == 1
            top = 2 if self.several else self.classes
            if not right or not np.isfinite(y).all() or (y % 1).any() or y.min() < 0 or y.max() >= top:
                raise DataError(
                    f"{who}: the labels do not fit",
                    why=f"They are {y.shape} from {y.min() if y.size else 0} to {y.max() if y.size else 0}"
                    f", with {self.classes} classes",
                    fix="Code classes from 0, or set num_classes",
                )
        if self.several is False and self.classes < 2:
            raise DataError(
                f"{who} cannot tell one class apart", why="num_classes is 1", fix="Give two classes or more"
            )

    def weigh(self) -> None:
        """Weigh each label's yes by how many times as frequent its no is."""
        assert self.data.labels is not None
        yes = self.data.labels.sum(axis=0)
        self.weight = np.clip((len(self.data) - yes) / np.maximum(yes, 1), 1.0 / MOST_WEIGHT, MOST_WEIGHT)

    def example(self, i: int, draw: np.random.Generator) -> tuple[Any, ...]:
        """Make a training picture and its label."""
        assert self.data.labels is not None
        return self.changed(self.data.read(i), draw), self.data.labels[i]

    def loss(self, answer: Any, wanted: Sequence[list[Any]], device: Any) -> tuple[Any, dict[str, float]]:
        """Return cross-entropy; accuracy and its like of the batch."""
        import torch
        from torch.nn import functional

        y = torch.from_numpy(np.array(wanted[0])).to(device)
        if self.several:
            weight = None if self.weight is None else torch.tensor(self.weight, dtype=torch.float32, device=device)
            y = y.float()
            aim = y * (1 - self.smoothing) + self.smoothing / 2
            loss = functional.binary_cross_entropy_with_logits(answer.float(), aim, pos_weight=weight)
        else:
            loss = functional.cross_entropy(answer.float(), y, label_smoothing=self.smoothing)
        found = self.measures(answer.detach().float().cpu().numpy(), np.array(wanted[0]))
        return loss, {f"train:{n}": v for n, v in found.items()} | {"train:loss": float(loss.detach())}

    def judge(self, net: Any, device: Any) -> dict[str, float]:
        """Measure on validation pictures; accuracy first."""
        if self.valid is None:
            return {}
        assert self.valid.labels is not None
        raw = np.concatenate(list(_raw(net, self.valid, self.view, device)))
        found = {f"validation:{n}": v for n, v in self.measures(raw, self.valid.labels).items()}
        return found | {"validation:loss": self._entropy(raw, self.valid.labels)}

    def measures(self, raw: NDArray[Any], y: NDArray[Any]) -> dict[str, float]:
        """Accuracy, and whether the class is among the k likeliest: (n, K) scores, labels."""
        if self.several:
            return {"accuracy": float(((raw > 0) == (y > 0.5)).mean())}
        found = {"accuracy": float((raw.argmax(axis=1) == y).mean())}
        if self.top_k is not None:
            rank = (raw > raw[np.arange(len(y)), y][:, None]).sum(axis=1)
            found[f"top_k_accuracy_{self.top_k}"] = float((rank < self.top_k).mean())
        return found

    def _entropy(self, raw: NDArray[Any], y: NDArray[Any]) -> float:
        raw = raw.astype(np.float64)
        if self.several:
            return float((np.logaddexp(0, raw) - raw * y).mean())
        top = raw.max(axis=1, keepdims=True)
        return float((np.log(np.exp(raw - top).sum(axis=1)) + top[:, 0] - raw[np.arange(len(y)), y]).mean())


def probabilities(net: Any, data: Pictures, view: View, *, several: bool) -> NDArray[np.float64]:
    """Answer pictures, (n, K)."""
    import torch

    net.eval()
    device = next(net.parameters()).device
    with torch.no_grad():
        parts = [np.zeros((0, net.fc.out_features)), *_raw(net, data, view, device)]
    raw = np.concatenate(parts).astype(np.float64)
    if several:
        return np.asarray(1 / (1 + np.exp(-raw)))
    odds = np.exp(raw - raw.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def _raw(net: Any, data: Pictures, view: View, device: Any) -> Any:
    import torch

    for first in range(0, len(data), ROWS):
        pixels = [view(data.read(i)) for i in range(first, min(len(data), first + ROWS))]
        yield net(tensor(torch, pixels, device)).float().cpu().numpy()
