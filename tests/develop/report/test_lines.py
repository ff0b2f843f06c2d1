"""Curves: what thinning may change, what a picture holds."""

import math
from xml.etree import ElementTree

import numpy as np
import pytest

from tarragon.develop.report import lines
from tarragon.develop.report.chart import Axis, Plane, Scale


def _plane():
    return Plane("k", "t", "d", Axis("x", Scale(0.0, 1.0)), Axis("y", Scale(0.0, 1.0)))


def _classes(drawn):
    return [e.get("class") for e in ElementTree.fromstring(drawn).iter() if e.get("class")]


def test_thinning_strays_less_than_its_tolerance_and_keeps_the_ends():
    x = np.linspace(0, 300, 5000)
    y = 100 * np.sin(x / 30) + np.random.default_rng(0).normal(0, 0.02, len(x))
    kept = lines.thin(list(zip(x.tolist(), y.tolist(), strict=True)))
    assert len(kept) < 400
    assert kept[0][0] == 0
    assert kept[-1][0] == 300
    drawn = np.interp(x, [p[0] for p in kept], [p[1] for p in kept])
    # distances are to the chord, so a steep stretch may differ more in y than in pixels; the slope is at most 100/30
    assert np.abs(drawn - y).max() < 0.5 * np.hypot(1, 100 / 30)


def test_values_that_are_not_finite_are_left_out():
    stroke = lines.Stroke(((0.0, 0.0), (0.5, math.nan), (1.0, 1.0)))
    drawn = lines.draw(_plane(), [stroke])
    assert "nan" not in drawn
    assert "line c0" in _classes(drawn)


def test_an_empty_curve_draws_an_empty_plane():
    assert not any(c.startswith("line") for c in _classes(lines.draw(_plane(), [lines.Stroke(())])))


def test_a_band_lies_between_its_edges_and_under_its_line():
    stroke = lines.Stroke(((0.0, 0.5), (1.0, 0.5)), ((0.0, 0.4), (1.0, 0.4)), ((0.0, 0.6), (1.0, 0.6)))
    classes = _classes(lines.draw(_plane(), [stroke]))
    assert classes.index("band c0") < classes.index("line c0")


def test_lines_differ_without_colour():
    strokes = [lines.Stroke(((0.0, k / 10), (1.0, k / 10)), n=k) for k in range(4)]
    drawn = ElementTree.fromstring(lines.draw(_plane(), strokes))
    dashes = [e.get("stroke-dasharray") for e in drawn.iter("path") if "line" in e.get("class", "")]
    assert len(set(dashes)) == 4


def test_a_step_holds_its_value_until_the_next():
    drawn = ElementTree.fromstring(lines.draw(_plane(), [lines.Stroke(((0.0, 0.0), (1.0, 1.0)), step=True)]))
    d = next(e.get("d") for e in drawn.iter("path"))
    points = [tuple(map(float, p.split())) for p in d[1:].split("L")]
    assert points[0][1] == points[1][1]
    assert points[1][0] == points[2][0]


@pytest.mark.parametrize(("x", "end"), [(0.2, False), (0.9, True)])
def test_a_marks_words_stay_on_the_plane(x, end):
    drawn = ElementTree.fromstring(lines.draw(_plane(), [], mark=(x, "0.9")))
    words = next(e for e in drawn.iter("text") if e.text == "0.9" and "note" in e.get("class"))
    assert ("end" in words.get("class")) is end
