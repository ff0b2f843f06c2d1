import numpy as np
import polars as pl

from tarragon.data.categories import MAX_CODES, MISSING, UNKNOWN, HotPlan, Levels, hot

CELLS = pl.Series("a", ["b"] * 5 + ["a"] * 5 + ["c"] * 2 + ["d"] + [None] * 3)


def test_codes_follow_frequency_then_alphabet():
    levels = Levels.fit(CELLS)
    assert levels.values == ("a", "b", "c", "d")
    assert levels.counts.tolist() == [5, 5, 2, 1]
    assert (levels.n_distinct, levels.n_missing) == (4, 3)
    probe = pl.Series(["d", "a", None, "new", "b"])
    assert levels.codes(probe).tolist() == [3, 0, MISSING, UNKNOWN, 1]
    assert [levels.code(v) for v in probe.to_list()] == levels.codes(probe).tolist()
    np.testing.assert_array_equal(levels.folded(levels.codes(probe)), [3, 0, np.nan, np.nan, 1])


def test_long_lists_share_the_last_code_and_keep_a_frequency():
    names = [f"n{i:03d}" for i in range(300) for _ in range(300 - i)] + ["once"]
    levels = Levels.fit(pl.Series(names))
    assert levels.many
    assert "once" not in levels.values
    probe = pl.Series(["n000", "n253", "n254", "n298", "once", "new", None])
    codes = levels.codes(probe)
    np.testing.assert_array_equal(levels.folded(codes), [0, 253, MAX_CODES, MAX_CODES, MAX_CODES, MAX_CODES, np.nan])
    np.testing.assert_allclose(levels.frequency(codes), np.log([300, 47, 46, 2, 1, 1, np.nan]))


def test_hot_columns_pool_rare_levels_and_mark_gaps():
    levels = Levels.fit(CELLS)
    plan = HotPlan.make([levels], least=2, most=10)
    assert [n for n, _ in plan.names(["x"], [levels])] == ["x = a", "x = b", "x = c", "x (rare)", "x (missing)"]
    codes = levels.codes(pl.Series(["a", "c", "d", "new", None]))[:, None]
    expected = np.eye(5)[[0, 2, 3, 3, 4]]
    for sparse in (False, True):
        made = hot(plan.positions(codes), plan.width, sparse=sparse)
        np.testing.assert_array_equal(made.toarray() if sparse else made, expected)


def test_without_rare_levels_or_gaps_new_cells_are_all_zero():
    levels = Levels.fit(pl.Series(["a", "b"] * 10))
    plan = HotPlan.make([levels], least=2, most=10)
    made = hot(plan.positions(levels.codes(pl.Series(["b", "new", None]))[:, None]), plan.width, sparse=False)
    np.testing.assert_array_equal(made, [[0, 1], [0, 0], [0, 0]])


def test_sparse_and_dense_agree_on_many_columns():
    rng = np.random.default_rng(0)
    positions = rng.integers(-1, 4, size=(50, 6)).astype(np.int32)
    width = np.full(6, 4, dtype=np.int32)
    np.testing.assert_array_equal(hot(positions, width, sparse=True).toarray(), hot(positions, width, sparse=False))


def test_empty_columns():
    levels = Levels.fit(pl.Series([None, None], dtype=pl.String))
    assert levels.codes(pl.Series([None, "x"], dtype=pl.String)).tolist() == [MISSING, UNKNOWN]
