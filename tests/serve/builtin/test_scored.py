"""Linear learner and nearest neighbours answer in their containers' fields."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms import get
from tarragon.data import Tabular, write_rows
from tarragon.data.recordio import frames, parse
from tarragon.serve.builtin import load
from tarragon.serve.protocol import RefusalError

Trained = Callable[..., Path]
RECORDS = "application/x-recordio-protobuf"


def csv(rows: np.ndarray) -> bytes:
    return "\n".join(",".join(repr(float(v)) for v in row) for row in rows).encode()


def test_a_regressor_answers_scores(trained: Trained, rows: np.ndarray) -> None:
    folder = trained("linear-learner", rows[:, 0] * 3, predictor_type="regressor")
    answer, kind = load(folder, {}).answer(csv(rows[:2]), "text/csv", "*/*")
    assert kind == "application/json"
    expected = get("linear-learner").load(folder).predict(Tabular(rows[:2]))["score"]
    assert json.loads(answer) == {"predictions": [{"score": pytest.approx(v)} for v in expected.tolist()]}


def test_a_binary_classifier_answers_by_its_threshold(trained: Trained, rows: np.ndarray) -> None:
    folder = trained("linear-learner", rows[:, 0] > 0.3, predictor_type="binary_classifier")
    sidecar = folder / ".tarragon-serving.json"
    facts = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps({**facts, "threshold": 0.9}))
    found = json.loads(load(folder, {}).answer(csv(rows), "text/csv", "application/json")[0])["predictions"]
    assert all(each["predicted_label"] == int(each["score"] >= 0.9) for each in found)
    assert {each["predicted_label"] for each in found} == {0, 1}


def test_records_in_and_out_as_the_sdk_asks(trained: Trained, rows: np.ndarray) -> None:
    target = np.digitize(rows[:, 0], [-0.5, 0.5])
    folder = trained("linear-learner", target, predictor_type="multiclass_classifier", num_classes=3)
    answer, kind = load(folder, {}).answer(write_rows(rows[:3]), RECORDS, RECORDS)
    assert kind == RECORDS
    records = [parse(payload) for payload in frames(io.BytesIO(answer))]
    for record in records:
        scores = record.label["score"].values
        assert scores.sum() == pytest.approx(1, abs=1e-5)
        assert record.label["predicted_label"].values[0] == scores.argmax()


def test_neighbours_are_shown_when_asked_for(trained: Trained, rows: np.ndarray) -> None:
    folder = trained("knn", rows[:, 0] > 0, predictor_type="classifier", k=3, sample_size=90)
    model = load(folder, {})
    assert json.loads(model.answer(csv(rows[:1]), "text/csv", "application/json")[0])["predictions"] == [
        {"predicted_label": float(rows[0, 0] > 0)}
    ]
    line = json.loads(model.answer(csv(rows[:1]), "text/csv", "application/jsonlines; verbose=true")[0])
    gaps = np.sort(((rows - rows[0]) ** 2).sum(axis=1))[:3]
    np.testing.assert_allclose(line["distances"], gaps, rtol=1e-3, atol=1e-5)
    assert len(line["labels"]) == 3


def test_refusals_have_a_status(trained: Trained, rows: np.ndarray) -> None:
    model = load(trained("linear-learner", rows[:, 0], predictor_type="regressor"), {})
    for body, status in ((b"1,2", 400), (b"a", 415), (b"1,,2,3", 400)):
        with pytest.raises(RefusalError) as refused:
            model.answer(body, "text/csv", "")
        assert refused.value.status == status
