"""The report as one self-contained HTML page: no network, readable without scripts, themed, printable."""

import base64
import hashlib
import re
from functools import lru_cache
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from tarragon.develop.protocol import Report
from tarragon.develop.report.outline import tell
from tarragon.develop.report.story import Story

HERE = Path(__file__).parent
_INTERVAL = re.compile(r"\([0-9.,+\u2212\u2013\u202f%]{1,24}(?: to [0-9.,+\u2212\u202f%]{1,14})?\)")


def render_html(report: Report) -> str:
    """Return the page."""
    return lay_out(tell(report))


def lay_out(story: Story) -> str:
    """Return the page of a story.

    Everything that comes from the table is escaped by the templates; the content security policy allows no
    request of any kind and no script but the page's own, named by its hash.
    """
    style = (HERE / "style.css").read_text(encoding="utf-8")
    script = (HERE / "page.js").read_text(encoding="utf-8")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            story=story,
            style=Markup(style),
            script=Markup(script),
            policy=policy(script),
        )
    )


def policy(script: str) -> str:
    """Return the content security policy that allows this script and inline styles, and nothing else.

    Examples
    --------
    >>> policy("")[:42]
    "default-src 'none'; style-src 'unsafe-inli"
    """
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def whole(text: str) -> Markup:
    """Escape a text and keep its bracketed intervals on one line.

    Examples
    --------
    >>> whole("<b> 0.9 (0.8–1.0)")
    Markup('&lt;b&gt; 0.9 <span class="nb">(0.8–1.0)</span>')
    """
    return Markup(_INTERVAL.sub(r'<span class="nb">\g<0></span>', str(escape(text))))


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["whole"] = whole
    return environment
