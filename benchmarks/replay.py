"""Replay a run while the machine is loaded, and say whether the predictions are byte-equal.

python benchmarks/replay.py [TABLE.csv TARGET] [--time 20]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

BURN = "import time\nend = time.time() + 600\nwhile time.time() < end: sum(i * i for i in range(10000))"
HERE = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?", default=str(HERE / "examples" / "churn.csv"))
    parser.add_argument("target", nargs="?", default="Churn")
    parser.add_argument("--time", type=float, default=20.0)
    a = parser.parse_args()
    import tarragon
    from tarragon.develop.replay import replay

    with tempfile.TemporaryDirectory() as home:
        dev = tarragon.develop(a.table, a.target, time_limit=a.time, home=home)
        load = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(3)]
        try:
            again = replay(dev.run, home=home)
        finally:
            for process in load:
                process.kill()
        for line in again.differences:
            print("differs:", line)
        print(f"{again.units} fits repeated beside 3 busy processes")
        print(f"recorded {again.recorded_sha256[:16]}, now {again.predictions_sha256[:16]}")
        print("byte-equal:", "yes" if again.equal else "NO")


if __name__ == "__main__":
    main()
