"""Channels of small pictures, written as SageMaker's users write them, and what a job hears."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tarragon.data import framed, packed, write_boxes, write_png
from tarragon.train.builtin import Channel, Order, Teller, default_metrics
from tarragon.train.builtin.run import compiled, known

from .conftest import Heard


def bars(n: int, seed: int = 0, side: int = 12) -> tuple[list[np.ndarray], list[int]]:
    """Noise with a bright row (class 0) or a bright column (1)."""
    rng = np.random.default_rng(seed)
    pictures, kinds = [], []
    for i in range(n):
        pixels = rng.integers(0, 60, (side, side, 3)).astype(np.uint8)
        if i % 2:
            pixels[:, rng.integers(2, side - 2)] = 250
        else:
            pixels[rng.integers(2, side - 2)] = 250
        pictures.append(pixels)
        kinds.append(i % 2)
    return pictures, kinds


def squares(n: int, seed: int = 0, side: int = 48) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Noise with a bright square, and its box in pixels: class, left, top, right, bottom."""
    rng = np.random.default_rng(seed)
    pictures, boxes = [], []
    for _ in range(n):
        pixels = rng.integers(0, 60, (side, side, 3)).astype(np.uint8)
        size = int(rng.integers(side // 3, side // 2))
        x, y = (int(v) for v in rng.integers(0, side - size, 2))
        pixels[y : y + size, x : x + size] = 240
        pictures.append(pixels)
        boxes.append(np.array([[0, x, y, x + size, y + size]], np.float32))
    return pictures, boxes


def shares(boxes: np.ndarray, side: int = 48) -> np.ndarray:
    return np.column_stack([boxes[:, :1], boxes[:, 1:] / side]).astype(np.float32)


def annotation(boxes: np.ndarray, name: str, side: int = 48) -> str:
    """The JSON of one picture."""
    rows = [
        {"class_id": int(c), "left": float(a), "top": float(b), "width": float(r - a), "height": float(d - b)}
        for c, a, b, r, d in boxes
    ]
    size = [{"width": side, "height": side, "depth": 3}]
    return json.dumps({"file": name, "image_size": size, "annotations": rows, "categories": []})


def write(place: Path, **files: bytes | str) -> Path:
    """Write files, named with __ for / and _dot_ for a dot."""
    for name, content in files.items():
        path = place / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return place


def records(place: Path, labels: list[Any], pictures: list[np.ndarray], name: str = "train.rec") -> Path:
    """Write image records."""
    place.mkdir(parents=True, exist_ok=True)
    both = zip(labels, pictures, strict=True)
    (place / name).write_bytes(b"".join(framed(packed(label, write_png(p))) for label, p in both))
    return place


def box_records(place: Path, n: int, seed: int = 0) -> Path:
    """Write image records with boxes, padded."""
    pictures, boxes = squares(n, seed)
    return records(place, [write_boxes(shares(b), 27) for b in boxes], pictures)


def manifest(place: Path, seconds: list[bytes], pictures: list[np.ndarray]) -> Path:
    """Write what a pipe of an augmented manifest holds, as a file."""
    place.parent.mkdir(parents=True, exist_ok=True)
    both = zip(pictures, seconds, strict=True)
    place.write_bytes(b"".join(framed(write_png(p)) + framed(second) for p, second in both))
    return place


def run(
    algorithm: str,
    hyperparameters: Mapping[str, object],
    channels: Mapping[str, "Path | Channel"],
    folder: Path,
    model_id: str = "",
) -> Heard:
    """Train, and say what was heard."""
    heard = Heard(folder=folder)
    folder.mkdir(parents=True)
    teller = Teller(heard, compiled(default_metrics(algorithm)), None, threads=1)
    given = {name: place if isinstance(place, Channel) else Channel(place) for name, place in channels.items()}
    known(algorithm).train(Order({n: str(v) for n, v in hyperparameters.items()}, given, folder, teller, model_id))
    return heard


def narrow(monkeypatch: pytest.MonkeyPatch, recipe: Any, width: int = 4, **more: Any) -> None:
    """Have a recipe build networks of few channels: the wire knows full ones only."""
    full = recipe.build

    def built(kind: type, values: Mapping[str, Any]) -> Any:
        model = full(kind, values)
        model.width = width
        for name, value in more.items():
            setattr(model, name, value)
        return model

    monkeypatch.setattr(recipe, "build", built)
