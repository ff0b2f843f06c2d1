import lightgbm
import numpy as np
import pytest

from tarragon.algorithms.shapes import Axis, Shape, strongest_pairs, tables_of, trees_of


def boosted(X: np.ndarray, y: np.ndarray, **settings: object) -> lightgbm.Booster:
    given = {"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 3, "num_leaves": 6, "seed": 1, **settings}
    return lightgbm.train(given, lightgbm.Dataset(X, y), 20)


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)).astype(np.float32)
    return X, X[:, 0] + 2 * (X[:, 1] * X[:, 2] > 0) + rng.normal(0, 0.1, 300)


def test_a_row_on_an_edge_goes_left_as_in_the_trees(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X = np.round(rows[0][:, :1], 1)
    booster = boosted(X, rows[1])
    intercept, tables = tables_of(trees_of(booster.model_to_string()), 1, {})
    (axis,), scores = tables[(0,)]
    edges = axis.edges[np.abs(axis.edges) > 1e-30]  # the library's stand-in for "just above 0" is no number of a table
    on = np.concatenate([edges, np.nextafter(edges, np.inf), X[:, 0], [0.0, -0.0, -99.0, 99.0]])
    expected = booster.predict(on.reshape(-1, 1), raw_score=True)
    np.testing.assert_allclose(intercept[0] + scores[axis.locate(on), 0], expected, atol=1e-12)


def test_a_table_of_two_columns_is_the_trees(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = rows[0][:, 1:], rows[1]
    booster = boosted(X, y)
    intercept, tables = tables_of(trees_of(booster.model_to_string()), 1, {})
    total = np.full(len(X), intercept[0])
    for axes, scores in tables.values():
        total += scores[..., 0][tuple(axis.locate(X[:, axis.column]) for axis in axes)]
    np.testing.assert_allclose(total, booster.predict(X, raw_score=True), atol=1e-12)
    assert (0, 1) in tables


def test_trees_without_a_split_are_intercept() -> None:
    X, y = np.ones((50, 2), np.float32), np.arange(50.0)
    intercept, tables = tables_of(trees_of(boosted(X, y).model_to_string()), 1, {})
    assert intercept[0] == pytest.approx(24.5)
    assert tables == {}


def test_strongest_pair_is_the_one_that_acts_together(rows: tuple[np.ndarray, np.ndarray]) -> None:
    trees = trees_of(boosted(*rows).model_to_string())
    assert strongest_pairs(trees, 1) == [(1, 2)]
    assert len(strongest_pairs(trees, 99)) == 3


def test_axis_counts_its_cells() -> None:
    assert Axis(0, np.array([1.0, 2.0])).cells == 4
    assert Axis(0, np.zeros(0), (3, 5, 9), categorical=True).cells == 4
    assert Axis(0, np.zeros(0), (), categorical=True).locate(np.array([1.0, np.nan])).tolist() == [0, 0]


def test_axis_of_codes_far_apart() -> None:
    axis = Axis(0, np.zeros(0), (3, 70_000), categorical=True)
    assert axis.locate(np.array([3.0, 70_000.0, 4.0, 1e12, -2.0])).tolist() == [0, 1, 2, 2, 2]


def test_shape_reads_in_words() -> None:
    shape = Shape("age", (Axis(4, np.array([30.0])),), np.array([[1.0], [-1.0], [0.5]]), np.array([2.0, 1.0, 1.0]))
    assert shape.columns == (4,)
    assert shape.missing.tolist() == [0.5]
    assert shape.importance == pytest.approx((2 * 1 + 1 * 1 + 1 * 0.5) / 4)
