"""Pairs are read as they are written, and a wrong line is named."""

from pathlib import Path

import numpy as np
import pytest

from tarragon.data import Tokens, read_pair_lines, read_pair_request
from tarragon.errors import DataError


def test_pairs_of_several_files_follow_each_other(tmp_path: Path) -> None:
    (tmp_path / "a").write_text('{"label": 1, "in0": [6, 17], "in1": [16, 21, 13]}\n\n')
    (tmp_path / "b").write_text('{"label": 0.5, "in0": [2], "in1": [3]}')
    found = read_pair_lines([tmp_path / "a", tmp_path / "b"])
    assert found.y is not None
    assert found.in0 is not None
    assert found.n_rows == 2
    assert found.y.tolist() == [1, 0.5]
    assert found.in0.flat.tolist() == [6, 17, 2]
    assert found.in0.lengths.tolist() == [2, 1]


def test_a_wrong_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text('{"label": 1, "in0": [6], "in1": [1]}\n{"label": 1, "in0": [1.5], "in1": [1]}\n')
    with pytest.raises(DataError, match=r"a, line 2, in0: 1\.5"):
        read_pair_lines([tmp_path / "a"])


def test_requests_may_hold_one_side() -> None:
    found = read_pair_request(b'{"instances": [{"in1": [1, 2]}]}', lines=False)
    assert found.in0 is None
    assert found.n_rows == 1
    assert read_pair_request(b'{"in0": [1], "in1": [2]}\n{"in0": [1], "in1": [2]}\n', lines=True).n_rows == 2


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"instances": 3}', b'{"instances": [3]}', b'{"instances": [{"in0": [true]}]}', b"[" * 9999],
)
def test_other_requests_are_refused(body: bytes) -> None:
    with pytest.raises(DataError):
        read_pair_request(body, lines=False)


def test_some_sequences_are_taken() -> None:
    found = Tokens.of([[1, 2], [3], [4, 5, 6]]).take(np.array([2, 0, 2]))
    assert found.flat.tolist() == [4, 5, 6, 1, 2, 4, 5, 6]
    assert found.starts.tolist() == [0, 3, 5, 8]
