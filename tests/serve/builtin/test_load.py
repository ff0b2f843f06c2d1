"""The folder says what answers: an algorithm's model, a booster made elsewhere, or an honest refusal."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xgboost

from tarragon.errors import DataError, IntegrityError
from tarragon.serve.builtin import load
from tarragon.serve.builtin.booster import Booster
from tarragon.serve.builtin.scored import Scored


def test_each_kind_of_folder_finds_its_own(trained: Callable[..., Path], rows: np.ndarray) -> None:
    assert isinstance(load(trained("xgboost", rows[:, 0], num_round=3), {}), Booster)
    assert isinstance(load(trained("linear-learner", rows[:, 0], predictor_type="regressor"), {}), Scored)


def test_a_model_made_elsewhere_is_served_under_any_name(tmp_path: Path, rows: np.ndarray) -> None:
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(rows, rows[:, 0]), 3)
    booster.save_model(tmp_path / "mine.ubj")
    (tmp_path / "code").mkdir()
    answer, _ = load(tmp_path).answer(b"1,2,3,4", "text/csv", "")
    expected = booster.predict(xgboost.DMatrix(np.array([[1.0, 2, 3, 4]])))
    assert answer.decode() == str(expected.tolist()[0])


def test_the_environment_is_the_process_own_unless_given(
    tmp_path: Path, rows: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    xgboost.train({"nthread": 1}, xgboost.DMatrix(rows, rows[:, 0]), 3).save_model(tmp_path / "m.json")
    monkeypatch.setenv("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "application/json")
    assert load(tmp_path).answer(b"1,2,3,4", "text/csv", "")[1] == "application/json"
    assert load(tmp_path, {}).answer(b"1,2,3,4", "text/csv", "")[1] == "text/csv"


def test_an_empty_folder_and_a_broken_sidecar_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no model to load"):
        load(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"notes\.txt"):
        load(tmp_path)
    (tmp_path / ".tarragon-serving.json").write_text("{")
    with pytest.raises(IntegrityError):
        load(tmp_path)
