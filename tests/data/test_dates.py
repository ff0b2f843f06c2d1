import datetime as dt

import numpy as np

from tarragon.data.dates import DAY, Part, measure, parts


def test_calendar_parts_agree_with_datetime():
    rng = np.random.default_rng(0)
    seconds = rng.integers(-2_000_000_000, 4_000_000_000, 300).astype(float)
    wanted = [Part(k, 0) for k in ("days", "year", "month", "day", "weekday", "hour")]
    made = measure(seconds[:, None], wanted)
    for row, s in zip(made, seconds, strict=True):
        t = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=s)
        assert row[1:5].tolist() == [t.year, t.month, t.day, t.weekday()]
        np.testing.assert_allclose(row[5], t.hour + t.minute / 60 + t.second / 3600, atol=1e-9)
        np.testing.assert_allclose(row[0], s / DAY)


def test_only_what_varies_is_kept():
    seconds = np.arange(40.0)[:, None] * DAY * 7 + 18 * 3600  # every Thursday at six
    kinds = [p.kind for p in parts(seconds)]
    assert kinds == ["days", "month", "day"]


def test_minutes_between_columns():
    a = np.arange(10.0) * DAY
    b = a + 60 * np.arange(10.0)
    found = parts(np.stack([a, b], axis=1))
    assert found[-1] == Part("minutes", 0, 1)
    np.testing.assert_allclose(measure(np.stack([a, b], axis=1), found)[:, -1], np.arange(10))


def test_four_columns_have_no_differences_and_gaps_stay_gaps():
    seconds = np.random.default_rng(0).normal(size=(30, 4)) * 1e8
    seconds[3, 2] = np.nan
    found = parts(seconds)
    assert all(p.kind != "minutes" for p in found)
    made = measure(seconds, found)
    gone = np.isnan(made[3])
    assert [p.column for p, g in zip(found, gone, strict=True) if g] == [p.column for p in found if p.column == 2]
    assert not np.isnan(np.delete(made, 3, axis=0)).any()
