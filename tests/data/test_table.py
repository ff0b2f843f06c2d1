import numpy as np
import polars as pl

from tarragon.data import Column, Kind, Role, Table


def table(values, classes, task):
    columns = (
        Column("x", Kind.NUMERIC),
        Column("y", Kind.CATEGORICAL, Role.TARGET),
        Column("w", Kind.NUMERIC, Role.WEIGHT),
    )
    return Table(pl.DataFrame({"x": [1.0, 2.0, 3.0], "y": values, "w": [1, 2, 3]}), columns, "y", task, classes)


def test_codes_follow_the_order_of_the_classes():
    assert table(["b", "a", "b"], ("b", "a"), "binary").y.tolist() == [0, 1, 0]
    assert table([True, False, True], (False, True), "binary").y.tolist() == [1, 0, 1]
    assert table([5, 7, 6], (5, 6, 7), "multiclass").y.tolist() == [0, 2, 1]
    assert table([1.5, 2.5, 3.5], (), "regression").y.tolist() == [1.5, 2.5, 3.5]


def test_roles():
    t = table(["b", "a", "b"], ("b", "a"), "binary")
    assert [c.name for c in t.features] == ["x"]
    assert t.column(Role.TARGET).name == "y"
    assert t.column(Role.GROUP) is None
    np.testing.assert_array_equal(t.weight, [1.0, 2.0, 3.0])
    assert (t.n_rows, t.n_classes) == (3, 2)
