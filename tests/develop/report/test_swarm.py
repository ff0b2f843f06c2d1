"""Bee swarms."""

import math
from xml.etree import ElementTree

import numpy as np

from tarragon.develop.report import swarm
from tarragon.develop.report.chart import Scale


def test_dots_stay_inside_the_strip_and_equal_places_are_spread():
    rng = np.random.default_rng(0)
    heights = swarm.offsets(rng.normal(0.5, 0.02, 400).tolist())
    assert max(abs(h) for h in heights) <= swarm.HEIGHT / 2 - 2.9
    assert len(set(swarm.offsets([0.5] * 7))) == 7


def test_each_dot_has_its_place_shade_and_words():
    drawn = ElementTree.fromstring(
        swarm.swarm(Scale(-1.0, 1.0), [0.5, -0.5, math.nan], [1.0, None, 0.0], ["a", "b <i>", "c"])
    )
    groups = {g.get("class"): [(c.get("cx"), c.find("title").text) for c in g] for g in drawn.iter("g")}
    assert groups == {"s4": [("75%", "a")], "sx": [("25%", "b <i>")]}


def test_shades_run_from_low_to_high():
    drawn = ElementTree.fromstring(swarm.swarm(Scale(-1.0, 1.0), [0.0] * 5, [0.0, 0.25, 0.5, 0.75, 1.0], list("abcde")))
    assert [g.get("class") for g in drawn.iter("g")] == ["s0", "s1", "s2", "s3", "s4"]
