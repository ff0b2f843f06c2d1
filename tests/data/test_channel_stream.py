import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from tarragon.data import read_files, stream_files, write_rows
from tarragon.errors import DataError


@pytest.fixture
def channel(tmp_path):
    folder = tmp_path / "train"
    folder.mkdir()
    return folder


def whole(stream):
    blocks = list(stream)
    X = [b.X.toarray() if sp.issparse(b.X) else b.X for b in blocks]
    return np.concatenate(X), np.concatenate([b.y for b in blocks]) if blocks[0].y is not None else None, len(blocks)


@pytest.mark.parametrize("kind", ["csv", "jsonlines", "libsvm", "parquet", "recordio"])
def test_the_stream_gives_what_reading_whole_gives(channel, kind):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(500, 4)).round(3).astype(np.float32)
    if kind == "csv":
        text = "\n".join(",".join(map(str, row)) for row in table.tolist())
        (channel / "a.csv").write_text(text[: len(text) // 2].rpartition("\n")[0])
        (channel / "b.csv").write_text(text[len(text[: len(text) // 2].rpartition("\n")[0]) + 1 :])
        content_type = "text/csv"
    elif kind == "jsonlines":
        (channel / "a.jsonl").write_text("\n".join(f'{{"features": {row}}}' for row in table.tolist()))
        content_type = "application/jsonlines;label_size=0"
    elif kind == "libsvm":
        lines = (f"{row[0]} " + " ".join(f"{i}:{v}" for i, v in enumerate(row[1:])) for row in table.tolist())
        (channel / "a").write_text("\n".join(lines) + "\n")
        content_type = "text/libsvm"
    elif kind == "parquet":
        pl.DataFrame(table).write_parquet(channel / "a.parquet")
        content_type = "application/x-parquet"
    else:
        (channel / "a.pbr").write_bytes(write_rows(table[:, 1:], table[:, 0]))
        content_type = "application/x-recordio-protobuf"
    X, y, blocks = whole(stream := stream_files(channel, content_type, block_bytes=2_000))
    expected = read_files(channel, content_type)
    full = expected.X.toarray() if sp.issparse(expected.X) else expected.X
    np.testing.assert_array_equal(X, full)
    assert (y is None) == (expected.y is None)
    if y is not None:
        np.testing.assert_array_equal(y, expected.y)
    assert stream.n_features == full.shape[1]
    assert blocks > 2 or kind in ("parquet", "recordio")
    np.testing.assert_array_equal(whole(stream)[0], full)


def test_sparse_rows_are_as_wide_as_the_widest_or_as_told(channel):
    (channel / "a").write_text("1 0:1\n" * 100 + "0 7:2\n")
    stream = stream_files(channel, "text/libsvm", block_bytes=50)
    assert stream.n_features == 8
    assert {block.X.shape[1] for block in stream} == {8}
    assert {block.X.shape[1] for block in stream_files(channel, "text/libsvm", width=20)} == {20}


def test_what_cannot_be_read_is_named(channel):
    with pytest.raises(DataError, match="no files"):
        stream_files(channel, "text/csv")
    (channel / "a.csv").write_text("\n")
    with pytest.raises(DataError, match="no rows"):
        stream_files(channel, "text/csv")
    (channel / "a.csv").write_text("1,2\n" * 50 + "1,2,3\n" * 50)
    with pytest.raises(DataError, match=r"a\.csv|columns"):
        list(stream_files(channel, "text/csv", block_bytes=40))
    (channel / "a.csv").write_text("1,2\n")
    (channel / "b.csv").write_text("1,2,3\n")
    with pytest.raises(DataError, match=r"b\.csv: The rows have 2 columns.*1 were expected"):
        list(stream_files(channel, "text/csv"))
    (channel / "a.csv").write_bytes(b"1,2\n1,x\n")
    with pytest.raises(DataError, match=r"a\.csv.*'x'"):
        stream_files(channel, "text/csv")
