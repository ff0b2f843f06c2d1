"""Random cut forests answer scores in every format of their container."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms import get
from tarragon.data import Tabular, write_rows
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
    asked = {"feature_dim": "4", "num_trees": "50", "num_samples_per_tree": "30"}
    learn("random-cut-forest", asked, {"train": Channel(data, RECORDS)}, made, Teller(Silent(), threads=1))
    return made


@pytest.fixture
def expected(folder: Path, rows: np.ndarray) -> list[float]:
    return get("random-cut-forest").load(folder).predict(Tabular(rows[:3]))["score"].tolist()


def bodies(rows: np.ndarray) -> dict[str, tuple[bytes, str]]:
    features = [{"features": row} for row in rows.tolist()]
    nested = [{"data": {"features": {"values": row}}} for row in rows.tolist()]
    spread = [{"data": {"features": {"keys": [0, 1, 2, 3], "shape": [4], "values": row}}} for row in rows.tolist()]
    lines = "\n".join(json.dumps(each) for each in features).encode()
    return {
        "csv": ("\n".join(",".join(map(str, row)) for row in rows.tolist()).encode(), "text/csv"),
        "json": (json.dumps({"instances": features}).encode(), "application/json"),
        "nested": (json.dumps({"instances": nested}).encode(), "application/json"),
        "sparse json": (json.dumps({"instances": spread}).encode(), "application/json"),
        "lines": (lines, "application/jsonlines"),
        "records": (write_rows(rows), RECORDS),
        "sparse records": (write_rows(sp.csr_matrix(rows)), RECORDS),
    }


@pytest.mark.parametrize("kind", list(bodies(np.zeros((1, 4)))))
def test_requests_of_every_kind_are_answered(folder: Path, rows: np.ndarray, expected: list[float], kind: str) -> None:
    answer, media = load(folder, {}).answer(*bodies(rows[:3])[kind], "application/json")
    assert media == "application/json"
    assert json.loads(answer) == {"scores": [{"score": pytest.approx(each)} for each in expected]}


def test_answers_come_in_every_kind(folder: Path, rows: np.ndarray, expected: list[float]) -> None:
    model, asked = load(folder, {}), bodies(rows[:3])["csv"]
    lines, _ = model.answer(*asked, "application/jsonlines")
    assert [json.loads(line) for line in lines.splitlines()] == [{"score": pytest.approx(each)} for each in expected]
    table, _ = model.answer(*asked, "text/csv")
    assert [float(line) for line in table.split()] == pytest.approx(expected)
    records, media = model.answer(*asked, RECORDS)
    assert media == RECORDS
    found = [parse(payload).label["score"].values.tolist() for payload in frames(io.BytesIO(records))]
    assert found == [[pytest.approx(each, rel=1e-6)] for each in expected]


@pytest.mark.parametrize(
    ("body", "kind", "accept", "status"),
    [
        (b"1,2,3", "text/csv", "", 400), (b"1,2,3,nan", "text/csv", "", 400), (b"1,2,3,4", "image/png", "", 415),
        (b"1,2,3,a", "text/csv", "", 415), (b"1,2,3,4", "text/csv", "image/png", 406), (b"", "text/csv", "", 415),
        (b"abcdefgh", RECORDS, "", 415), (b"{}", "application/json", "", 415),
    ],
)  # fmt: skip
def test_refusals_have_a_status(folder: Path, body: bytes, kind: str, accept: str, status: int) -> None:
    with pytest.raises(RefusalError) as refused:
        load(folder, {}).answer(body, kind, accept)
    assert refused.value.status == status
