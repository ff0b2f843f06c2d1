"""Principal components answer projections in every format of their container, also with a model of SageMaker's."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms import get
from tarragon.data import Tabular, write_ndarrays, write_rows
from tarragon.data.recordio import frames, parse
from tarragon.serve.builtin import load
from tarragon.serve.protocol import RefusalError
from tarragon.train.builtin import Channel, Teller, learn

from .conftest import Silent

RECORDS = "application/x-recordio-protobuf"


@pytest.fixture
def folder(tmp_path: Path, rows: np.ndarray) -> Path:
    data, made = tmp_path / "train", tmp_path / "model"
    data.mkdir()
    made.mkdir()
    (data / "a.pbr").write_bytes(write_rows(rows))
    asked = {"feature_dim": "4", "num_components": "2", "mini_batch_size": "10"}
    learn("pca", asked, {"train": Channel(data, RECORDS)}, made, Teller(Silent(), threads=1))
    return made


@pytest.fixture
def expected(folder: Path, rows: np.ndarray) -> list[list[float]]:
    return get("pca").load(folder).predict(Tabular(rows[:3]))["projection"].tolist()


def csv(rows: np.ndarray) -> bytes:
    return "\n".join(",".join(map(str, row)) for row in rows.tolist()).encode()


def test_answers_come_in_every_kind(folder: Path, rows: np.ndarray, expected: list[list[float]]) -> None:
    model = load(folder, {})
    whole, media = model.answer(csv(rows[:3]), "text/csv", "")
    assert media == "application/json"
    assert json.loads(whole) == {"projections": [{"projection": pytest.approx(each)} for each in expected]}
    lines, _ = model.answer(write_rows(rows[:3]), RECORDS, "application/jsonlines")
    assert [json.loads(line)["projection"] for line in lines.splitlines()] == [pytest.approx(e) for e in expected]
    records, _ = model.answer(json.dumps({"instances": rows[:3].tolist()}).encode(), "application/json", RECORDS)
    found = [parse(payload).label["projection"].values.tolist() for payload in frames(io.BytesIO(records))]
    assert found == [pytest.approx(each, rel=1e-6) for each in expected]


@pytest.mark.parametrize("centred", [True, False])
def test_a_model_of_sagemakers_answers(tmp_path: Path, centred: bool) -> None:
    mean = {"mean": np.array([[1.0, 2.0]], np.float32)} if centred else {}
    arrays = {"s": np.ones(1, np.float32), "v": np.array([[0.6], [0.8]], np.float32), **mean}
    (tmp_path / "model_algo-1").write_bytes(write_ndarrays(arrays))
    answer, _ = load(tmp_path, {}, "pca").answer(b"6,7\n", "text/csv", "")
    assert json.loads(answer)["projections"][0]["projection"] == [pytest.approx(7.0 if centred else 9.2)]


@pytest.mark.parametrize(
    ("body", "kind", "accept", "status"),
    [
        (b"1,2,3", "text/csv", "", 400), (b"1,2,3,nan", "text/csv", "", 400), (b"1,2,3,4", "image/png", "", 415),
        (b"1,2,3,a", "text/csv", "", 415), (b"1,2,3,4", "text/csv", "image/png", 406), (b"", "text/csv", "", 415),
    ],
)  # fmt: skip
def test_refusals_have_a_status(folder: Path, body: bytes, kind: str, accept: str, status: int) -> None:
    with pytest.raises(RefusalError) as refused:
        load(folder, {}).answer(body, kind, accept)
    assert refused.value.status == status
