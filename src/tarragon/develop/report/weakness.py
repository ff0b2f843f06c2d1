"""Where the model fails: groups of rows it serves worse, and people it may treat unlike others."""

from collections.abc import Sequence

from tarragon.analyze.protocol import BiasFacet, Slice
from tarragon.develop.protocol import Report
from tarragon.develop.report import format as say
from tarragon.develop.report import strip
from tarragon.develop.report.chart import Scale, spanning
from tarragon.develop.report.story import Block, Cell, Chapter, Fold, Head, Heading, Table, Text

N_SHOWN = 12
N_LISTED = 80
N_FACETS = 20


def chapter(report: Report) -> Chapter | None:
    """Return slices and bias; None where neither was looked at."""
    analysis = report.analysis
    blocks: list[Block] = []
    if analysis.slices:
        blocks += _slices(report, analysis.slices)
    for facet in analysis.bias[:N_FACETS]:
        blocks += _facet(facet)
    if len(analysis.bias) > N_FACETS:
        blocks.append(Text(f"{say.count(len(analysis.bias) - N_FACETS)} more groups are in report.json."))
    return Chapter("weakness", "Where it fails", tuple(blocks)) if blocks else None


def _slices(report: Report, slices: Sequence[Slice]) -> list[Block]:
    ordered = sorted(slices, key=lambda s: (not s.worse, s.gap))
    worse = [s for s in ordered if s.worse]
    if worse:
        names = say.listing([_rows_of(s) for s in worse], 3)
        lead = (
            f"{say.count(len(worse))} of {say.plural(len(slices), 'group')} looked at do worse beyond noise: {names}."
        )
    else:
        lead = f"None of {say.plural(len(slices), 'group')} looked at does worse beyond noise."
    scale = spanning([v for s in ordered[:N_SHOWN] for v in (s.gap_low, s.gap_high)], zero=True)
    blocks: list[Block] = [Text(lead, lead=True), _slice_table(report, ordered[:N_SHOWN], scale, "Groups, worst first")]
    rest = ordered[N_SHOWN:N_LISTED]
    if rest:
        blocks.append(
            Fold(f"{say.plural(len(rest), 'more group')}", (_slice_table(report, rest, scale, "Groups, continued"),))
        )
    return blocks


def _slice_table(report: Report, slices: Sequence[Slice], scale: Scale, title: str) -> Table:
    metric = report.analysis.score.title
    heads = (
        Head("rows where"),
        Head("rows", "right"),
        Head(metric, "right"),
        Head("against all other rows", "gap"),
        Head("", "wide"),
    )
    rows = tuple(
        (
            Cell(
                _rows_of(s),
                tone="bad" if s.worse else "plain",
                marks=("worse",) if s.worse else (),
            ),
            Cell(say.count(s.n), order=float(s.n)),
            Cell(say.score(s.score, s.gap_low, s.gap_high), order=s.score),
            Cell(say.difference(s.gap, s.gap_low, s.gap_high), order=s.gap),
            Cell(
                "",
                picture=strip.whisker(
                    scale, s.gap, s.gap_low, s.gap_high, look="bad" if s.worse else "muted", reference=0.0
                ),
            ),
        )
        for s in slices
    )
    return Table(
        title,
        heads,
        rows,
        "Left of the line is worse than the other rows. "
        "Marked only where it holds after correcting for the number of groups.",
    )


def _rows_of(s: Slice) -> str:
    """Write which rows a slice holds; ranges bring their own sign."""
    joint = " " if s.value[:1] in {"<", ">", "≤", "≥"} else " = "
    return f"{say.short(s.column)}{joint}{say.short(s.value)}"


def _facet(facet: BiasFacet) -> list[Block]:
    title = f"{say.short(facet.column)} = {say.short(facet.value)} against everyone else"
    flagged = [m for m in facet.metrics if m.flagged]
    heads = (
        Head("metric"),
        Head("value", "right"),
        Head(f"95{say.THIN}% interval", "right"),
        Head(""),
        Head("what it asks"),
    )
    rows = tuple(
        (
            Cell(m.name),
            Cell(say.score(m.value, m.low, m.high) if m.value is not None else say.NONE, order=m.value),
            Cell(say.interval(m.low, m.high) or say.NONE),
            Cell("", tone="bad" if m.flagged else "plain", marks=("flagged",) if m.flagged else ()),
            Cell(say.sentence(m.error or m.description)),
        )
        for m in facet.metrics
    )
    caption = (
        f"{say.plural(len(flagged), 'metric')} flagged: {say.listing([m.name for m in flagged])}."
        if flagged
        else f"No metric is flagged for these {say.plural(facet.n, 'row')}."
    )
    table = Table(f"Bias metrics, {title}", heads, rows, caption)
    shown: Block = table if flagged else Fold(f"All {say.plural(len(rows), 'bias metric')}", (table,))
    return [Heading(title), Text(say.sentence(facet.sentence)), shown]
