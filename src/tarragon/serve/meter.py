"""Counts what an endpoint's variants do: summed up in memory, written to the metric points every second or so."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tarragon.engine import Point

NAMESPACE = "AWS/SageMaker"
MICROSECONDS = 1e6
TALLIES = (
    "Invocations", "InvocationsPerInstance", "Invocation4XXErrors", "Invocation5XXErrors", "InvocationModelErrors",
)  # fmt: skip
TIMES = ("ModelLatency", "OverheadLatency")


@dataclass(slots=True)
class Sum:
    """Values summed up: how many, their total, the least and the most."""

    count: int = 0
    total: float = 0.0
    least: float = 0.0
    most: float = 0.0

    def add(self, value: float) -> None:
        """Take one in."""
        if not self.count or value < self.least:
            self.least = value
        if not self.count or value > self.most:
            self.most = value
        self.count += 1
        self.total += value


@dataclass(slots=True)
class Meter:
    """What one variant did since it was last read.

    Parameters
    ----------
    realm, endpoint, variant : str
    """

    realm: str
    endpoint: str
    variant: str
    sums: dict[str, Sum] = field(default_factory=dict)

    def add(self, status: int, model_s: float, overhead_s: float, instances: int) -> None:
        """Count a request: its answer's status as the client sees it, and where its time went."""
        if not self.sums:
            self.sums = {name: Sum() for name in (*TALLIES, *TIMES)}
        sums = self.sums
        sums["Invocations"].add(1.0)
        sums["InvocationsPerInstance"].add(1.0 / max(1, instances))
        sums["Invocation4XXErrors"].add(1.0 if 400 <= status < 500 else 0.0)
        sums["Invocation5XXErrors"].add(1.0 if status >= 500 or not status else 0.0)
        sums["InvocationModelErrors"].add(0.0 if status == 200 else 1.0)
        sums["ModelLatency"].add(model_s * MICROSECONDS)
        sums["OverheadLatency"].add(overhead_s * MICROSECONDS)

    def points(self, time: float) -> Iterator[Point]:
        """Take the sums out, as metric points."""
        sums, self.sums = self.sums, {}
        where = {"EndpointName": self.endpoint, "VariantName": self.variant}
        for name, each in sums.items():
            unit = "Microseconds" if name in TIMES else "None"
            yield Point(
                self.realm, NAMESPACE, name, where, time, each.count, each.total, each.least, each.most, unit
            )  # fmt: skip
