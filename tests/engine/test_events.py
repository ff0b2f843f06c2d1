import logging
import math
import os
import subprocess
import sys
import threading

import pytest

from tarragon.engine import append_event
from tarragon.engine.events import FILE, read
from tarragon.errors import ParameterError


def test_events_come_back_in_order(tmp_path):
    append_event(tmp_path, "trial", {"score": math.nan, "text": "line\nbreak\u2028"}, time=1.5)
    append_event(tmp_path, "epoch", {}, time=2.5)
    lines, end = read(tmp_path, 0)
    assert [(line.time, line.kind) for line in lines] == [(1.5, "trial"), (2.5, "epoch")]
    assert lines[0].payload["text"] == "line\nbreak\u2028"
    assert math.isnan(lines[0].payload["score"])
    assert end == (tmp_path / FILE).stat().st_size
    assert read(tmp_path, end) == ([], end)


def test_no_file_is_no_events(tmp_path):
    assert read(tmp_path, 0) == ([], 0)


def test_an_unfinished_line_waits(tmp_path):
    append_event(tmp_path, "a", {}, time=1.0)
    with open(tmp_path / FILE, "ab") as file:
        file.write(b'{"time": 2.0, "ki')
    lines, end = read(tmp_path, 0)
    assert [line.kind for line in lines] == ["a"]
    assert end < (tmp_path / FILE).stat().st_size


def test_a_broken_line_is_closed_off_by_the_next_writer(tmp_path, caplog):
    with open(tmp_path / FILE, "wb") as file:
        file.write(b'{"time": 2.0, "ki')
    append_event(tmp_path, "b", {}, time=3.0)
    with caplog.at_level(logging.WARNING):
        lines, end = read(tmp_path, 0)
    assert [line.kind for line in lines] == ["b"]
    assert end == (tmp_path / FILE).stat().st_size
    assert "cut short" in caplog.text


def test_large_files_are_read_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("tarragon.engine.events.BATCH_BYTES", 100)
    append_event(tmp_path, "long", {"text": "x" * 1000}, time=0.0)
    for number in range(20):
        append_event(tmp_path, "short", {"n": number}, time=0.0)
    seen, start, batches = [], 0, 0
    while True:
        lines, end = read(tmp_path, start)
        if end == start:
            break
        seen, start, batches = seen + lines, end, batches + 1
    assert [line.payload.get("n") for line in seen] == [None, *range(20)]
    assert batches > 5


def test_writers_do_not_mix(tmp_path):
    """Several processes and threads write lines of different lengths; every one arrives whole."""
    code = (
        "import sys; from pathlib import Path; from tarragon.engine import append_event\n"
        "for i in range(100): append_event(Path(sys.argv[1]), 'p', {'text': 'x' * (i * 97)}, time=0.0)"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, tmp_path]) for _ in range(2)]

    def write():
        for number in range(100):
            append_event(tmp_path, "t", {"text": "y" * (number * 53)}, time=0.0)

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [child.wait() for child in children] == [0, 0]
    lines, end = read(tmp_path, 0)
    assert len(lines) == 400
    assert end == (tmp_path / FILE).stat().st_size


@pytest.mark.parametrize(("kind", "payload"), [("state", {}), ("", {}), ("a", {"x": object()})])
def test_what_is_no_event_is_refused(tmp_path, kind, payload):
    with pytest.raises(ParameterError):
        append_event(tmp_path, kind, payload, time=0.0)
    assert os.listdir(tmp_path) == []
