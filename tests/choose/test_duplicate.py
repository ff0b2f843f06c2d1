"""Copies are told from coincidences."""

import polars as pl
import pytest

from tarragon.choose.duplicate import count_repeats, duplicates


def continuous(rng, n=400):
    X = rng.normal(size=(n, 4))
    return {f"x{j}": X[:, j] for j in range(4)} | {"y": (X[:, 0] > 0).astype(int)}


def with_copies(columns, rng, share=0.1):
    frame = pl.DataFrame(columns)
    again = frame[rng.choice(frame.height, int(share * frame.height), replace=False)]
    return pl.concat([frame, again])[rng.permutation(frame.height + again.height)]


def test_counts_are_exact(rng):
    frame = pl.DataFrame({"a": [1, 1, 1, 2, 2, 3], "b": ["x", "x", "x", "y", "y", "z"], "y": [0, 0, 1, 1, 1, 0]})
    got = count_repeats(frame, ["a", "b"], "y", 0)
    assert (got.copies, got.twins) == (2, 4)
    assert got.agree == pytest.approx(4 / 5)


def test_copies_are_found(table_of, rng):
    (finding,) = duplicates(table_of(with_copies(continuous(rng), rng)), (), 0)
    assert finding.severity == "warning"
    assert finding.evidence["copies"] == 40
    assert finding.action == "grouped"


def test_a_number_of_its_own_does_not_hide_a_copy(table_of, rng):
    frame = with_copies(continuous(rng), rng).with_row_index("id")
    assert duplicates(table_of(frame), (), 0) == ()
    assert duplicates(table_of(frame), ("id",), 0)[0].severity == "warning"


def test_shaken_copies_are_found(table_of, rng):
    frame = with_copies(continuous(rng), rng)
    shaken = frame.with_columns(pl.col("x0") * (1 + 1e-9 * pl.Series(rng.normal(size=frame.height))))
    (finding,) = duplicates(table_of(shaken), (), 0)
    assert "(nearly)" in finding.what
    assert finding.severity == "warning"


@pytest.mark.parametrize("levels", [2, 3, 5])
def test_coincidence_in_few_levels_is_no_alarm(table_of, rng, levels):
    X = rng.integers(0, levels, size=(1_000, 6))
    y = (X.sum(axis=1) + rng.normal(size=1_000) > 3 * (levels - 1)).astype(int)
    for finding in duplicates(table_of({**{f"c{j}": X[:, j] for j in range(6)}, "y": y}), (), 0):
        assert finding.severity == "info"


def test_equal_real_targets_are_no_coincidence(table_of, rng):
    X = rng.integers(0, 4, size=(1_000, 4))
    columns = {f"c{j}": X[:, j] for j in range(4)} | {"y": X.sum(axis=1) + rng.normal(size=1_000)}
    assert duplicates(table_of(columns), (), 0) == ()
    frame = with_copies({f"c{j}": rng.normal(size=1_000) for j in range(4)} | {"y": columns["y"]}, rng, 0.05)
    assert duplicates(table_of(frame), (), 0)[0].severity == "warning"
