"""Latent Dirichlet allocation answers mixtures in every format."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.data import write_ndarrays, write_rows
from tarragon.data.recordio import frames, parse
from tarragon.serve.builtin import load
from tarragon.serve.protocol import RefusalError

RECORDS = "application/x-recordio-protobuf"
ROWS = np.array([[9, 1, 0, 0], [0, 0, 2, 8]], np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An artifact as SageMaker leaves it: nothing but the arrays."""
    beta = np.array([[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]], np.float32)
    (tmp_path / "model_algo-1").write_bytes(write_ndarrays([np.ones(2, np.float32), beta]))
    return tmp_path


SPARSE = [
    {"data": {"features": {"values": [9, 1], "keys": [0, 1], "shape": [4]}}},
    {"data": {"features": {"values": [2, 8], "keys": [2, 3], "shape": [4]}}},
]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/csv", b"9,1,0,0\n0,0,2,8"), (RECORDS, write_rows(ROWS)), (RECORDS, write_rows(sp.csr_matrix(ROWS))),
        ("application/json", json.dumps({"instances": [{"features": r} for r in ROWS.tolist()]}).encode()),
        ("application/json", json.dumps({"instances": SPARSE}).encode()),
    ],
)  # fmt: skip
def test_every_format_in(folder: Path, kind: str, body: bytes) -> None:
    answer, found = load(folder, {}, "lda").answer(body, kind, "")
    assert found == "application/json"
    mixtures = [each["topic_mixture"] for each in json.loads(answer)["predictions"]]
    np.testing.assert_allclose(mixtures, np.eye(2), atol=1e-3)


def test_every_format_out(folder: Path) -> None:
    model = load(folder, {}, "lda")
    answer, _ = model.answer(write_rows(ROWS), RECORDS, RECORDS)
    records = [parse(payload).label["topic_mixture"].values for payload in frames(io.BytesIO(answer))]
    np.testing.assert_allclose(records, np.eye(2), atol=1e-3)
    lines = model.answer(b"9,1,0,0", "text/csv", "application/jsonlines")[0].splitlines()
    assert set(json.loads(lines[0])) == {"topic_mixture"}


@pytest.mark.parametrize(
    ("body", "kind", "accept", "status"),
    [
        (b"1,2", "text/csv", "", 400), (b"-1,2,0,0", "text/csv", "", 400), (b"1,2,0,0", "image/png", "", 415),
        (b"1,2,0,0", "text/csv", "image/png", 406), (b"{", "application/json", "", 415),
    ],
)  # fmt: skip
def test_refusals_have_a_status(folder: Path, body: bytes, kind: str, accept: str, status: int) -> None:
    with pytest.raises(RefusalError) as refused:
        load(folder, {}, "lda").answer(body, kind, accept)
    assert refused.value.status == status
