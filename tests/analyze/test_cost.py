import numpy as np

from tarragon.analyze.cost import batch_speed, latencies, measure_cost


class Clock:
    """Time that passes only while the model answers: 5 ms a call and 1 ms a row."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Slow:
    def __init__(self, clock):
        self.clock = clock

    def respond(self, frame, fold=None):
        self.clock.now += 0.005 + 0.001 * frame.height
        return np.zeros(frame.height)


def test_latency_is_the_time_of_one_row(binary):
    clock = Clock()
    spent = latencies(Slow(clock), binary.table.frame, clock=clock, until=10.0)
    assert len(spent) == 100
    assert np.allclose(spent, 6.0)


def test_a_slow_model_is_asked_less_often(binary):
    clock = Clock()
    assert len(latencies(Slow(clock), binary.table.frame, clock=clock, until=0.0)) == 3


def test_batches_grow_while_there_is_time(binary):
    clock = Clock()
    speed = batch_speed(Slow(clock), binary.table.frame, 10.0, clock=clock, until=100.0)
    assert np.isclose(speed, 600 / (0.005 + 0.6))
    clock = Clock()
    assert batch_speed(Slow(clock), binary.table.frame, 10.0, clock=clock, until=1.0) == 10.0
    assert clock.now == 0.0


def test_bytes_and_training_seconds_are_those_of_the_members(binary):
    frame = binary.table.frame.drop("target")
    ticks = iter(np.arange(0, 100, 0.001))
    cost = measure_cost(binary, frame, clock=lambda: float(next(ticks)), until=1.0, rows_per_s=100.0)
    assert cost.size_bytes == sum(cost.size_parts.values()) == 2_100
    assert cost.train_s == 1.0
    assert cost.latency_ms <= cost.latency_p95_ms
