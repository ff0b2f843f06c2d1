import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarragon.data import ReadOptions, read_table, split
from tarragon.errors import DataError, ParameterError


def table(n=120, task="binary", seed=0, repeats=0, **options):
    rng = np.random.default_rng(seed)
    y = {"binary": rng.random(n) < 0.3, "multiclass": rng.integers(0, 3, n), "regression": rng.normal(size=n)}[task]
    frame = pl.DataFrame(
        {
            "x": rng.normal(size=n),
            "z": rng.normal(size=n),
            "who": rng.integers(0, 25, n).astype(str),
            "day": np.datetime64("2024-01-01") + rng.integers(0, 60, n).astype("timedelta64[D]"),
            "y": y,
        }
    )
    if repeats:
        frame = pl.concat([frame, frame[rng.integers(0, n, repeats)]])
    return read_table(frame, "y", options=ReadOptions(**options))


def check_partition(found, n):
    for r in range(found.n_repeats):
        folds = found.folds[r * found.n_folds : (r + 1) * found.n_folds]
        valid = np.concatenate([f.valid for f in folds])
        np.testing.assert_array_equal(np.sort(np.concatenate([valid, found.holdout])), np.arange(n))
        for fold in folds:
            assert np.all(np.diff(fold.train) > 0)
            assert np.all(np.diff(fold.valid) > 0)
            assert len(np.intersect1d(fold.train, fold.valid)) == 0
            assert len(fold.train) + len(fold.valid) + len(found.holdout) == n


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(40, 150),
    task=st.sampled_from(["binary", "multiclass", "regression"]),
    n_folds=st.integers(2, 6),
    n_repeats=st.integers(1, 3),
    holdout=st.sampled_from([0.0, 0.2, 0.5]),
    repeats=st.integers(0, 30),
    seed=st.integers(0, 99),
)
def test_every_row_is_judged_once_per_repeat(n, task, n_folds, n_repeats, holdout, repeats, seed):
    t = table(n, task, seed, repeats)
    found = split(t, n_folds=n_folds, n_repeats=n_repeats, seed=seed, holdout=holdout)
    assert len(found.folds) == n_folds * n_repeats
    check_partition(found, t.n_rows)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), repeats=st.integers(1, 60), holdout=st.sampled_from([0.0, 0.25]))
def test_equal_rows_stay_on_one_side(seed, repeats, holdout):
    t = table(100, "binary", seed, repeats)
    found = split(t, n_folds=4, seed=seed, holdout=holdout)
    features = t.frame.select("x", "z").rows()
    sides = [(set(f.train.tolist()), set(f.valid.tolist())) for f in found.folds]
    if holdout:
        sides.append((set(np.setdiff1d(np.arange(t.n_rows), found.holdout).tolist()), set(found.holdout.tolist())))
    for train, valid in sides:
        assert not {features[i] for i in train} & {features[i] for i in valid}
    assert "repeated rows stay" in found.why


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), task=st.sampled_from(["binary", "regression"]))
def test_groups_stay_on_one_side(seed, task):
    t = table(150, task, seed, group="who")
    found = split(t, n_folds=5, seed=seed, holdout=0.2)
    assert found.strategy == "group"
    check_partition(found, t.n_rows)
    who = t.frame["who"].to_numpy()
    for fold in found.folds:
        assert not set(who[fold.train]) & set(who[fold.valid])
        assert not set(who[np.concatenate([fold.train, fold.valid])]) & set(who[found.holdout])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), holdout=st.sampled_from([0.0, 0.2]), n_folds=st.integers(2, 5))
def test_time_never_looks_ahead(seed, holdout, n_folds):
    t = table(150, "regression", seed, time="day")
    found = split(t, n_folds=n_folds, n_repeats=3, seed=seed, holdout=holdout)
    assert (found.strategy, found.n_repeats, len(found.folds)) == ("time", 1, n_folds)
    day = t.frame["day"].to_numpy()
    for fold in found.folds:
        assert day[fold.train].max() < day[fold.valid].min()
    for early, late in zip(found.folds[:-1], found.folds[1:], strict=True):
        np.testing.assert_array_equal(np.sort(np.concatenate([early.train, early.valid])), late.train)
    if holdout:
        assert day[found.folds[-1].valid].max() < day[found.holdout].min()


def test_time_with_groups_learns_nothing_of_the_judged():
    t = table(60, "regression", time="day", group="who")
    who = t.frame["who"].to_numpy()
    found = split(t, n_folds=2)
    assert all(not set(who[f.train]) & set(who[f.valid]) for f in found.folds)
    assert len(found.folds[1].train) < 2 * len(found.folds[1].valid)  # some past rows had to go


def test_classes_and_amounts_are_spread_evenly():
    t = table(500, "binary")
    y = t.y
    for fold in split(t, n_folds=5).folds:
        assert abs(y[fold.valid].mean() - y.mean()) < 0.011
    t = table(500, "regression")
    y = t.y
    assert max(abs(y[f.valid].mean() - y.mean()) for f in split(t, n_folds=5).folds) < 0.1


def test_rare_classes_are_known_to_every_fold():
    rng = np.random.default_rng(0)
    y = ["a"] * 60 + ["b"] * 55 + ["rare"] * 2 + ["same"] * 3
    x = rng.normal(size=120)
    x[117:] = 5.0  # all rows of one class are equal: keeping them together would hide the class from a fold
    t = read_table(pl.DataFrame({"x": x, "y": y}), "y")
    for fold in split(t, n_folds=5).folds:
        assert set(np.unique(t.y[fold.train])) == {0.0, 1.0, 2.0, 3.0}


def test_rows_that_repeat_by_nature_are_dealt_singly():
    rng = np.random.default_rng(0)
    t = read_table(
        pl.DataFrame({"a": rng.integers(0, 5, 300), "b": rng.integers(0, 4, 300), "y": rng.random(300) < 0.5}), "y"
    )
    found = split(t, n_folds=5)
    assert "few values" in found.why
    assert max(len(f.valid) for f in found.folds) == 60


def test_seeds():
    t = table()
    a, b, c = (split(t, n_folds=3, n_repeats=2, seed=s) for s in (1, 1, 2))
    assert all(np.array_equal(f.valid, g.valid) for f, g in zip(a.folds, b.folds, strict=True))
    assert any(not np.array_equal(f.valid, g.valid) for f, g in zip(a.folds, c.folds, strict=True))
    assert any(not np.array_equal(f.valid, g.valid) for f, g in zip(a.folds[:3], a.folds[3:], strict=True))


@pytest.mark.parametrize("bad", [{"n_folds": 1}, {"n_folds": 3, "n_repeats": 0}, {"n_folds": 3, "holdout": 0.9}])
def test_numbers_out_of_range(bad):
    with pytest.raises(ParameterError):
        split(table(), **bad)


def test_too_few_rows_groups_or_times():
    with pytest.raises(DataError, match="need more rows"):
        split(table(30), n_folds=20)
    frame = pl.DataFrame({"x": np.random.default_rng(0).normal(size=60), "g": ["a", "b", "c"] * 20, "y": [0, 1] * 30})
    with pytest.raises(DataError, match="at most 3 folds"):
        split(read_table(frame, "y", options=ReadOptions(group="g")), n_folds=5)
    days = pl.DataFrame({"x": np.arange(60.0) ** 2, "t": [1.0, 2.0] * 30, "y": np.arange(60.0)})
    with pytest.raises(DataError, match="too few different times"):
        split(read_table(days, "y", options=ReadOptions(time="t")), n_folds=5)
