"""Which chapters there are, and in which order."""

from dataclasses import replace

from tarragon.develop.report.outline import tell

ORDER = [
    "glance",
    "table",
    "leaderboard",
    "quality",
    "fit",
    "why",
    "weakness",
    "glass-box",
    "cost",
    "next",
    "honest",
    "reproduce",
    "notes",
]


def _keys(report):
    return [c.key for c in tell(report).chapters]


def test_the_story_is_told_in_order(binary):
    assert _keys(binary) == ORDER


def test_chapters_without_content_vanish(minimal):
    keys = _keys(minimal)
    assert keys == [k for k in ORDER if k in keys]
    assert not {"weakness", "glass-box", "next", "why"} & set(keys)


def test_what_is_missing_is_named(minimal):
    notes = next(c for c in tell(minimal).chapters if c.key == "notes")
    said = " ".join(notes.blocks[0].items).lower()
    assert "shap" in said
    assert "learning curve" in said


def test_a_regression_has_no_curve_of_classes(regression):
    quality = next(c for c in tell(regression).chapters if c.key == "quality")
    titles = [f.title for b in quality.blocks if hasattr(b, "figures") for f in b.figures]
    assert titles == ["Predicted against actual", "Where errors grow", "How errors spread"]


def test_an_early_end_comes_first_among_the_notes(binary):
    notes = tell(replace(binary, stopped_early="interrupted")).chapters[-1]
    assert notes.blocks[0].items[0] == "The run ended before its budget: interrupted."


def test_no_two_pictures_share_an_id(multiclass):
    import re

    from tarragon.develop.report.html import render_html

    ids = re.findall(r'\bid="([^"]+)"', render_html(multiclass))
    assert len(ids) == len(set(ids))
