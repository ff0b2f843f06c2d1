import polars as pl
import pytest

from tarragon.data import read_frame, write_table
from tarragon.errors import DataError, StorageError

FRAME = pl.DataFrame({"a": [1, 2, None], "b": ["x", None, "z,\n"], "c": [0.5, 1.5, 2.5]})


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet", "jsonl", "arrow"])
def test_what_is_written_is_read_back(tmp_path, suffix):
    path = tmp_path / "new" / f"t.{suffix}"
    write_table(FRAME, path)
    write_table(FRAME, path)  # replaces
    assert read_frame(path).to_dict(as_series=False) == {**FRAME.to_dict(as_series=False), "b": ["x", None, "z,"]}
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "t.csv"
    write_table(FRAME, path)
    before = path.read_bytes()
    with pytest.raises(StorageError, match="Cannot write"):
        write_table(pl.DataFrame({"a": [[1, 2]]}), path)  # CSV holds no lists
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_unknown_suffixes(tmp_path):
    with pytest.raises(DataError, match="names no table format"):
        write_table(FRAME, tmp_path / "t.xlsx")
