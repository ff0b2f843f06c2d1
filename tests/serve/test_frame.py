import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarragon.serve.frame import Frames, Line, frame

HEADS = st.dictionaries(st.text(max_size=5), st.one_of(st.integers(-5, 5), st.text(max_size=5)), max_size=3)


@given(st.lists(st.tuples(HEADS, st.binary(max_size=40)), max_size=5), st.integers(1, 17))
def test_frames_come_out_whole_however_they_arrive(sent, step):
    data = b"".join(frame(*each) for each in sent)
    frames, found = Frames(), []
    for at in range(0, len(data), step):
        found += frames.feed(data[at : at + step])
    assert found == sent


def test_what_is_no_frame_is_refused():
    with pytest.raises(ValueError, match="a frame of"):
        Frames().feed(b"GET / HTTP/1.1\r\n\r\n")


def test_a_line_reads_until_the_other_end_goes():
    here, there = socket.socketpair()
    Line(there).write({"a": 1}, b"x" * 30_000)
    Line(there).write({})
    there.close()
    line = Line(here)
    assert line.read() == ({"a": 1}, b"x" * 30_000)
    assert line.read() == ({}, b"")
    assert line.read() is None
    here.close()
