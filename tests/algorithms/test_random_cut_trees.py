"""Trees part every point from every other; their scores are the published recursion, term by term."""

import math

import numpy as np
import pytest

from tarragon.algorithms.random_cut_trees import box, drawn, grow, grow_all, score


def tree(X: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Grow one tree on all rows; its arrays by name."""
    n, members = len(X), np.arange(len(X))
    dimension, left, right, mass = (np.empty(n, np.int32) for _ in range(4))
    cut = np.empty(n, np.float32)
    leaves = grow(X, members, np.uint64(seed), dimension, cut, left, right, mass)
    inner = leaves - 1
    made = {
        "points": X[members[:leaves]], "mass": mass[:leaves], "first": np.array([0, leaves]),
        "dimension": dimension[:inner], "cut": cut[:inner], "left": left[:inner], "right": right[:inner],
    }  # fmt: skip
    low, high = (np.empty((inner, X.shape[1]), np.float32) for _ in range(2))
    span = np.empty(inner)
    box(made["points"], made["first"], made["left"], made["right"], low, high, span)
    return {**made, "low": low, "high": high, "span": span}


def under(made: dict[str, np.ndarray], node: int) -> list[int]:
    """Leaves below a node."""
    if node < 0:
        return [-1 - node]
    return under(made, made["left"][node]) + under(made, made["right"][node])


def expected(made: dict[str, np.ndarray], x: np.ndarray) -> float:
    """The score of one point, as the recursion is written, boxes from the points below."""
    N = made["mass"].sum()

    def visit(node: int, depth: int) -> float:
        if node < 0:
            leaf, w = -1 - node, float(made["mass"][-1 - node])
            if (made["points"][leaf] == x).all():
                return (1 - w / (2 * N)) / (depth + math.log2(w + 1))
            return 1 / (depth + 1)
        below = made["left"] if x[made["dimension"][node]] <= made["cut"][node] else made["right"]
        found = visit(below[node], depth + 1)
        points = made["points"][under(made, node)].astype(float)
        sides = points.max(0) - points.min(0)
        with_x = np.maximum(points.max(0), x) - np.minimum(points.min(0), x)
        p = (with_x - sides).sum() / with_x.sum()
        return p / (depth + 1) + (1 - p) * found

    return visit(0 if len(made["mass"]) > 1 else -1, 0) * math.log2(N + 1)


@pytest.fixture(name="X")
def rows() -> np.ndarray:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, 3)).astype(np.float32)
    X[30:35] = X[0]  # six of a kind
    return X


def test_every_point_ends_in_a_leaf_of_its_own(X: np.ndarray) -> None:
    made = tree(X)
    assert sorted(map(tuple, made["points"].tolist())) == sorted(set(map(tuple, X.tolist())))
    assert made["mass"].sum() == len(X)
    assert made["mass"][(made["points"] == X[0]).all(axis=1)].tolist() == [6]
    assert sorted(under(made, 0)) == list(range(len(made["mass"])))


def test_cuts_part_the_points_below_them(X: np.ndarray) -> None:
    made = tree(X)
    for node, (f, cut) in enumerate(zip(made["dimension"], made["cut"], strict=True)):
        low, high = (made["points"][under(made, made[side][node]), f] for side in ("left", "right"))
        assert low.max() <= cut < high.min()


def test_boxes_are_the_bounds_of_the_points_below_them(X: np.ndarray) -> None:
    made = tree(X)
    for node in range(len(made["cut"])):
        points = made["points"][under(made, node)]
        np.testing.assert_array_equal(made["low"][node], points.min(axis=0))
        np.testing.assert_array_equal(made["high"][node], points.max(axis=0))
        assert made["span"][node] == pytest.approx((points.max(0) - points.min(0)).sum(), rel=1e-6)


def test_long_sides_are_cut_more_often() -> None:
    X = (np.random.default_rng(0).random((64, 2)) * [3.0, 1.0]).astype(np.float32)
    X[:4] = [[0, 0], [3, 0], [0, 1], [3, 1]]
    roots = [tree(X, seed) for seed in range(2_000)]
    long = np.array([made["dimension"][0] == 0 for made in roots])
    assert long.mean() == pytest.approx(0.75, abs=0.04)  # 4 standard errors
    cuts = np.array([made["cut"][0] for made in roots])[long]
    assert np.histogram(cuts, bins=3, range=(0, 3))[0] / long.sum() == pytest.approx([1 / 3] * 3, abs=0.05)


@pytest.mark.parametrize("kind", ["inside", "beyond", "its own"])
def test_scores_are_the_recursion(X: np.ndarray, kind: str) -> None:
    made, rng = tree(X), np.random.default_rng(2)
    asked = {"inside": rng.normal(size=(20, 3)) / 3, "beyond": 5 + rng.normal(size=(20, 3)), "its own": X}[kind]
    asked = asked.astype(np.float32)
    out = np.zeros(len(asked))
    score(asked, *made.values(), out)
    np.testing.assert_allclose(out, [expected(made, x) for x in asked], rtol=1e-5)


def test_equal_points_are_one_leaf_with_known_scores() -> None:
    made = tree(np.ones((7, 2), np.float32))
    out = np.zeros(2)
    score(np.array([[1, 1], [2, 1]], np.float32), *made.values(), out)
    np.testing.assert_allclose(out, [(1 - 0.5) / math.log2(8) * math.log2(8), 1.0 * math.log2(8)])


@pytest.mark.parametrize("scale", [1e-38, 1e30, 3e38])
def test_tiny_and_huge_numbers_are_cut(scale: float) -> None:
    X = (np.random.default_rng(0).uniform(-1, 1, (50, 4)) * scale).astype(np.float32)
    made = tree(X)
    out = np.zeros(len(X))
    score(X, *made.values(), out)
    assert np.isfinite(out).all()
    assert (made["mass"] == 1).all()


def test_neighbours_in_float_are_parted() -> None:
    one = np.float32(1.0)
    X = np.array([[one], [np.nextafter(one, np.float32(2))]], np.float32)
    for seed in range(20):
        assert tree(X, seed)["mass"].tolist() == [1, 1]


def test_numbers_drawn_are_splitmix64s() -> None:
    # The first outputs of the published generator for seed 1234567.
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    state = np.array([1234567], np.uint64)
    assert [drawn(state) for _ in known] == [(value >> 11) * 2.0**-53 for value in known]


def test_trees_grown_together_are_those_grown_alone() -> None:
    X = np.random.default_rng(3).normal(size=(60, 3)).astype(np.float32)
    members = np.arange(60).reshape(4, 15)
    seeds = np.arange(4).astype(np.uint64)

    def room(shape: tuple[int, ...]) -> list[np.ndarray]:
        return [np.zeros(shape, kind) for kind in (np.int32, np.float32, np.int32, np.int32, np.int32)]

    together, order, leaves = room((4, 15)), members.copy(), np.zeros(4, np.int64)
    grow_all(X, order, seeds, *together, leaves)
    for t in range(4):
        alone, own = room((15,)), members[t].copy()
        assert grow(X, own, seeds[t], *alone) == leaves[t]
        np.testing.assert_array_equal(own, order[t])
        for first, second in zip(alone, together, strict=True):
            np.testing.assert_array_equal(first, second[t])
