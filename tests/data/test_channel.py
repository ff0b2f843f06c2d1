"""All files of a channel, in order, by their content type or by what they are."""

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.data import read_files, write_rows
from tarragon.errors import DataError

X = np.array([[1.5, -2.0, 0.25], [4.0, 5.0, -6.5]], np.float32)
Y = np.array([1.0, 0.0])


def csv(array: np.ndarray) -> bytes:
    return "\n".join(",".join(map(str, row)) for row in array.tolist()).encode()


def test_labels_come_first_unless_the_content_type_says_otherwise(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(csv(np.column_stack([Y, X])))
    (tmp_path / ".hidden").write_bytes(b"not a table")
    found = read_files(tmp_path, "text/csv")
    np.testing.assert_array_equal(found.X, X)
    np.testing.assert_array_equal(found.y, Y)
    bare = read_files(tmp_path, "text/csv;label_size=0")
    assert bare.y is None
    assert bare.X.shape == (2, 4)


def test_files_are_read_in_the_order_of_their_names_and_guessed_without_a_content_type(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "b").write_bytes(write_rows(X[1:], Y[1:]))
    (tmp_path / "a").write_bytes(write_rows(X[:1], Y[:1]))
    found = read_files(tmp_path, "")
    np.testing.assert_array_equal(found.X, X)
    (tmp_path / "a").write_bytes(b"1 0:1.5 1:-2 2:0.25\n")
    (tmp_path / "b").write_bytes(b"0 0:4 1:5\n")
    found = read_files(tmp_path, "")
    assert sp.issparse(found.X)
    assert found.X.shape == (2, 3)


def test_files_that_do_not_fit_are_refused_and_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no files"):
        read_files(tmp_path, "text/csv")
    (tmp_path / "a.csv").write_bytes(b"1,2\n")
    (tmp_path / "b.csv").write_bytes(b"1,2,3\n")
    with pytest.raises(DataError, match=r"b\.csv: The rows have 2 columns.*a\.csv have 1"):
        read_files(tmp_path, "text/csv")
    (tmp_path / "b.csv").write_bytes(b"label,x\n1,2\n")
    with pytest.raises(DataError, match=r"b\.csv.*not a number"):
        read_files(tmp_path, "text/csv")


def test_several_folders_hold_a_share_each(tmp_path: Path) -> None:
    for i, row in enumerate(np.column_stack([Y, X])):
        (tmp_path / str(i)).mkdir()
        (tmp_path / str(i) / "a.csv").write_bytes(csv(row[None]))
    (tmp_path / "empty").mkdir()
    found = read_files((tmp_path / "0", tmp_path / "empty", tmp_path / "1"), "text/csv")
    np.testing.assert_array_equal(found.X, X)


def test_queries_do_not_go_on_from_file_to_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1 qid:1 0:1\n0 qid:1 0:2\n")
    (tmp_path / "b").write_text("1 qid:1 0:1\n0 qid:2 0:2\n")
    found = read_files(tmp_path, "text/libsvm").query
    assert found is not None
    assert found.tolist() == [0, 0, 1, 2]
