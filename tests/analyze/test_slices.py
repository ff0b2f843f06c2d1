from dataclasses import replace

import numpy as np
import pytest

from tarragon.analyze.slices import holm, look
from tarragon.analyze.subject import evidence
from tarragon.metrics import metric


def _look(subject, name):
    return look(subject, metric(name), evidence(subject), go_on=lambda: True)[0]


@pytest.mark.parametrize("name", ["auc", "log_loss", "accuracy"])
def test_a_slice_the_model_fails_on_is_flagged_first(binary, name):
    bad = (binary.table.frame["city"] == "Ulm").to_numpy()
    oof = binary.oof.copy()
    oof[bad] = oof[bad][:, ::-1]
    found = _look(replace(binary, oof=oof), name)
    assert (found[0].column, found[0].value, found[0].worse) == ("city", "Ulm", True)
    assert found[0].gap_high < 0
    assert found[0].n == bad.sum()


def test_the_gap_is_slice_minus_rest_in_utility(regression):
    inside = (regression.table.frame["sex"] == "f").to_numpy()
    m, y = metric("rmse"), regression.table.y
    expected = m.score(y[~inside], regression.oof[~inside]) - m.score(y[inside], regression.oof[inside])
    found = next(s for s in _look(regression, "rmse") if (s.column, s.value) == ("sex", "f"))
    assert np.isclose(found.gap, expected)
    assert np.isclose(found.score, m.score(y[inside], regression.oof[inside]))
    assert found.gap_low < found.gap < found.gap_high


def test_where_nothing_is_wrong_little_is_flagged(regression):
    false = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        oof = regression.table.y + rng.normal(size=600)  # equally good everywhere
        false += any(s.worse for s in _look(replace(regression, oof=oof), "mae"))
    assert false <= 4  # 5 % of 20 by design


def test_the_target_is_no_slice_and_small_groups_are_none(binary):
    found = _look(binary, "auc")
    assert "target" not in {s.column for s in found}
    assert all(s.n >= 30 for s in found)


def test_without_time_columns_are_named_as_skipped(binary):
    found, skipped = look(binary, metric("auc"), evidence(binary), go_on=lambda: False)
    assert {s.column for s in found} == {"income"}
    assert skipped == ("age", "noise", "city", "sex")


def test_holm_by_hand():
    p = np.array([0.01, 0.04, 0.03, 0.005])
    assert holm(p).tolist() == [
        True,
        False,
        False,
        True,
    ]  # Holm 1979's worked pattern: 0.005·4, 0.01·3 pass, 0.03·2 stops
    assert holm(np.array([0.2, 0.9])).tolist() == [False, False]
    assert holm(np.array([0.001, 0.002])).tolist() == [True, True]
