"""Rows, columns, formats, splits: from a file or frame to arrays an algorithm can learn from."""

from tarragon.data.arrays import Batches, Data, Index, Matrix, Prediction, Tabular, Vector
from tarragon.data.blocks import read_blocks
from tarragon.data.capacity import free_bytes, rows_that_fit
from tarragon.data.channel import files, read_files
from tarragon.data.channel_stream import stream_files
from tarragon.data.encode import Encoder, View
from tarragon.data.frequency import Frequency
from tarragon.data.labelled_pairs import LabelledPairs, Tokens, read_pair_lines, read_pair_request
from tarragon.data.lines import Lines, stream_lines
from tarragon.data.ndarrays import read_ndarrays, write_ndarrays
from tarragon.data.pairs import AddressPairs, entity_hash, read_pair_files, read_pairs
from tarragon.data.picture_boxes import read_boxed, read_boxed_folder, write_boxes
from tarragon.data.picture_labels import read_class_folders, read_labelled
from tarragon.data.picture_masks import LabelMap, label_map, read_masked
from tarragon.data.picture_records import framed, packed
from tarragon.data.pictures import IGNORED, Boxes, Pictures
from tarragon.data.pixels import Pixels, picture_size, read_mask, read_picture, write_png
from tarragon.data.read import ReadOptions, read_frame, read_table
from tarragon.data.recipe import Recipe
from tarragon.data.recordio import Rows, read_rows, write_records, write_rows, write_tensors
from tarragon.data.series import Series, SeriesSet, read_series, series_in, series_of
from tarragon.data.source import Source, file_sha256
from tarragon.data.split import Fold, Split, split
from tarragon.data.stream import batches
from tarragon.data.table import Column, Kind, Role, Table
from tarragon.data.texts import Texts, read_texts
from tarragon.data.token_pairs import (
    TokenPairs,
    checked_vocabulary,
    read_token_pairs,
    read_token_records,
    read_vocabulary,
    write_token_records,
)
from tarragon.data.wire import Media, media, read_body
from tarragon.data.word_table import read_vectors, read_word_list
from tarragon.data.write import write_table

__all__ = [
    "IGNORED", "AddressPairs", "Batches", "Boxes", "Column", "Data", "Encoder", "Fold", "Frequency", "Index", "Kind",
    "LabelMap", "LabelledPairs", "Lines", "Matrix", "Media", "Pictures", "Pixels", "Prediction", "ReadOptions",
    "Recipe", "Role", "Rows", "Series", "SeriesSet", "Source", "Split", "Table", "Tabular", "Texts", "TokenPairs",
    "Tokens", "Vector", "View", "batches", "checked_vocabulary", "entity_hash", "file_sha256", "files", "framed",
    "free_bytes", "label_map", "media", "packed", "picture_size", "read_blocks", "read_body", "read_boxed",
    "read_boxed_folder", "read_class_folders", "read_files", "read_frame", "read_labelled", "read_mask", "read_masked",
    "read_ndarrays", "read_pair_files", "read_pair_lines", "read_pair_request", "read_pairs", "read_picture",
    "read_rows", "read_series", "read_table", "read_texts", "read_token_pairs", "read_token_records", "read_vectors",
    "read_vocabulary", "read_word_list", "rows_that_fit", "series_in", "series_of", "split", "stream_files",
    "stream_lines", "write_boxes", "write_ndarrays", "write_png", "write_records", "write_rows", "write_table",
    "write_tensors", "write_token_records",
]  # fmt: skip
