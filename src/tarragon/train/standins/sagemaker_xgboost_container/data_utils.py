"""Reads a channel into an ``xgboost.DMatrix``, as the XGBoost image's own helper of this name does."""

import os
from pathlib import Path
from typing import Any

CONTENT_TYPES = {
    "text/csv": "csv", "csv": "csv", "text/libsvm": "libsvm", "text/x-libsvm": "libsvm", "libsvm": "libsvm",
    "application/x-parquet": "parquet", "parquet": "parquet",
    "application/x-recordio-protobuf": "recordio-protobuf", "recordio-protobuf": "recordio-protobuf",
}  # fmt: skip
FULL = {
    "csv": "text/csv", "libsvm": "text/libsvm", "parquet": "application/x-parquet",
    "recordio-protobuf": "application/x-recordio-protobuf",
}  # fmt: skip


def get_content_type(content_type_cfg_val: str | None) -> str:
    """Name a content type briefly: "csv", "libsvm", "parquet", "recordio-protobuf"; libsvm for None."""
    if content_type_cfg_val is None:
        return "libsvm"
    name = content_type_cfg_val.partition(";")[0].strip().lower()
    if name not in CONTENT_TYPES:
        raise ValueError(f"{content_type_cfg_val} is not an accepted ContentType: {', '.join(sorted(FULL.values()))}")
    return CONTENT_TYPES[name]


def get_size(data_path: str, is_pipe: bool = False) -> int:
    """Add up the bytes of a file or folder; 1 for a pipe that is there."""
    if is_pipe:
        return int(os.path.exists(f"{data_path}_0"))
    path = Path(data_path)
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file() and not each.name.startswith("."))


def get_dmatrix(data_path: str, content_type: str, csv_weights: int = 0, is_pipe: bool = False) -> Any:
    """Read a file or folder; the label is the first column of CSV, the weight the second if ``csv_weights`` is 1.

    Returns None where there is nothing to read.
    """
    import xgboost

    from tarragon.data import read_files

    if is_pipe:
        raise ValueError("get_dmatrix reads files here: choose the input mode File or FastFile")
    path = Path(data_path)
    if not path.exists() or not get_size(data_path):
        return None
    kind = get_content_type(content_type)
    rows = read_files(path, FULL[kind])
    X: Any = rows.X
    weight: Any = rows.weight
    if kind == "csv" and csv_weights == 1:
        X, weight = X[:, 1:], X[:, 0]
    return xgboost.DMatrix(X, label=rows.y, weight=weight)
