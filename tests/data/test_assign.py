import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tarragon.data.assign import deal


@settings(max_examples=80, deadline=None)
@given(
    strata=st.lists(st.integers(0, 3), min_size=10, max_size=120),
    n_parts=st.integers(2, 6),
    seed=st.integers(0, 1000),
)
def test_single_rows_spread_every_stratum_to_within_one(strata, n_parts, seed):
    strata = np.array(strata, dtype=np.int64)
    part = deal(np.arange(len(strata)), strata, np.full(n_parts, 1 / n_parts), np.random.default_rng(seed))
    assert part.min() >= 0
    for s in np.unique(strata):
        counts = np.bincount(part[strata == s], minlength=n_parts)
        assert counts.max() - counts.min() <= 1


@settings(max_examples=80, deadline=None)
@given(
    units=st.lists(st.integers(0, 12), min_size=12, max_size=100),
    n_parts=st.integers(2, 4),
    seed=st.integers(0, 1000),
)
def test_units_are_never_parted(units, n_parts, seed):
    units = np.unique(units, return_inverse=True)[1].astype(np.int64)
    strata = (np.arange(len(units)) % 3).astype(np.int64)
    part = deal(units, strata, np.full(n_parts, 1 / n_parts), np.random.default_rng(seed))
    for u in np.unique(units):
        assert len(np.unique(part[units == u])) == 1


def test_rows_per_part_follow_the_shares():
    strata = np.repeat(np.arange(4), 250)
    part = deal(np.arange(1000), strata, np.array([0.8, 0.2]), np.random.default_rng(0))
    assert np.bincount(part).tolist() == [800, 200]


def test_parts_stay_equal_when_many_strata_leave_remainders():
    strata = np.repeat(np.arange(30), 7)  # 7 rows over 5 parts: a remainder of 2 in each of 30 strata
    part = deal(np.arange(210), strata, np.full(5, 0.2), np.random.default_rng(0))
    counts = np.bincount(part)
    assert counts.max() - counts.min() <= 1


def test_large_units_leave_the_strata_even():
    rng = np.random.default_rng(0)
    units = np.repeat(np.arange(60), rng.integers(1, 8, 60))
    strata = rng.integers(0, 2, len(units))
    part = deal(units, strata, np.full(5, 0.2), rng)
    shares = [strata[part == k].mean() for k in range(5)]
    sizes = np.bincount(part) / len(units)
    assert max(abs(np.array(shares) - strata.mean())) < 0.06
    assert max(abs(sizes - 0.2)) < 0.03


def test_chance_comes_from_the_generator():
    strata = np.zeros(50, dtype=np.int64)
    deals = [deal(np.arange(50), strata, np.full(5, 0.2), np.random.default_rng(s)) for s in (1, 1, 2)]
    np.testing.assert_array_equal(deals[0], deals[1])
    assert np.any(deals[0] != deals[2])
