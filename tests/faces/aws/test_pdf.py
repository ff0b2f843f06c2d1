import re
import zlib

import pytest

from tarragon.errors import DataError
from tarragon.faces.aws.pdf import ADVANCES, Block, document, lines


def texts(made: bytes) -> str:
    """Read what is drawn back out of the content streams."""
    streams = re.findall(rb"/FlateDecode /Length \d+ >>\nstream\n(.*?)\nendstream", made, re.DOTALL)
    drawn = b"\n".join(zlib.decompress(each) for each in streams)
    found = re.findall(rb"\((.*?)(?<!\\)\) Tj", drawn)
    return "\n".join(re.sub(r"\\(.)", r"\1", each.decode("cp1252")) for each in found)


def test_every_object_is_where_the_table_says() -> None:
    made = document([Block("A title", 20, bold=True), *(Block(f"line {i}") for i in range(200))], "T")
    assert made.startswith(b"%PDF-1.4")
    start = int(re.findall(rb"startxref\n(\d+)\n%%EOF\n$", made)[0])
    head, count = re.match(rb"xref\n0 (\d+)\n", made[start:]), 0
    assert head
    for number, place in enumerate(re.findall(rb"(\d{10}) 00000 n ", made[start:]), 1):
        assert made[int(place) :].startswith(b"%d 0 obj\n" % number)
        count += 1
    assert count == int(head[1]) - 1
    assert made.count(b"/Type /Page ") == int(re.findall(rb"/Count (\d+)", made)[0]) > 1


def test_text_comes_out_as_it_went_in() -> None:
    words = r"Größe (of) a \ set – 5 €"
    assert texts(document([Block(words)], words)) == words


def test_lines_fit_and_nothing_is_lost() -> None:
    text = "many words of a sentence that goes on " * 9 + "x" * 300
    broken = lines(text, 10, 200)
    assert "".join(broken).replace(" ", "") == text.replace(" ", "")
    assert all(sum(ADVANCES[ord(letter) - 32] for letter in each) / 100 <= 200 for each in broken)
    assert lines("a\n\nb", 10, 100) == ["a", "", "b"]


def test_a_letter_without_a_font_is_refused() -> None:
    with pytest.raises(DataError, match="cannot be set"):
        document([Block("模型")], "t")
