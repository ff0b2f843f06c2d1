"""Importance, SHAP and direction."""

from dataclasses import replace

import numpy as np
import pytest

from tarragon.develop.report import reasons


def test_direction_is_numpys_correlation():
    rng = np.random.default_rng(0)
    x, y = rng.random(50), rng.random(50)
    assert reasons.direction(x.tolist(), y.tolist()) == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert reasons.direction([None] * 5, [1.0] * 5) is None
    assert reasons.direction([0.5] * 5, [1.0, 2.0, 3.0, 4.0, 5.0]) is None


def test_columns_within_noise_are_said_to_be(binary):
    rows = reasons.chapter(binary).blocks[0]
    by_name = {i.column: i for i in binary.analysis.importance}
    assert all((r.note == "within noise") == (by_name[r.label].low <= 0) for r in rows.rows)
    assert [r.label for r in rows.rows] == [i.column for i in sorted(by_name.values(), key=lambda i: -i.permutation)]


def test_no_column_is_praised_when_none_matters(binary):
    nothing = tuple(replace(i, permutation=0.0, low=-0.01, high=0.01) for i in binary.analysis.importance)
    report = replace(binary, analysis=replace(binary.analysis, importance=nothing))
    assert reasons.chapter(report).blocks[0].caption.startswith("No single column matters")


def test_the_swarm_shows_a_fair_sample_of_the_strongest_columns(binary):
    rows = reasons.chapter(binary).blocks[1]
    e = binary.analysis.explanation
    assert [r.label for r in rows.rows] == list(e.columns[: reasons.N_SWARMS])
    assert all(20 <= r.picture.count("<circle") <= reasons.N_DOTS for r in rows.rows)
    j = 0
    lean = np.corrcoef(
        [r[j] for r, s in zip(e.values, e.scaled, strict=True) if s[j] is not None],
        [s[j] for s in e.scaled if s[j] is not None],
    )[0, 1]
    assert ("raises" in rows.rows[j].aside) == (lean > 0)
