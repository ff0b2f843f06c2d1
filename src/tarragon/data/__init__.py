"""Rows, columns, formats, splits: from a file or frame to arrays an algorithm can learn from."""

from tarragon.data.arrays import Batches, Data, Index, Matrix, Prediction, Tabular, Vector
from tarragon.data.encode import Encoder, View
from tarragon.data.read import ReadOptions, read_frame, read_table
from tarragon.data.split import Fold, Split, split
from tarragon.data.table import Column, Kind, Role, Table

__all__ = [
    "Batches", "Column", "Data", "Encoder", "Fold", "Index", "Kind", "Matrix", "Prediction", "ReadOptions", "Role", "Split",
    "Table", "Tabular", "Vector", "View", "read_frame", "read_table", "split",
]  # fmt: skip
