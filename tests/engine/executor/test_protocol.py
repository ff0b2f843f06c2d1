"""The contract of executors: one suite, every implementation."""

import math
import os
from pathlib import Path

import numpy as np
import pytest

from tarragon.engine import Executor, InlineExecutor, LocalExecutor, Task, WorkerError
from tarragon.errors import ConflictError, ParameterError


@pytest.fixture(scope="module", params=["inline", "local"])
def executor(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        with InlineExecutor() if request.param == "inline" else LocalExecutor(2, preload=("numpy",)) as opened:
            yield opened


@pytest.mark.contract
class TestExecutor:
    def test_it_is_one(self, executor):
        assert isinstance(executor, Executor)
        assert executor.capacity >= 1

    def test_a_result_comes_back(self, executor, tmp_path):
        handle = executor.submit(Task("work_samples:add", {"a": 1, "b": 2.5}, tmp_path / "new" / "folder"))
        assert handle.result() == {"sum": 3.5}
        assert handle.result() == {"sum": 3.5}
        assert handle.done()
        assert handle.task.title == "add"
        assert (handle.task.folder / "stdout.txt").read_text() == "adding\n"
        assert (handle.task.folder / "stderr.txt").read_text() == "with care\n"

    def test_arguments_arrive_as_they_are(self, executor, tmp_path):
        argument = {
            "nan": math.inf,
            "list": (1, "é\0", None, True),
            "map": {"a": {1: 2}},
            "path": Path("x"),
            "n": 10**20,
        }
        result = executor.submit(Task("work_samples:echo", argument, tmp_path)).result()
        assert result["argument"] == argument | {"list": [1, "é\0", None, True], "path": "x"}
        assert result["folder"] == str(tmp_path)

    def test_nothing_returned_is_an_empty_result(self, executor, tmp_path):
        assert executor.submit(Task("work_samples:nothing", {}, tmp_path)).result() == {}

    def test_a_big_result(self, executor, tmp_path):
        result = executor.submit(Task("work_samples:big", {"n": 200_000}, tmp_path)).result()
        assert result["values"] == np.random.default_rng(0).random(200_000).tolist()

    def test_a_big_argument(self, executor, tmp_path):
        values = np.random.default_rng(1).random(200_000).tolist()
        assert executor.submit(Task("work_samples:echo", {"v": values}, tmp_path)).result()["argument"] == {"v": values}

    def test_an_exception_is_told_in_words(self, executor, tmp_path):
        handle = executor.submit(Task("work_samples:fail", {}, tmp_path, label="fold 3"))
        with pytest.raises(
            WorkerError, match=r"fold 3 failed with ValueError\. the table has no rows \(at work_samples"
        ) as e:
            handle.result()
        assert (e.value.ending, e.value.error_type) == ("exception", "ValueError")
        assert 'raise ValueError("the table has no rows")' in e.value.traceback
        assert "ValueError: the table has no rows" in (tmp_path / "stderr.txt").read_text()
        assert handle.done()

    def test_our_own_errors_keep_their_advice(self, executor, tmp_path):
        with pytest.raises(WorkerError, match=r'"y" is not there .*\. Name another$'):
            executor.submit(Task("work_samples:refuse", {}, tmp_path)).result()

    @pytest.mark.parametrize(
        ("target", "ending", "words"),
        [
            ("work_samples:leave", "exception", "SystemExit"),
            ("work_samples:hungry", "memory", "no room for 1 TB"),
            ("work_samples:wrong", "exception", "returned a list"),
            ("work_samples:unplain", "exception", r"value\['x'\]"),
            ("work_samples:missing", "exception", "no attribute 'missing'"),
            ("no_such_module:x", "exception", "No module named"),
        ],
    )
    def test_every_bad_end_is_told(self, executor, tmp_path, target, ending, words):
        with pytest.raises(WorkerError, match=words) as caught:
            executor.submit(Task(target, {}, tmp_path)).result()
        assert caught.value.ending == ending

    @pytest.mark.parametrize(("target", "argument"), [("work_samples", {}), ("a:b:c", {}), ("a:b", {"x": object()})])
    def test_what_is_no_task_is_refused_at_once(self, executor, tmp_path, target, argument):
        with pytest.raises(ParameterError):
            executor.submit(Task(target, argument, tmp_path))

    def test_many_tasks_each_get_their_own_result(self, executor, tmp_path):
        handles = [executor.submit(Task("work_samples:add", {"a": n, "b": n}, tmp_path / str(n))) for n in range(40)]
        open_handles, seen = list(handles), []
        while open_handles:
            done = executor.wait(open_handles)
            assert done
            seen += done
            open_handles = [handle for handle in open_handles if handle not in done]
        assert [handle.result() for handle in handles] == [{"sum": 2 * n} for n in range(40)]
        assert len(seen) == 40

    def test_waiting_for_nothing_returns(self, executor):
        assert executor.wait([]) == ()

    def test_an_earlier_attempts_result_does_not_count(self, executor, tmp_path):
        assert executor.submit(Task("work_samples:add", {"a": 1, "b": 2}, tmp_path)).result() == {"sum": 3}
        with pytest.raises(WorkerError):
            executor.submit(Task("work_samples:fail", {}, tmp_path)).result()

    def test_killing_what_is_over_does_nothing(self, executor, tmp_path):
        handle = executor.submit(Task("work_samples:add", {"a": 1, "b": 2}, tmp_path))
        handle.result()
        handle.kill()
        assert handle.result() == {"sum": 3}

    def test_nothing_is_left_in_the_folder_but_the_outcome(self, executor, tmp_path):
        executor.submit(Task("work_samples:nothing", {}, tmp_path)).result()
        assert sorted(os.listdir(tmp_path)) == ["result.json", "stderr.txt", "stdout.txt", "task.json"]


@pytest.mark.parametrize("make", [InlineExecutor, lambda: LocalExecutor(1, preload=())])
def test_a_closed_executor_takes_nothing(make, tmp_path):
    executor = make()
    executor.close()
    executor.close()
    with pytest.raises(ConflictError, match="is closed"):
        executor.submit(Task("work_samples:add", {}, tmp_path))
