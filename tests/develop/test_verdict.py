"""SHIP, REVIEW and STOP follow from what was found."""

from dataclasses import replace
from typing import Any

import pytest

from tarragon.choose.protocol import Finding
from tarragon.develop.verdict import judge


def leak(severity: str, fault: str = "leak", action: str = "none") -> Finding:
    return Finding(
        fault, severity, ("x",), "x gives the target away", "alone it scores 1.0", "leave it out", {}, action
    )  # type: ignore[arg-type]


@pytest.fixture
def clean(kept: Any) -> tuple[Any, Any]:
    told = kept.dev.report.value
    feasibility = replace(told.feasibility, verdict="GO", findings=())
    quiet = replace(
        told.analysis, bias=(), slices=(), baselines=tuple(b for b in told.analysis.baselines if b.name != "previous")
    )
    return feasibility, quiet


def decide(clean: tuple[Any, Any], **how: Any) -> str:
    return judge(*clean, **{"obeys": True, "obeyed": (), **how}).decision


def test_nothing_against_it_ships(clean: tuple[Any, Any]) -> None:
    verdict = judge(*clean, obeys=True, obeyed=())
    assert verdict.decision == "SHIP"
    assert len(verdict.reasons) >= 2


@pytest.mark.parametrize("severity", ["warning", "critical"])
def test_a_leak_is_looked_at(clean: tuple[Any, Any], severity: str) -> None:
    feasibility, analysis = clean
    assert decide((replace(feasibility, findings=(leak(severity),)), analysis)) == "REVIEW"


def test_an_id_column_that_was_dropped_needs_no_look(clean: tuple[Any, Any]) -> None:
    feasibility, analysis = clean
    settled = leak("warning", "id_column", "dropped")
    assert decide((replace(feasibility, findings=(settled,)), analysis)) == "SHIP"


def test_no_signal_stops(clean: tuple[Any, Any]) -> None:
    feasibility, analysis = clean
    assert decide((replace(feasibility, verdict="STOP", reasons=("noise",)), analysis)) == "STOP"


def test_a_broken_limit_stops(clean: tuple[Any, Any]) -> None:
    assert decide(clean, obeys=False, obeyed=("latency 3 ms of 1 ms",)) == "STOP"


def test_no_better_than_a_constant_stops(clean: tuple[Any, Any]) -> None:
    feasibility, analysis = clean
    dummy = replace(next(b for b in analysis.baselines if b.name == "dummy"), gain_low=-0.01)
    assert decide((feasibility, replace(analysis, baselines=(dummy,)))) == "STOP"
