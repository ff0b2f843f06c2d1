"""An array to the bytes or text of an answer."""

import io
import json
from typing import Any

import numpy as np

from . import content_types, errors


def encode(array_like: Any, content_type: str) -> Any:
    """Write an answer: JSON, CSV, npy or npz. Raises ``UnsupportedFormatError``."""
    kind = content_type.partition(";")[0].strip()
    if kind in (content_types.JSON, content_types.ANY):
        return json.dumps(array_like, default=lambda value: np.asarray(value).tolist())
    if kind == content_types.CSV:
        rows = np.asarray(array_like)
        held_text = io.StringIO()
        np.savetxt(held_text, rows, delimiter=",", fmt="%s")
        return held_text.getvalue()
    held = io.BytesIO()
    if kind == content_types.NPY:
        np.save(held, np.asarray(array_like), allow_pickle=False)
    elif kind == content_types.NPZ:
        np.savez(held, np.asarray(array_like))
    else:
        raise errors.UnsupportedFormatError(content_type)
    return held.getvalue()
