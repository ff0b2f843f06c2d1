"""Drawing walks where reading reads: with a point as its distribution, one step at a time is all at once."""

import numpy as np
import pytest

from tarragon.algorithms import deepar_net
from tarragon.algorithms.calendar_features import lags
from tarragon.algorithms.deepar_net import Settings, begin, draw, read, shapes
from tarragon.algorithms.series_windows import Shape, Shelf
from tarragon.data import Frequency, Series, SeriesSet

torch = pytest.importorskip("torch")
START = np.datetime64("2024-01-01", "s")


@pytest.mark.parametrize("layers", [1, 2])
def test_a_walk_reads_its_own_steps(layers: int) -> None:
    frequency = Frequency.of("D")
    shape = Shape(frequency, 6, 5, tuple(lags(frequency, 40)), 0, 1, 1.0, 5.0)
    settings = Settings(7, layers, 8, 1, 0.01, 0.1, 0, 3, "deterministic-L1", (2,))
    arrays = begin(settings, shape.width, 0)
    assert {name: array.shape for name, array in arrays.items()} == shapes(settings, shape.width)
    rng = np.random.default_rng(0)
    past = SeriesSet(tuple(Series(START, rng.normal(5, 2, 40), (i,)) for i in (0, 1)))
    drawn = draw(torch, settings, arrays, Shelf(past, shape), 3, 0)
    np.testing.assert_allclose(drawn, drawn[:, :1].repeat(3, axis=1), rtol=1e-5)  # a point has no spread
    whole = SeriesSet(tuple(Series(START, np.append(s.target, d[0]), s.cat) for s, d in zip(past, drawn, strict=True)))
    windows = Shelf(whole, shape).cut(np.arange(2), np.array([40, 40]))
    weights = {name: torch.from_numpy(array) for name, array in arrays.items()}
    raw = read(torch, settings, weights, windows, None)[0].numpy()[6:, :, 0].T
    np.testing.assert_allclose(raw * windows.scale[:, None], drawn[:, 0], rtol=2e-4)


def test_blocks_of_walkers_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    frequency = Frequency.of("D")
    shape = Shape(frequency, 4, 3, (1, 2), 0, 0, 1.0, 5.0)
    settings = Settings(4, 1, 8, 1, 0.01, 0.1, 0, 3, "deterministic-L1", ())
    shelf = Shelf(SeriesSet(tuple(Series(START, np.arange(9.0) + i) for i in range(5))), shape)
    arrays = begin(settings, shape.width, 1)
    whole = draw(torch, settings, arrays, shelf, 4, 0)
    monkeypatch.setattr(deepar_net, "WALKERS", 8)
    np.testing.assert_allclose(draw(torch, settings, arrays, shelf, 4, 0), whole, rtol=1e-5)
