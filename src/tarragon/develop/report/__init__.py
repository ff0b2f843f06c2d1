"""One value, three renderings.

``report.html`` to read and print, ``report.json`` for programs, ``report.md`` for notes. How a report is made of
chapters, blocks and pictures is told in the README beside this file.
"""

from tarragon.develop.report.files import ReportFiles, write
from tarragon.develop.report.html import render_html
from tarragon.develop.report.markdown import render_markdown
from tarragon.develop.report.plain import read_json, to_json
from tarragon.develop.report.summary import Summary, summary

__all__ = ["ReportFiles", "Summary", "read_json", "render_html", "render_markdown", "summary", "to_json", "write"]
