"""Every error has an exit code and says what, why and how to fix it; Ctrl-C once is a wish, twice an order."""

import errno
import json
import os
import signal
import threading

import pytest

from tarragon import errors
from tarragon.errors import DataError, IntegrityError, StorageError, TarragonError
from tarragon.faces.cli import outcome


def family(root: type[TarragonError] = TarragonError) -> list[type[TarragonError]]:
    return [root, *(member for child in root.__subclasses__() for member in family(child))]


def test_every_error_of_the_family_is_in_the_table() -> None:
    named = {row[0] for row in outcome.EXITS}
    ours = {member for member in family() if member.__module__ == errors.__name__}
    assert ours <= named


def test_the_issue_s_codes() -> None:
    codes = {
        name: outcome.exit_code(getattr(errors, name)("x")) for name in ("DataError", "ParameterError", "JobError")
    }
    assert codes == {"DataError": 2, "ParameterError": 2, "JobError": 1}
    assert outcome.exit_code(IntegrityError("x")) == 1
    assert outcome.exit_code(TarragonError("x")) == 1
    assert outcome.VERDICTS == {"SHIP": 0, "REVIEW": 3, "STOP": 4}


def test_a_full_disk_is_the_users_to_put_right() -> None:
    said = outcome.storage_error(OSError(errno.ENOSPC, "No space left on device", "/data/x"))
    assert isinstance(said, StorageError)
    assert outcome.exit_code(said) == 2
    assert "full" in said.what
    assert "/data/x" in said.why
    assert "Permission denied" in outcome.storage_error(PermissionError(errno.EACCES, "Permission denied")).why


def test_errors_go_to_stderr_in_three_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome.show_error(DataError("No rows", why="The file is empty", fix="Give rows"), as_json=False) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "error: No rows\n  why: The file is empty\n  fix: Give rows\n"


def test_errors_are_one_json_object_if_asked(capsys: pytest.CaptureFixture[str]) -> None:
    outcome.show_error(DataError("No “rows”", why="x"), as_json=True)
    shown = capsys.readouterr()
    assert shown.err == ""
    assert json.loads(shown.out) == {
        "error": {"type": "DataError", "what": "No “rows”", "why": "x", "fix": "", "exit_code": 2}
    }


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    outcome.show_json({"score": float("nan"), "parts": [float("inf"), {"x": (1.0,)}]})
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {
        "score": None,
        "parts": [None, {"x": [1.0]}],
    }


def test_the_first_interrupt_asks_and_the_second_aborts() -> None:
    notes: list[str] = []
    before = signal.getsignal(signal.SIGINT)
    with outcome.interruptible(notes.append) as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(5)
        assert len(notes) == 1
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012, the signal needs a moment to arrive
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(5)
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_gets_a_plain_event() -> None:
    found: list[bool] = []

    def work() -> None:
        with outcome.interruptible(print) as stop:
            found.append(stop.is_set())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]
