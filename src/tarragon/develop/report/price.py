"""What being readable would cost, and what the model costs to make and to keep."""

from tarragon.develop.protocol import Report
from tarragon.develop.report import format as say
from tarragon.develop.report import strip, wording
from tarragon.develop.report.chart import Scale, spanning
from tarragon.develop.report.story import Block, Chapter, Fact, Facts, Row, Rows, Text

N_PARTS = 12


def interpretability(report: Report) -> Chapter | None:
    """Return the winner beside the best glass box; None where no glass box was fitted."""
    glass = report.analysis.interpretability
    if glass is None:
        return None
    ours = report.analysis.score
    scale = spanning([ours.value, ours.low, ours.high, glass.score.value, glass.score.low, glass.score.high])
    lead = Text(say.sentence(glass.sentence), lead=True)
    if report.model.glass_box:
        return Chapter("glass-box", "The price of interpretability", (lead,))
    places = say.decimals(ours.value or 0.0, None if ours.low is None or ours.high is None else ours.high - ours.low)
    rows = (
        Row(
            "This model",
            say.with_interval(ours.value, ours.low, ours.high, places),
            strip.whisker(scale, ours.value, ours.low, ours.high, look="strong"),
            note=say.short(report.model.title, 60),
            strong=True,
        ),
        Row(
            "Best glass box",
            say.with_interval(glass.score.value, glass.score.low, glass.score.high, places),
            strip.whisker(scale, glass.score.value, glass.score.low, glass.score.high, look="muted"),
            note=say.short(glass.trial),
        ),
    )
    price = wording.compared(glass.price, glass.price_low, glass.price_high)
    caption = f"On the same rows, this model is {price} than a model that can be read as a whole."
    if glass.price_low <= 0 <= glass.price_high:
        span = say.interval(glass.price_low, glass.price_high)
        caption = f"On the same rows there is no clear difference ({span}): the readable model may do."
    axis_title = f"{ours.title}, {wording.better_side(ours.greater_is_better)}"
    picture = Rows("Black box beside glass box", rows, caption, ("", ours.title, ""), strip.axis(scale), axis_title)
    return Chapter("glass-box", "The price of interpretability", (lead, picture))


def cost(report: Report) -> Chapter:
    """Return latency, throughput, size by cause and training time."""
    c = report.analysis.cost
    tiles = Facts(
        (
            Fact("One row", say.milliseconds(c.latency_ms), "median, table row in, answer out"),
            Fact("One row, 95th percentile", say.milliseconds(c.latency_p95_ms), "95 in 100 are faster"),
            Fact("In batch", f"{say.count(c.rows_per_s)}{say.THIN}rows/s", "whole tables at once"),
            Fact("Fitting", say.seconds(c.train_s), "for the members of this model"),
        )
    )
    blocks: list[Block] = [tiles]
    parts = sorted(c.size_parts.items(), key=lambda kv: -kv[1])
    total = sum(c.size_parts.values())
    if parts and total > 0:
        shown = [(say.short(k), n) for k, n in parts[:N_PARTS]]
        if len(parts) > N_PARTS:
            shown.append((f"{len(parts) - N_PARTS} smaller parts", sum(n for _, n in parts[N_PARTS:])))
        scale = Scale(0.0, max(n for _, n in shown) * 1.04)
        rows = tuple(Row(k, f"{say.size(n)} ({say.percent(n / total)})", strip.bar(scale, n)) for k, n in shown)
        caption = f"{shown[0][0]} makes up {say.percent(parts[0][1] / total)} of {say.size(c.size_bytes)}."
        blocks.append(
            Rows(
                "What the size is made of",
                rows,
                caption,
                ("part", "size", ""),
                strip.axis(scale, [say.size(t) for t in scale.ticks()]),
            )
        )
    return Chapter("cost", "What it costs", tuple(blocks))
