"""The report as one self-contained HTML page: no network, readable without scripts, themed, printable."""

import base64
import hashlib
from functools import lru_cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from tarragon.develop.protocol import Report
from tarragon.develop.report.outline import tell

HERE = Path(__file__).parent


def render_html(report: Report) -> str:
    """Return the page.

    Everything that comes from the table is escaped by the templates; the content security policy allows no
    request of any kind and no script but the page's own, named by its hash.
    """
    style = (HERE / "style.css").read_text(encoding="utf-8")
    script = (HERE / "page.js").read_text(encoding="utf-8")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            story=tell(report),
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


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
