"""Tasks for the executors' tests; workers import this file by name."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np


def nothing(argument, folder):
    return None


def echo(argument, folder):
    return {"argument": argument, "folder": str(folder), "pid": os.getpid()}


def add(argument, folder):
    print("adding")  # noqa: T201 - what is tested
    print("with care", file=sys.stderr)  # noqa: T201 - what is tested
    return {"sum": argument["a"] + argument["b"]}


def fail(argument, folder):
    raise ValueError("the table has no rows")


def refuse(argument, folder):
    from tarragon.errors import DataError

    raise DataError("No such column", why='"y" is not there', fix="Name another")


def leave(argument, folder):
    sys.exit(argument.get("status", 3))


def wrong(argument, folder):
    return [1, 2]


def unplain(argument, folder):
    return {"x": object()}


def big(argument, folder):
    return {"values": np.random.default_rng(0).random(argument["n"]).tolist()}


def vanish(argument, folder):
    os._exit(argument["status"])


def abort(argument, folder):
    print("about to crash", file=sys.stderr, flush=True)  # noqa: T201 - what is tested
    os.abort()


def terminate(argument, folder):
    os.kill(os.getpid(), signal.SIGKILL)


def hungry(argument, folder):
    raise MemoryError("no room for 1 TB")


def sleep(argument, folder):
    (folder / "began").write_text(str(os.getpid()))
    time.sleep(argument["seconds"])
    return {}


def family(argument, folder):
    """Start a grandchild that would outlive us, then wait."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (folder / "grandchild").write_text(str(child.pid))
    if argument.get("leave"):
        return {}
    time.sleep(60)
    return {}


def threads(argument, folder):
    import threadpoolctl

    pools = {pool["user_api"]: pool["num_threads"] for pool in threadpoolctl.threadpool_info()}
    return {"environment": os.environ["OMP_NUM_THREADS"], "pools": pools}


def server_threads(argument, folder):
    """Name the threads of the process we were forked from."""
    return {"names": [task.read_text().strip() for task in Path(f"/proc/{os.getppid()}/task").glob("*/comm")]}


def block(argument, folder):
    """Make the result's place a folder that cannot be replaced by a file."""
    (folder / "result.json" / "x").mkdir(parents=True)
    return {}


def fit(argument, folder):
    """Use OpenMP in a forked worker, twice over, as trials will."""
    import lightgbm
    from sklearn.ensemble import HistGradientBoostingRegressor

    rng = np.random.default_rng(0)
    X = rng.random((500, 5))
    y = X[:, 0] + X[:, 1] ** 2
    params = {"num_threads": argument["threads"], "verbose": -1}
    booster = lightgbm.train(params, lightgbm.Dataset(X, y), num_boost_round=10)
    other = HistGradientBoostingRegressor(max_iter=5).fit(X, y)
    return {"lightgbm": float(booster.predict(X).sum()), "sklearn": float(other.predict(X).sum())}
