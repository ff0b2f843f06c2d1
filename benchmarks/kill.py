"""Kill a run with SIGKILL at random moments, again and again, resuming in between; then look for damage.

python benchmarks/kill.py [TABLE.csv TARGET] [--kills 20] [--time 20] [--seed 0]
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VERDICTS = (0, 3, 4)  # exit codes of ship, review and stop
HERE = Path(__file__).parent.parent
CLI = [sys.executable, "-m", "tarragon.faces.cli"]


def interrupted(home: str) -> list[str]:
    """Names of runs that were begun and have not ended."""
    from tarragon.engine import Workspace

    with Workspace.open(Path(home)) as workspace:
        return [job.name for job in workspace.jobs("develop") if job.interrupted]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?", default=str(HERE / "examples" / "churn.csv"))
    parser.add_argument("target", nargs="?", default="Churn")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--time", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    a = parser.parse_args()
    rng = random.Random(a.seed)
    with tempfile.TemporaryDirectory() as home:
        killed, name, completed = 0, "", 0
        while killed < a.kills:
            command = (
                [*CLI, "resume", name, "--home", home, "--quiet"]
                if name
                else [
                    *CLI,
                    "develop",
                    a.table,
                    "--target",
                    a.target,
                    "--time",
                    f"{a.time:g}s",
                    "--name",
                    "churn",
                    "--home",
                    home,
                    "--quiet",
                ]
            )
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
            )
            wait = rng.uniform(0.5, a.time * 1.05)
            try:
                process.wait(wait)
                completed += 1
                assert process.returncode in VERDICTS, process.stderr.read().decode()[-800:]
                name = ""
                continue
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                killed += 1
                print(f"kill {killed:2} after {wait:4.1f} s {name}", flush=True)
            time.sleep(0.3)
            unfinished = interrupted(home)
            assert len(unfinished) <= 1, unfinished
            name = unfinished[0] if unfinished else ""
        if name:
            last = subprocess.run(
                [*CLI, "resume", name, "--home", home, "--quiet"], check=False, stdout=subprocess.DEVNULL
            )
            assert last.returncode in VERDICTS, last.returncode
        verify(home)
        print(
            f"{killed} kills, {completed} runs ended between them: nothing half-written, nothing lost, nothing doubled"
        )


def verify(home: str) -> None:
    """Every job has ended, every package opens with the right hashes, one package a run, the audit chain holds."""
    from tarragon.engine import Workspace
    from tarragon.refine import TableModel
    from tarragon.registry import Registry

    with Workspace.open(Path(home)) as workspace:
        registry = Registry(workspace)
        for job in workspace.jobs("develop"):
            assert str(job.state) == "Completed", (job.name, job.state, job.reason)
            seqs = [e.seq for e in workspace.events("develop", job.name)]
            assert seqs == list(range(1, len(seqs) + 1)), "an event was lost or doubled"
        packages = registry.list()
        for package in packages:
            TableModel.load(registry.open(package.name) / "model")
        origin = [p.lineage["run"] for p in packages]
        assert len(origin) == len(set(origin)), "a run was registered twice"
        assert [p.version for p in sorted(packages, key=lambda p: p.version)] == list(range(1, len(packages) + 1))
        problems = registry.verify_audit()
        assert not problems, problems


if __name__ == "__main__":
    main()
