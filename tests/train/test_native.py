import shutil

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

import tarragon
from tarragon.errors import ConflictError, DataError, NotFoundError, ParameterError
from tarragon.train import Trained, native, train


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    made = pl.DataFrame({"size": rng.normal(size=300), "where": rng.choice(["town", "shore"], 300)})
    price = pl.col("size") * 2 + (pl.col("where") == "shore").cast(float) * 3
    return made.with_columns(price=price + pl.Series(rng.normal(0, 0.1, 300)))


def test_a_table_a_path_and_a_folder_give_one_model(table, tmp_path):
    table.write_csv(tmp_path / "t.csv")
    lines = []
    first = tarragon.train("xgboost", table, target="price", num_round=20, on_line=lines.append)
    second = train("xgboost", tmp_path / "t.csv", target="price", params={"num_round": "20"}, out=tmp_path / "m")
    np.testing.assert_allclose(first.predict(table), second.predict(tmp_path / "t.csv"))
    assert np.corrcoef(first.predict(table), table["price"])[0, 1] > 0.95
    np.testing.assert_array_equal(Trained.load(tmp_path / "m").predict(table), second.predict(table))
    assert lines[0] == "XGBoost: 300 rows, 2 columns"
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_model_is_never_overwritten(table, tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "mine").touch()
    with pytest.raises(ConflictError, match="already"):
        train("xgboost", table, target="price", num_round=2, out=tmp_path / "m")


def test_arrays_dense_and_sparse(table):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    words = np.where(X[:, 0] > 0, "up", "down")
    found = train("lightgbm", X, words, num_boost_round=10)
    assert set(found.predict(X)) == {"up", "down"}
    assert (found.predict(X) == words).mean() > 0.9
    amounts = train("lightgbm", sp.csr_matrix(X), X[:, 0] * 3.5, num_boost_round=30)
    assert np.corrcoef(amounts.predict(X), X[:, 0])[0, 1] > 0.9
    held = train("lightgbm", X, words, validation=(X[:50], words[:50]), num_boost_round=10)
    assert len(held.predict(X)) == 200


def test_validation_rows_stop_early(table):
    seen = train(
        "lightgbm", table[:200], target="price", validation=table[200:], num_boost_round=500, early_stopping_rounds=3,
        learning_rate=0.9,
    )  # fmt: skip
    assert 0 < seen.model.rounds_done_ < 500


def test_stopped_when_asked(table):
    seen = []
    found = train(
        "lightgbm", table, target="price", num_boost_round=2000, early_stopping_rounds=0,
        stop=lambda: bool(seen.append(1)) or len(seen) > 3,
    )  # fmt: skip
    assert len(seen) > 3
    assert len(found.predict(table)) == 300


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"algorithm": "xgbost"}, NotFoundError, "xgboost"),
        ({"target": ""}, ParameterError, "target"),
        ({"target": "prise"}, DataError, "price"),
        ({"num_round": "ten"}, ParameterError, "num_round"),
        ({"num_rounds": 5}, ParameterError, "num_round"),
        ({"num_round": -1}, ParameterError, "num_round"),
        ({"data": np.zeros(3), "target": ""}, DataError, "two-dimensional"),
        ({"data": np.zeros((3, 2)), "target": ""}, ParameterError, "y"),
        ({"data": np.zeros((3, 2)), "y": [1, 2], "target": ""}, DataError, "shape"),
        ({"data": "nowhere.csv"}, DataError, "nowhere"),
        ({"content_type": "text/csv"}, ParameterError, "target means nothing"),
        ({"content_type": "text/csv", "target": ""}, ParameterError, "folder"),
        ({"seed": -1}, ParameterError, "seed"),
        ({"seed": 2**31}, ParameterError, "seed"),
        ({"threads": 0}, ParameterError, "threads"),
        ({"algorithm": "kmeans", "params": {"k": 2}}, ParameterError, "price"),
    ],
)
def test_what_cannot_be_is_said(table, change, error, words):
    given = {"algorithm": "xgboost", "data": table, "target": "price", **change}
    with pytest.raises(error, match=words):
        train(**given)


