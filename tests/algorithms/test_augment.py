"""Changes keep what they promise: sizes, boxes around their objects, masks on their pixels, a library's colours."""

import colorsys

import numpy as np
import pytest

from tarragon.algorithms import augment


def draw(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_sizes() -> None:
    pixels = draw().integers(0, 256, (30, 40, 3)).astype(np.uint8)
    assert augment.resized(pixels, 10, 20).shape == (10, 20, 3)
    assert augment.shortest(pixels, 15).shape == (15, 20, 3)
    assert augment.cropped(pixels, 10, 10).tolist() == pixels[10:20, 15:25].tolist()
    assert augment.cropped(pixels, 30, 40, draw()).tolist() == pixels.tolist()
    assert augment.bent(pixels, draw()).shape == pixels.shape
    assert augment.turned(pixels, draw(), 0.2, 0.1).shape == pixels.shape
    assert np.abs(augment.turned(pixels, draw(), 0.0, 0.0).astype(int) - pixels).max() <= 1


@pytest.mark.parametrize("how", sorted(augment.FILLERS))
def test_every_interpolation_keeps_a_flat_picture(how: str) -> None:
    flat = np.full((8, 8, 3), 77, np.uint8)
    assert (augment.resized(flat, 5, 13, how) == 77).all()


def test_colours_change_as_hue_saturation_and_lightness_do() -> None:
    pixels = draw(1).integers(0, 256, (4, 4, 3)).astype(np.uint8)
    found = augment.coloured(pixels, draw(2))
    shift = draw(2).uniform(-1, 1, 3) * (36 / 180, 50 / 255, 50 / 255)
    for colour, made in zip(pixels.reshape(-1, 3), found.reshape(-1, 3), strict=True):
        h, light, s = colorsys.rgb_to_hls(*(colour / 255))
        moved = colorsys.hls_to_rgb((h + shift[0]) % 1, np.clip(light + shift[2], 0, 1), np.clip(s + shift[1], 0, 1))
        np.testing.assert_allclose(made, np.array(moved) * 255, atol=1.5)


@pytest.mark.parametrize("seed", range(12))
def test_boxes_stay_around_their_objects(seed: int) -> None:
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[12:30, 20:60] = (255, 255, 255)
    box = np.array([[3, 20 / 80, 12 / 60, 60 / 80, 30 / 60]], np.float32)
    made, boxes = augment.sampled(pixels, box, draw(seed))
    assert ((boxes[:, 1:] >= 0) & (boxes[:, 1:] <= 1)).all()
    h, w = made.shape[:2]
    if len(boxes) == 1 and made.std() > 1:
        light = np.abs(made.astype(int) - np.median(made.astype(int).reshape(-1, 3), axis=0)).sum(axis=2) > 150
        c, a, b, r, d = boxes[0] * (1, w, h, w, h)
        inside = np.zeros((h, w), bool)
        inside[round(float(b)) : round(float(d)), round(float(a)) : round(float(r))] = True
        assert c == 3
        if light.any() and not light.all() and light.mean() < 0.5:
            assert (light & inside).sum() / (light | inside).sum() > 0.85


@pytest.mark.parametrize("seed", range(6))
def test_masks_stay_on_their_pixels(seed: int) -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[10:30, 20:50] = 255
    mask = (pixels[..., 0] > 0).astype(np.uint8)
    made, kept = augment.scaled_crop(pixels, mask, 48, 32, draw(seed))
    assert made.shape == (32, 32, 3)
    there = kept != 255
    agree = (made[..., 0] > 127) == (kept == 1)
    assert agree[there].mean() > 0.9
