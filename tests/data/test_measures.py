import numpy as np
import pytest

from tarragon.data.measures import Measures


def fitted(values, rare=3, cyclic=None):
    m = values.shape[1]
    names = [f"m{i}" for i in range(m)]
    return Measures.fit(values, names, names, cyclic=cyclic or [False] * m, rare=rare)


def test_ordinary_columns_are_standardised_like_anyone_would():
    x = np.random.default_rng(0).normal(5, 2, size=(500, 3))
    found = fitted(x)
    z = found.scaled(x, soft=False)
    np.testing.assert_allclose(z, (x - x.mean(axis=0)) / x.std(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.fill, np.median(x, axis=0))


def test_gaps_get_the_median_and_a_mark_shared_by_equal_patterns():
    x = np.random.default_rng(0).normal(size=(200, 4))
    x[:50, 0] = x[:50, 1] = np.nan
    x[10:20, 2] = np.nan
    found = fitted(x)
    assert found.gaps.tolist() == [0, 2]
    z = found.scaled(x, soft=False)
    assert z.shape == (200, 6)
    np.testing.assert_array_equal(z[:, 4], np.isnan(x[:, 0]))
    np.testing.assert_array_equal(z[:, 5], np.isnan(x[:, 2]))
    median, mean, std = np.nanmedian(x[:, 0]), np.nanmean(x[:, 0]), np.nanstd(x[:, 0])
    np.testing.assert_allclose(z[:50, 0], (median - mean) / std, rtol=1e-5)


def test_heavy_tails_are_scaled_by_quantiles_and_get_a_logarithm():
    x = np.random.default_rng(0).lognormal(3, 2, size=(2000, 1))
    found = fitted(x)
    assert found.heavy.tolist() == [0]
    z = found.scaled(x, soft=False)
    assert np.abs(z).max() == 10.0
    companion = np.sign(x) * np.log1p(np.abs(x) / np.median(x))
    np.testing.assert_allclose(z[:, 1], (companion[:, 0] - companion.mean()) / companion.std(), rtol=1e-4)
    iqr = np.quantile(x, 0.75) - np.quantile(x, 0.25)
    inner = np.abs(z[:, 0]) < 10
    np.testing.assert_allclose(z[inner, 0], (x[inner, 0] - np.median(x)) / (iqr / 1.349), rtol=1e-4)


def test_soft_clipping_keeps_order_below_its_bound():
    x = np.concatenate([np.random.default_rng(0).normal(size=300), [50.0, 500.0]])[:, None]
    z = fitted(x).scaled(x, soft=True)[:, 0]
    assert np.all(np.abs(z) < 3)
    np.testing.assert_array_equal(np.argsort(z[:300]), np.argsort(x[:300, 0]))


def test_two_values_become_zero_and_one():
    x = np.array([3.0, 7.0, 7.0, np.nan, 3.0, 7.0])[:, None]
    np.testing.assert_array_equal(fitted(x).scaled(x, soft=False)[:, 0], [0, 1, 1, 1, 0, 1])


def test_few_whole_numbers_get_a_column_each():
    rng = np.random.default_rng(0)
    x = np.stack([rng.integers(1, 5, 300), rng.normal(size=300), rng.integers(0, 90, 300)], axis=1).astype(float)
    x[0, 0] = 9  # too rare for its own
    found = fitted(x)
    assert found.hot.tolist() == [0]
    assert found.levels[0].tolist() == [1, 2, 3, 4]
    probe = np.array([[1, 0, 0], [4, 0, 0], [9, 0, 0], [np.nan, 0, 0], [2.5, 0, 0]])
    assert found.hot_codes(probe)[:, 0].tolist() == [0, 3, -1, -1, 1]


def test_calendar_parts_may_have_more_levels():
    hours = (np.arange(600) % 24 + 0.5)[:, None]
    assert fitted(hours).hot.tolist() == []
    found = fitted(hours, cyclic=[True])
    assert found.levels[0].tolist() == list(range(24))


def test_large_tight_values_keep_their_differences_in_float32():
    x = 1.7e9 + np.arange(1000.0)[:, None]
    made = fitted(x).codes(x)
    assert len(np.unique(made)) == 1000
    y = np.arange(1000.0)[:, None]
    np.testing.assert_array_equal(fitted(y).codes(y), y)


def test_columns_of_gaps_only_do_no_harm():
    x = np.full((50, 2), np.nan)
    x[:, 1] = np.arange(50)
    z = fitted(x).scaled(x, soft=False)
    assert np.isfinite(z).all()


def test_arrays_restore_the_same_measures():
    x = np.random.default_rng(0).lognormal(0, 3, size=(300, 4)).round()
    x[:9, 1] = np.nan
    found = fitted(x)
    again = Measures.restore(found.names, found.origins, found.arrays())
    np.testing.assert_array_equal(found.scaled(x, soft=True), again.scaled(x, soft=True))
    np.testing.assert_array_equal(found.hot_codes(x), again.hot_codes(x))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_tiny_tables(n):
    x = np.arange(float(n))[:, None]
    assert np.isfinite(fitted(x).scaled(x, soft=False)).all()
