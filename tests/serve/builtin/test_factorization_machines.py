"""Factorization machines answer in their container's fields; CSV is refused."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms import get
from tarragon.algorithms.artifact import SEAL
from tarragon.data import Tabular, write_rows
from tarragon.data.recordio import frames, parse
from tarragon.serve.builtin import load
from tarragon.serve.protocol import RefusalError

RECORDS, NAME = "application/x-recordio-protobuf", "factorization-machines"


def made(folder: Path, kind: str) -> np.ndarray:
    """Save a model; return rows to ask about."""
    rng = np.random.default_rng(0)
    X = (rng.random((200, 6)) < 0.4).astype(np.float32)
    y = X[:, 0] * X[:, 1] * 3 - X[:, 2]
    machines: Any = get(NAME)
    model = machines(feature_dim=6, num_factors=2, predictor_type=kind, epochs=5, factors_lr=0.05, linear_lr=0.05)
    labels = (y > 0).astype(float) if kind == "binary_classifier" else y
    model.fit(Tabular(sp.csr_matrix(X), y=labels)).save(folder)
    (folder / ".tarragon-serving.json").write_text(
        json.dumps({"algorithm": NAME, "predictor_type": kind, "feature_dim": 6})
    )
    return X[:3]


def asked(rows: np.ndarray) -> bytes:
    """Write rows as sparse JSON, the way the guide shows."""
    instances = []
    for row in rows:
        keys = np.flatnonzero(row)
        features = {"keys": keys.tolist(), "shape": [6], "values": row[keys].tolist()}
        instances.append({"data": {"features": features}})
    return json.dumps({"instances": instances}).encode()


def test_a_regressor_answers_scores_in_every_format(tmp_path: Path) -> None:
    rows = made(tmp_path, "regressor")
    model = load(tmp_path, {})
    expected = get(NAME).load(tmp_path).predict(Tabular(rows))["score"]
    plain, kind = model.answer(asked(rows), "application/json", "*/*")
    assert kind == "application/json"
    assert json.loads(plain) == {"predictions": [{"score": pytest.approx(v)} for v in expected.tolist()]}
    body = write_rows(sp.csr_matrix(rows))
    records = [parse(p) for p in frames(io.BytesIO(model.answer(body, RECORDS, RECORDS)[0]))]
    assert [float(r.label["score"].values[0]) for r in records] == pytest.approx(expected.tolist(), rel=1e-5)
    lines = model.answer(body, RECORDS, "application/jsonlines")[0].splitlines()
    assert [json.loads(line)["score"] for line in lines] == pytest.approx(expected.tolist())


def test_a_classifier_answers_labels_from_one_half_on(tmp_path: Path) -> None:
    rows = made(tmp_path, "binary_classifier")
    found = json.loads(load(tmp_path, {}).answer(asked(rows), "application/json", "")[0])["predictions"]
    assert all(each["predicted_label"] == int(each["score"] >= 0.5) for each in found)


def test_a_model_without_our_facts_answers(tmp_path: Path) -> None:
    rows = made(tmp_path, "binary_classifier")
    expected = load(tmp_path, {}).answer(asked(rows), "application/json", "")
    (tmp_path / ".tarragon-serving.json").unlink()
    (tmp_path / SEAL).unlink()
    assert load(tmp_path, {}, NAME).answer(asked(rows), "application/json", "") == expected


def test_refusals_have_a_status(tmp_path: Path) -> None:
    made(tmp_path, "regressor")
    model = load(tmp_path, {})
    wide = write_rows(np.ones((1, 9), np.float32))
    cases = [
        (b"1,2,3,4,5,6", "text/csv", "", 415), (b"1,2,3,4,5,6", "", "", 415), (b"{", "application/json", "", 415),
        (wide, RECORDS, "", 400), (write_rows(np.ones((1, 6), np.float32)), RECORDS, "text/csv", 406),
        (write_rows(np.ones((1, 6), np.float32)), RECORDS, "image/png", 406),
    ]  # fmt: skip
    for body, kind, accept, status in cases:
        with pytest.raises(RefusalError) as refused:
            model.answer(body, kind, accept)
        assert refused.value.status == status
