"""A native table model takes CSV without a header and answers labels, or what the environment asks for."""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tarragon.algorithms import get
from tarragon.data import Encoder, read_table
from tarragon.refine import TableModel
from tarragon.refine.model import Member
from tarragon.serve.builtin import load
from tarragon.serve.builtin.table import Tabled
from tarragon.serve.protocol import RefusalError


def frame(n: int = 200) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    room, price = rng.choice(["sea", "yard"], n), rng.normal(100, 20, n).round(2)
    return pl.DataFrame({"price": price, "room": room, "back": np.where((price > 100) == (room == "sea"), "yes", "no")})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = read_table(frame(), "back")
    encoder = Encoder.fit(table, seed=0)
    fitted = get("lightgbm")().fit(encoder.data(table, "codes"))
    member = Member("lightgbm-1", "lightgbm", "codes", 1.0, (0,), (fitted,), 0)
    place = tmp_path_factory.mktemp("table") / "model"
    TableModel(encoder, (member,), "binary", table.classes, "back").save(place)
    return place


def test_rows_without_a_header_are_answered_in_order(folder: Path) -> None:
    model = load(folder, {})
    assert isinstance(model, Tabled)
    rows = frame(20).drop("back")
    expected = TableModel.load(folder).predict(rows).tolist()
    body = rows.write_csv(include_header=False).encode()
    assert model.answer(body, "text/csv", "*/*") == ("".join(f"{label}\n" for label in expected).encode(), "text/csv")
    assert model.answer(rows.write_csv().encode(), "text/csv", "")[0].decode().split() == expected


def test_the_environment_chooses_the_output(folder: Path) -> None:
    outputs = {"SAGEMAKER_INFERENCE_OUTPUT": "predicted_label,probability,probabilities,labels"}
    answer, _ = load(folder, outputs).answer(b"120,sea", "text/csv", "application/json")
    (row,) = json.loads(answer)["predictions"]
    assert row["probability"] == max(row["probabilities"])
    assert row["predicted_label"] == row["labels"][int(np.argmax(row["probabilities"]))]


def test_refusals_have_a_status(folder: Path) -> None:
    model = load(folder, {})
    for body, content_type, status in (
        (b"1", "text/csv", 400),
        (b"{}", "application/json", 415),
        (b"", "text/csv", 415),
    ):
        with pytest.raises(RefusalError) as refused:
            model.answer(body, content_type, "")
        assert refused.value.status == status


def test_rows_may_have_the_columns_the_model_leaves_out(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "model")
    (tmp_path / "model" / "columns.json").write_text('["id", "price", "room"]')
    model = load(tmp_path / "model", {})
    expected, _ = load(folder, {}).answer(b"120,sea\n", "text/csv", "")
    for body in (b"7,120,sea\n", b"id,price,room\n7,120,sea\n", b"120,sea\n"):
        assert model.answer(body, "text/csv", "")[0] == expected
    with pytest.raises(RefusalError, match="4 columns"):
        model.answer(b"1,2,3,4\n", "text/csv", "")