def test_files_are_read_as_a_job_reads_them(table, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    np.savetxt(tmp_path / "rows.csv", np.column_stack([X[:, 0] * 2, X]), delimiter=",")
    lines = []
    made = train(
        "xgboost", tmp_path / "rows.csv", validation=tmp_path / "rows.csv", content_type="text/csv", num_round=5,
        objective="reg:squarederror", out=tmp_path / "m", on_line=lines.append,
    )  # fmt: skip
    assert made.metrics["validation:rmse"] < 2
    assert (tmp_path / "m" / "xgboost-model").is_file()
    assert any("Train matrix has 300 rows" in line for line in lines)
    assert len(made.predict(X)) == 300
    with pytest.raises(DataError, match="nowhere"):
        train("xgboost", tmp_path / "nowhere.csv", content_type="text/csv", num_round=5, out=tmp_path / "n")
    assert not (tmp_path / "n").exists()


def test_a_large_table_is_streamed(table, tmp_path, monkeypatch):
    table.write_csv(tmp_path / "t.csv")
    whole = train("pca", tmp_path / "t.csv", num_components=2, drop=("price",))
    monkeypatch.setattr(native, "STREAM_BYTES", 10)
    lines = []
    streamed = train("pca", tmp_path / "t.csv", num_components=2, drop=("price",), on_line=lines.append)
    assert "streamed rows" in lines[0]
    first, second = (m.respond(tmp_path / "t.csv")["projection"] for m in (whole, streamed))
    np.testing.assert_allclose(first, second, atol=1e-4)
    assert Trained.lies_in(tmp_path) is False


def test_what_a_table_says_need_not_be_given():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    words = np.where(X[:, 0] > 0, "up", "down")
    assert (train("linear-learner", X, words, epochs=5).predict(X) == words).mean() > 0.9
    thirds = np.digitize(X[:, 0], [-0.5, 0.5])
    assert (train("linear-learner", X, thirds, epochs=20, mini_batch_size=50).predict(X) == thirds).mean() > 0.7
    found = train("factorization-machines", X, X[:, 0] * 2.5, num_factors=2, epochs=40, mini_batch_size=20)
    assert np.corrcoef(found.predict(X), X[:, 0])[0, 1] > 0.5
    with pytest.raises(ParameterError, match="num_components"):
        train("pca", X)


def test_what_fails_leaves_nothing(table, tmp_path):
    np.savetxt(tmp_path / "rows.csv", np.zeros((9, 3)), delimiter=",")
    given = {"content_type": "text/csv", "num_round": 2, "out": tmp_path / "m"}
    with pytest.raises(ParameterError, match='no channel "tset"'):
        train("xgboost", tmp_path / "rows.csv", channels={"tset": tmp_path / "rows.csv"}, **given)
    with pytest.raises(ParameterError, match="eta"):
        train("xgboost", tmp_path / "rows.csv", eta=7, **given)
    with pytest.raises(ParameterError, match="drop means nothing"):
        train("xgboost", tmp_path / "rows.csv", drop=("a",), **given)
    with pytest.raises(DataError, match="prise"):
        train("xgboost", table, target="prise", out=tmp_path / "n")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_a_place_is_found_out_before_the_fit(table, tmp_path):
    (tmp_path / "file").touch()
    lines = []
    with pytest.raises(OSError, match="file"):
        train("xgboost", table, target="price", num_round=2, out=tmp_path / "file" / "m", on_line=lines.append)
    assert lines == []


def test_what_was_measured_is_kept(table, tmp_path):
    made = train("lightgbm", table, target="price", validation=table, num_boost_round=3, out=tmp_path / "m")
    assert made.metrics
    assert Trained.load(tmp_path / "m").metrics == made.metrics


def test_a_checkpoint_is_never_taken_for_another_fit(table, tmp_path):
    table.with_columns(cost=-pl.col("price")).write_csv(tmp_path / "t.csv")
    lines = []

    def fit(asked=lambda: False, source=tmp_path / "t.csv", **change):
        given = {"target": "price", "drop": ("where",), "epochs": 4, "num_models": 2, **change}
        made = train("linear-learner", source, out=tmp_path / "m", on_line=lines.append, stop=asked, **given)
        shutil.rmtree(tmp_path / "m")
        return made

    def killed():
        if asked.append(1) or len(asked) == 3:
            raise KeyboardInterrupt
        return False

    asked = []
    whole = fit()
    with pytest.raises(KeyboardInterrupt):
        fit(killed)
    (kept,) = tmp_path.glob(".m.*")
    for change in (
        {"target": "cost"}, {"drop": ("cost",)}, {"seed": 3}, {"epochs": 5}, {"validation": tmp_path / "t.csv"},
        {"source": pl.read_csv(tmp_path / "t.csv")},
    ):  # fmt: skip
        fit(**change)
    assert not any("Checkpoint" in line for line in lines)
    assert kept.is_dir()
    again = fit()
    assert any("Checkpoint loaded" in line for line in lines)
    assert not kept.exists()
    np.testing.assert_allclose(again.predict(table), whole.predict(table), rtol=1e-6)
