"""What the model costs: measured time of one row and of many, bytes by cause, seconds of training."""

from collections.abc import Callable

import numpy as np
import polars as pl

from tarragon.analyze.protocol import Cost
from tarragon.analyze.subject import Predictor, Subject

CALLS = 100  # single-row calls: the 95th percentile then rests on five of them
FIRST = 512  # rows of the first batch: fewer would measure the call, not the rows
WARM = 1  # the first call fills caches and is not counted


def measure_cost(
    subject: Subject, frame: pl.DataFrame, *, clock: Callable[[], float], until: float, rows_per_s: float
) -> Cost:
    """Time the whole model, table row in, answer out, until the clock says ``until`` (at least three calls).

    ``rows_per_s`` is the speed in batch as far as it is known; larger batches are tried while there is time.
    """
    single = latencies(subject.predictor, frame, clock=clock, until=until - 0.4 * max(until - clock(), 0.0))
    parts = dict(subject.predictor.size_parts())
    members = {name for name, weight in subject.winner if weight > 0}
    return Cost(
        latency_ms=float(np.median(single)),
        latency_p95_ms=float(np.quantile(single, 0.95)),
        rows_per_s=batch_speed(subject.predictor, frame, rows_per_s, clock=clock, until=until),
        size_bytes=int(sum(parts.values())),
        size_parts=parts,
        train_s=float(sum(t.fit_s for t in subject.trials if t.name in members)),
    )


def latencies(predictor: Predictor, frame: pl.DataFrame, *, clock: Callable[[], float], until: float) -> list[float]:
    """Milliseconds of single-row calls, rows in turn."""
    spent: list[float] = []
    for call in range(CALLS + WARM):
        row = frame.slice(call % frame.height, 1)
        start = clock()
        predictor.respond(row)
        now = clock()
        if call >= WARM:
            spent.append(1e3 * (now - start))
        if now > until and len(spent) >= 3:
            break
    return spent


def batch_speed(
    predictor: Predictor, frame: pl.DataFrame, speed: float, *, clock: Callable[[], float], until: float
) -> float:
    """Rows per second in batch, at least ``speed``: the batch grows fourfold while it fits the time left."""
    size, last = min(FIRST, frame.height), 0
    while size > last and clock() + size / speed < until:
        start = clock()
        predictor.respond(frame.head(size))
        speed = max(speed, size / max(clock() - start, 1e-9))
        size, last = min(4 * size, frame.height, 20_000), size
    return speed
