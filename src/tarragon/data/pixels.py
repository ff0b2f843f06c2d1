"""Pictures as arrays: JPEG and PNG decoded within limits, masks with their stored values, PNG written.

A file's header is read first, and held against the limit, before any pixel is decoded: a few bytes can claim
a picture of many gigabytes. What a JPEG's EXIF says of its orientation is not applied: boxes and masks are given for
the picture as it is stored.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tarragon.errors import DataError, MissingExtraError

MOST_PIXELS = 1 << 26  # 67 million: more than cameras make, and 200 MB as RGB
FORMATS = ("JPEG", "PNG")
JPEG_MAGIC, PNG_MAGIC = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
Pixels: TypeAlias = NDArray[np.uint8]
"""(h, w, 3) red, green, blue; or a mask (h, w)."""


def is_picture(content: bytes) -> bool:
    """Whether bytes begin as a JPEG or PNG does."""
    return content.startswith((JPEG_MAGIC, PNG_MAGIC))


def read_picture(content: bytes) -> Pixels:
    """Decode a JPEG or PNG, (h, w, 3). Raises ``DataError``."""
    with _opened(content) as picture:
        if picture.mode.startswith("I"):  # 16 bits: the upper eight are kept
            grey = (np.asarray(picture).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
            return np.repeat(grey[:, :, None], 3, axis=2)
        return np.array(picture.convert("RGB"), dtype=np.uint8)


def read_mask(content: bytes) -> Pixels:
    """Decode a PNG of one channel as its stored values, (h, w); of one with a palette, the positions in it.

    Raises
    ------
    DataError
        It is no PNG, or has several channels.
    """
    with _opened(content) as picture:
        if picture.format != "PNG" or picture.mode not in ("L", "P", "1"):
            raise _unreadable(f"it is {picture.format} of mode {picture.mode}, not a PNG of one channel of 8 bits")
        return np.array(picture, dtype=np.uint8)


def picture_size(content: bytes) -> tuple[int, int]:
    """Return (width, height) as the header says. Raises ``DataError``."""
    with _opened(content) as picture:
        return int(picture.width), int(picture.height)


def write_png(pixels: Pixels) -> bytes:
    """Write a picture (h, w, 3) or a mask (h, w) as PNG; equal pixels give equal bytes."""
    file = io.BytesIO()
    _image().fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


@contextmanager
def _opened(content: bytes) -> Iterator[Any]:
    image = _image()
    try:
        picture = image.open(io.BytesIO(content), formats=FORMATS)
        if picture.width < 1 or picture.height < 1 or picture.width * picture.height > MOST_PIXELS:
            raise _unreadable(f"it claims {picture.width} × {picture.height} pixels, and {MOST_PIXELS:,} are allowed")
        picture.load()
        yield picture
    except DataError:
        raise
    except image.DecompressionBombError as error:
        raise _unreadable(str(error)) from error
    except (OSError, ValueError, SyntaxError, EOFError, OverflowError, TypeError, struct.error, zlib.error) as error:
        raise _unreadable(str(error)[:200] or type(error).__name__) from error


def _image() -> Any:
    """Import Pillow. Raises ``MissingExtraError``."""
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError(
            "Reading pictures is an optional part", why=str(error), fix="pip install 'tarragon[deep]'"
        ) from error
    return Image


def _unreadable(why: str) -> DataError:
    return DataError("The picture cannot be read", why=why, fix="Give a JPEG or PNG that image viewers open")
