import gzip

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from tarragon.data import Encoder, ReadOptions, batches, read_table
from tarragon.data import blocks as blocks_module
from tarragon.errors import DataError, ParameterError


@pytest.fixture(scope="module")
def encoder(mixed):
    return Encoder.fit(read_table(mixed, "bought", options=ReadOptions(weight="income")))


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "utf16.csv", "parquet", "jsonl", "arrow"])
@pytest.mark.parametrize("view", ["codes", "onehot"])
def test_blocks_together_are_the_table(mixed, encoder, tmp_path, monkeypatch, kind, view):
    monkeypatch.setattr(blocks_module, "READ_BYTES", 1500)  # so that records are cut in the middle
    table = read_table(mixed, "bought", options=ReadOptions(weight="income"))
    path = tmp_path / f"t.{kind}"
    if kind == "csv.gz":
        path.write_bytes(gzip.compress(mixed.write_csv().encode()))
    elif kind == "utf16.csv":
        path.write_text(mixed.write_csv(), encoding="utf-16")
    else:
        {"csv": mixed.write_csv, "parquet": mixed.write_parquet, "jsonl": mixed.write_ndjson, "arrow": mixed.write_ipc}[
            kind
        ](path)
    found = batches(path, encoder, view, rows=70)
    expected = encoder.data(table, view)
    for _ in range(2):  # a stream can be read again
        blocks = list(found)
        assert [b.n_rows for b in blocks] == [70, 70, 70, 30]
        X = sp.vstack([b.X for b in blocks]).toarray() if blocks[0].is_sparse else np.concatenate([b.X for b in blocks])
        np.testing.assert_array_equal(X, expected.X.toarray() if expected.is_sparse else expected.X)
        np.testing.assert_array_equal(np.concatenate([b.y for b in blocks]), expected.y)
        np.testing.assert_allclose(np.concatenate([b.weight for b in blocks]), expected.weight)
    assert (found.n_features, found.n_classes, found.names) == (expected.n_features, 2, expected.names)
    assert found.categorical == expected.categorical


def test_rows_without_a_known_target_are_left_out(mixed, encoder, tmp_path):
    holes = mixed.with_columns(bought=pl.Series(["yes", "no", None, "perhaps"] * 60))
    holes.write_csv(tmp_path / "t.csv")
    blocks = list(batches(tmp_path / "t.csv", encoder, "codes"))
    assert [b.n_rows for b in blocks] == [120]
    assert blocks[0].y.tolist() == [1.0, 0.0] * 60


def test_numeric_classes_and_amounts(tmp_path):
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"x": rng.normal(size=90), "k": rng.integers(0, 3, 90), "v": rng.normal(size=90)})
    frame.write_csv(tmp_path / "t.csv")
    for target in ("k", "v"):
        table = read_table(tmp_path / "t.csv", target)
        found = list(batches(tmp_path / "t.csv", Encoder.fit(table), "codes", rows=40))
        np.testing.assert_allclose(np.concatenate([b.y for b in found]), table.y)


def test_bad_files_and_sizes(encoder, tmp_path):
    with pytest.raises(DataError, match="There is no file"):
        batches(tmp_path / "gone.csv", encoder, "codes")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"age,job\n1,2\n" * 100)[:-9])
    with pytest.raises(DataError, match="cannot be read to its end"):
        list(batches(tmp_path / "t.csv.gz", encoder, "codes"))
    with pytest.raises(ParameterError):
        batches(tmp_path / "t.csv.gz", encoder, "codes", rows=0)
