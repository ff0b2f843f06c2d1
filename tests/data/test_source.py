import gzip
import hashlib
import json

import polars as pl
import pytest

from tarragon.data.source import file_sha256, format_of, frame_sha256, load
from tarragon.errors import DataError

ROWS = "a;b\n1;x\n2;y\n3;z\n"


def write(folder, name, data):
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_csv_cells_arrive_as_text_with_the_hash_of_the_bytes(tmp_path):
    path = write(tmp_path, "t.csv", ROWS)
    raw = load(path)
    assert raw.frame.to_dict(as_series=False) == {"a": ["1", "2", "3"], "b": ["x", "y", "z"]}
    assert raw.sha256 == hashlib.sha256(ROWS.encode()).hexdigest() == file_sha256(path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_other_encodings_give_the_same_cells(tmp_path, encoding):
    path = write(tmp_path, "t.csv", "név,ár\nkávé,1\nalma,2\n".replace("ő", "o").encode(encoding))
    assert load(path).frame.to_dict(as_series=False) == {"név": ["kávé", "alma"], "ár": ["1", "2"]}


def test_gzip_crlf_cr_and_leading_blank_lines(tmp_path):
    expected = load(write(tmp_path, "t.csv", ROWS)).frame
    assert load(write(tmp_path, "t.csv.gz", gzip.compress(ROWS.encode()))).frame.equals(expected)
    assert load(write(tmp_path, "crlf.csv", ROWS.replace("\n", "\r\n"))).frame.equals(expected)
    assert load(write(tmp_path, "mac.csv", ROWS.replace("\n", "\r"))).frame.equals(expected)
    assert load(write(tmp_path, "blank.csv", "\n\n" + ROWS)).frame.equals(expected)


def test_no_header_makes_names_up(tmp_path):
    assert load(write(tmp_path, "t.csv", "1,2\n3,4\n")).frame.columns == ["column_0", "column_1"]


@pytest.mark.parametrize("kind", ["parquet", "arrow", "jsonl", "json"])
def test_typed_formats_keep_their_types(tmp_path, kind):
    frame = pl.DataFrame({"n": [1, 2, None], "x": [0.5, None, 2.0], "s": ["a", None, "c"], "b": [True, False, None]})
    path = tmp_path / f"t.{kind}"
    {"parquet": frame.write_parquet, "arrow": frame.write_ipc, "jsonl": frame.write_ndjson, "json": frame.write_json}[
        kind
    ](path)
    assert load(path).frame.equals(frame)


def test_format_is_seen_in_the_bytes_not_only_in_the_name(tmp_path):
    path = tmp_path / "t.dat"
    pl.DataFrame({"a": [1]}).write_parquet(path)
    assert format_of(path) == "parquet"


def test_mixed_and_huge_json_cells_become_text(tmp_path):
    path = write(tmp_path, "t.jsonl", '{"a": 1, "b": 99999999999999999999}\n\n{"a": "x"}\n{"a": 2.0, "b": 3}\n')
    assert load(path).frame.to_dict(as_series=False) == {"a": ["1", "x", "2"], "b": ["99999999999999999999", None, "3"]}


def test_nested_columns_are_named_unless_nobody_uses_them(tmp_path):
    frame = pl.DataFrame({"a": [1, 2], "tags": [["x"], ["y"]]})
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_ndjson(tmp_path / "t.jsonl")
    for name in ("t.parquet", "t.jsonl"):
        with pytest.raises(DataError, match='"tags"'):
            load(tmp_path / name)
        assert load(tmp_path / name, unused=lambda column: column == "tags").frame["a"].to_list() == [1, 2]
    with pytest.raises(DataError, match='"tags"'):
        load(frame)


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b"\n  \n", "is empty"),
        ("header.csv", b"a,b\n", "no rows"),
        ("broken.parquet", b"PAR1 this is not parquet", "not a readable Parquet"),
        ("broken.arrow", b"ARROW1\x00\x00 no", "not a readable Arrow"),
        ("broken.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0)[:-6], "not a whole gzip"),
        ("broken.jsonl", b'{"a": 1}\n{"a": \n', "not valid JSON"),
        ("list.jsonl", b"[1, 2]\n", "not JSON Lines of objects"),
        ("garbage.csv", bytes(range(256)) * 40, "Cannot read the text"),
        ("ragged.csv", b"a,b\n1,2\n3,4,5\n6,7\n", "cannot be cut into columns.*Line 3 has 3 cells"),
        ("twice.csv", b"a,b,a\n1,2,3\n", 'More than once: "a"'),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path, name, data, what):
    with pytest.raises(DataError, match=what) as caught:
        load(write(tmp_path, name, data))
    assert caught.value.why
    assert caught.value.fix


def test_missing_files_and_folders(tmp_path):
    write(tmp_path, "churn.csv", ROWS)
    with pytest.raises(DataError, match=r'Did you mean "churn.csv"'):
        load(tmp_path / "chrun.csv")
    with pytest.raises(DataError, match="is a folder"):
        load(tmp_path)


def test_frame_hash_follows_content_not_memory_layout():
    frame = pl.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"]})
    chunked = pl.concat([frame[:1], frame[1:]], rechunk=False)
    assert frame_sha256(frame) == frame_sha256(chunked)
    assert frame_sha256(frame) != frame_sha256(frame.with_columns(pl.col("a").cast(pl.Int32)))
    assert frame_sha256(frame) != frame_sha256(frame.with_columns(pl.col("b").fill_null("")))


def test_json_array_of_objects(tmp_path):
    path = write(tmp_path, "t.json", json.dumps([{"a": 1}, {"a": 2, "b": "x"}]))
    assert load(path).frame.to_dict(as_series=False) == {"a": [1, 2], "b": [None, "x"]}
