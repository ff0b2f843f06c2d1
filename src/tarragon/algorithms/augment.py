"""Random changes to pictures under which what they show stays the same, and the resizing and cropping around them.

Source: Szegedy et al. (2015), Going deeper with convolutions, CVPR, §6 (crops, colours); Liu et al. (2016), SSD, ECCV,
        §2.2 (crops that keep boxes) and §3.6 (zooming out); the ranges of colour, rotation, shear and aspect are those
        SageMaker documents for its image classification.

Pictures are (h, w, 3) uint8, masks (h, w) uint8, boxes (m, 5): class and corners in shares. Every function draws from
the generator it is handed, in a fixed order. Only resizing and turning need Pillow.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.data import IGNORED, Boxes, Pixels

Draw = np.random.Generator
HUE, SATURATION, LIGHTNESS = 36.0, 50.0, 50.0  # on OpenCV's scales: 180, 255, 255
DEGREES, SHEAR, ASPECT = 10.0, 0.1, 0.25
OVERLAPS = (0.1, 0.3, 0.5, 0.7, 0.9)  # least overlaps a crop may be asked to have with an object
TRIES = 20
MOST_ZOOM = 3.0
FILLERS = {
    "nearest": 0, "lanczos3": 1, "bilinear": 2, "bicubic": 3, "area": 4, "lanczos5": 1, "gaussian": 5,
    "mitchellcubic": 3,
}  # fmt: skip
"""Pillow's number of the filter nearest to each name; those it lacks have the one closest in shape."""


def resized(pixels: Pixels, height: int, width: int, how: str = "bilinear") -> Pixels:
    """Resize without keeping proportions, (h, w[, 3]) -> (height, width[, 3])."""
    if pixels.shape[:2] == (height, width):
        return pixels
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling(FILLERS[how])))


def shortest(pixels: Pixels, side: int) -> Pixels:
    """Resize so that the shorter side is ``side`` pixels, keeping proportions."""
    h, w = pixels.shape[:2]
    scale = side / min(h, w)
    return resized(pixels, max(side, round(h * scale)), max(side, round(w * scale)))


