"""Plain pages of text as PDF: headings and wrapped paragraphs in Helvetica, which every reader has. Pure.

Format: ISO 32000-1. Only the letters of Windows-1252 can be set, since no font is embedded.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tarragon.errors import DataError

WIDTH, HEIGHT, MARGIN = 595, 842, 56  # A4 in points
LEADING = 1.35
# Helvetica's advance widths of the letters from the space on, thousandths of its size: Adobe's font metrics.
ADVANCES = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
)  # fmt: skip
WIDEST = 1015  # of a letter that the table does not have
BOLDER = 1.08  # Helvetica Bold is at most this much wider than Helvetica, on average over words


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph.

    Parameters
    ----------
    text : str
    size : float
        Points.
    bold : bool
    indent : float
        Points from the left margin.
    """

    text: str
    size: float = 10
    bold: bool = False
    indent: float = 0


@dataclass(frozen=True, slots=True)
class _Line:
    block: Block
    text: str
    y: float


def document(blocks: Iterable[Block], title: str) -> bytes:
    """Set paragraphs on as many pages as they need.

    Raises
    ------
    DataError
        For a letter that cannot be set.
    """
    pages = [_content(page) for page in _pages(blocks)]
    count = len(pages)
    kids = " ".join(f"{6 + 2 * i} 0 R" for i in range(count))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} /MediaBox [0 0 {WIDTH} {HEIGHT}] >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
        b"<< /Title " + _string(title) + b" >>",
    ]
    for i, content in enumerate(pages):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> "
            + f"/Contents {7 + 2 * i} 0 R >>".encode()
        )
        packed = zlib.compress(content)
        objects.append(b"<< /Filter /FlateDecode /Length %d >>\nstream\n%b\nendstream" % (len(packed), packed))
    return _file(objects)


def lines(text: str, size: float, width: float, *, bold: bool = False) -> list[str]:
    """Break a text where it does not fit; a word that is too long is broken inside.

    Examples
    --------
    >>> lines("one two three", 10, 40)
    ['one two', 'three']
    """
    found: list[str] = []
    for paragraph in text.splitlines() or [""]:
        line = ""
        for word in paragraph.split(" "):
            tried = f"{line} {word}" if line else word
            if _width(tried, size, bold) <= width:
                line = tried
                continue
            if line:
                found.append(line)
            line = word
            while _width(line, size, bold) > width:
                n = next(n for n in range(len(line), 0, -1) if n == 1 or _width(line[:n], size, bold) <= width)
                found.append(line[:n])
                line = line[n:]
        found.append(line)
    return found


def _pages(blocks: Iterable[Block]) -> Iterator[list[_Line]]:
    page: list[_Line] = []
    y = float(HEIGHT - MARGIN)
    for block in blocks:
        y -= 0.6 * block.size if page and block.bold else 0  # air above a heading
        for text in lines(block.text, block.size, WIDTH - 2 * MARGIN - block.indent, bold=block.bold):
            y -= block.size * LEADING
            if y < MARGIN:
                yield page
                page, y = [], HEIGHT - MARGIN - block.size * LEADING
            page.append(_Line(block, text, y))
    yield page


def _content(page: list[_Line]) -> bytes:
    drawn = []
    for line in page:
        font = b"/F2" if line.block.bold else b"/F1"
        place = f"{line.block.size:g} Tf {MARGIN + line.block.indent:g} {line.y:.1f} Td ".encode()
        drawn.append(b"BT " + font + b" " + place + _string(line.text) + b" Tj ET")
    return b"\n".join(drawn)


def _string(text: str) -> bytes:
    try:
        raw = text.replace("\t", "    ").encode("cp1252")
    except UnicodeEncodeError as error:
        letter = text[error.start]
        raise DataError(
            f"The letter {letter!r} cannot be set in a PDF here",
            why="only the letters of Western European languages can be",
            fix="Write it in other words, or take the content as JSON",
        ) from None
    kept = bytes(each for each in raw if each >= 32)
    return b"(" + kept.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)") + b")"


def _width(text: str, size: float, bold: bool) -> float:
    places = (ord(letter) - 32 for letter in text)
    return size / 1000 * (BOLDER if bold else 1) * sum(ADVANCES[i] if 0 <= i < 95 else WIDEST for i in places)


def _file(objects: list[bytes]) -> bytes:
    found, places = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, each in enumerate(objects, 1):
        places.append(len(found))
        found += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    start = len(found)
    found += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    found += b"".join(b"%010d 00000 n \n" % place for place in places)
    found += b"trailer\n<< /Size %d /Root 1 0 R /Info 5 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(found)
