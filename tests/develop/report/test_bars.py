"""Histograms."""

import re
from xml.etree import ElementTree

from tarragon.develop.report import bars
from tarragon.develop.report.chart import Axis, Plane, Scale


def test_bars_are_as_high_as_their_counts_and_empty_bins_have_none():
    plane = Plane("k", "t", "d", Axis("x", Scale(0.0, 3.0)), Axis("y", Scale(0.0, 10.0)))
    drawn = ElementTree.fromstring(bars.histogram(plane, [(0, 1, 5), (1, 2, 0), (2, 3, 10)], reference=1.5))
    d = next(e.get("d") for e in drawn.iter("path") if e.get("class") == "bar")
    bottoms = [float(v) for v in re.findall(r"M[\d.]+ ([\d.]+)V", d)]
    tops = [float(v) for v in re.findall(r"V([\d.]+)H", d)]
    heights = [b - t for b, t in zip(bottoms, tops, strict=True)]
    assert len(heights) == 2
    assert abs(heights[1] / heights[0] - 2) < 0.01
    assert any(e.get("class") == "reference" for e in drawn.iter("line"))
