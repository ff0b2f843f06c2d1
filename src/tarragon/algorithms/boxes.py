"""Boxes: overlap, matching to anchors, encoding, non-maximum suppression, average precision.

Source: Liu et al. (2016), SSD, ECCV, §2.2 (matching, encoding); Everingham et al. (2010), The PASCAL VOC challenge,
        IJCV 88, §4.2 (average precision). Average precision is the area under the precision-recall curve made
        monotone, as the challenge has computed it since 2010.
Notation: boxes are (n, 4): xmin, ymin, xmax, ymax in shares of width and height; A anchors, m boxes, K classes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
VARIANCES = (0.1, 0.1, 0.2, 0.2)  # of the original implementation: offsets are divided by them
TINY = 1e-9
MOST_SCALE = 10.0  # exponent of a size that is decoded: beyond it a box would be wider than any picture


def overlap(first: Array, second: Array) -> Array:
    """Intersection over union, (n, 4), (m, 4) -> (n, m).

    Examples
    --------
    >>> overlap(np.array([[0.0, 0.0, 1.0, 1.0]]), np.array([[0.0, 0.0, 0.5, 1.0]])).tolist()
    [[0.5]]
    """
    top = np.maximum(first[:, None, :2], second[None, :, :2])
    bottom = np.minimum(first[:, None, 2:], second[None, :, 2:])
    inner = np.clip(bottom - top, 0.0, None).prod(axis=2)
    area, other = (first[:, 2:] - first[:, :2]).prod(axis=1), (second[:, 2:] - second[:, :2]).prod(axis=1)
    return np.asarray(inner / np.maximum(area[:, None] + other[None, :] - inner, TINY))


def matched(anchors: Array, boxes: Array, threshold: float) -> NDArray[np.int64]:
    """Give each anchor the box it stands for, or -1.

    Each box takes the anchor it overlaps most, boxes with the greatest overlap first; then each anchor that is left
    takes the box it overlaps most, if by at least ``threshold``.

    Parameters
    ----------
    anchors : ndarray of shape (A, 4)
    boxes : ndarray of shape (m, 4)
    threshold : float

    Returns
    -------
    ndarray of shape (A,)
    """
    found = np.full(len(anchors), -1, np.int64)
    if not len(boxes):
        return found
    shared = overlap(anchors, boxes)
    best = shared.argmax(axis=1)
    enough = shared[np.arange(len(anchors)), best] >= threshold
    found[enough] = best[enough]
    left = shared.copy()
    for _ in range(min(len(boxes), len(anchors))):
        anchor, box = np.unravel_index(left.argmax(), left.shape)
        found[anchor] = box
        left[anchor] = left[:, box] = -1.0
    return found


def encoded(anchors: Array, boxes: Array) -> Array:
    """Say how boxes differ from anchors, (A, 4), (A, 4) -> (A, 4): centres in anchor sizes, sizes as logarithms."""
    size, wanted = anchors[:, 2:] - anchors[:, :2], np.maximum(boxes[:, 2:] - boxes[:, :2], TINY)
    centre, aim = (anchors[:, 2:] + anchors[:, :2]) / 2, (boxes[:, 2:] + boxes[:, :2]) / 2
    offsets = np.concatenate([(aim - centre) / size, np.log(wanted / size)], axis=1)
    return np.asarray(offsets / VARIANCES)


def decoded(anchors: Array, offsets: Array) -> Array:
    """Undo :func:`encoded`; what stands out of the picture is cut."""
    size, centre = anchors[:, 2:] - anchors[:, :2], (anchors[:, 2:] + anchors[:, :2]) / 2
    moved = offsets * VARIANCES
    middle = centre + moved[:, :2] * size
    half = size * np.exp(np.clip(moved[:, 2:], -MOST_SCALE, MOST_SCALE)) / 2
    return np.asarray(np.concatenate([middle - half, middle + half], axis=1).clip(0.0, 1.0))


def suppressed(boxes: Array, scores: Array, threshold: float) -> NDArray[np.int64]:
    """Keep the best of boxes that overlap by more than ``threshold``: positions, best first."""
    order = np.argsort(-scores, kind="stable")
    shared = overlap(boxes[order], boxes[order])
    alive = np.ones(len(order), bool)
    for i in range(len(order)):
        if alive[i]:
            alive[i + 1 :] &= shared[i, i + 1 :] <= threshold
    return np.asarray(order[alive], np.int64)


def detections(boxes: Array, probability: Array, threshold: float, least: float, most: int) -> Array:
    """Turn an SSD's answer for one picture into a list.

    Parameters
    ----------
    boxes : ndarray of shape (A, 4)
    probability : ndarray of shape (A, K + 1)
        Column 0 is "nothing".
    threshold : float
        Overlap from which the less sure of two boxes of one class is dropped.
    least : float
        Probability below which a box is not looked at.
    most : int
        Boxes that are looked at, the surest of all classes; and that are answered.

    Returns
    -------
    ndarray of shape (m, 6)
        Class, score, four corners; surest first.
    """
    likely = probability[:, 1:]
    anchor, kind = np.nonzero(likely >= least)
    scores = likely[anchor, kind]
    chosen = np.argsort(-scores, kind="stable")[:most]
    anchor, kind, scores = anchor[chosen], kind[chosen], scores[chosen]
    kept = [np.zeros(0, np.int64)]
    for one in np.unique(kind):
        own = np.flatnonzero(kind == one)
        kept.append(own[suppressed(boxes[anchor[own]], scores[own], threshold)])
    final = np.concatenate(kept)
    final = final[np.argsort(-scores[final], kind="stable")]
    return np.column_stack([kind[final], scores[final], boxes[anchor[final]]]).astype(np.float32)


def average_precision(hit: Array, score: Array, there: int) -> float:
    """Area under the monotone precision-recall curve of one class.

    Parameters
    ----------
    hit : ndarray of bool, shape (d,)
        Whether each detection found a box that none before it had found.
    score : ndarray of shape (d,)
    there : int
        Boxes there are.

    Examples
    --------
    >>> average_precision(np.array([True, False, True]), np.array([0.9, 0.8, 0.7]), 2)
    0.8333333333333333
    """
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(hit[order])
    recall, precision = hits / there, hits / np.arange(1, len(order) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def mean_average_precision(found: Sequence[Array], truth: Sequence[Array], threshold: float) -> float:
    """Mean over the classes that occur of their average precision; 0 without any box.

    Parameters
    ----------
    found : sequence of ndarray, each (d, 6)
        Class, score, corners, per picture.
    truth : sequence of ndarray, each (m, 5)
        Class, corners.
    threshold : float
        Overlap from which a box counts as found.
    """
    kinds = np.unique(np.concatenate([np.zeros(0), *(boxes[:, 0] for boxes in truth)]))
    return float(np.mean([_of_class(found, truth, threshold, kind) for kind in kinds])) if len(kinds) else 0.0


def _of_class(found: Sequence[Array], truth: Sequence[Array], threshold: float, kind: float) -> float:
    hits: list[bool] = []
    scores: list[float] = []
    there = 0
    for guessed, boxes in zip(found, truth, strict=True):
        own, real = guessed[guessed[:, 0] == kind], boxes[boxes[:, 0] == kind][:, 1:]
        there += len(real)
        own = own[np.argsort(-own[:, 1], kind="stable")]
        taken = np.zeros(len(real), bool)
        shared = overlap(own[:, 2:], real)
        for i, score in enumerate(own[:, 1]):
            best = int(shared[i].argmax()) if len(real) else -1
            good = best >= 0 and shared[i, best] >= threshold and not taken[best]
            if good:
                taken[best] = True
            hits.append(good)
            scores.append(float(score))
    return average_precision(np.array(hits, bool), np.array(scores), there)
