from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tarragon.analyze.explanation import explain_rows, plan_rows
from tarragon.analyze.shap import cost_of
from tarragon.analyze.subject import evidence

COLUMNS = ("income", "age", "noise", "city", "sex")


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_values_add_up_to_the_whole_models_answers(task, request):
    subject = request.getfixturevalue(task)
    found = explain_rows(subject, evidence(subject), COLUMNS, affordable=1e6, seed=0)
    rows = subject.table.frame.drop("target")[list(found.rows)]
    answer = subject.predictor.respond(rows)
    answer = answer if answer.ndim == 1 else answer[:, -1]
    assert np.allclose(np.sum(found.values, axis=1) + found.expected, answer, atol=1e-12)
    assert found.additivity_error < 1e-12
    assert found.columns[0] == "income"
    strength = np.abs(found.values).mean(axis=0)
    assert np.all(np.diff(strength) <= 0)


def test_cells_and_their_places_belong_to_the_values(regression):
    found = explain_rows(regression, evidence(regression), COLUMNS, affordable=1e6, seed=0)
    j = found.columns.index("income")
    values, scaled = (np.array([row[j] for row in part]) for part in (found.values, found.scaled))
    assert np.corrcoef(values, scaled)[0, 1] > 0.9  # more income, more target
    assert {row[found.columns.index("sex")] for row in found.cells} == {"f", "m"}
    assert {row[found.columns.index("sex")] for row in found.scaled} == {None}


def test_what_is_explained_is_said(binary, regression):
    assert "probability of yes" in explain_rows(binary, evidence(binary), COLUMNS, affordable=1e6, seed=0).method
    assert "predicted target" in explain_rows(regression, evidence(regression), COLUMNS, affordable=1e6, seed=0).method


@pytest.mark.parametrize("affordable", [500, 3_000, 20_000, 1e6])
def test_no_more_is_asked_than_is_affordable(binary, affordable):
    binary.predictor.calls.clear()
    found = explain_rows(binary, evidence(binary), COLUMNS, affordable=affordable, seed=0)
    asked = sum(rows for rows, _ in binary.predictor.calls)
    if found is None:
        assert affordable < 25 * 4 * cost_of(5, exact=False)
    else:
        assert asked <= affordable + len(found.rows) + 16


def test_too_many_columns_move_together(regression):
    frame = regression.table.frame.with_columns(pl.lit(i).alias(f"x{i}") for i in range(20))
    subject = replace(regression, table=replace(regression.table, frame=frame))
    columns = (*COLUMNS, *(f"x{i}" for i in range(20)))
    found = explain_rows(subject, evidence(subject), columns, affordable=1e6, seed=0)
    assert "(6 other columns)" in found.columns
    assert len(found.columns) == 20
    assert found.additivity_error < 1e-12


def test_the_plan_prefers_enumeration_when_it_can_be_paid():
    assert plan_rows(4, 1e9) == (150, 16, True)
    rows, background, exact = plan_rows(15, 20_000)
    assert not exact
    assert rows * background * cost_of(15, exact=False) <= 20_000
    assert plan_rows(15, 10) is None
