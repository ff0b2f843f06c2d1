"""Clouds and labelled marks."""

from xml.etree import ElementTree

import numpy as np

from tarragon.develop.report import points
from tarragon.develop.report.chart import Axis, Plane, Scale


def _plane():
    return Plane("k", "t", "d", Axis("x", Scale(0.0, 1.0)), Axis("y", Scale(0.0, 1.0)))


def test_a_cloud_draws_every_row_in_few_characters():
    rows = np.random.default_rng(0).random((1000, 2)).tolist()
    drawn = points.cloud(_plane(), [tuple(r) for r in rows], reference="diagonal")
    d = next(e.get("d") for e in ElementTree.fromstring(drawn).iter("path"))
    assert d.count("h0") == 1000
    assert len(drawn) < 20_000


def test_labels_never_overlap_and_crowded_ones_are_left_out():
    items = [points.Mark(0.5 + i / 500, 0.5 + i / 500, 0.5, 0.5, "front", f"model-{i}", f"tip {i}") for i in range(30)]
    drawn = ElementTree.fromstring(points.marks(_plane(), items))
    boxes = []
    for e in drawn.iter("text"):
        if e.get("class") == "note":
            x, y = float(e.get("x")), float(e.get("y"))
            boxes.append((x, y - 11, x + 6.4 * len(e.text), y + 3))
    assert 1 <= len(boxes) < 30
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert a[2] <= b[0] + 0.2 or b[2] <= a[0] + 0.2 or a[3] <= b[1] + 0.2 or b[3] <= a[1] + 0.2


def test_every_mark_can_be_pointed_at_and_the_front_looks_different():
    items = [
        points.Mark(0.2, 0.2, 0.1, 0.3, "off", "", "beaten <b>"),
        points.Mark(0.8, 0.8, 0.7, 0.9, "front", "best", "best"),
        points.Mark(0.5, 0.6, 0.6, 0.6, "knee", "", "knee"),
    ]
    drawn = ElementTree.fromstring(points.marks(_plane(), items))
    looks = {g.find("title").text: [c.get("class") for c in g.findall("circle")] for g in drawn.findall("g")}
    assert looks == {"beaten <b>": ["ring off"], "best": ["dot c0"], "knee": ["ring c0", "dot c0"]}
