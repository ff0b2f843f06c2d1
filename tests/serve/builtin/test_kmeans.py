"""K-means answers in every format of its container, also with a model that SageMaker trained."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.spatial.distance import cdist

from tarragon.data import write_ndarrays, write_rows
from tarragon.data.recordio import frames, parse
from tarragon.serve.builtin import load
from tarragon.serve.protocol import RefusalError
from tarragon.train.builtin import Channel, Teller, learn

from .conftest import Silent

RECORDS = "application/x-recordio-protobuf"
Answers = list[dict[str, float]]


@pytest.fixture
def folder(tmp_path: Path, rows: np.ndarray) -> Path:
    data, made = tmp_path / "train", tmp_path / "model"
    data.mkdir()
    made.mkdir()
    (data / "a.pbr").write_bytes(write_rows(rows))
    learn(
        "kmeans", {"feature_dim": "4", "k": "3"}, {"train": Channel(data, RECORDS)}, made, Teller(Silent(), threads=1)
    )
    return made


@pytest.fixture
def expected(folder: Path, rows: np.ndarray) -> Answers:
    from tarragon.algorithms import get

    far = cdist(rows[:3].astype(float), get("kmeans").load(folder).centres_.astype(float))
    return [
        {"closest_cluster": float(row.argmin()), "distance_to_cluster": pytest.approx(row.min(), rel=1e-6)}
        for row in far
    ]


def bodies(rows: np.ndarray) -> dict[str, tuple[bytes, str]]:
    features = [{"features": row} for row in rows.tolist()]
    nested = [{"data": {"features": {"values": row}}} for row in rows.tolist()]
    lines = "\n".join(json.dumps(each) for each in features).encode()
    return {
        "csv": ("\n".join(",".join(map(str, row)) for row in rows.tolist()).encode(), "text/csv"),
        "json": (json.dumps({"instances": features}).encode(), "application/json"),
        "nested": (json.dumps({"instances": nested}).encode(), "application/json"),
        "lines": (lines, "application/jsonlines"),
        "records": (write_rows(rows), RECORDS),
        "sparse records": (write_rows(sp.csr_matrix(rows)), RECORDS),
    }


@pytest.mark.parametrize("kind", list(bodies(np.zeros((1, 4)))))
def test_requests_of_every_kind_are_answered(folder: Path, rows: np.ndarray, expected: Answers, kind: str) -> None:
    answer, media = load(folder, {}).answer(*bodies(rows[:3])[kind], "")
    assert media == "application/json"
    assert json.loads(answer) == {"predictions": expected}


def test_answers_come_in_every_kind(folder: Path, rows: np.ndarray, expected: Answers) -> None:
    model, asked = load(folder, {}), bodies(rows[:3])["csv"]
    lines, _ = model.answer(*asked, "application/jsonlines")
    assert [json.loads(line) for line in lines.splitlines()] == expected
    table, _ = model.answer(*asked, "text/csv")
    for line, each in zip(table.decode().splitlines(), expected, strict=True):
        assert [float(cell) for cell in line.split(",")] == list(each.values())
    records, media = model.answer(*asked, RECORDS)
    assert media == RECORDS
    found = [parse(payload).label for payload in frames(io.BytesIO(records))]
    assert [{name: float(tensor.values[0]) for name, tensor in each.items()} for each in found] == expected


def test_a_model_of_sagemakers_answers(tmp_path: Path) -> None:
    (tmp_path / "model_algo-1").write_bytes(write_ndarrays([np.array([[0, 0], [3, 4]], np.float32)]))
    answer, _ = load(tmp_path, {}, "kmeans").answer(b"0,0\n3,5\n", "text/csv", "")
    assert json.loads(answer)["predictions"] == [
        {"closest_cluster": 0.0, "distance_to_cluster": 0.0}, {"closest_cluster": 1.0, "distance_to_cluster": 1.0},
    ]  # fmt: skip


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
