"""The Markdown page."""

import re

import pytest

from tarragon.develop.report import markdown, render_html, render_markdown, summary, to_json


@pytest.mark.parametrize("name", ["binary", "multiclass", "regression", "hostile", "minimal"])
def test_tables_have_as_many_cells_as_heads(name, request):
    text = render_markdown(request.getfixturevalue(name))
    width = 0
    for line in text.splitlines():
        bars = len(re.findall(r"(?<!\\)\|", line))
        if line.startswith("| "):
            width = width or bars
            assert bars == width
        else:
            width = 0


def test_hostile_text_is_shown_not_obeyed(hostile):
    text = render_markdown(hostile)
    assert not re.search(r"(?<!\\)<(script|img|b|/style)", re.sub(r"`[^`\n]*`", "", text))
    assert "\u202e" not in text
    assert "\x00" not in text
    assert max(len(line) for line in text.splitlines()) < 3000


@pytest.mark.parametrize("text", ["a`b", "``", "plain", "`", "a ``` b"])
def test_code_survives_backticks(text):
    fenced = markdown.code(text)
    run = re.match(r"`+", fenced).group()
    assert fenced.endswith(run)
    assert run not in [r for r in re.findall(r"`+", fenced[len(run) : -len(run)])]


@pytest.mark.parametrize("name", ["binary", "multiclass", "regression", "minimal"])
def test_the_three_renderings_say_the_same(name, request):
    """Every sentence of the JSON is in the page and in the Markdown."""
    import html

    report = request.getfixturevalue(name)
    page = html.unescape(re.sub(r"<[^>]+>", "", render_html(report)))
    notes = render_markdown(report).replace("\\", "")
    captions = [c for chapter in to_json(report)["captions"].values() for c in chapter]
    assert len(captions) > 5
    for caption in captions:
        assert caption in page
        assert caption.replace("\\", "") in notes
    s = summary(report)
    for line in (s.decision, s.meaning, *(r for _, r in s.reasons)):
        assert line in page
        assert line in notes
