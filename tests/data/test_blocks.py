import gzip

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarragon.data import ReadOptions, blocks, read_table
from tarragon.data.blocks import frames, read_blocks, record_end, thinned


@settings(max_examples=60, deadline=None)
@given(
    cells=st.lists(
        st.tuples(st.text('ab," \n', max_size=6), st.text("xy", min_size=1, max_size=3)), min_size=1, max_size=12
    ),
    cut=st.integers(1, 200),
)
def test_records_end_where_quotes_are_closed(cells, cut):
    data = pl.DataFrame(cells, schema=["a", "b"], orient="row").write_csv(quote_style="always").encode()[:cut]
    end = record_end(data, b'"')
    assert data[:end].count(b'"') % 2 == 0
    assert end == 0 or data[end - 1 : end] == b"\n"


@settings(max_examples=60, deadline=None)
@given(
    cells=st.lists(st.text('ab," \n;', max_size=9), min_size=2, max_size=40),
    size=st.integers(8, 64),
    rows=st.integers(1, 50),
)
def test_blocks_together_are_the_file(tmp_path_factory, cells, size, rows):
    frame = pl.DataFrame({"first": [f"r{i}" for i in range(len(cells))], "text": cells})
    path = tmp_path_factory.mktemp("blocks") / "t.csv"
    frame.write_csv(path, quote_style="always")
    before, blocks.READ_BYTES = blocks.READ_BYTES, max(size, 200)
    try:
        read = list(frames(path, rows=rows, expect=("text",)))
    finally:
        blocks.READ_BYTES = before
    assert [b.height for b in read[:-1]] == [rows] * (len(read) - 1)
    made = pl.concat(read)
    assert made["first"].to_list() == frame["first"].to_list()
    assert [v or "" for v in made["text"].to_list()] == cells


def test_whole_or_in_blocks_the_cells_are_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "READ_BYTES", 900)
    frame = pl.DataFrame({"code": [f"{i:04d}" for i in range(200)], "name": ["a, b", "c"] * 100})
    path = tmp_path / "t.csv"
    frame.write_csv(path)
    for source, whole_bytes in ((path, 1), (str(path), 1 << 20), (frame, 1)):
        read = list(read_blocks(source, rows=64, whole_bytes=whole_bytes))
        assert [block.height for block in read] == [64, 64, 64, 8]
        assert pl.concat(read).equals(frame)


@pytest.mark.parametrize("kind", ["csv", "parquet", "csv.gz"])
def test_thinning_keeps_every_kth_row(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(blocks, "READ_BYTES", 900)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 64)
    frame = pl.DataFrame({"i": [i * i for i in range(1000)], "y": [i % 3 for i in range(1000)]})
    path = tmp_path / f"t.{kind}"
    if kind == "csv.gz":
        path.write_bytes(gzip.compress(frame.write_csv().encode()))
    else:
        {"csv": frame.write_csv, "parquet": frame.write_parquet}[kind](path)
    made, total, step = thinned(path, 300)
    assert (total, step) == (1000, 4)
    assert [int(v) for v in made["i"].to_list()] == [i * i for i in range(0, 1000, 4)]
    table = read_table(path, "y", options=ReadOptions(max_rows=300))
    assert (table.n_rows, table.frame["i"].to_list()) == (250, [i * i for i in range(0, 1000, 4)])
    assert "Every 4th row was read: 250 of 1000" in table.notes
    assert table.sha256 == read_table(path, "y").sha256
