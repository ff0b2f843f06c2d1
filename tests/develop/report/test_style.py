"""Colours: what must be read can be read, in both themes."""

import re
from pathlib import Path

import pytest

from tarragon.develop import report

CSS = (Path(report.__file__).parent / "style.css").read_text(encoding="utf-8")


def _variables(selector):
    block = CSS.split(selector + " {", 1)[1].split("}", 1)[0]
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
    assert found
    return found


THEMES = {"light": _variables(":root"), "dark": _variables(':root[data-theme="dark"]')}


def _luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    """WCAG 2.1 contrast ratio."""
    low, high = sorted((_luminance(a), _luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_black_on_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ink", ["ink", "soft", "accent", "good", "note", "bad"])
@pytest.mark.parametrize("ground", ["paper", "card", "sunk"])
def test_text_can_be_read(theme, ink, ground):
    assert contrast(THEMES[theme][ink], THEMES[theme][ground]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("tone", ["good", "note", "bad"])
def test_badges_and_the_stamp_can_be_read(theme, tone):
    colours = THEMES[theme]
    assert contrast(colours[tone], colours[f"{tone}-tint"]) >= 4.5
    assert contrast(colours[tone], colours["card"]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("level", range(11))
def test_counts_can_be_read_on_every_shade(theme, level):
    assert contrast(THEMES[theme][f"h{level}"], THEMES[theme][f"on{level}"]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("mark", ["c0", "c1", "c2", "c3", "c4", "c5", "bar", "s0", "s4", "sx"])
def test_marks_stand_out_from_the_card(theme, mark):
    """WCAG 1.4.11: graphics need 3."""
    assert contrast(THEMES[theme][mark], THEMES[theme]["card"]) >= 2.99


def test_the_system_theme_and_the_button_give_the_same_dark():
    by_system = _variables(':root:not([data-theme="light"])')
    assert by_system == THEMES["dark"]


def test_every_variable_that_is_used_is_defined():
    used = set(re.findall(r"var\(--([\w-]+)", CSS))
    defined = set(re.findall(r"--([\w-]+):", CSS)) | {"natural"}
    assert used <= defined
