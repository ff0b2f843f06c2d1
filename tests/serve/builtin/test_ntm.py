"""The neural topic model answers weights in every format."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms.ntm import NTM
from tarragon.data import Tabular, write_rows
from tarragon.data.recordio import frames, parse
from tarragon.serve.builtin import load
from tarragon.serve.protocol import RefusalError

pytest.importorskip("torch")
RECORDS = "application/x-recordio-protobuf"
ROWS = np.array([[9, 1, 0, 0], [0, 0, 2, 8]], np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model")
    NTM(num_topics=2, epochs=2).fit(Tabular(np.tile(ROWS, (20, 1)))).save(place)
    (place / ".tarragon-serving.json").write_text(json.dumps({"algorithm": "ntm", "feature_dim": 4}))
    return place


SPARSE = [{"data": {"features": {"values": [9, 1], "keys": [0, 1], "shape": [4]}}}]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/csv", b"9,1,0,0"), (RECORDS, write_rows(ROWS[:1])), (RECORDS, write_rows(sp.csr_matrix(ROWS[:1]))),
        ("application/json", b'{"instances": [{"features": [9, 1, 0, 0]}]}'),
        ("application/json", json.dumps({"instances": SPARSE}).encode()),
        ("application/jsonlines", b'{"features": [9, 1, 0, 0]}\n'),
    ],
)  # fmt: skip
def test_every_format_in(folder: Path, kind: str, body: bytes) -> None:
    answer, found = load(folder, {}).answer(body, kind, "")
    assert found == "application/json"
    expected = NTM.load(folder).predict(Tabular(ROWS[:1]))["topic_weights"]
    np.testing.assert_allclose([each["topic_weights"] for each in json.loads(answer)["predictions"]], expected)


def test_every_format_out(folder: Path) -> None:
    model = load(folder, {})
    expected = NTM.load(folder).predict(Tabular(ROWS))["topic_weights"]
    answer, _ = model.answer(write_rows(ROWS), RECORDS, RECORDS)
    records = [parse(payload).label["topic_weights"].values for payload in frames(io.BytesIO(answer))]
    np.testing.assert_allclose(records, expected, rtol=1e-6)
    lines = model.answer(b"9,1,0,0\n0,0,2,8", "text/csv", "application/jsonlines")[0].splitlines()
    np.testing.assert_allclose([json.loads(line)["topic_weights"] for line in lines], expected)


@pytest.mark.parametrize(
    ("body", "kind", "accept", "status"),
    [
        (b"1,2", "text/csv", "", 400), (b"-1,2,0,0", "text/csv", "", 400), (b"1,2,0,0", "image/png", "", 415),
        (b"1,2,0,0", "text/csv", "image/png", 406), (b"{", "application/json", "", 415),
    ],
)  # fmt: skip
def test_refusals_have_a_status(folder: Path, body: bytes, kind: str, accept: str, status: int) -> None:
    with pytest.raises(RefusalError) as refused:
        load(folder, {}).answer(body, kind, accept)
    assert refused.value.status == status
