"""Ask and tell: configurations stay in the space and get better than chance."""

import numpy as np

from tarragon.algorithms.params import OneOf, Range
from tarragon.tune.search import Sampler, distributions

SPACE = {"x": Range(0.001, 10.0, log=True), "n": Range(1, 64, log=True), "kind": OneOf(("a", "b"))}


def test_types_and_bounds() -> None:
    sampler = Sampler(SPACE, seed=0)
    for i in range(20):
        asked = sampler.ask(f"t{i}")
        assert 0.001 <= asked["x"] <= 10.0
        assert isinstance(asked["n"], int)
        assert 1 <= asked["n"] <= 64
        assert asked["kind"] in ("a", "b")
        sampler.tell(f"t{i}", float(i))


def test_same_seed_asks_the_same() -> None:
    one, two = (Sampler(SPACE, seed=3) for _ in range(2))
    for i in range(8):
        asked = one.ask(f"t{i}")
        assert asked == two.ask(f"t{i}")
        one.tell(f"t{i}", -abs(asked["x"] - 1))
        two.tell(f"t{i}", -abs(asked["x"] - 1))


def test_it_learns_where_the_good_ones_are() -> None:
    sampler = Sampler({"x": Range(0.0, 1.0)}, seed=1)
    seen = []
    for i in range(60):
        x = sampler.ask(f"t{i}")["x"]
        seen.append(abs(x - 0.3))
        sampler.tell(f"t{i}", -abs(x - 0.3))
    assert np.mean(seen[-30:]) < 0.5 * 0.29, "0.29 is the mean distance of a uniform draw"


def test_a_configuration_from_elsewhere_counts() -> None:
    sampler = Sampler({"x": Range(0.0, 1.0)}, seed=1)
    for x in np.linspace(0, 1, 15):
        sampler.learn({"x": float(x), "other": 3}, -abs(float(x) - 0.8))
    assert np.median([abs(sampler.ask(f"t{i}")["x"] - 0.8) for i in range(9)]) < 0.25


def test_whole_bounds_mean_whole_numbers() -> None:
    said = distributions(SPACE)
    assert type(said["n"]).__name__ == "IntDistribution"
    assert type(said["x"]).__name__ == "FloatDistribution"
