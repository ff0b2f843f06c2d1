"""What to do next, each with the gain a probe measured."""

from tarragon.analyze.protocol import Action
from tarragon.develop.protocol import Report
from tarragon.develop.report import format as say
from tarragon.develop.report.story import Callout, Chapter, Steps, Tone

N_ACTIONS = 8


def chapter(report: Report) -> Chapter | None:
    """Return the next best actions; None where there are none."""
    actions = report.analysis.actions[:N_ACTIONS]
    if not actions:
        return None
    title = report.analysis.score.title
    return Chapter("next", "What to do next", (Steps(tuple(_step(a, title) for a in actions)),))


def _step(a: Action, metric: str) -> Callout:
    if a.gain is None:
        badge, tone = "gain not probed", "plain"
    elif a.gain > 0:
        badge, tone = f"+{say.number(a.gain, 2)} {metric}", "good"
    else:
        badge, tone = "no gain measured", "plain"
    lines = (("", say.sentence(a.why)), ("How", say.sentence(a.how)))
    checked: Tone = "good" if tone == "good" else "plain"
    return Callout(checked, badge, say.sentence(a.title), tuple(x for x in lines if x[1]))
