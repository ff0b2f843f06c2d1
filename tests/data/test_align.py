import datetime as dt

import numpy as np
import polars as pl
import pytest

from tarragon.data import Encoder, ReadOptions, read_table

DTYPES = {
    "age": pl.Float64, "income": pl.Float64, "rooms": pl.Float64, "job": pl.String, "zone": pl.String,
    "member": pl.String, "flag": pl.Boolean, "came": pl.Datetime("us"), "gone": pl.Datetime("us"), "remark": pl.String,
}  # fmt: skip


@pytest.fixture(scope="module")
def encoder(mixed):
    return Encoder.fit(read_table(mixed, "bought"))


@pytest.mark.parametrize("rows", [1, 200])
def test_order_types_and_extra_columns(mixed, encoder, rows):
    shuffled = mixed[:rows].select(
        *reversed(mixed.columns), pl.lit(1).alias("extra"), pl.lit([[1]]).first().alias("nested")
    )
    made, notes = encoder.align(shuffled)
    assert dict(made.schema) == DTYPES
    assert tuple(made.columns) == encoder.columns
    assert notes == ()
    for name in ("age", "job", "came", "flag"):
        assert made[name].to_list() == mixed[name][:rows].to_list()


@pytest.mark.parametrize("rows", [2, 100])
def test_missing_columns_are_filled_and_named(mixed, encoder, rows):
    made, notes = encoder.align(mixed.drop("age", "job", "came")[:rows])
    assert dict(made.schema) == DTYPES
    assert made["age"].null_count() == made["came"].null_count() == rows
    assert '"age", "job", "came"' in notes[0]


@pytest.mark.parametrize("copies", [1, 20])
def test_mixed_cells_are_read_as_in_training(encoder, copies):
    frame = pl.DataFrame(
        {
            "age": ["31", "old"], "rooms": [2.5, 3.0], "job": [1, 2], "flag": ["true", "no"],
            "came": ["2023-05-06 07:08:09", "never"], "member": ["yes", " "], "income": [[1], [2]],
        }
    )  # fmt: skip
    made, notes = encoder.align(pl.concat([frame] * copies))
    made = made[:2]
    assert made["age"].to_list() == [31.0, None]
    assert made["rooms"].to_list() == [2.5, 3.0]
    assert made["job"].to_list() == ["1", "2"]
    assert made["flag"].to_list() == [True, False]
    assert made["came"].to_list() == [dt.datetime(2023, 5, 6, 7, 8, 9), None]
    assert made["member"].to_list() == ["yes", None]
    assert made["income"].null_count() == 2
    assert '"age"' in notes[-1]
    assert '"job"' not in notes[-1]


def test_paths_and_other_frames(mixed, encoder, tmp_path):
    expected, _ = encoder.align(mixed)
    mixed.write_csv(tmp_path / "t.csv")
    made, _ = encoder.align(tmp_path / "t.csv")
    for view in ("codes", "dense"):
        np.testing.assert_array_equal(encoder.transform(made, view).X, encoder.transform(expected, view).X)
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    made, _ = encoder.align(mixed.to_pandas())
    np.testing.assert_array_equal(encoder.transform(made, "codes").X, encoder.transform(expected, "codes").X)


def test_training_decides_how_an_ambiguous_date_is_read(tmp_path):
    days = [dt.datetime(2023, 1, 1) + dt.timedelta(days=i) for i in range(100)]
    frame = pl.DataFrame({"day": [d.strftime("%d/%m/%Y") for d in days], "y": [0, 1] * 50})
    frame.write_csv(tmp_path / "train.csv")
    encoder = Encoder.fit(read_table(tmp_path / "train.csv", "y"))
    (tmp_path / "new.csv").write_text("day\n02/03/2023\n")
    assert encoder.align(tmp_path / "new.csv")[0]["day"].to_list() == [dt.datetime(2023, 3, 2)]
    assert encoder.align(pl.DataFrame({"day": ["02/03/2023"]}))[0]["day"].to_list() == [dt.datetime(2023, 3, 2)]


def test_training_decides_how_numbers_are_written(tmp_path):
    rows = "\n".join(f"{i},{i % 10};{i % 2}" for i in range(40))
    (tmp_path / "train.csv").write_text("x;y\n" + rows)
    encoder = Encoder.fit(read_table(tmp_path / "train.csv", "y"))
    assert encoder.align(pl.DataFrame({"x": ["3,5", "1.234,5", "7"]}))[0]["x"].to_list() == [3.5, 1234.5, 7.0]


def test_levels_written_as_numbers():
    frame = pl.DataFrame({"zip": [10.0, 20.0, 30.0] * 20, "x": np.arange(60.0) ** 2, "y": [0, 1] * 30})
    encoder = Encoder.fit(read_table(frame, "y", options=ReadOptions(kinds={"zip": "categorical"})))
    for cells in ([10, 20], [10.0, 20.0], ["10", "20"]):
        made, _ = encoder.align(pl.DataFrame({"zip": cells, "x": [1, 2]}))
        assert made["zip"].to_list() == ["10", "20"]
