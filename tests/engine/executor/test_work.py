import json
import os

import pytest

from tarragon.engine import Task, WorkerError
from tarragon.engine.executor import work


def test_a_result_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    def refuse(source, target):
        assert json.loads(source.read_text()) == {"result": {}}
        raise OSError(28, "No space left on device")

    work.prepare(Task("builtins:print", {}, tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        with pytest.raises(OSError, match="is full"):
            work.perform("builtins:print", tmp_path)
    assert not (tmp_path / work.RESULT).exists()


def test_the_innermost_frames_are_told(tmp_path):
    def deep(n):
        return 1 / n if n == 0 else deep(n - 1)

    try:
        deep(9)
    except ZeroDivisionError as error:
        told = work.described(error)
    assert told["where"].count("test_work.py") == work.FRAMES
    assert told["traceback"].count("deep") >= 10 or "repeated" in told["traceback"]


def test_no_outcome_is_no_result(tmp_path):
    with pytest.raises(FileNotFoundError):
        work.outcome(Task("a:b", {}, tmp_path))


def test_running_out_of_memory_is_told_apart():
    error = {"type": "_ArrayMemoryError", "message": "Unable to allocate", "fix": "", "where": "", "traceback": ""}
    raised = work.raised(Task("a:b", {}, os.devnull), error)
    assert isinstance(raised, WorkerError)
    assert raised.ending == "memory"
