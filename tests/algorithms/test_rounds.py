import math

import pytest

from tarragon.algorithms.protocol import Standalone
from tarragon.algorithms.rounds import Rounds


def run(rounds: Rounds, losses: list[float]) -> int:
    for i, loss in enumerate(losses, 1):
        if rounds.over(loss):
            return i
    return len(losses)


def test_ends_after_patience_and_keeps_the_first_best() -> None:
    rounds = Rounds(Standalone(), 10, patience=3)
    assert run(rounds, [5, 4, 3, 3, 3, 3, 0]) == 6
    assert (rounds.kept, rounds.done, rounds.best_loss) == (3, 6, 3)


def test_greater_can_be_better() -> None:
    rounds = Rounds(Standalone(), 10, patience=2, maximize=True)
    assert run(rounds, [0.5, 0.7, 0.6, 0.6, 0.9]) == 4
    assert rounds.kept == 2


def test_without_patience_every_round_stays() -> None:
    rounds = Rounds(Standalone(), 10)
    assert run(rounds, [1, 2, 3, 4]) == 4
    assert rounds.kept == 4


def test_without_validation_rows_patience_is_idle() -> None:
    rounds = Rounds(Standalone(), 10, patience=1)
    assert run(rounds, [math.nan] * 5) == 5
    assert rounds.kept == 5


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 5, 6])
def test_a_run_cut_short_is_a_run_given_fewer_rounds(cut: int) -> None:
    losses = [5, 3, 4, 2, 6, 1]
    whole, short = Rounds(Standalone(), 10, patience=4), Rounds(Standalone(), 10, patience=4)
    run(whole, losses[:cut])
    run(short, losses[: whole.done])
    assert (whole.kept, whole.history) == (short.kept, short.history)
    assert whole.kept == 1 + losses[:cut].index(min(losses[:cut]))


def test_a_second_stage_goes_on_counting_and_must_beat_the_first() -> None:
    context = Standalone()
    worse = Rounds(context, 7, patience=2, offset=10, start=1.0)
    assert run(worse, [1.5, 1.0, 0.1]) == 2
    assert worse.kept == 0
    assert worse.best_loss == 1.0
    better = Rounds(context, 7, patience=2, offset=12, start=1.0)
    run(better, [0.9, 1.1])
    assert better.kept == 1
    assert [e["epoch"] for e in context.epochs] == [11, 12, 13, 14]
    assert {e["records"] for e in context.epochs} == {7}


def test_reports_the_metric_by_name() -> None:
    context = Standalone()
    Rounds(context, 7, metric="auc").over(0.8)
    assert context.epochs[0]["validation:auc"] == 0.8
