"""What a job uses is measured on a child that really uses it."""

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tarragon.train.usage import Usage

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the kernel keeps no such books")


def test_a_busy_child_is_seen(tmp_path: Path) -> None:
    told: list[Mapping[str, float]] = []
    usage = Usage(told.append, tmp_path, 0.2)
    busy = subprocess.Popen([sys.executable, "-c", "b = bytearray(200 << 20)\nwhile True: pass"])
    try:
        with usage:
            end = time.monotonic() + 20
            while not any(each["CPUUtilization"] > 10 for each in told):
                assert time.monotonic() < end
                time.sleep(0.05)
    finally:
        busy.kill()
        busy.wait()
    assert all(0 < each["MemoryUtilization"] <= 100 and 0 < each["DiskUtilization"] <= 100 for each in told)


def test_it_ends_with_its_block(tmp_path: Path) -> None:
    told: list[Mapping[str, float]] = []
    with Usage(told.append, tmp_path, 60):
        pass
    assert told == []
