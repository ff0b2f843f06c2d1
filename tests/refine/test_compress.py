"""Limits are kept by the best rung that obeys, measured on real models; where none does, the closest one is named."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tarragon.refine import Blend, Compressed, Member, TableModel, compress, latency_ms
from tarragon.refine.compress import ladder


@dataclass(frozen=True)
class Limits:
    latency_ms: float | None = None
    size_bytes: int | None = None


@pytest.fixture
def mixed(ground: Any) -> Blend:
    members = tuple((t, 0.5) for t in ground.choice.trials)
    oof = np.mean([t.oof for t in ground.choice.trials], axis=0)
    return Blend(members, oof, ground.choice.metric.score(ground.table.y, oof), 0.1, 0.01, "")


def taken(ground: Any, mixed: Blend, limits: Limits) -> Compressed:
    def make(members: tuple[Member, ...]) -> TableModel:
        return TableModel(ground.encoder, members, "binary", ground.table.classes, "back", encoder_bytes=100)

    return compress(mixed, ground.choice, limits, make, ground.table.frame.head(5), ground.folder)


def test_without_limits_nothing_is_given_up(ground: Any, mixed: Blend) -> None:
    found = taken(ground, mixed, Limits())
    assert (found.weights, found.given_up, found.obeyed, found.obeys) == (
        tuple((t.name, 0.5) for t in ground.choice.trials), "", (), True,
    )  # fmt: skip
    assert found.score == mixed.score


def test_the_ladder_goes_down_from_everything_to_one_fold_of_one_trial(ground: Any, mixed: Blend) -> None:
    rungs = list(ladder(mixed, ground.choice, ground.folder))
    best, second = (t.name for t in ground.choice.trials)
    assert [tuple((m.trial, len(m.models)) for m in rung.members) for rung in rungs] == [
        ((best, 3), (second, 3)),
        ((best, 3),), ((second, 3),), ((best, 2),), ((second, 2),), ((best, 1),), ((second, 1),),
    ]  # fmt: skip
    assert rungs[1].score >= rungs[2].score
    for rung in rungs[1:]:
        assert rung.score == ground.choice.metric.score(ground.table.y, rung.oof)


def test_the_first_rung_within_the_size_is_taken(ground: Any, mixed: Blend) -> None:
    rungs = list(ladder(mixed, ground.choice, ground.folder))
    sizes = [sum(m.size_bytes for m in rung.members) + 100 for rung in rungs]
    for limit in sorted(set(sizes)):
        first = next(i for i, size in enumerate(sizes) if size <= limit)
        found = taken(ground, mixed, Limits(size_bytes=limit))
        assert found.obeys
        assert found.given_up == rungs[first].title
        assert found.model.size_bytes == sizes[first] <= limit
        assert found.obeyed == (f"size {sizes[first] / 1e6:.2f} MB of {limit / 1e6:.2f} MB allowed",)


def test_where_none_obeys_the_closest_is_told(ground: Any, mixed: Blend) -> None:
    rungs = list(ladder(mixed, ground.choice, ground.folder))
    smallest = min(sum(m.size_bytes for m in rung.members) + 100 for rung in rungs)
    found = taken(ground, mixed, Limits(size_bytes=smallest - 1))
    assert not found.obeys
    assert found.model.size_bytes == smallest


def test_latency_is_measured_on_whole_rows(ground: Any, mixed: Blend) -> None:
    generous = taken(ground, mixed, Limits(latency_ms=60_000.0))
    assert generous.obeys
    assert generous.given_up == ""
    assert generous.obeyed[0].endswith("of 60000.00 ms allowed")
    assert latency_ms(generous.model, ground.table.frame, calls=3) > 0
    impossible = taken(ground, mixed, Limits(latency_ms=1e-9))
    assert not impossible.obeys
