"""The order in which the story is told. Chapters without content vanish."""

from tarragon.develop.protocol import Report
from tarragon.develop.report import (
    advice,
    contest,
    fitting,
    groundwork,
    headline,
    honesty,
    price,
    quality,
    reasons,
    rerun,
    weakness,
    wording,
)
from tarragon.develop.report.story import Story


def tell(report: Report) -> Story:
    """Turn the value into the story that every page lays out."""
    chapters = (
        headline.glance(report),
        groundwork.chapter(report),
        contest.chapter(report),
        quality.chapter(report),
        fitting.chapter(report),
        reasons.chapter(report),
        weakness.chapter(report),
        price.interpretability(report),
        price.cost(report),
        advice.chapter(report),
        honesty.chapter(report),
        rerun.reproduce(report),
        rerun.notes(report),
    )
    return Story(
        title=f"{report.verdict.decision}: {wording.headline(report)}",
        banner=headline.banner(report),
        chapters=tuple(c for c in chapters if c is not None and c.blocks),
        colophon=(
            f"Written by Tarragon {report.tarragon} on {report.created[:16].replace('T', ' ')} UTC. "
            "This file holds everything it shows and asks nothing of the network."
        ),
    )
