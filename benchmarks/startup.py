"""Start-up times of the command line and the size of a base install.

python benchmarks/startup.py [--install]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent.parent


def median_s(command: list[str], times: int = 9) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--install", action="store_true", help="make a fresh virtual environment and measure it")
    a = parser.parse_args()
    tarragon = str(Path(sys.executable).parent / "tarragon")
    empty = median_s([sys.executable, "-c", "pass"])
    print(f"python -c pass        {empty:.3f} s")
    print(
        f"import tarragon       {median_s([sys.executable, '-c', 'import tarragon']) - empty:.3f} s beyond it (bar 0.1)"
    )
    print(f"tarragon --help       {median_s([tarragon, '--help']):.3f} s (bar 0.25)")
    if a.install:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            before = size_mb(Path(folder))
            subprocess.run([f"{folder}/bin/pip", "install", "-q", str(HERE)], check=True)
            listed = subprocess.run(
                [f"{folder}/bin/pip", "list", "--format=freeze"], capture_output=True, text=True, check=True
            )
            names = [x for x in listed.stdout.split() if x.split("==")[0] not in ("pip", "setuptools")]
            grown = size_mb(Path(folder)) - before
            print(f"base install          {grown:.0f} MB (bar 650), {len(names)} packages (bar 45)")


def size_mb(folder: Path) -> float:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file() and not f.is_symlink()) / 1e6


if __name__ == "__main__":
    main()
