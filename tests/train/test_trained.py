import json

import numpy as np
import polars as pl
import pytest

from tarragon.errors import DataError, IntegrityError
from tarragon.train import Trained, framed, train
from tarragon.train.trained import ABOUT


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(0)
    table = pl.DataFrame({"a": rng.normal(size=200), "plan": rng.choice(["x", "y"], 200)})
    table = table.with_columns(left=(pl.col("a") > 0).replace_strict({True: "yes", False: "no"}))
    return train("lightgbm", table, target="left", num_boost_round=5), table


def test_it_comes_back_as_it_was(made, tmp_path):
    model, table = made
    model.save(tmp_path / "m")
    again = Trained.load(tmp_path / "m")
    assert (again.name, again.target, again.classes) == ("lightgbm", "left", ("no", "yes"))
    assert again.columns == ("a", "plan")
    np.testing.assert_array_equal(again.predict(table), model.predict(table))
    assert again.answers(table).columns == ["prediction", "probability_no", "probability_yes"]


def test_arrays_have_no_names(made):
    with pytest.raises(DataError, match="names"):
        made[0].respond(np.zeros((2, 2)))


def test_damage_is_refused(made, tmp_path):
    made[0].save(tmp_path)
    about = json.loads((tmp_path / ABOUT).read_text())
    for broken in ({**about, "format": 9}, {**about, "algorithm": "../x"}, [], {}):
        (tmp_path / ABOUT).write_text(json.dumps(broken))
        with pytest.raises((IntegrityError, LookupError, Exception), match=r"cannot be read|no algorithm"):
            Trained.load(tmp_path)
    (tmp_path / ABOUT).unlink()
    with pytest.raises(IntegrityError):
        Trained.load(tmp_path)


def test_arrays_become_columns():
    found = framed({"score": np.array([1.0, 2.0])})
    assert found.to_dict(as_series=False) == {"prediction": [1.0, 2.0]}
    found = framed({"probability": np.array([[0.2, 0.8]])}, ("a", "b"))
    assert found.to_dict(as_series=False) == {"prediction": ["b"], "probability_a": [0.2], "probability_b": [0.8]}
    found = framed({"labels": np.array([["a"]], dtype=object)[:, 0], "x": np.zeros((1, 2, 2))})
    assert found["x"].to_list() == [[[0.0, 0.0], [0.0, 0.0]]]
