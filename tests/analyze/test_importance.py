import numpy as np
import polars as pl
import pytest

from tarragon.analyze import importance
from tarragon.analyze.importance import permutation, places, relatives
from tarragon.analyze.subject import evidence
from tarragon.metrics import metric

COLUMNS = ("income", "age", "noise", "city", "sex")


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_strong_columns_lead_and_noise_is_worth_nothing(task, request):
    subject = request.getfixturevalue(task)
    worth = permutation(subject, metric(subject.board.metric), evidence(subject), COLUMNS, repeats=2, seed=0)
    assert worth[0].column == "income"
    noise = next(w for w in worth if w.column == "noise")
    assert noise.low <= 0.01 * worth[0].loss
    assert worth[0].low > 0
    assert [w.loss for w in worth] == sorted((w.loss for w in worth), reverse=True)


def test_it_is_the_loss_of_utility_when_the_column_is_shuffled(regression):
    proof, m = evidence(regression), metric("rmse")
    (worth,) = permutation(regression, m, proof, ["age"], repeats=1, seed=3)
    order = np.random.default_rng(3).permutation(len(proof.y))
    frame = regression.table.frame.drop("target")
    broken = frame.with_columns(frame["age"].gather(order))
    p = np.empty(len(proof.y))
    for k in range(3):
        p[proof.fold == k] = regression.predictor.respond(broken, k)[proof.fold == k]
    assert np.isclose(worth.loss, m.score(proof.y, p) - m.score(proof.y, regression.oof))


def test_only_models_that_did_not_see_the_rows_answer(binary):
    binary.predictor.calls.clear()
    permutation(binary, metric("auc"), evidence(binary), COLUMNS, repeats=2, seed=0)
    assert {fold for _, fold in binary.predictor.calls} == {0, 1, 2}
    assert sum(rows for rows, _ in binary.predictor.calls) == 600 * (5 * 2 + 1)


def test_blocks_change_nothing(binary, monkeypatch):
    whole = permutation(binary, metric("auc"), evidence(binary), COLUMNS, repeats=2, seed=0)
    monkeypatch.setattr(importance, "CELLS", 3_000)
    assert permutation(binary, metric("auc"), evidence(binary), COLUMNS, repeats=2, seed=0) == whole


def test_related_columns_are_found_through_any_rising_curve():
    x = np.random.default_rng(0).normal(size=300)
    frame = pl.DataFrame({"a": x, "b": np.exp(x), "c": -x, "d": np.random.default_rng(1).normal(size=300)})
    found = {(one, other): round(r, 6) for one, other, r in relatives(frame, frame.columns)}
    assert found == {("a", "b"): 1.0, ("a", "c"): -1.0, ("b", "c"): -1.0}


def test_places_run_from_low_to_high_and_skip_what_has_no_order():
    column = pl.Series([float(i) for i in range(101)])
    assert places(column, pl.Series([0.0, 50.0, 100.0, None])) == [0.0, 0.5, 1.0, None]
    assert places(pl.Series(["a", "b"]), pl.Series(["a"])) == [None]
    assert places(pl.Series([2, 2]), pl.Series([2])) == [None]
    assert places(pl.Series([False, True]), pl.Series([True])) == [1.0]
