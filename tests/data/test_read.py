import datetime as dt

import numpy as np
import polars as pl
import pytest

from tarragon.data import Kind, ReadOptions, Role, read_frame, read_table
from tarragon.errors import DataError, ParameterError

EXPECTED = {
    "row_id": (Kind.ID, Role.IGNORED),
    "age": (Kind.NUMERIC, Role.FEATURE),
    "income": (Kind.NUMERIC, Role.FEATURE),
    "rooms": (Kind.NUMERIC, Role.FEATURE),
    "job": (Kind.CATEGORICAL, Role.FEATURE),
    "zone": (Kind.CATEGORICAL, Role.FEATURE),
    "member": (Kind.BOOLEAN, Role.FEATURE),
    "flag": (Kind.BOOLEAN, Role.FEATURE),
    "came": (Kind.DATETIME, Role.FEATURE),
    "gone": (Kind.DATETIME, Role.FEATURE),
    "remark": (Kind.TEXT, Role.FEATURE),
    "same": (Kind.CONSTANT, Role.IGNORED),
    "bought": (Kind.CATEGORICAL, Role.TARGET),
}


def test_frame_and_csv_tell_the_same_story(mixed, tmp_path):
    mixed.write_csv(tmp_path / "t.csv")
    for source in (mixed, tmp_path / "t.csv", str(tmp_path / "t.csv")):
        table = read_table(source, "bought")
        assert {c.name: (c.kind, c.role) for c in table.columns} == EXPECTED
        assert (table.task, table.classes, table.n_rows) == ("binary", ("no", "yes"), 240)
        assert table.frame.columns == mixed.columns
        assert table.frame["came"].dtype == pl.Datetime("us")
        assert next(c for c in table.columns if c.name == "age").n_missing == mixed["age"].null_count()
        np.testing.assert_array_equal(table.y, (mixed["bought"] == "yes").to_numpy())


def test_pandas_agrees_with_polars(mixed):
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    table = read_table(mixed.to_pandas(), "bought")
    assert {c.name: (c.kind, c.role) for c in table.columns} == EXPECTED
    assert table.frame["age"].equals(mixed["age"].alias("age"))


def test_roles(mixed):
    options = ReadOptions(drop=("zone",), sensitive=("job", "zone"), weight="income", group="rooms", time="came")
    table = read_table(mixed, "bought", options=options)
    roles = {c.name: c.role for c in table.columns}
    assert (roles["zone"], roles["income"], roles["rooms"], roles["came"]) == (
        Role.IGNORED,
        Role.WEIGHT,
        Role.GROUP,
        Role.TIME,
    )
    assert {c.name for c in table.sensitive} == {"job", "zone"}
    np.testing.assert_array_equal(table.weight, mixed["income"].to_numpy())


def test_rows_without_target_are_counted(mixed):
    holes = mixed.with_columns(
        pl.when(pl.int_range(pl.len()) % 10 == 0).then(None).otherwise(pl.col("bought")).alias("bought")
    )
    table = read_table(holes, "bought")
    assert (table.n_rows, table.dropped_rows) == (216, 24)
    assert any("24 rows" in n for n in table.notes)


def test_kinds_as_asked(mixed):
    kinds = {"rooms": "categorical", "row_id": "numeric", "job": "id", "zone": "text"}
    table = read_table(mixed, "bought", options=ReadOptions(kinds=kinds))
    found = {c.name: c for c in table.columns}
    assert found["rooms"].kind is Kind.CATEGORICAL
    assert table.frame["rooms"].dtype == pl.String
    assert found["row_id"].role is Role.FEATURE
    assert found["job"].role is Role.IGNORED
    assert found["zone"].kind is Kind.TEXT


def test_infinite_targets_are_missing():
    frame = pl.DataFrame({"x": np.arange(40.0) ** 2, "y": [float("inf"), float("nan"), *np.linspace(0, 1, 38)]})
    table = read_table(frame, "y")
    assert (table.n_rows, table.dropped_rows, table.task) == (38, 2, "regression")


def test_one_feature_is_enough():
    table = read_table(pl.DataFrame({"x": np.linspace(0, 1, 30), "y": [0, 1] * 15}), "y")
    assert [c.name for c in table.features] == ["x"]


def test_a_header_is_recognised_by_the_target(tmp_path):
    (tmp_path / "t.csv").write_text("word,label\n" + "\n".join(f"w{i % 7},{'a' if i % 3 else 'b'}" for i in range(60)))
    assert read_table(tmp_path / "t.csv", "label").n_rows == 60


@pytest.mark.parametrize(
    ("change", "target", "options", "error", "what"),
    [
        ({}, "bougth", {}, DataError, 'Did you mean "bought"'),
        ({"bought": pl.lit("no")}, "bought", {}, DataError, "never varies"),
        ({"bought": pl.lit(None)}, "bought", {}, DataError, "is empty"),
        ({}, "bought", {"drop": ("agee",)}, ParameterError, 'Did you mean "age"'),
        ({}, "bought", {"drop": ("bought",)}, ParameterError, "cannot be a column to drop"),
        ({}, "bought", {"weight": "job"}, DataError, "cannot weigh rows"),
        ({}, "bought", {"time": "job"}, DataError, "cannot order rows"),
        ({}, "bought", {"kinds": {"age": "numbre"}}, ParameterError, 'Did you mean "numeric"'),
        ({}, "bought", {"task": "regression"}, DataError, "is empty"),
    ],
)
def test_bad_questions_say_what_to_do(mixed, change, target, options, error, what):
    frame = mixed.with_columns(**change)
    with pytest.raises(error, match=what) as caught:
        read_table(frame, target, options=ReadOptions(**options))
    assert caught.value.fix


def test_too_few_rows_and_no_features(mixed):
    with pytest.raises(DataError, match="too few rows"):
        read_table(mixed[:15], "bought")
    with pytest.raises(DataError, match="No column is left"):
        read_table(mixed.select("row_id", "same", "bought"), "bought")


def test_empty_columns_are_set_aside_with_a_note(mixed):
    table = read_table(mixed.with_columns(nothing=pl.lit(None)), "bought")
    column = next(c for c in table.columns if c.name == "nothing")
    assert (column.kind, column.role) == (Kind.CONSTANT, Role.IGNORED)
    assert "all cells are empty" in column.note


def test_read_frame_cleans_without_a_question(tmp_path):
    (tmp_path / "t.csv").write_text("day;amount\n01.02.2023;1,5\n15.02.2023;?\n28.02.2023;3,25\n")
    made = read_frame(tmp_path / "t.csv")
    assert made["day"].to_list() == [dt.datetime(2023, 2, d) for d in (1, 15, 28)]
    assert made["amount"].to_list() == [1.5, None, 3.25]


def test_ten_thousand_columns_are_read(tmp_path):
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(rng.normal(size=(40, 10_000)).astype(np.float32), schema=[f"c{i}" for i in range(10_000)])
    frame.with_columns(y=pl.Series([0, 1] * 20)).write_csv(tmp_path / "t.csv")
    assert len(read_table(tmp_path / "t.csv", "y").features) == 10_000
