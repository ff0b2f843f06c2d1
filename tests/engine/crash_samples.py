"""Works on jobs in a child process that is killed at random moments, and prints what had been acknowledged.

Run as ``python crash_samples.py HOME STORE ROUNDS SEED``; every round forks a child from this process, which has the
libraries loaded and no threads, and kills it. Each line printed names something whose call had returned.
"""

import os
import random
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.engine import Workspace
from tarragon.errors import ConflictError, NotFoundError

STEPS = 12  # per job, then it is finished and the next begins


def acknowledge(pipe: int, *words: object) -> None:
    os.write(pipe, (" ".join(map(str, words)) + "\n").encode())


def work(home: Path, url: str, pipe: int) -> None:
    workspace = Workspace.open(home, url=url)
    acknowledge(pipe, "open", "-")
    number = 0
    while True:
        name = f"job-{number}"
        try:
            job = workspace.resume("develop", name)
        except NotFoundError:
            job = workspace.start("develop", name, {"number": number})
            acknowledge(pipe, "started", name)
        except ConflictError as error:
            if "it is Completed" not in str(error):
                raise
            number += 1
            continue
        saved = job.load("progress", Mapping[str, NDArray[Any]])
        stage = 0 if saved is None else int(saved["n"][0])
        assert saved is None or (saved["n"] == stage).all(), "half a stage"
        told = [event.payload["n"] for event in job.events() if event.kind == "trial"]
        for n in range(len(told) + 1, STEPS + 1):
            job.event("trial", n=n, text="x" * random.randrange(5000))
            acknowledge(pipe, "event", name, n)
            job.save("progress", {"n": np.full(2000, n)})
            acknowledge(pipe, "stage", name, n)
            if n % 3 == 0:
                job.beat()
                acknowledge(pipe, "beat", name, n)
        job.finish()
        acknowledge(pipe, "finished", name)
        number += 1


def main() -> None:
    home, url, rounds, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    draw = random.Random(seed)
    Workspace.open(home, url=url).close()  # loads the database's libraries before the forks
    for _ in range(rounds):
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ours)
            random.seed(os.getpid())
            try:
                work(home, url, theirs)
            finally:
                acknowledge(theirs, "broken")
                os._exit(1)
        os.close(theirs)
        with os.fdopen(ours, "rb") as lines:
            # So many acknowledgements, then a moment more: a busy machine shifts the moment, not how far it gets.
            said = [lines.readline() for _ in range(draw.randrange(1, 12))]
            time.sleep(draw.uniform(0.0, 0.02))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            sys.stdout.write(b"".join([*said, *lines]).decode())


if __name__ == "__main__":
    main()
