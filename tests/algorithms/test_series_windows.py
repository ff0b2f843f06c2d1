"""A window holds what lay where it says, in units of its scale."""

import numpy as np

from tarragon.algorithms.series_windows import Shape, Shelf
from tarragon.data import Frequency, Series, SeriesSet

SHAPE = Shape(Frequency.of("D"), 3, 2, (1, 4), 1, 1, 1.0, 5.0, (2.0,), (4.0,))
START = np.datetime64("2024-01-01", "s")


def test_a_window_is_cut() -> None:
    target = np.arange(10.0)
    target[4] = np.nan
    shelf = Shelf(
        SeriesSet((Series(START, target, (2, 9), np.arange(12.0)[None]), Series(START, np.zeros(0), (1,)))), SHAPE
    )
    windows = shelf.cut(np.array([0, 1]), np.array([6, 0]))
    assert windows.x.shape == (5, 2, SHAPE.width)
    scale = 1 + (3 + 5) / 2  # 3, a gap, 5
    np.testing.assert_allclose(windows.scale, [scale, 6.0])  # of nothing, the typical size
    np.testing.assert_allclose(windows.target[:, 0], [3, 3, 5, 6, 7])
    np.testing.assert_allclose(windows.weight[:, 0], [1, 0, 1, 1, 1])
    np.testing.assert_allclose(windows.x[:, 0, 0] * scale, [2, 3, 3, 5, 6], rtol=1e-6)
    np.testing.assert_allclose(windows.x[:, 0, 1] * scale, [0, 0, 1, 2, 3], atol=1e-6)
    np.testing.assert_allclose(windows.x[:, 0, 2], [1, 1, 0, 1, 1])  # whether the value before was seen
    np.testing.assert_allclose(windows.x[:, 0, -1], (np.arange(3, 8) - 2) / 4)
    assert windows.weight[:, 1].sum() == 0
    assert windows.cat.tolist() == [[2], [1]]


def test_the_future_is_not_seen() -> None:
    shelf = Shelf(SeriesSet((Series(START, np.arange(1.0, 8.0), (0,), np.zeros((1, 9))),)), SHAPE)
    windows = shelf.cut(np.array([0]), np.array([7]))
    assert windows.weight[3:].sum() == 0
    assert windows.x[4, 0, 0] == 0  # its lag falls on what is to be forecast
    assert len(shelf) == 1
