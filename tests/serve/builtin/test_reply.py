"""Answers in every format, and which one is chosen."""

import io
import json

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.data.recordio import frames, parse
from tarragon.serve.builtin import reply
from tarragon.serve.protocol import RefusalError

FIELDS = {"score": [[0.25, 0.75], [0.5, 0.5]], "predicted_label": [1, 0]}


def test_each_format_is_written() -> None:
    rows = [{"score": [0.25, 0.75], "predicted_label": 1}, {"score": [0.5, 0.5], "predicted_label": 0}]
    assert json.loads(reply.written(FIELDS, reply.JSON)) == {"predictions": rows}
    assert [json.loads(line) for line in reply.written(FIELDS, reply.LINES).splitlines()] == rows
    assert reply.written(FIELDS, reply.CSV) == b'"[0.25, 0.75]",1\n"[0.5, 0.5]",0\n'
    records = [parse(payload) for payload in frames(io.BytesIO(reply.written(FIELDS, reply.RECORDS)))]
    assert [r.label["score"].values.tolist() for r in records] == FIELDS["score"]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/csv"), ("*/*", "text/csv"), ("application/json", "application/json"),
        ("text/html, application/jsonlines;q=0.5", "application/jsonlines"), ("recordio-protobuf", reply.RECORDS),
    ],
)  # fmt: skip
def test_the_first_known_type_is_chosen(accept: str, kind: str) -> None:
    assert reply.wanted(accept, "text/csv") == (kind, False)


def test_an_unknown_type_is_406_and_unreadable_rows_are_415() -> None:
    with pytest.raises(RefusalError) as refused:
        reply.wanted("image/png", "text/csv")
    assert refused.value.status == 406
    with pytest.raises(RefusalError) as refused:
        reply.rows_of(b"a,b", "text/csv")
    assert refused.value.status == 415


def test_sparse_rows_may_name_fewer_columns_dense_ones_not() -> None:
    assert reply.fitting(sp.csr_matrix(np.eye(2, dtype=np.float32)), 5).shape == (2, 5)
    for X in (np.eye(2), sp.csr_matrix(np.eye(6))):
        with pytest.raises(RefusalError) as refused:
            reply.fitting(X, 5)
        assert refused.value.status == 400
