"""The report as Markdown: the same story, its pictures told by their captions and numbers."""

from collections.abc import Callable, Sequence

from tarragon.develop.protocol import Report
from tarragon.develop.report import format as say
from tarragon.develop.report.outline import tell
from tarragon.develop.report.story import (
    Banner,
    Block,
    Callout,
    Cell,
    Commands,
    Facts,
    Figure,
    Fold,
    Gallery,
    Heading,
    Points,
    Rows,
    Steps,
    Story,
    Table,
    Text,
)

_SPECIAL = frozenset("\\`*_{}[]<>#|~&!$")


def render_markdown(report: Report) -> str:
    """Return the page in CommonMark with pipe tables; text from the table is escaped."""
    return lay_out(tell(report))


def lay_out(story: Story) -> str:
    """Return the page of a story."""
    parts = _banner(story.banner)
    for chapter in story.chapters:
        parts.append(f"## {escape(chapter.title)}")
        for block in chapter.blocks:
            parts += _block(block)
    parts += ["---", escape(story.colophon)]
    return "\n\n".join(p for p in parts if p) + "\n"


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, on one line.

    Examples
    --------
    >>> escape("a|b <i>") == "a" + chr(92) + "|b " + chr(92) + "<i" + chr(92) + ">"
    True
    """
    return "".join(f"\\{c}" if c in _SPECIAL else c for c in say.plain(text))


def code(text: str) -> str:
    """Return text as inline code, whatever backticks it holds.

    Examples
    --------
    >>> code("ls"), code("a`b")
    ('`ls`', '`` a`b ``')
    """
    clean = say.plain(text)
    if "`" not in clean:
        return f"`{clean}`"
    longest = max(len(run) for run in "".join(c if c == "`" else " " for c in clean).split())
    fence = "`" * (longest + 1)
    return f"{fence} {clean} {fence}"


def _banner(b: Banner) -> list[str]:
    score = f"**{escape(b.metric)} {b.score}**" + (f" (95{say.THIN}% interval {b.interval})" if b.interval else "")
    return [
        f"# {b.decision}: {escape(b.title)}",
        escape(b.subtitle),
        f"**{escape(b.meaning)}.**",
        "\n".join(f"{i}. {_word(r)}: {escape(r.title)}" for i, r in enumerate(b.reasons, 1)),
        f"{score}. {escape(b.sentence)}",
        *_rows(b.picture),
    ]


def _block(block: Block) -> list[str]:
    return _LAYOUT[type(block)](block)


def _text(b: Text) -> list[str]:
    return [escape(b.text)]


def _heading(b: Heading) -> list[str]:
    return [f"### {escape(b.title)}"]


def _callout(b: Callout) -> list[str]:
    return [f"**{escape(b.badge)}.** {escape(b.title)}", "\n".join(f"- {_line(*line)}" for line in b.lines)]


def _steps(b: Steps) -> list[str]:
    items = []
    for i, s in enumerate(b.items, 1):
        inside = "".join(f"\n   - {_line(*line)}" for line in s.lines)
        items.append(f"{i}. **{escape(s.title)}** ({escape(s.badge)}){inside}")
    return ["\n".join(items)]


def _facts(b: Facts) -> list[str]:
    return [
        "\n".join(
            f"- {escape(f.label)}: **{escape(f.value)}**" + (f", {escape(f.note)}" if f.note else "") for f in b.items
        )
    ]


def _points(b: Points) -> list[str]:
    return ["\n".join(f"- {escape(p)}" for p in b.items)]


def _commands(b: Commands) -> list[str]:
    return ["\n".join(f"- {code(command)}: {escape(effect)}" for command, effect in b.items)]


def _fold(b: Fold) -> list[str]:
    return [p for inner in b.blocks for p in _block(inner)]


def _gallery(b: Gallery) -> list[str]:
    return [p for f in b.figures for p in _figure(f)]


def _figure(b: Figure) -> list[str]:
    return [f"### {escape(b.title)}", escape(b.caption)]


def _rows(b: Rows) -> list[str]:
    heads = [h for h in (b.heads[0], b.heads[1], b.heads[2])]
    kept = [0, 1, 2] if heads[2] else [0, 1]
    body = []
    for r in b.rows:
        label = escape(r.label) + (f" ({escape(r.note)})" if r.note else "")
        cells = [f"**{label}**" if r.strong else label, escape(r.value), escape(r.aside)]
        body.append([cells[i] for i in kept])
    grid = _grid([escape(heads[i]) for i in kept], body, ["left", "right", "left"])
    return [f"### {escape(b.title)}", grid, escape(b.caption)]


def _table(b: Table) -> list[str]:
    kept = [j for j, h in enumerate(b.heads) if any(row[j].text or row[j].marks for row in b.rows)]
    body = [[_cell(row[j]) for j in kept] for row in b.rows]
    grid = _grid([escape(b.heads[j].title) for j in kept], body, [b.heads[j].align for j in kept])
    return [f"### {escape(b.title)}", grid, escape(b.caption)]


def _cell(c: Cell) -> str:
    return escape(c.text) + "".join(f" *{escape(m)}*" for m in c.marks)


def _grid(heads: Sequence[str], body: Sequence[Sequence[str]], aligns: Sequence[str]) -> str:
    rules = ["---:" if a in {"right", "gap"} else "---" for a, _ in zip(aligns, heads, strict=False)]
    lines = [heads, rules, *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _line(label: str, text: str) -> str:
    return (f"{escape(label)}: " if label else "") + escape(text)


def _word(r: Callout) -> str:
    return {"good": "For", "bad": "Against"}.get(r.tone, "Note")


_LAYOUT: dict[type, Callable[..., list[str]]] = {
    Text: _text,
    Heading: _heading,
    Callout: _callout,
    Steps: _steps,
    Facts: _facts,
    Points: _points,
    Commands: _commands,
    Fold: _fold,
    Gallery: _gallery,
    Figure: _figure,
    Rows: _rows,
    Table: _table,
}
