"""Strips of row charts."""

import math
from xml.etree import ElementTree

import pytest

from tarragon.develop.report import strip
from tarragon.develop.report.chart import Scale


def _all(drawn, name):
    return [e for e in ElementTree.fromstring(drawn).iter(name)]


def _share(text):
    return float(text.rstrip("%")) / 100


def test_a_whisker_sits_where_its_values_are():
    drawn = strip.whisker(Scale(0.0, 10.0), 5.0, 4.0, 7.0, look="strong")
    assert [_share(e.get("cx")) for e in _all(drawn, "circle")] == [0.5]
    spans = [(e.get("x1"), e.get("x2")) for e in _all(drawn, "line") if e.get("class") == "whisker strong"]
    assert ("40%", "70%") in spans


@pytest.mark.parametrize("value", [None, math.nan])
def test_an_unknown_value_has_no_dot(value):
    assert not _all(strip.whisker(Scale(0.0, 1.0), value, None, None), "circle")


def test_a_bar_runs_from_zero_on_either_side():
    right = _all(strip.bar(Scale(-1.0, 1.0), 0.5), "rect")[0]
    left = _all(strip.bar(Scale(-1.0, 1.0), -0.5), "rect")[0]
    assert (right.get("x"), right.get("width")) == ("50%", "25%")
    assert (left.get("x"), left.get("width")) == ("25%", "25%")


def test_an_axis_writes_every_tick_of_its_scale():
    scale = Scale(0.0, 1.0)
    texts = [e.text for e in _all(strip.axis(scale), "text")]
    assert len(texts) == len(scale.ticks())
    assert texts[0] == "0.0"
    assert texts[-1] == "1.0"


def test_a_value_beyond_the_scale_stays_on_the_strip():
    drawn = strip.whisker(Scale(0.0, 1.0), 5.0, -3.0, 9.0)
    assert _all(drawn, "circle")[0].get("cx") == "100%"


def test_a_spark_of_nothing_is_nothing():
    assert strip.spark(()) == ""
    assert strip.spark((0, 0)) == ""
    assert strip.spark((1, 5)).count("z") == 2
