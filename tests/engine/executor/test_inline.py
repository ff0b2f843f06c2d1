import os
from pathlib import Path

from tarragon.engine import InlineExecutor, Task


def test_it_runs_here_and_now(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    with InlineExecutor() as executor:
        handle = executor.submit(Task("work_samples:echo", {}, tmp_path))
    assert handle.result()["pid"] == os.getpid()
    assert handle.pid is None
    assert handle.done()
