"""Lines come whole, again and again, from text, manifests and pipes, in blocks of bounded size."""

import json
import os
import threading
import tracemalloc
from pathlib import Path

import pytest

from tarragon.data import Lines, stream_lines
from tarragon.data.lines import marked
from tarragon.errors import DataError
from tarragon.train.channel import framed


def test_files_are_read_in_order_and_again(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes(b"third\nfourth")
    (tmp_path / "a.txt").write_bytes(b"first\nsecond\n")
    lines = stream_lines(tmp_path)
    assert b"".join(lines) == b"first\nsecond\nthird\nfourth\n"
    assert list(lines) == list(lines)


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_blocks_end_with_a_line_or_a_blank(tmp_path: Path, size: int) -> None:
    content = b"a line of words\n" * 20 + b"one word after another " * 40
    (tmp_path / "text").write_bytes(content)
    blocks = list(stream_lines(tmp_path, block_bytes=size))
    assert b"".join(blocks).rstrip(b"\n") == content.rstrip(b"\n")
    assert all(block.endswith((b"\n", b" ")) for block in blocks)


def test_memory_does_not_grow_with_the_lines(tmp_path: Path) -> None:
    def peak(lines: int) -> int:
        (tmp_path / "text").write_bytes(b"some words that stand in a line\n" * lines)
        tracemalloc.start()
        assert sum(block.count(b"\n") for block in stream_lines(tmp_path, block_bytes=1 << 14)) == lines
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(80_000) <= 1.1 * peak(5_000)


def test_a_manifest_becomes_labelled_lines(tmp_path: Path) -> None:
    rows = [{"source": "a good film", "label": 1}, {"source": "two\nlines", "label": [2, 3]}, {"source": "none"}]
    (tmp_path / "train.manifest").write_text("\n".join(map(json.dumps, rows)))
    expected = b"__label__1 a good film\n__label__2 __label__3 two lines\nnone\n"
    assert b"".join(stream_lines(tmp_path)) == expected


@pytest.mark.parametrize("line", ['{"label": 1}', '{"source": 3, "label": 1}', '{"source": "x", "label": 1.5}', "x"])
def test_a_spoilt_manifest_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "m").write_text('{"source": "x", "label": 1}\n' + line + "\n")
    with pytest.raises(DataError, match="manifest"):
        list(stream_lines(tmp_path))


def test_records_are_source_and_label_by_turns(tmp_path: Path) -> None:
    records = [b"a good film", b"1", "schön".encode(), b"[2, 3]"]
    (tmp_path / "r").write_bytes(b"".join(map(framed, records)))
    assert b"".join(stream_lines(tmp_path)) == "__label__1 a good film\n__label__2 __label__3 schön\n".encode()
    (tmp_path / "r").write_bytes(b"".join(map(framed, records[:3])))
    with pytest.raises(DataError, match="last source"):
        list(stream_lines(tmp_path))
    (tmp_path / "r").write_bytes(b"".join(map(framed, records))[:-3])
    with pytest.raises(DataError):
        list(stream_lines(tmp_path))


def test_a_pipe_is_opened_anew_for_each_pass(tmp_path: Path) -> None:
    for n in range(2):
        os.mkfifo(tmp_path / f"train_{n}")

    def feed() -> None:
        for n in range(2):
            with (tmp_path / f"train_{n}").open("wb") as pipe:
                pipe.write(b"pass %d\n" % n)

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    lines = stream_lines(tmp_path / "train_0")
    assert [b"".join(lines), b"".join(lines)] == [b"pass 0\n", b"pass 1\n"]
    thread.join(5)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(b"\x89PNG\x00\x00 and more\n")
    with pytest.raises(DataError, match="no text"):
        list(stream_lines(tmp_path))


def test_an_empty_channel_has_no_files(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        stream_lines(tmp_path)
    (tmp_path / "empty").write_bytes(b"")
    assert list(stream_lines(tmp_path)) == []


def test_lines_of_texts_stay_lines() -> None:
    assert b"".join(Lines.of(["a\nb", "c"])) == b"a b\nc\n"
    assert list(Lines.of([])) == []


def test_labels_are_marked_once() -> None:
    assert marked("x", ["__label__a", 2]) == b"__label__a __label__2 x\n"
