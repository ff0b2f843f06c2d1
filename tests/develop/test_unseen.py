"""An earlier version is asked only about rows it did not learn from."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tarragon.develop.unseen import Unseen, keep_rows, row_keys

pytestmark = pytest.mark.journey
FRAME = pl.DataFrame({"a": [1.5, None, 1.5], "b": ["x", "y", "x"]})


def test_equal_rows_have_equal_keys_and_others_do_not() -> None:
    keys = row_keys(FRAME, ["a", "b"])
    assert keys[0] == keys[2] != keys[1]
    assert row_keys(FRAME, ["a"])[0] != keys[0]
    assert row_keys(pl.DataFrame({"a": ["x\x1f"], "b": [""]}), ["a", "b"]) != row_keys(
        pl.DataFrame({"a": ["x"], "b": ["\x1f"]}), ["b", "a"]
    )


def test_seen_rows_are_answered_with_nan(kept: Any, tmp_path: Path) -> None:
    model = kept.dev.model
    frame = model.encoder.align(kept.frame)[0]
    keep_rows(frame.head(100), model.columns, tmp_path)
    model.save(tmp_path / "model")
    answer = Unseen.load(tmp_path).respond(frame.head(150))
    assert np.isnan(answer[:100]).all()
    np.testing.assert_array_equal(answer[100:], model.respond(frame.head(150))[100:])
