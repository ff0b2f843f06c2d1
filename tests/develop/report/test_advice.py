"""Next best actions."""

from dataclasses import replace

from tarragon.analyze.protocol import Action
from tarragon.develop.report import advice


def test_a_gain_is_shown_only_where_it_was_measured(binary):
    actions = (Action("a", "b", "c", 0.011), Action("d", "e", "f", None), Action("g", "h", "i", 0.0))
    steps = advice.chapter(replace(binary, analysis=replace(binary.analysis, actions=actions))).blocks[0].items
    assert [s.badge for s in steps] == ["+0.011 ROC AUC", "gain not probed", "no gain measured"]
    assert [s.tone for s in steps] == ["good", "plain", "plain"]
