"""Reads tables larger than memory in blocks, and encodes each block as it comes."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from tarragon.data.align import align
from tarragon.data.arrays import Batches, Tabular
from tarragon.data.blocks import BLOCK_ROWS, frames
from tarragon.data.encode import Encoder
from tarragon.data.recipe import Recipe, apply
from tarragon.data.source import check_path
from tarragon.errors import ParameterError


def batches(source: str | Path, encoder: Encoder, view: str, *, rows: int = BLOCK_ROWS) -> Batches:
    """Stream a file through an encoder.

    Rows whose target is missing, or a class the encoder does not know, are left out. Every pass opens the file anew
    and gives the same blocks in the same order. Memory: one block of text and its arrays.

    Parameters
    ----------
    source : path
        CSV/TSV (.gz too), JSON Lines, Parquet or Arrow.
    encoder : Encoder
        Fitted on a sample of the same table.
    view : {"codes", "onehot", "dense"}
    rows : int
        Rows per block; the last may have fewer.
    """
    if rows < 1:
        raise ParameterError(f"rows={rows} is too few", why="A block needs a row", fix="Use 65536")
    path = Path(source)
    check_path(path)
    names = encoder.feature_names(view)
    categorical = encoder.transform(encoder.align(pl.DataFrame({c: [] for c in encoder.columns}))[0], view).categorical

    def opened() -> Iterator[Tabular]:
        for frame in frames(path, rows=rows, expect=encoder.columns):
            block = _encoded(frame, encoder, view)
            if block.n_rows:
                yield block

    return Batches(opened, len(names), len(encoder.question["classes"]), names, categorical)


def _encoded(frame: pl.DataFrame, encoder: Encoder, view: str) -> Tabular:
    question = encoder.question
    target, weight = question["target"], question["weight"]
    y = None
    if target in frame.columns:
        recipe = Recipe(**{**question["recipe"], "formats": tuple(question["recipe"]["formats"])})
        answers = apply(frame.get_column(target), recipe)
        if question["task"] != "regression":
            known = _typed(question["classes"], answers)
            answers = answers.replace_strict(known, list(range(len(known))), default=None, return_dtype=pl.Float64)
        there = answers.is_not_null()
        frame = frame.filter(there)
        y = answers.filter(there).cast(pl.Float64).to_numpy().astype(np.float64)
    made = encoder.transform(align(frame, encoder.specs)[0], view)
    weights = None
    if weight and weight in frame.columns:
        weights = apply(frame.get_column(weight), Recipe("number")).fill_null(0.0).to_numpy().astype(np.float64)
    return Tabular(made.X, y, weights, made.names, len(question["classes"]), made.categorical)


def _typed(classes: list[object], answers: pl.Series) -> list[object]:
    """Write labels as the answers are held: numbers as floats, words as words."""
    return [float(c) if answers.dtype == pl.Float64 else c for c in classes]  # type: ignore[arg-type]  # numeric there
