"""The page of plain words after a run, and the same for a program. Layout only: the words are the report's own."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tarragon.analyze.protocol import Score
    from tarragon.develop.protocol import Report
    from tarragon.develop.report import Summary

WIDTH = 100
LABEL = 12  # columns of the left margin
SIGNS = {"for": "+", "note": "·", "against": "−"}


def _block(label: str, *paragraphs: str) -> Iterator[str]:
    """Paragraphs beside one label; nothing where there is nothing to say."""
    for i, text in enumerate(part for part in paragraphs if part):
        yield from textwrap.wrap(
            text,
            WIDTH,
            initial_indent=f"{label if i == 0 else '':<{LABEL}}",
            subsequent_indent=" " * LABEL,
            break_long_words=False,
            break_on_hyphens=False,
        )


def page(told: "Summary") -> str:
    """Lay a run's summary out for a terminal or a pipe."""
    width = max((len(command) for command, _ in told.next), default=0)
    lines = [
        told.headline,
        told.meaning,
        "",
        *_block("Because", *(f"{SIGNS[weight]} {text}" for weight, text in told.reasons)),
        "",
        *_block("Score", told.score),
        *_block("Beside it", *told.baselines),
        *_block("Model", told.model),
        *_block("Cost", told.cost),
        *_block("Time", told.took),
        *([f"{'Report':<{LABEL}}{told.report}"] if told.report else []),  # never wrapped: it will be copied
        *_block("Registered", told.package),
        "",
    ]
    lines += [
        f"{'Next' if i == 0 else '':<{LABEL}}{command:<{width}}  {why}".rstrip()
        for i, (command, why) in enumerate(told.next)
    ]
    return "\n".join(lines)


def outline(report: "Report", report_path: Path | None, exit_code: int) -> dict[str, object]:
    """Say the same for a program: plain JSON types, stable names. The whole story is in ``report.json``."""
    analysis, package = report.analysis, report.package

    def of(score: "Score | None") -> dict[str, object] | None:
        if score is None:
            return None
        return {"metric": score.metric, "value": score.value, "low": score.low, "high": score.high, "rows": score.n}

    return {
        "run": report.run,
        "verdict": report.verdict.decision,
        "exit_code": exit_code,
        "reasons": [{"text": r.text, "weight": r.weight} for r in report.verdict.reasons],
        "task": report.task,
        "target": report.target,
        "score": of(analysis.score),
        "holdout": of(analysis.holdout),
        "baselines": [
            {"name": b.name, "value": b.score.value, "gain": b.gain, "gain_low": b.gain_low, "gain_high": b.gain_high}
            for b in analysis.baselines
        ],
        "model": {
            "title": report.model.title,
            "members": [{"trial": name, "weight": weight} for name, weight in report.model.members],
            "size_bytes": analysis.cost.size_bytes,
            "latency_ms": analysis.cost.latency_ms,
            "threshold": report.model.threshold,
        },
        "leaderboard": [
            {"rank": s.rank, "trial": s.trial, "score": s.score, "low": s.low, "high": s.high, "tied": s.tied}
            for s in report.board.standings
        ],
        "elapsed_s": report.elapsed_s,
        "stopped_early": report.stopped_early,
        "report": None if report_path is None else str(report_path),
        "package": None if package is None else package.name,
    }
