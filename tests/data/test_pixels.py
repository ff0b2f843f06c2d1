"""Pictures come back as they were; what lies, is cut or is no picture is refused before memory is spent."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tarragon.data.pixels import MOST_PIXELS, is_picture, picture_size, read_mask, read_picture, write_png
from tarragon.errors import DataError


def encoded(picture: Image.Image, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    picture.save(file, form)
    return file.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be large."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def test_png_comes_back_as_it_was() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    content = write_png(pixels)
    assert content == write_png(pixels)
    np.testing.assert_array_equal(read_picture(content), pixels)
    assert picture_size(content) == (7, 5)
    assert is_picture(content)
    np.testing.assert_array_equal(read_mask(write_png(pixels[..., 0])), pixels[..., 0])


def test_other_modes_become_colours() -> None:
    grey = Image.fromarray(np.full((4, 4), 100, np.uint8))
    assert (read_picture(encoded(grey)) == 100).all()
    assert read_picture(encoded(grey.convert("RGBA"))).shape == (4, 4, 3)
    assert abs(int(read_picture(encoded(grey, "JPEG"))[0, 0, 0]) - 100) < 3
    deep = Image.fromarray(np.full((4, 4), 0x6400, np.uint16))
    assert (read_picture(encoded(deep)) == 100).all()


def test_a_palette_gives_positions_not_colours() -> None:
    picture = Image.fromarray(np.array([[0, 1], [2, 255]], np.uint8))
    picture.putpalette([9] * 768)
    assert read_mask(encoded(picture)).tolist() == [[0, 1], [2, 255]]


@pytest.mark.parametrize("side", [MOST_PIXELS, 2**31 - 1, 60_000])
def test_a_picture_that_claims_too_much_is_refused(side: int) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_picture(bomb(side, 60_000))


def test_what_is_no_picture_is_refused() -> None:
    whole = write_png(np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8))
    gif = encoded(Image.new("P", (4, 4)), "GIF")
    for content in (
        b"",
        b"hello",
        whole[:40],
        whole[:-300],
        whole.replace(b"IDAT", b"IDAX"),
        gif,
        bomb(0, 4),
    ):
        with pytest.raises(DataError):
            read_picture(content)
    with pytest.raises(DataError, match="one channel"):
        read_mask(whole)
