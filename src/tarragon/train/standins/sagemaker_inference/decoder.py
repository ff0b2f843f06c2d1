"""Bytes or text of a request to an array."""

import io
import json
from typing import Any

import numpy as np

from . import content_types, errors


def decode(obj: Any, content_type: str) -> Any:
    """Read a request: JSON, CSV, npy or npz. Raises ``UnsupportedFormatError``."""
    kind = content_type.partition(";")[0].strip()
    if kind == content_types.JSON:
        return np.array(json.loads(obj))
    if kind == content_types.CSV:
        text = obj.decode("utf-8") if isinstance(obj, bytes) else obj
        return np.genfromtxt(io.StringIO(text), dtype=np.float32, delimiter=",")
    if kind in (content_types.NPY, content_types.NPZ):
        found = np.load(io.BytesIO(obj), allow_pickle=False)
        return found if kind == content_types.NPY else found[found.files[0]]
    raise errors.UnsupportedFormatError(content_type)