def cropped(pixels: Pixels, height: int, width: int, draw: Draw | None = None) -> Pixels:
    """Cut a part out of a picture that is at least as large: the middle, or anywhere."""
    h, w = pixels.shape[:2]
    top, left = ((h - height) // 2, (w - width) // 2)
    if draw is not None:
        top, left = int(draw.integers(0, h - height + 1)), int(draw.integers(0, w - width + 1))
    return pixels[top : top + height, left : left + width]


def coloured(pixels: Pixels, draw: Draw) -> Pixels:
    """Add a random number each to hue, saturation and lightness of all pixels."""
    hue, saturation, lightness = draw.uniform(-1, 1, 3) * (HUE / 180, SATURATION / 255, LIGHTNESS / 255)
    h, s, light = _hsl(pixels.astype(np.float32) / 255)
    s, light = np.clip(s + saturation, 0, 1), np.clip(light + lightness, 0, 1)
    return _rgb((h + hue) % 1.0, s, light)


def bent(pixels: Pixels, draw: Draw) -> Pixels:
    """Rotate by up to 10 degrees, shear by up to 0.1, change proportions by up to a quarter."""
    angle, shear, aspect = draw.uniform(-1, 1, 3) * (math.radians(DEGREES), SHEAR, ASPECT)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    stretch = math.sqrt(1 + aspect) if aspect > 0 else 1 / math.sqrt(1 - aspect)
    return _moved(pixels, turn @ np.array([[1.0, shear], [0.0, 1.0]]) @ np.diag([stretch, 1 / stretch]))


def turned(pixels: Pixels, draw: Draw, rotation: float, zoom: float) -> Pixels:
    """Rotate by up to ``rotation`` full turns and zoom by up to the share ``zoom``; edges are repeated."""
    angle = 2 * math.pi * draw.uniform(-abs(rotation), abs(rotation))
    scale = 1 + draw.uniform(-abs(zoom), abs(zoom))
    matrix = max(scale, 0.05) * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return _moved(pixels, matrix)


def sampled(pixels: Pixels, boxes: Boxes, draw: Draw) -> tuple[Pixels, Boxes]:
    """Change a picture as SSD's training does: colours, zooming out, a crop that keeps an object, mirroring."""
    if draw.random() < 0.5:
        pixels = coloured(pixels, draw)
    if draw.random() < 0.5:
        pixels, boxes = _zoomed_out(pixels, boxes, draw)
    least = (*OVERLAPS, 0.0, None)[int(draw.integers(len(OVERLAPS) + 2))]
    if least is not None:
        pixels, boxes = _crop_with(pixels, boxes, draw, least)
    if draw.random() < 0.5:
        pixels = pixels[:, ::-1]
        boxes = boxes.copy()
        boxes[:, [1, 3]] = 1 - boxes[:, [3, 1]]
    return pixels, boxes


def scaled_crop(pixels: Pixels, mask: Pixels, base: int, crop: int, draw: Draw) -> tuple[Pixels, Pixels]:
    """Mirror at random, make the longer side 0.5 to 2 times ``base``, pad, cut a square of ``crop`` pixels anywhere."""
    if draw.random() < 0.5:
        pixels, mask = pixels[:, ::-1], mask[:, ::-1]
    long = max(1, int(base * draw.uniform(0.5, 2.0)))
    h, w = longest(pixels.shape[:2], long)
    pixels = resized(np.ascontiguousarray(pixels), h, w)
    mask = resized(np.ascontiguousarray(mask), h, w, "nearest")
    down, right = max(0, crop - h), max(0, crop - w)
    if down or right:
        pixels = np.pad(pixels, ((0, down), (0, right), (0, 0)))
        mask = np.pad(mask, ((0, down), (0, right)), constant_values=IGNORED)
    top, left = (int(draw.integers(0, side - crop + 1)) for side in mask.shape)
    window = (slice(top, top + crop), slice(left, left + crop))
    return pixels[window], mask[window]


def longest(shape: tuple[int, ...], long: int) -> tuple[int, int]:
    """Height and width of a picture whose longer side is made ``long``.

    Examples
    --------
    >>> longest((300, 400), 200)
    (150, 200)
    """
    h, w = shape[:2]
    scale = long / max(h, w)
    return max(1, round(h * scale)), max(1, round(w * scale))


def _zoomed_out(pixels: Pixels, boxes: Boxes, draw: Draw) -> tuple[Pixels, Boxes]:
    """Put the picture anywhere on a larger grey one."""
    h, w = pixels.shape[:2]
    scale = draw.uniform(1.0, MOST_ZOOM)
    height, width = int(h * scale), int(w * scale)
    top, left = int(draw.integers(0, height - h + 1)), int(draw.integers(0, width - w + 1))
    larger = np.full((height, width, 3), pixels.mean(axis=(0, 1)), np.uint8)
    larger[top : top + h, left : left + w] = pixels
    moved = boxes.copy()
    moved[:, 1:] = (boxes[:, 1:] * (w, h, w, h) + (left, top, left, top)) / (width, height, width, height)
    return larger, moved


def _crop_with(pixels: Pixels, boxes: Boxes, draw: Draw, least: float) -> tuple[Pixels, Boxes]:
    """Cut out a part that overlaps an object by at least ``least``; boxes whose centre is outside are gone."""
    from tarragon.algorithms.boxes import overlap

    h, w = pixels.shape[:2]
    for _ in range(TRIES):
        scale, ratio = draw.uniform(0.3, 1.0), draw.uniform(0.5, 2.0)
        height, width = min(1.0, scale / math.sqrt(ratio)), min(1.0, scale * math.sqrt(ratio))
        top, left = draw.uniform(0, 1 - height), draw.uniform(0, 1 - width)
        window = np.array([left, top, left + width, top + height])
        shared = overlap(window[None], boxes[:, 1:])[0]
        centre = (boxes[:, 1:3] + boxes[:, 3:]) / 2
        inside = ((centre > window[:2]) & (centre < window[2:])).all(axis=1)
        if not inside.any() or shared.max(initial=0.0) < least:
            continue
        a, b, c, d = np.round(window * (w, h, w, h)).astype(int)
        if c - a < 2 or d - b < 2:
            continue
        kept = boxes[inside].copy()
        kept[:, 1:] = ((kept[:, 1:] - window[[0, 1, 0, 1]]) / (width, height, width, height)).clip(0, 1)
        return pixels[b:d, a:c], kept
    return pixels, boxes


def _moved(pixels: Pixels, matrix: "NDArray[Any]") -> Pixels:
    """Apply a linear map around the picture's middle; what comes from outside repeats the edge."""
    from PIL import Image

    h, w = pixels.shape[:2]
    pad = max(h, w) // 2
    padded = np.pad(pixels, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    middle = np.array([w / 2, h / 2])
    shift = middle + pad - matrix @ middle
    row = (matrix[0, 0], matrix[0, 1], shift[0], matrix[1, 0], matrix[1, 1], shift[1])
    made = Image.fromarray(padded).transform((w, h), Image.Transform.AFFINE, row, Image.Resampling.BILINEAR)
    return np.asarray(made)


def _hsl(rgb: "NDArray[Any]") -> "tuple[NDArray[Any], NDArray[Any], NDArray[Any]]":
    """(h, w, 3) in [0, 1] -> hue, saturation, lightness in [0, 1]."""
    high, low = rgb.max(axis=2), rgb.min(axis=2)
    span, light = high - low, (high + low) / 2
    safe = np.where(span > 0, span, 1)
    r, g, b = (rgb[..., i] for i in range(3))
    hue = np.where(high == r, (g - b) / safe % 6, np.where(high == g, (b - r) / safe + 2, (r - g) / safe + 4)) / 6
    saturation = np.where(span > 0, span / np.maximum(1 - np.abs(2 * light - 1), 1e-6), 0)
    return hue, saturation.clip(0, 1), light


def _rgb(h: "NDArray[Any]", s: "NDArray[Any]", light: "NDArray[Any]") -> Pixels:
    reach = s * np.minimum(light, 1 - light)

    def one(n: int) -> "NDArray[Any]":
        k = (n + h * 12) % 12
        return np.asarray(light - reach * np.clip(np.minimum(k - 3, 9 - k), -1, 1))

    return np.round(np.stack([one(0), one(8), one(4)], axis=2) * 255).clip(0, 255).astype(np.uint8)
