"""What a job prints: kept in its log as it comes, searched for metrics, its last lines remembered for a failure."""

import math
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from tarragon.engine import Logs
from tarragon.train.protocol import Pattern

KEPT_LINES = 200  # of each host
Metric = Callable[[str, float], None]


class Transcript:
    """The lines of one run of a job, a stream for each of its hosts.

    Parameters
    ----------
    logs : Logs
    where : (str, str, str)
        Region, log group, and the job's name, which begins each stream's.
    hosts : int
    patterns : iterable of Pattern
        What to look for in every line.
    metric : callable
        Is told each value found.
    """

    def __init__(
        self, logs: Logs, where: tuple[str, str, str], hosts: int, patterns: Iterable[Pattern] = (),
        metric: Metric = lambda name, value: None,
    ) -> None:  # fmt: skip
        self._logs, (self._region, self._group, self._job) = logs, where
        self._patterns = [(each.name, re.compile(each.regex)) for each in patterns]
        self._metric, self._began = metric, int(time.time())
        self._tails: list[deque[str]] = [deque(maxlen=KEPT_LINES) for _ in range(hosts)]

    def hear(self, rank: int, at: float, lines: Sequence[str]) -> None:
        """Take lines of a host in."""
        self._tails[rank].extend(lines)
        stream = f"{self._job}/algo-{rank + 1}-{self._began}"
        self._logs.write(self._region, self._group, stream, [(int(at * 1000), line) for line in lines])
        for name, regex in self._patterns:
            for line in lines:
                for match in regex.finditer(line):
                    self._found(name, match)

    def say(self, text: str, rank: int = 0) -> None:
        """Take in what Tarragon itself has to tell."""
        self.hear(rank, time.time(), text.splitlines() or [""])

    def forget(self) -> None:
        """Let the lines so far be none of a failure's."""
        for each in self._tails:
            each.clear()

    def tail(self, rank: int) -> list[str]:
        """Return the last lines of a host."""
        return list(self._tails[rank])

    def _found(self, name: str, match: re.Match[str]) -> None:
        try:
            value = float(match[1])
        except (IndexError, TypeError, ValueError):  # the regex has no group, or it holds no number
            return
        if math.isfinite(value):
            self._metric(name, value)
