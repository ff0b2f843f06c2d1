"""The linear learner answers in its container's fields, whoever trained it."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms.module_archive import FILE, PARAMS, SYMBOL
from tarragon.data import write_ndarrays, write_rows
from tarragon.data.recordio import frames, parse
from tarragon.serve.builtin import load
from tarragon.serve.protocol import RefusalError

Trained = Callable[..., Path]
RECORDS = "application/x-recordio-protobuf"


def csv(rows: np.ndarray) -> bytes:
    return "\n".join(",".join(repr(float(v)) for v in row) for row in rows).encode()


def test_a_model_of_aws_answers(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / FILE, "w") as archive:
        arrays = {"arg:fc0_weight": np.array([[1, -1]], np.float32), "arg:fc0_bias": np.zeros(1, np.float32)}
        archive.writestr(PARAMS, write_ndarrays(arrays))
        archive.writestr(SYMBOL, json.dumps({"nodes": [{"op": "LogisticRegressionOutput", "name": "out"}]}))
    model = load(tmp_path, {}, "linear-learner")
    found = json.loads(model.answer(b"2,0\n0,2", "text/csv", "application/json")[0])["predictions"]
    assert [each["predicted_label"] for each in found] == [1, 0]
    assert found[0]["score"] == pytest.approx(1 / (1 + np.exp(-2)))


def test_margins_are_scores(trained: Trained, rows: np.ndarray) -> None:
    folder = trained(
        "linear-learner", rows[:, 0] > 0, predictor_type="binary_classifier", loss="hinge_loss", mini_batch_size=10
    )
    found = json.loads(load(folder, {}).answer(csv(rows), "text/csv", "application/json")[0])["predictions"]
    scores = [each["score"] for each in found]
    assert min(scores) < 0
    assert max(scores) > 1
    assert np.mean([each["predicted_label"] for each in found] == (rows[:, 0] > 0)) > 0.9


def test_every_format_in_and_out_says_the_same(trained: Trained, rows: np.ndarray) -> None:
    folder = trained("linear-learner", rows[:, 0] * 3, predictor_type="regressor")
    model = load(folder, {})
    plain = json.loads(model.answer(csv(rows[:3]), "text/csv", "application/json")[0])["predictions"]
    bodies = {
        RECORDS: write_rows(rows[:3]),
        "application/json": json.dumps({"instances": [{"features": r} for r in rows[:3].tolist()]}).encode(),
        "application/jsonlines": b"\n".join(json.dumps({"features": r}).encode() for r in rows[:3].tolist()),
    }
    for kind, body in bodies.items():
        lines = model.answer(body, kind, "application/jsonlines")[0].splitlines()
        assert [json.loads(line)["score"] for line in lines] == pytest.approx([p["score"] for p in plain])
    records = [parse(p) for p in frames(io.BytesIO(model.answer(csv(rows[:3]), "text/csv", RECORDS)[0]))]
    assert [float(r.label["score"].values[0]) for r in records] == pytest.approx([p["score"] for p in plain], rel=1e-5)
    assert model.answer(csv(rows[:1]), "text/csv", "text/csv")[0].decode().strip() == str(plain[0]["score"])


def test_sparse_requests_may_name_fewer_columns(trained: Trained, rows: np.ndarray) -> None:
    model = load(trained("linear-learner", rows[:, 0], predictor_type="regressor"), {})
    short = write_rows(sp.csr_matrix(np.array([[1.0, 0, 2]], np.float32)))
    full = json.loads(model.answer(b"1,0,2,0", "text/csv", "")[0])["predictions"][0]["score"]
    assert json.loads(model.answer(short, RECORDS, "")[0])["predictions"][0]["score"] == pytest.approx(full)


def test_refusals_have_a_status(trained: Trained, rows: np.ndarray) -> None:
    model = load(trained("linear-learner", rows[:, 0], predictor_type="regressor"), {})
    cases = ((b"1,2", "text/csv", "", 400), (b"a", "text/csv", "", 415), (b"1,,2,3", "text/csv", "", 400))
    for body, kind, accept, status in (
        *cases,
        (b"1,2,3,4", "text/plain", "", 415),
        (b"1,2,3,4", "text/csv", "x/y", 406),
    ):
        with pytest.raises(RefusalError) as refused:
            model.answer(body, kind, accept)
        assert refused.value.status == status
