"""How a regression errs: predicted against actual, where errors grow, how they spread."""

from tarragon.analyze.protocol import Pictures
from tarragon.develop.report import bars, points
from tarragon.develop.report import format as say
from tarragon.develop.report.chart import Axis, Plane, Scale, finite, spanning
from tarragon.develop.report.story import Figure


def actual(p: Pictures, target: str) -> Figure | None:
    """Draw predictions over true values, with the diagonal of no error; None without points."""
    shown = finite(p.predicted_actual)
    if not shown:
        return None
    errors = sorted(abs(a - b) for a, b in shown)
    half, most = errors[len(errors) // 2], errors[min(int(len(errors) * 0.9), len(errors) - 1)]
    caption = (
        f"Half of the rows are predicted within {say.number(half)} of the truth, nine in ten within {say.number(most)}."
    )
    scale = spanning([v for pair in shown for v in pair])
    name = say.short(target, 24)
    plane = Plane(
        "actual", "Predicted against actual", caption, Axis(f"actual {name}", scale), Axis(f"predicted {name}", scale)
    )
    return Figure("Predicted against actual", points.cloud(plane, shown, reference="diagonal"), caption)


def residuals(p: Pictures, target: str) -> Figure | None:
    """Draw errors over predictions; None without points."""
    shown = finite(p.residuals)
    if not shown:
        return None
    ordered = sorted(shown)
    third = max(len(ordered) // 3, 1)
    low = sum(abs(e) for _, e in ordered[:third]) / third
    high = sum(abs(e) for _, e in ordered[-third:]) / third
    lean = "Errors are about as large for small predictions as for large ones"
    if max(low, high) > 1.5 * max(min(low, high), 1e-300):
        lean = "Errors grow with the prediction" if high > low else "Errors shrink as predictions grow"
    caption = f"{lean}: {say.number(low)} on average in the lowest third, {say.number(high)} in the highest."
    plane = Plane(
        "residuals",
        "Residuals",
        caption,
        Axis(f"predicted {say.short(target, 24)}", spanning([x for x, _ in shown])),
        Axis("actual − predicted", spanning([e for _, e in shown])),
    )
    return Figure("Where errors grow", points.cloud(plane, shown, reference="zero"), caption)


def histogram(p: Pictures, target: str) -> Figure | None:
    """Draw how many rows err by how much; None without bins."""
    bins = [b for b in p.residual_histogram if b[1] > b[0]]
    total = sum(n for _, _, n in bins)
    if not bins or not total:
        return None
    over = sum(n * min(max((0.0 - a) / (b - a), 0.0), 1.0) for a, b, n in bins) / total
    side = "too high" if over > 0.5 else "too low"
    caption = f"About {say.percent(max(over, 1 - over))} of the predictions are {side}."
    if 0.45 <= over <= 0.55:
        caption = "Predictions are too high about as often as too low."
    plane = Plane(
        "errors",
        "Errors",
        caption,
        Axis(f"actual − predicted {say.short(target, 24)}", Scale(bins[0][0], bins[-1][1])),
        Axis("rows", Scale(0.0, max(n for _, _, n in bins) * 1.05), say.count),
    )
    return Figure("How errors spread", bars.histogram(plane, bins, reference=0.0), caption)
