"""Scales, ticks and tags."""

import itertools
import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from tarragon.develop.report import chart


@given(st.floats(-1e12, 1e12), st.floats(1e-9, 1e12), st.integers(3, 8))
def test_ticks_are_round_inside_and_neither_few_nor_many(low, width, about):
    high = low + width
    if high - low < 1e-6 * max(abs(low), abs(high)):
        return
    ticks = chart.nice_ticks(low, high, about)
    slack = 1e-6 * (high - low) + 1e-9 * max(abs(low), abs(high))
    assert all(low - slack <= t <= high + slack for t in ticks)
    assert 1 <= len(ticks) <= 2 * about + 1
    if len(ticks) > 1:
        step = ticks[1] - ticks[0]
        lead = step / 10 ** math.floor(math.log10(step) + 1e-6)
        assert min(abs(lead - m) for m in (1, 2, 5, 10)) < 0.02 * lead


@given(st.floats(1e-6, 1e6), st.floats(1.5, 1e6))
def test_log_ticks_lie_inside_and_are_few(low, ratio):
    ticks = chart.log_ticks(low, low * ratio)
    assert len(ticks) <= 6
    assert len(ticks) >= 2 or ratio < 2
    assert all(low * 0.998 <= t <= low * ratio * 1.002 for t in ticks)


def test_a_scale_maps_its_ends_to_its_ends():
    linear = chart.Scale(10.0, 20.0, 50.0, 150.0)
    assert (linear(10.0), linear(15.0), linear(20.0)) == (50.0, 100.0, 150.0)
    log = chart.Scale(1.0, 100.0, 0.0, 1.0, log=True)
    assert log(10.0) == pytest.approx(0.5)


@pytest.mark.parametrize("values", [[], [None], [math.nan, math.inf], [3.0], [0.0], [-5.0, -5.0], [1e-300, 1e300]])
@pytest.mark.parametrize("log", [False, True])
def test_spanning_always_gives_a_usable_scale(values, log):
    scale = chart.spanning(values, log=log)
    assert scale.high > scale.low
    assert all(math.isfinite(scale(t)) for t in scale.ticks())


def test_zero_stays_the_end_of_a_bar_chart():
    assert chart.spanning([1.0, 3.0], zero=True).low == 0.0
    assert chart.spanning([-3.0, -1.0], zero=True).high == 0.0


def test_tags_escape_children_and_attributes():
    made = chart.tag("text", "<b>&", class_='a"b')
    assert ElementTree.fromstring(made).text == "<b>&"
    assert ElementTree.fromstring(made).get("class") == 'a"b'
    assert chart.tag("g", Markup("<a/>")) == "<g><a/></g>"


def test_a_plane_is_named_for_those_who_cannot_see_it():
    axis = chart.Axis("x", chart.Scale(0.0, 1.0))
    drawn = ElementTree.fromstring(chart.Plane("k", "A title", "What it shows", axis, axis).draw())
    assert drawn.get("role") == "img"
    names = {e.get("id"): e.text for e in drawn.iter() if e.get("id")}
    assert [names[i] for i in drawn.get("aria-labelledby").split()] == ["A title", "What it shows"]


def test_axis_numbers_do_not_run_into_the_axis_title_or_each_other():
    wide = chart.Axis("y", chart.Scale(0.0, 4e9))
    plane = chart.Plane("k", "t", "d", chart.Axis("x", chart.Scale(0.0, 9e9)), wide)
    drawn = ElementTree.fromstring(plane.draw())
    ends = [e for e in drawn.iter("text") if e.get("class") == "tick end"]
    assert all(float(e.get("x")) - 6.6 * len(e.text) > 18 for e in ends)
    below = sorted((float(e.get("x")), len(e.text)) for e in drawn.iter("text") if e.get("class") == "tick mid")
    assert all(b[0] - a[0] > 3.3 * (a[1] + b[1]) for a, b in itertools.pairwise(below))


def test_ticks_are_written_with_equal_decimals():
    assert chart.tick_texts([0.0, 0.25, 0.5]) == ["0.00", "0.25", "0.50"]
    assert chart.tick_texts([1.0, 10.0], log=True) == ["1", "10"]
