"""Arrays on disk."""

from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms.weights import WEIGHTS, read_weights, write_weights
from tarragon.errors import IntegrityError


def test_equal_arrays_give_equal_bytes_in_any_order(tmp_path: Path) -> None:
    arrays = {"b": np.arange(3.0), "a": np.eye(2, dtype=np.float32)}
    write_weights(tmp_path, arrays)
    first = (tmp_path / WEIGHTS).read_bytes()
    write_weights(tmp_path, dict(reversed(arrays.items())))
    assert (tmp_path / WEIGHTS).read_bytes() == first
    np.testing.assert_array_equal(read_weights(tmp_path).get("a", "f", (2, -1)), arrays["a"])


@pytest.mark.parametrize(
    ("name", "kind", "shape"), [("c", "f", (2,)), ("a", "i", (2,)), ("a", "f", (3,)), ("a", "f", (2, 1))]
)
def test_what_was_not_expected_is_refused(name: str, kind: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    write_weights(tmp_path, {"a": np.zeros(2)})
    with pytest.raises(IntegrityError, match=name):
        read_weights(tmp_path).get(name, kind, shape)


def test_pickled_objects_are_never_read(tmp_path: Path) -> None:
    np.savez(tmp_path / WEIGHTS, a=np.array([object()], dtype=object), allow_pickle=True)
    with pytest.raises(IntegrityError):
        read_weights(tmp_path)
