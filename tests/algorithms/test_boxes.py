"""Overlap, matching, suppression and average precision against plain definitions."""

import numpy as np
import pytest

from tarragon.algorithms.boxes import (
    average_precision,
    decoded,
    detections,
    encoded,
    matched,
    mean_average_precision,
    overlap,
    suppressed,
)


def random_boxes(n: int, seed: int = 0) -> np.ndarray:
    corners = np.sort(np.random.default_rng(seed).random((n, 2, 2)), axis=1)
    return corners.reshape(n, 4)


def test_overlap_is_what_a_grid_counts() -> None:
    grid = np.linspace(0, 1, 401)[:-1] + 1 / 800
    x, y = np.meshgrid(grid, grid)

    def inside(box: np.ndarray) -> np.ndarray:
        return (x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3])

    boxes = random_boxes(6)
    for i, a in enumerate(boxes):
        for j, b in enumerate(boxes):
            both, either = (inside(a) & inside(b)).sum(), (inside(a) | inside(b)).sum()
            assert overlap(boxes, boxes)[i, j] == pytest.approx(both / either, abs=0.02)


def test_decoding_undoes_encoding() -> None:
    anchors, boxes = random_boxes(20), random_boxes(20, 1)
    np.testing.assert_allclose(decoded(anchors, encoded(anchors, boxes)), boxes, atol=1e-9)


def test_each_box_gets_its_best_anchor_and_close_anchors_join() -> None:
    anchors = np.array([[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1], [0, 0, 0.45, 0.5], [0.9, 0, 1, 0.1]])
    boxes = np.array([[0, 0, 0.5, 0.5], [0.4, 0.4, 0.6, 0.6]])
    assert matched(anchors, boxes, 0.5).tolist() == [0, 1, 0, -1]
    assert matched(anchors, boxes[:0], 0.5).tolist() == [-1] * 4
    twice = np.array([[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.4]])
    assert set(matched(anchors[[0, 2]], twice, 0.99).tolist()) == {0, 1}  # both keep one, though both like the same


def test_suppression_keeps_the_best_of_those_that_overlap() -> None:
    boxes, scores = random_boxes(60, 3), np.random.default_rng(4).random(60)
    kept = suppressed(boxes, scores, 0.4)
    expected: list[int] = []
    for i in np.argsort(-scores):
        if all(overlap(boxes[[i]], boxes[[j]])[0, 0] <= 0.4 for j in expected):
            expected.append(int(i))
    assert kept.tolist() == expected


def test_detections_are_sorted_and_suppressed_class_by_class() -> None:
    boxes = np.array([[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.49], [0, 0, 0.5, 0.5]])
    p = np.array([[0.1, 0.9, 0.0], [0.2, 0.8, 0.0], [0.3, 0.0, 0.7]])
    found = detections(boxes, p, 0.5, 0.01, 10)
    assert found[:, 0].tolist() == [0, 1]
    np.testing.assert_allclose(found[:, 1], [0.9, 0.7])
    assert detections(boxes, p, 0.5, 0.95, 10).shape == (0, 6)


def test_average_precision_is_the_area_under_the_monotone_curve() -> None:
    rng = np.random.default_rng(0)
    hit, score = rng.random(50) < 0.5, rng.random(50)
    there, total = int(hit.sum()) + 5, 0.0
    ranked = hit[np.argsort(-score)]
    precision = np.cumsum(ranked) / np.arange(1, 51)
    for k in range(50):
        if ranked[k]:
            total += precision[k:].max() / there
    assert average_precision(hit, score, there) == pytest.approx(total)


def test_mean_average_precision_by_hand() -> None:
    truth = [np.array([[0, 0, 0, 0.5, 0.5], [1, 0.5, 0.5, 1, 1]]), np.array([[0, 0.2, 0.2, 0.4, 0.4]])]
    perfect = [np.column_stack([t[:, 0], np.ones(len(t)), t[:, 1:]]) for t in truth]
    assert mean_average_precision(perfect, truth, 0.5) == 1.0
    twice = [np.vstack([rows, rows]) for rows in perfect]  # a second answer for a box is wrong
    assert mean_average_precision(twice, truth, 0.5) < 1.0
    half = [perfect[0], np.zeros((0, 6))]
    assert mean_average_precision(half, truth, 0.5) == pytest.approx(0.75)
    assert mean_average_precision([np.zeros((0, 6))], [np.zeros((0, 5))], 0.5) == 0.0
