"""One candidate on its folds becomes fitted models and honest predictions of the rows they did not see."""

from tarragon.train.context import FitContext
from tarragon.train.unit import FoldRecord, load_model, output, read_oof, read_record
from tarragon.train.view import ensure_view, read_view, write_folds, write_view

__all__ = [
    "FitContext",
    "FoldRecord",
    "ensure_view",
    "load_model",
    "output",
    "read_oof",
    "read_record",
    "read_view",
    "write_folds",
    "write_view",
]
