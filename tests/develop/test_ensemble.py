"""AutoGluon's interface as an algorithm: raw columns in, the loop's blend out, kept and read again."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pytest

import tarragon
from tarragon.algorithms import Standalone
from tarragon.algorithms.model_contract import ModelContract
from tarragon.data import Table, read_table
from tarragon.develop.ensemble import OBJECTIVES, PRESETS, AutoGluon
from tarragon.errors import DataError, ParameterError
from tarragon.train import Trained

from .conftest import log_odds, shop

SECONDS = 3.0


class TestAutoGluon(ModelContract):
    algorithm = AutoGluon(time_limit=SECONDS)

    def data(self, seed: int) -> Table:
        return read_table(shop(200, seed).drop("customer"), "left")

    def fresh(self, seed: int) -> pl.DataFrame:
        return shop(50, seed)

    def test_equal_seeds_give_equal_answers(self, fitted: Any) -> None:
        """A clock decides what is tried, so bits may differ; who leaves may not be told in another order."""
        new = shop(2_000, seed=9)
        again = AutoGluon(time_limit=SECONDS).fit(self.data(0), context=Standalone())
        first, second = (model.predict(new)["probability"][:, 1] for model in (fitted, again))
        truth = log_odds(new).to_numpy()
        for answer in (first, second):
            assert np.corrcoef(np.argsort(np.argsort(answer)), np.argsort(np.argsort(truth)))[0, 1] > 0.7

    def bad(self) -> Mapping[str, Any]:
        frame = shop(40, 0).drop("customer")
        return {"a metric of classes for values": read_table(frame.with_columns(left=pl.col("price") * 2), "left")}

    def test_bad_data_are_refused(self) -> None:
        with pytest.raises(ParameterError, match="auc"):
            AutoGluon(time_limit=SECONDS, eval_metric="roc_auc").fit(*self.bad().values())


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_budget(name: str) -> None:
    assert PRESETS[name] >= 60
    assert AutoGluon(presets=name).presets == name


def test_every_objective_is_one_of_ours() -> None:
    from tarragon.metrics import metric

    for name in OBJECTIVES.values():
        task = "regression" if name in ("rmse", "mse", "mae", "mape", "r2") else "binary"
        assert metric(name, task).name == name


def test_it_is_trained_natively_and_its_folder_answers_tables(tmp_path: Any) -> None:
    lines: list[str] = []
    frame = shop(300)
    made = tarragon.train(
        "autogluon", frame, target="left", drop=("customer",), out=tmp_path / "m", on_line=lines.append, time_limit=4
    )
    assert "customer" not in made.columns
    assert any(line.startswith(("for: ", "against: ")) for line in lines), lines
    read = Trained.load(tmp_path / "m")
    new = shop(400, seed=9)
    np.testing.assert_array_equal(read.predict(new), made.predict(new))
    assert read.answers(new.head(3)).columns == ["prediction", "probability_no", "probability_yes"]
    assert np.mean(read.predict(new) == new["left"].to_numpy()) > 0.65


def test_arrays_are_numbered_columns() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = X[:, 0] * 2 + rng.normal(size=300)
    made = tarragon.train("autogluon", X, y, time_limit=SECONDS)
    assert set(made.columns) <= {"column_1", "column_2", "column_3"}
    assert np.corrcoef(made.predict(X), y)[0, 1] > 0.7


def test_what_only_a_job_has_is_refused(tmp_path: Any) -> None:
    with pytest.raises(ParameterError, match="table with named columns"):
        tarragon.train("autogluon", tmp_path, target="left", content_type="text/csv")
    with pytest.raises(ParameterError, match="needs a target"):
        tarragon.train("autogluon", shop(50))
    with pytest.raises(DataError, match="one label for each"):
        tarragon.train("autogluon", np.zeros((9, 2)), np.zeros(8))
    with pytest.raises(ParameterError, match="needs labels"):
        tarragon.train("autogluon", np.zeros((9, 2)))
