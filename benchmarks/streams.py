"""Peak memory and time of a method that streams, at 1× and at 16× the rows, each in a process of its own."""

import multiprocessing
import resource
import time
from collections.abc import Callable
from typing import Any


def _child(work: Callable[[int], None], blocks: int, line: Any) -> None:
    work(1)  # what is loaded and compiled once
    began = time.perf_counter()
    work(blocks)
    line.send((time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def compared(work: Callable[[int], None], blocks: int) -> float:
    """Run ``work(blocks)`` and ``work(16 * blocks)``, print what they took, return the ratio of their peaks."""
    found = []
    for size in (blocks, 16 * blocks):
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        child = multiprocessing.get_context("spawn").Process(target=_child, args=(work, size, theirs))
        child.start()
        found.append(ours.recv())
        child.join()
        print(f"{size:6} blocks  {found[-1][0]:8.2f} s  peak {found[-1][1]:8.1f} MB", flush=True)
    (short, small), (long, large) = found
    print(f"memory × {large / small:.3f} (bar: at most 1.1), time × {long / short:.1f} for 16 × the rows")
    return large / small
