import datetime as dt

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from tarragon.data import Encoder, ReadOptions, read_table
from tarragon.errors import ParameterError

VIEWS = ("codes", "onehot", "dense")


@pytest.fixture(scope="module")
def table(mixed):
    return read_table(mixed, "bought")


@pytest.fixture(scope="module")
def encoder(table):
    return Encoder.fit(table)


def array(X):
    return X.toarray() if sp.issparse(X) else X


@pytest.mark.parametrize("view", VIEWS)
def test_views_have_one_name_and_origin_per_column(table, encoder, view):
    data = encoder.data(table, view)
    assert data.X.shape == (table.n_rows, len(data.names))
    assert data.X.dtype == np.float32
    assert data.names == encoder.feature_names(view)
    assert len(set(data.names)) == len(data.names)
    assert set(encoder.origin(view)) == set(encoder.columns) == {c.name for c in table.features}
    np.testing.assert_array_equal(data.y, table.y)
    assert data.n_classes == 2
    if view != "codes":
        assert np.isfinite(array(data.X)).all()


def test_codes_keep_values_and_gaps(table, encoder):
    data = encoder.data(table, "codes")
    at = {n: i for i, n in enumerate(data.names)}
    np.testing.assert_array_equal(
        data.X[:, at["age"]], table.frame["age"].cast(pl.Float32).fill_null(float("nan")).to_numpy()
    )
    np.testing.assert_array_equal(data.X[:, at["member"]], (table.frame["member"] == "yes").to_numpy())
    np.testing.assert_array_equal(data.X[:, at["flag"]], table.frame["flag"].to_numpy())
    assert {data.names[i] for i in data.categorical} == {"job", "zone"}
    order = table.frame["job"].drop_nulls().value_counts(sort=True)["job"].to_list()
    expected = [np.nan if v is None else order.index(v) for v in table.frame["job"].to_list()]
    np.testing.assert_array_equal(data.X[:, at["job"]], expected)
    minutes = (table.frame["gone"] - table.frame["came"]).dt.total_seconds().to_numpy() / 60
    np.testing.assert_allclose(data.X[:, at["minutes from came to gone"]], minutes, rtol=1e-6)
    np.testing.assert_array_equal(data.X[:, at["came (weekday)"]], table.frame["came"].dt.weekday().to_numpy() - 1)
    np.testing.assert_array_equal(data.X[:, at["remark (words)"]], 6)


def test_onehot_levels_words_and_small_numbers(table, encoder):
    data = encoder.data(table, "onehot")
    X, at = array(data.X), {n: i for i, n in enumerate(data.names)}
    np.testing.assert_array_equal(X[:, at["job = cook"]], (table.frame["job"] == "cook").fill_null(False).to_numpy())
    np.testing.assert_array_equal(X[:, at["job (missing)"]], table.frame["job"].is_null().to_numpy())
    np.testing.assert_array_equal(X[:, at["rooms = 2"]], (table.frame["rooms"] == 2).to_numpy())
    np.testing.assert_array_equal(X[:, at["age (missing)"]], table.frame["age"].is_null().to_numpy())
    np.testing.assert_array_equal(
        X[:, at["remark: red"]] > 0, table.frame["remark"].str.contains(r"\bred\b").to_numpy()
    )
    np.testing.assert_array_equal(X[:, at["zone: north"]] > 0, table.frame["zone"].str.contains("north").to_numpy())
    assert "income (log)" in at
    assert np.abs(X).max() <= 10


def test_wide_onehot_is_sparse_and_the_rest_dense(table, encoder):
    assert sp.issparse(encoder.data(table, "onehot").X)
    assert encoder.data(table, "onehot").X.format == "csr"
    assert isinstance(encoder.data(table, "dense").X, np.ndarray)
    narrow = read_table(table.frame.select("age", "job", "bought"), "bought")
    assert isinstance(Encoder.fit(narrow).data(narrow, "onehot").X, np.ndarray)


def test_the_target_is_not_looked_at(table):
    rng = np.random.default_rng(1)
    flipped = table.frame.with_columns(bought=pl.Series(rng.permutation(table.frame["bought"].to_numpy())))
    other = Encoder.fit(read_table(flipped, "bought"))
    for view in VIEWS:
        np.testing.assert_array_equal(
            array(Encoder.fit(table).transform(table.frame, view).X), array(other.transform(table.frame, view).X)
        )


@pytest.mark.parametrize("view", VIEWS)
def test_one_row_is_encoded_as_all_rows_are(table, encoder, view):
    whole = array(encoder.transform(table.frame, view).X)
    for i in (0, 7, 100):
        row, notes = encoder.align(table.frame[i : i + 1])
        assert notes == ()
        np.testing.assert_array_equal(array(encoder.transform(row, view).X)[0], whole[i])


@pytest.mark.parametrize("view", VIEWS)
def test_unseen_levels_and_empty_rows_are_encoded(encoder, view):
    strange = {
        "job": "astronaut",
        "zone": "west 999",
        "member": "perhaps",
        "came": dt.datetime(1900, 1, 1),
        "remark": "zzz ¡",
    }
    frame, _ = encoder.align(pl.DataFrame([strange, {}]))
    X = array(encoder.transform(frame, view).X)
    assert X.shape == (2, len(encoder.feature_names(view)))
    if view != "codes":
        assert np.isfinite(X).all()


def test_no_rows_at_all(encoder):
    frame, _ = encoder.align(pl.DataFrame({c: [] for c in encoder.columns}))
    for view in VIEWS:
        assert encoder.transform(frame, view).X.shape[0] == 0


def test_weights_and_ignored_columns(mixed):
    table = read_table(mixed, "bought", options=ReadOptions(weight="income", group="zone", drop=("remark",)))
    encoder = Encoder.fit(table)
    assert not {"income", "zone", "remark", "row_id", "same"} & set(encoder.columns)
    np.testing.assert_array_equal(encoder.data(table, "codes").weight, mixed["income"].to_numpy())


def test_unknown_views_are_refused(table, encoder):
    with pytest.raises(ParameterError, match="onehot"):
        encoder.transform(table.frame, "onehott")


def test_levels_by_the_thousand_get_a_frequency():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"brand": [f"b{min(i, 700)}" for i in rng.zipf(1.3, 3000)], "y": rng.random(3000) < 0.5})
    table = read_table(frame, "y")
    encoder = Encoder.fit(table)
    data = encoder.data(table, "codes")
    counts = frame["brand"].value_counts()
    expected = frame.join(counts, on="brand", how="left", maintain_order="left")["count"].log().to_numpy()
    at = data.names.index("brand (frequency)")
    np.testing.assert_allclose(data.X[:, at], expected, rtol=1e-6)
    assert np.nanmax(data.X[:, data.names.index("brand")]) == 254
    assert encoder.data(table, "dense").n_features < 60


def test_thousands_of_columns():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(rng.normal(size=(60, 3000)), schema=[f"c{i}" for i in range(3000)])
    table = read_table(frame.with_columns(y=pl.Series([0, 1] * 30)), "y")
    encoder = Encoder.fit(table)
    for view in VIEWS:
        assert encoder.data(table, view).n_features >= 3000
