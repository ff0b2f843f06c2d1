"""Rows, columns, formats, splits: from a file or frame to arrays an algorithm can learn from."""

from tarragon.data.arrays import Batches, Data, Index, Matrix, Prediction, Tabular, Vector
from tarragon.data.blocks import read_blocks
from tarragon.data.capacity import free_bytes, rows_that_fit
from tarragon.data.channel import files, read_files
from tarragon.data.channel_stream import stream_files
from tarragon.data.encode import Encoder, View
from tarragon.data.ndarrays import read_ndarrays, write_ndarrays
from tarragon.data.read import ReadOptions, read_frame, read_table
from tarragon.data.recipe import Recipe
from tarragon.data.recordio import Rows, read_rows, write_records, write_rows
from tarragon.data.source import Source, file_sha256
from tarragon.data.split import Fold, Split, split
from tarragon.data.stream import batches
from tarragon.data.table import Column, Kind, Role, Table
from tarragon.data.wire import Media, media, read_body
from tarragon.data.write import write_table

__all__ = [
    "Batches", "Column", "Data", "Encoder", "Fold", "Index", "Kind", "Matrix", "Media", "Prediction", "ReadOptions",
    "Recipe", "Role", "Rows", "Source", "Split", "Table", "Tabular", "Vector", "View", "batches", "file_sha256",
    "files", "free_bytes", "media", "read_blocks", "read_body", "read_files", "read_frame", "read_ndarrays",
    "read_rows", "read_table", "rows_that_fit", "split", "stream_files", "write_ndarrays", "write_records",
    "write_rows", "write_table",
]  # fmt: skip
