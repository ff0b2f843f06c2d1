"""A process that works on jobs is killed at random moments: nothing acknowledged is lost, nothing is there twice."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tarragon.engine import InlineExecutor, State, Task, Workspace, load
from tarragon.errors import StorageError

SCRIPT = Path(__file__).with_name("crash_samples.py")


def test_kill_at_random_moments(tmp_path, store_url):
    home = tmp_path / "home"
    Workspace.open(home, url=store_url).close()
    arguments = [str(home), store_url, "14", "1"]
    done = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=True)
    said = [line.split() for line in done.stdout.splitlines()]
    assert "broken" not in done.stdout, done.stderr
    assert {"event", "stage", "beat", "finished"} <= {words[0] for words in said}, done.stdout

    with Workspace.open(home, url=store_url) as workspace:
        records = {record.name: record for record in workspace.jobs("develop")}
        assert {words[1] for words in said} - {"-"} <= records.keys()
        for name, record in records.items():
            finished = ["finished", name] in said
            assert not finished or record.state is State.COMPLETED
            if record.state is not State.COMPLETED:
                assert record.interrupted
                job = workspace.resume("develop", name)
                events, stages = job.events(), job.load("progress", Mapping[str, NDArray[Any]])
                job.finish()
            else:
                events = workspace.events("develop", name)
                stages = load(
                    workspace.folder("develop", name) / "stages" / "progress.json", Mapping[str, NDArray[Any]]
                )
            # Events: each once, in order, none missing up to the last that was acknowledged.
            told = [event.payload["n"] for event in events if event.kind == "trial"]
            acknowledged = [int(words[2]) for words in said if words[0] == "event" and words[1] == name]
            assert told == list(range(1, len(told) + 1))
            assert len(told) >= max(acknowledged, default=0)
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            # Transitions: one row each, an end only once.
            states = [event.payload["state"] for event in events if event.kind == "state"]
            assert states[0] == "Pending"
            assert states.count("Completed") == (record.state is State.COMPLETED)
            assert states.count("InProgress") == len(states) - 1 - states.count("Completed")
            # Stages: whole, and not older than the last that was acknowledged.
            acknowledged = [int(words[2]) for words in said if words[0] == "stage" and words[1] == name]
            newest = 0 if stages is None else int(stages["n"][0])
            assert stages is None or (stages["n"] == newest).all()
            assert newest >= max(acknowledged, default=0)
            # Folder: what a killed writer had begun was swept when the job was taken over.
            folder = workspace.folder("develop", name) / "stages"
            left = [path.name for path in folder.iterdir()]
            assert not [name for name in left if name.endswith(".tmp")]
            assert ("progress.json" in left) == (newest > 0)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of three megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("only root on Linux can mount a small file system to fill")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small file system to fill")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_really_full_disk(small_disk):
    """Every write is refused in words, nothing half is left, and work goes on when there is room again."""
    with Workspace.open(small_disk / "home", url="") as workspace:
        job = workspace.start("develop", "a", {})
        job.save("plan", 1)
        job.event("before")
        filler = os.open(small_disk / "filler", os.O_WRONLY | os.O_CREAT)
        with contextlib.suppress(OSError):
            while os.write(filler, b"x" * 4096):
                pass
        os.close(filler)
        for act in (
            lambda: job.save("plan", {"a": np.zeros(100_000)}),
            lambda: [job.event("lost", text="x" * 5000) for _ in range(3)],
            job.finish,
            lambda: workspace.start("develop", "b", {}),
            lambda: workspace.objects.put("data/x", b"x" * 10_000),
            lambda: workspace.objects.put_folder("models/a", job.folder),
            lambda: InlineExecutor().submit(Task("a:b", {}, small_disk / "task")),
        ):
            with pytest.raises(StorageError, match=r"is full, 0 MB are free\. Free some space"):
                act()
        (small_disk / "filler").unlink()
        assert job.stages() == ("plan",)
        assert job.load("plan", int) == 1
        assert os.listdir(job.folder / "stages") == ["plan.json"]
        job.event("after")
        job.finish()
        assert [event.kind for event in job.events()] == ["state", "state", "before", "after", "state"]
        assert [record.name for record in workspace.jobs("develop")] == ["a"]
        assert workspace.objects.list("data") == workspace.objects.list("models") == ()
