import io
import json

import numpy as np
import pytest

from tarragon.serve.codec import CSV, JSON, NPY, NPZ, decode, encode
from tarragon.serve.protocol import RefusalError


@pytest.mark.parametrize("kind", [JSON, CSV, NPY, NPZ])
def test_what_is_written_is_read_back(kind):
    value = np.array([[1.5, 2.0], [3.0, 4.0]], dtype=np.float32)
    body, written = encode(value, kind)
    assert written == kind
    assert np.array_equal(decode(body, f"{kind}; charset=utf-8"), value)


def test_values_of_scripts_are_written_as_json():
    assert json.loads(encode({"a": np.float32(1.5), "b": [np.int64(2)]}, "*/*")[0]) == {"a": 1.5, "b": [2]}
    assert encode([1, 2], CSV)[0] == b"1\n2\n"
    assert encode([1], "image/png, text/csv")[1] == CSV


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [(b"1", "image/png", 415), (b"{", JSON, 400), (b"\xff", CSV, 400), (b"no", NPY, 400), (b"no", NPZ, 400)],
)
def test_what_cannot_be_read_is_refused(body, kind, status):
    with pytest.raises(RefusalError) as caught:
        decode(body, kind)
    assert caught.value.status == status


def test_objects_are_never_unpickled():
    held = io.BytesIO()
    np.save(held, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(RefusalError):
        decode(held.getvalue(), NPY)


def test_an_unknown_accept_is_refused():
    with pytest.raises(RefusalError) as caught:
        encode([1], "image/png")
    assert caught.value.status == 406
