"""A fit's context stops by the clock, or by the recorded number of epochs."""

from tarragon.algorithms.protocol import Context
from tarragon.train import FitContext


def test_fits_the_protocol() -> None:
    assert isinstance(FitContext(seed=0), Context)


def test_the_deadline_stops_and_is_remembered() -> None:
    now = [0.0]
    context = FitContext(seed=0, deadline=5.0, clock=lambda: now[0])
    assert not context.stop_asked()
    now[0] = 6.0
    assert context.stop_asked()
    assert context.stopped


def test_a_replay_stops_after_as_many_epochs_whatever_the_clock_says() -> None:
    context = FitContext(seed=0, max_epochs=2)
    context.epoch(1, steps=1, records=10, metrics={"valid": 0.5})
    assert not context.stop_asked()
    context.epoch(2, steps=1, records=10, metrics={"valid": 0.4})
    assert context.stop_asked()
    assert not context.stopped, "only the clock counts as being stopped"
    assert context.history == [(1, 0.5), (2, 0.4)]
