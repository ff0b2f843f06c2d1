"""The encoding against the formula of the paper."""

import numpy as np

from tarragon.algorithms.piecewise import REACH, Piecewise


def test_each_bin_holds_the_share_of_it_below_the_value() -> None:
    X = np.linspace(0.0, 4.0, 401, dtype=np.float32)[:, None]
    pieces = Piecewise.learn(X, 4)
    np.testing.assert_allclose(
        pieces.encode(np.array([[2.5]], dtype=np.float32)), [[2.5, 1.0, 1.0, 0.5, 0.0]], atol=1e-5
    )


def test_outer_bins_go_on_straight_and_end() -> None:
    pieces = Piecewise.learn(np.linspace(0.0, 4.0, 401, dtype=np.float32)[:, None], 4)
    low, high, far = pieces.encode(np.array([[-1.0], [5.0], [1e9]], dtype=np.float32))
    np.testing.assert_allclose(low[1:], [-1.0, 0.0, 0.0, 0.0], atol=1e-5)
    np.testing.assert_allclose(high[1:], [1.0, 1.0, 1.0, 2.0], atol=1e-5)
    assert far[-1] == 1.0 + REACH


def test_flags_and_constants_are_left_as_they_are() -> None:
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 2, 100), np.ones(100), rng.normal(size=100)]).astype(np.float32)
    pieces = Piecewise.learn(X, 5)
    assert set(pieces.column.tolist()) == {2}
    assert pieces.width_out == 3 + 5
    assert Piecewise.learn(X, 0).encode(X) is X
