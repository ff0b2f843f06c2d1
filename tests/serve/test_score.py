"""Scored files hold the table as it was, the model's own answers beside it, and appear whole or not at all."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tarragon.algorithms import build, get
from tarragon.algorithms.protocol import Standalone
from tarragon.data import Encoder, read_blocks, read_table
from tarragon.engine import Workspace
from tarragon.errors import ConflictError, DataError, IntegrityError, NotFoundError, ParameterError
from tarragon.refine import Member, TableModel
from tarragon.registry import PackageFacts, Registry
from tarragon.serve import load_model, predict, score
from tarragon.train import train

N = 300


def table(seed: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    age, plan = random.integers(18, 80, N), random.choice(["basic", "plus", "pro"], N)
    risk = (age - 45) / 10 + np.where(plan == "basic", 1.5, -0.5) + random.normal(0, 0.5, N)
    answer = np.where(risk > 0, "yes", "no")
    return pl.DataFrame({"code": [f"{i:04d}" for i in range(N)], "age": age, "plan": plan, "left": answer})


def fitted(frame: pl.DataFrame, target: str) -> TableModel:
    known = read_table(frame, target)
    encoder = Encoder.fit(known, seed=0)
    algorithm = build(get("linear"), {})
    view = algorithm.card.view
    algorithm.fit(encoder.data(known, view), context=Standalone())
    member = Member("linear-1", "linear", view, 1.0, (0,), (algorithm,), 0)
    return TableModel(encoder, (member,), known.task, known.classes, target)


@pytest.fixture(scope="module")
def model() -> TableModel:
    return fitted(table(), "left")


@pytest.fixture
def workspace(home: Path) -> Iterator[Workspace]:
    with Workspace.open(home) as opened:
        yield opened


@pytest.fixture
def registered(workspace: Workspace, model: TableModel, tmp_path: Path) -> Registry:
    model.save(tmp_path / "package" / "model")
    facts = PackageFacts("leavers", "binary", "left", "auc", 0.9, 0.8, 1.0, (("age", "numeric"),), ("no", "yes"))
    registry = Registry(workspace)
    registry.register(tmp_path / "package", facts)
    return registry


@pytest.fixture
def new_rows(tmp_path: Path) -> Path:
    path = tmp_path / "new.csv"
    table(1).drop("left").write_csv(path)
    return path


@pytest.mark.usefixtures("registered")
def test_answers_are_the_models_own(workspace: Workspace, model: TableModel, new_rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "scored.csv"
    scored = predict("leavers", new_rows, out, workspace=workspace)
    assert (scored.model, scored.n_rows, scored.path) == ("leavers/1", N, out)
    assert scored.columns == ("prediction", "probability_no", "probability_yes")
    assert (scored.missing, scored.extra) == ((), ("code",))
    written = pl.read_csv(out, infer_schema=False)
    proba = written.select(pl.col("^probability_.*$").cast(pl.Float64)).to_numpy()
    np.testing.assert_array_equal(proba, model.predict_proba(new_rows))
    assert written["prediction"].to_list() == model.predict(new_rows).tolist()
    # The table's own cells are untouched, leading zeros and all.
    before = list(csv.reader(new_rows.open()))
    assert [row[: len(before[0])] for row in csv.reader(out.open())] == before


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_every_format_holds_the_same(workspace: Workspace, new_rows: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"scored{suffix}"
    predict("leavers/1", new_rows, out, workspace=workspace)
    if suffix == ".jsonl":
        rows = [json.loads(line) for line in out.read_text().splitlines()]
    else:
        rows = (pl.read_csv(out, infer_schema=False) if suffix == ".csv" else pl.read_parquet(out)).to_dicts()
    assert len(rows) == N
    assert rows[7]["code"] == "0007"
    assert float(rows[7]["probability_no"]) + float(rows[7]["probability_yes"]) == pytest.approx(1.0)


def test_a_large_file_is_scored_in_blocks_with_equal_answers(model: TableModel, new_rows: Path) -> None:
    whole = list(read_blocks(new_rows, expect=model.columns))
    parts = list(read_blocks(new_rows, rows=64, expect=model.columns, whole_bytes=1))
    assert len(whole) == 1
    assert len(parts) == 5
    answers = pl.concat([score.answered(model, part) for part in parts])
    expected = score.answered(model, whole[0])
    assert answers["prediction"].equals(expected["prediction"])
    np.testing.assert_allclose(answers["probability_yes"], expected["probability_yes"], rtol=1e-12)


@pytest.mark.usefixtures("registered")
def test_blocks_are_written_one_after_another(
    workspace: Workspace, new_rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict("leavers", new_rows, tmp_path / "whole.csv", workspace=workspace)
    monkeypatch.setattr(score, "BLOCK_ROWS", 64)
    for suffix in (".csv", ".parquet", ".jsonl"):
        scored = predict("leavers", new_rows, tmp_path / f"parts{suffix}", workspace=workspace)
        assert scored.n_rows == N
    assert (tmp_path / "parts.csv").read_text() == (tmp_path / "whole.csv").read_text()
    assert pl.read_parquet(tmp_path / "parts.parquet").height == N
    assert len((tmp_path / "parts.jsonl").read_text().splitlines()) == N


@pytest.mark.usefixtures("registered")
def test_missing_and_extra_columns_are_named(workspace: Workspace, new_rows: Path, tmp_path: Path) -> None:
    pl.read_csv(new_rows).drop("plan").with_columns(note=pl.lit("x")).write_csv(new_rows)
    scored = predict("leavers", new_rows, tmp_path / "s.csv", workspace=workspace)
    assert scored.missing == ("plan",)
    assert scored.extra == ("code", "note")


@pytest.mark.usefixtures("registered")
def test_a_table_of_another_kind_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("x,y\n1,2\n3,4\n")
    with pytest.raises(DataError, match="none of the columns leavers/1 reads"):
        predict("leavers", tmp_path / "other.csv", tmp_path / "s.csv", workspace=workspace)
    assert not (tmp_path / "s.csv").exists()


@pytest.mark.usefixtures("registered")
def test_a_table_can_be_scored_twice(workspace: Workspace, new_rows: Path, tmp_path: Path) -> None:
    predict("leavers", new_rows, tmp_path / "1.csv", workspace=workspace)
    again = predict("leavers", tmp_path / "1.csv", tmp_path / "2.csv", workspace=workspace)
    assert again.columns == ("prediction_2", "probability_no_2", "probability_yes_2")


@pytest.mark.usefixtures("registered")
def test_frames_and_unknown_suffixes(workspace: Workspace, tmp_path: Path) -> None:
    assert predict("leavers", table(2), tmp_path / "s.csv", workspace=workspace).n_rows == N
    with pytest.raises(ParameterError, match=r"s\.csv"):
        predict("leavers", table(2), tmp_path / "s.xlsx", workspace=workspace)


@pytest.mark.usefixtures("registered")
def test_a_failure_half_way_leaves_nothing(
    workspace: Workspace, new_rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    monkeypatch.setattr(score, "BLOCK_ROWS", 64)
    calls = iter(range(100))
    answer = score.answered

    def failing(*given: object) -> pl.DataFrame:
        if next(calls) == 3:  # the first call asks for the names
            raise DataError("The third block is broken")
        return answer(*given)

    monkeypatch.setattr(score, "answered", failing)
    with pytest.raises(DataError, match="third block"):
        predict("leavers", new_rows, tmp_path / "s.csv", workspace=workspace)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_only_sound_versions_answer(workspace: Workspace, registered: Registry, new_rows: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="leavers"):
        predict("leaver", new_rows, tmp_path / "s.csv", workspace=workspace)
    registered.reject("leavers", "biased")
    with pytest.raises(ConflictError, match="biased"):
        predict("leavers", new_rows, tmp_path / "s.csv", workspace=workspace)
    registered.approve("leavers", "repaired")
    model_file = registered.open("leavers") / "model" / "model.json"
    model_file.write_text(model_file.read_text().replace("0.5", "0.4"))
    with pytest.raises(IntegrityError, match=r"model/model\.json"):
        predict("leavers", new_rows, tmp_path / "s.csv", workspace=workspace)


def test_a_folder_is_a_model_too(workspace: Workspace, model: TableModel, tmp_path: Path) -> None:
    model.save(tmp_path / "mine")
    name, loaded = load_model(tmp_path / "mine", workspace)
    assert name == "mine"
    np.testing.assert_array_equal(loaded.predict_proba(table(3)), model.predict_proba(table(3)))


def test_regression_answers_values(workspace: Workspace, tmp_path: Path) -> None:
    frame = table().with_columns(income=pl.col("age") * 100.0 + 7).drop("left")
    fitted(frame, "income").save(tmp_path / "income")
    scored = predict(tmp_path / "income", frame.drop("income"), tmp_path / "s.parquet", workspace=workspace)
    assert scored.columns == ("prediction",)
    error = (pl.read_parquet(scored.path)["prediction"] - frame["income"]).abs().mean()
    assert error < 0.2 * frame["income"].std()


@pytest.mark.parametrize(("algorithm", "given", "added"), [
    ("kmeans", {"k": 2}, ["closest_cluster", "distance_to_cluster"]),
    ("lightgbm", {"y": "words", "num_boost_round": 5}, ["prediction", "probability_down", "probability_up"]),
    ("xgboost", {"y": "words", "num_round": 5}, ["prediction", "probability_down", "probability_up"]),
])  # fmt: skip
def test_a_model_of_an_array_scores_rows_without_names(
    workspace: Workspace, tmp_path: Path, algorithm: str, given: dict[str, object], added: list[str]
) -> None:
    X = np.random.default_rng(0).normal(size=(80, 2))
    asked = {**given, "y": np.where(X[:, 0] > 0, "up", "down")} if "y" in given else given
    made = train(algorithm, X, out=tmp_path / "m", **asked)
    np.savetxt(tmp_path / "ask.csv", X, delimiter=",")
    found = predict(str(tmp_path / "m"), tmp_path / "ask.csv", tmp_path / "out.csv", workspace=workspace)
    assert (found.n_rows, list(found.columns)) == (80, added)
    out = pl.read_csv(tmp_path / "out.csv")
    assert out.columns == ["column_1", "column_2", *added]
    if "prediction" in added:
        assert out["prediction"].to_list() == made.predict(X).tolist()
    (tmp_path / "named.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="without a header or a label"):
        predict(str(tmp_path / "m"), tmp_path / "named.csv", tmp_path / "worse.csv", workspace=workspace)
    (tmp_path / "wide.csv").write_text("1,2,3\n")
    with pytest.raises(DataError):
        predict(str(tmp_path / "m"), tmp_path / "wide.csv", tmp_path / "worse.csv", workspace=workspace)
    with pytest.raises(DataError, match="no file"):
        predict(str(tmp_path / "m"), tmp_path / "none.csv", tmp_path / "worse.csv", workspace=workspace)
    assert not (tmp_path / "worse.csv").exists()
