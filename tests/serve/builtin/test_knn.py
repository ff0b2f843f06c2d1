"""Nearest neighbours answer labels, and their neighbours where asked for, in every format of their container."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from tarragon.data import write_rows
from tarragon.data.recordio import frames, parse
from tarragon.errors import IntegrityError
from tarragon.serve.builtin import load
from tarragon.serve.protocol import RefusalError

Trained = Callable[..., Path]
RECORDS = "application/x-recordio-protobuf"


def csv(rows: np.ndarray) -> bytes:
    return "\n".join(",".join(map(str, row)) for row in rows.tolist()).encode()


@pytest.fixture
def folder(trained: Trained, rows: np.ndarray) -> Path:
    return trained("knn", rows[:, 0] > 0, predictor_type="classifier", k=3, sample_size=90, feature_dim=4)


@pytest.fixture
def expected(rows: np.ndarray) -> list[dict[str, object]]:
    far = cdist(rows[:5].astype(float), rows.astype(float), "sqeuclidean")
    near = np.argsort(far, axis=1)[:, :3]
    labels = (rows[near, 0] > 0).astype(float)
    return [
        {"predicted_label": float(row.mean() > 0.5), "distances": pytest.approx(gap, abs=1e-9), "labels": row.tolist()}
        for row, gap in zip(labels, np.take_along_axis(far, near, axis=1).tolist(), strict=True)
    ]


@pytest.mark.parametrize("body", [csv, write_rows])
def test_labels_and_neighbours(folder: Path, rows: np.ndarray, expected: list, body: Callable) -> None:
    asked = (body(rows[:5]), RECORDS if body is write_rows else "text/csv")
    model = load(folder, {})
    whole, media = model.answer(*asked, "")
    assert media == "application/json"
    assert json.loads(whole) == {"predictions": [{"predicted_label": e["predicted_label"]} for e in expected]}
    whole, _ = model.answer(*asked, "application/json; verbose=true")
    assert json.loads(whole) == {"predictions": expected}
    lines, _ = model.answer(*asked, "application/jsonlines; verbose=true")
    assert [json.loads(line) for line in lines.splitlines()] == expected
    records, media = model.answer(*asked, f"{RECORDS}; verbose=true")
    assert media == RECORDS
    found = [{n: t.values.tolist() for n, t in parse(p).label.items()} for p in frames(io.BytesIO(records))]
    assert [each["labels"] for each in found] == [each["labels"] for each in expected]
    assert [each["predicted_label"] for each in found] == [[each["predicted_label"]] for each in expected]


def test_an_edited_model_answers_otherwise(folder: Path, rows: np.ndarray) -> None:
    path = folder / "model_algo-1.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "k": 90, "predictor_type": "regressor"}))
    whole, _ = load(folder, {}).answer(csv(rows[:1]), "text/csv", "")
    assert json.loads(whole)["predictions"] == [{"predicted_label": pytest.approx((rows[:, 0] > 0).mean())}]
    path.write_text("{}")
    with pytest.raises(IntegrityError):
        load(folder, {})


def test_a_model_of_sagemakers_answers(folder: Path, rows: np.ndarray, expected: list) -> None:
    (folder / ".tarragon.json").unlink()
    (folder / ".tarragon-serving.json").unlink()
    whole, _ = load(folder, {}, "knn").answer(csv(rows[:5]), "text/csv", "application/json; verbose=true")
    assert json.loads(whole) == {"predictions": expected}


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
