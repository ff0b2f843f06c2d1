"""Every kind of block has a template and a Markdown form."""

from pathlib import Path
from typing import get_args

from tarragon.develop import report as room
from tarragon.develop.report import markdown, story


def test_each_block_can_be_laid_out_everywhere():
    templates = {p.name for p in (Path(room.__file__).parent / "templates").glob("*.html.j2")}
    for block in get_args(story.Block):
        assert f"{block.part}.html.j2" in templates
        assert block in markdown._LAYOUT
