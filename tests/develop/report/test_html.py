"""The HTML page without a browser: one file, escaped, small, nothing from outside."""

import itertools
import re
from html.parser import HTMLParser

import pytest

from tarragon.develop.report import render_html

NAMES = ["binary", "multiclass", "regression", "hostile", "minimal"]
VOID = {"meta", "link", "br", "img", "input", "hr"}


class _Tree(HTMLParser):
    """Collects tags, attributes and text, and checks that tags are closed in order."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.text, self.headings = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open[-1:] == [tag], f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data):
        if not self.open or self.open[-1] not in {"style", "script"}:
            self.text.append(data)


def _parse(page):
    tree = _Tree()
    tree.feed(page)
    tree.close()
    assert tree.open == []
    return tree


@pytest.fixture(params=NAMES)
def page(request):
    return render_html(request.getfixturevalue(request.param))


def test_it_is_well_formed_and_small(page):
    _parse(page)
    assert len(page.encode()) < 500_000


def test_nothing_comes_from_outside(page):
    for tag, attrs in _parse(page).tags:
        for name, value in attrs.items():
            if name in {"src", "href", "srcset", "action", "data", "poster", "xlink:href"}:
                assert value.startswith("#") or value == "data:,", (tag, name, value)
    assert "url(" not in page.split("</style>")[0]
    assert "@import" not in page


def test_no_script_but_our_own_and_no_handlers(page):
    tags = _parse(page).tags
    assert sum(t == "script" for t, _ in tags) == 1
    assert not [a for _, attrs in tags for a in attrs if a.startswith("on")]
    assert "{{" not in page.split("</style>")[1].replace("{{ 7*7 }}", "")


def test_the_policy_allows_only_the_pages_own_script(page):
    import base64
    import hashlib

    policy = next(a["content"] for t, a in _parse(page).tags if t == "meta" and a.get("http-equiv"))
    script = re.search(r"<script>(.*?)</script>", page, re.S).group(1)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "connect-src" not in policy
    assert "unsafe-eval" not in policy


def test_headings_go_down_one_at_a_time(page):
    levels = _parse(page).headings
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))


def test_every_picture_is_named_or_hidden(page):
    for tag, attrs in _parse(page).tags:
        if tag == "svg" and attrs.get("class") != "middle":
            assert attrs.get("aria-hidden") == "true" or attrs.get("aria-labelledby")


def test_hostile_text_is_shortened_and_only_text(hostile):
    page = render_html(hostile)
    tree = _parse(page)
    assert not [1 for t, _ in tree.tags if t == "img"]
    text = "".join(tree.text)
    assert "<script>alert(1)</script>" in text
    assert "x" * 100 not in page
    assert "\u202e" not in page
    assert "\x00" not in page
    assert "49" not in [w for w in text.split() if w == "{{49}}"]


def test_a_very_wide_table_stays_small(binary):
    from dataclasses import replace

    columns = tuple(replace(binary.profile.columns[0], name=f"c{i}") for i in range(10_000))
    importance = tuple(replace(binary.analysis.importance[0], column=f"c{i}") for i in range(10_000))
    wide = replace(
        binary,
        profile=replace(binary.profile, columns=columns),
        analysis=replace(binary.analysis, importance=importance),
    )
    page = render_html(wide)
    assert len(page) < 600_000
    assert "are in report.json" in page
