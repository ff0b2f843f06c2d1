import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tarragon.engine import LocalExecutor, Task, WorkerError
from tarragon.engine.executor import local
from tarragon.errors import ParameterError

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def executor():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(HERE))
        patch.setattr(local, "cores", lambda: 2)  # the tests below need two side by side, on any machine
        with LocalExecutor() as opened:
            yield opened


def _until(condition):
    """Wait for something that will come; the test run's own limit ends what never does."""
    while not (found := condition()):
        time.sleep(0.005)
    return found


def _text(path):
    return _until(lambda: path.exists() and path.read_text())


def _gone(pid):
    """Whether a process has ended (a zombie that nobody reaps has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def _ended(handle):
    with pytest.raises(WorkerError) as caught:
        handle.result()
    return caught.value


def test_each_task_has_its_own_process(executor, tmp_path):
    handles = [executor.submit(Task("work_samples:echo", {}, tmp_path / str(n))) for n in range(3)]
    pids = [handle.result()["pid"] for handle in handles]
    assert pids == [handle.pid for handle in handles]
    assert len({*pids, os.getpid()}) == 4


def test_as_many_side_by_side_as_there_are_workers(executor, tmp_path):
    handles = [executor.submit(Task("work_samples:sleep", {"seconds": 60}, tmp_path / str(n))) for n in range(3)]
    for n in (0, 1):
        _text(tmp_path / str(n) / "began")
    assert not (tmp_path / "2" / "began").exists()
    assert handles[2].pid is None
    assert executor.wait(handles, timeout=0.05) == ()
    handles[1].kill()
    assert executor.wait(handles) == (handles[1],)
    _text(tmp_path / "2" / "began")
    for handle in handles:
        handle.kill()
    assert {_ended(handle).ending for handle in handles} == {"killed"}


def test_a_waiting_task_can_be_killed(executor, tmp_path):
    running = [executor.submit(Task("work_samples:sleep", {"seconds": 60}, tmp_path / str(n))) for n in range(2)]
    waiting = executor.submit(Task("work_samples:sleep", {"seconds": 60}, tmp_path / "w"))
    waiting.kill()
    assert waiting.done()
    assert _ended(waiting).ending == "killed"
    for handle in running:
        handle.kill()
        _ended(handle)
    assert executor.submit(Task("work_samples:add", {"a": 1, "b": 1}, tmp_path / "after")).result() == {"sum": 2}


@pytest.mark.parametrize("leave", [False, True])
def test_what_a_task_started_ends_with_it(executor, tmp_path, leave):
    handle = executor.submit(Task("work_samples:family", {"leave": leave}, tmp_path))
    grandchild = int(_text(tmp_path / "grandchild"))
    if leave:
        assert handle.result() == {}
    else:
        handle.kill()
        _ended(handle)
    _until(lambda: _gone(grandchild))


@pytest.mark.parametrize(
    ("target", "argument", "ending", "words"),
    [
        ("vanish", {"status": 7}, "exit", "exit status 7 and no result"),
        ("vanish", {"status": 0}, "exit", "exit status 0 and no result"),
        ("vanish", {"status": 1}, "exit", "exit status 1 and no result"),
        ("abort", {}, "signal", "crashed with SIGABRT: about to crash"),
        ("terminate", {}, "signal", "SIGKILL"),
    ],
)
def test_a_crash_harms_only_its_own_task(executor, tmp_path, target, argument, ending, words):
    beside = executor.submit(Task("work_samples:add", {"a": 1, "b": 1}, tmp_path / "beside"))
    error = _ended(executor.submit(Task(f"work_samples:{target}", argument, tmp_path / "crash")))
    assert error.ending == ending
    assert words in str(error)
    assert str(tmp_path / "crash" / "stderr.txt") in error.fix
    assert beside.result() == {"sum": 2}


def test_a_result_that_cannot_be_written_is_told(executor, tmp_path):
    error = _ended(executor.submit(Task("work_samples:block", {}, tmp_path)))
    assert error.ending == "exit"
    assert "could not write its result" in str(error)


def test_threads_are_what_the_task_says(executor, tmp_path):
    for threads in (1, 2):
        result = executor.submit(Task("work_samples:threads", {}, tmp_path, threads=threads)).result()
        assert result["environment"] == str(threads)
        assert result["pools"]
        assert set(result["pools"].values()) == {threads}


def test_the_server_has_no_threads_to_copy_locks_of(executor, tmp_path):
    names = executor.submit(Task("work_samples:server_threads", {}, tmp_path)).result()["names"]
    # jemalloc, inside a preloaded library, has handlers of its own that make its helper safe to fork.
    assert [name for name in names if not name.startswith("jemalloc")] == ["python"]


def test_forked_workers_may_use_every_library(executor, tmp_path):
    tasks = [Task("work_samples:fit", {"threads": 1}, tmp_path / str(n)) for n in range(2)]
    first, second = (executor.submit(task).result() for task in tasks)
    more = executor.submit(Task("work_samples:fit", {"threads": 2}, tmp_path / "2", threads=2)).result()
    assert first == second
    assert more["lightgbm"] == pytest.approx(first["lightgbm"])


def test_workers_are_bounded_by_cores():
    with LocalExecutor(10_000, preload=()) as executor:
        assert executor.capacity == local.cores()
    with pytest.raises(ParameterError):
        LocalExecutor(0)


def test_closing_ends_what_runs(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    executor = LocalExecutor(1, preload=())
    running = executor.submit(Task("work_samples:sleep", {"seconds": 60}, tmp_path / "a"))
    waiting = executor.submit(Task("work_samples:sleep", {"seconds": 60}, tmp_path / "b"))
    pid = int(_text(tmp_path / "a" / "began"))
    executor.close()
    assert {_ended(running).ending, _ended(waiting).ending} == {"killed"}
    _until(lambda: _gone(pid))


def test_a_server_that_is_killed_is_replaced(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    with LocalExecutor(1, preload=()) as executor:
        lost = executor.submit(Task("work_samples:sleep", {"seconds": 60}, tmp_path / "a"))
        waiting = executor.submit(Task("work_samples:add", {"a": 1, "b": 1}, tmp_path / "b"))
        pid = int(_text(tmp_path / "a" / "began"))
        executor._server.kill()
        assert _ended(lost).ending == "start"
        assert waiting.result() == {"sum": 2}
        _until(lambda: _gone(pid))


def test_a_server_that_cannot_start_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "SERVER", "tarragon.engine.no_such_module")
    with LocalExecutor(1) as executor:
        error = _ended(executor.submit(Task("work_samples:add", {}, tmp_path)))
    assert error.ending == "start"
    assert "no_such_module" in str(error)


SUPERVISOR = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from tarragon.engine import LocalExecutor, Task
executor = LocalExecutor(1, preload=())
executor.submit(Task("work_samples:family", {}, Path(sys.argv[1])))
print(executor._server.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_supervisor_leaves_no_orphans(tmp_path, number):
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, tmp_path, HERE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as supervisor:
        server = int(supervisor.stdout.readline())
        grandchild = int(_text(tmp_path / "grandchild"))
        worker = int(Path(f"/proc/{grandchild}/stat").read_text().rpartition(")")[2].split()[1])
        supervisor.send_signal(number)
        supervisor.wait()
        for pid in (server, worker, grandchild):
            _until(lambda pid=pid: _gone(pid))


UNGUARDED = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from tarragon.engine import LocalExecutor, Task
print("imported", flush=True)
with LocalExecutor(1, preload=("numpy",)) as executor:
    print(executor.submit(Task("work_samples:add", {"a": 1, "b": 1}, Path(sys.argv[1]) / "task")).result())
"""


def test_a_script_without_a_guard_is_not_imported_again(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    (tmp_path / "numpy.py").write_text("raise RuntimeError('a file of the user shadows a library')")
    done = subprocess.run(
        [sys.executable, "-P", script, tmp_path, HERE], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout == "imported\n{'sum': 2}\n"
