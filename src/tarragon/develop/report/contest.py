"""The leaderboard, its front of score against cost, and what the winner is made of."""

from collections.abc import Callable, Sequence

from tarragon.develop.protocol import Report
from tarragon.develop.report import format as say
from tarragon.develop.report import points, strip, wording
from tarragon.develop.report.chart import Axis, Plane, Scale, spanning, swatch
from tarragon.develop.report.story import Block, Cell, Chapter, Figure, Fold, Gallery, Head, Key, Row, Rows, Table, Text
from tarragon.tune.protocol import Leaderboard, Standing

N_SHOWN = 15  # lines in sight; the next ones are one click away
N_LISTED = 150
N_LABELLED = 6  # so few trials are all named in the pictures


def chapter(report: Report) -> Chapter:
    """Return the chapter on trials; without standings there is only what was dropped."""
    board = report.board
    blocks: list[Block] = [Text(_finding(report), lead=True)]
    if board.standings:
        blocks.append(_table(board, board.standings[:N_SHOWN], "Leaderboard"))
        rest = board.standings[N_SHOWN:N_LISTED]
        if rest:
            blocks.append(
                Fold(f"{say.plural(len(rest), 'more line')}", (_table(board, rest, "Leaderboard, continued"),))
            )
        if len(board.standings) > 1:
            blocks.append(Gallery(tuple(f for f in (_front(report, "latency"), _front(report, "size")) if f)))
    if report.model.members:
        blocks.append(_members(report))
    folds = [f for f in (_settings(board), _dropped(board)) if f is not None]
    return Chapter("leaderboard", "Which models were tried", (*blocks, *folds))


def knee(
    items: Sequence[Standing], cost: Callable[[Standing], float], utility: Callable[[Standing], float]
) -> Standing | None:
    """Return the standing furthest above the chord of the front: past it, cost grows faster than score.

    Cost is taken on a logarithmic scale, both axes from 0 to 1 over the front (Branke et al. 2004). None
    with fewer than three points, or where no point lies above the chord.
    """
    from math import log

    front: list[Standing] = []
    for s in sorted((s for s in items if cost(s) > 0), key=lambda s: (cost(s), -utility(s))):
        if not front or utility(s) > utility(front[-1]):
            front.append(s)
    if len(front) < 3:
        return None
    c0, c1 = log(cost(front[0])), log(cost(front[-1]))
    u0, u1 = utility(front[0]), utility(front[-1])
    if c1 <= c0 or u1 <= u0:
        return None
    height = {s.trial: (utility(s) - u0) / (u1 - u0) - (log(cost(s)) - c0) / (c1 - c0) for s in front}
    best = max(front, key=lambda s: height[s.trial])
    return best if height[best.trial] > 1e-9 else None


def _finding(report: Report) -> str:
    board = report.board
    n = len(board.standings) + len(board.dropped)
    if not board.standings:
        return "No trial was judged on every fold."
    leader = board.standings[0]
    tied = [s for s in board.standings[1:] if s.tied]
    text = f"{say.short(leader.trial)} leads {say.plural(n, 'trial')}"
    if not tied:
        return text + (", ahead of the rest beyond noise." if n > 1 else ".")
    text += f"; {say.plural(len(tied), 'other')} cannot be told from it."
    if board.cheapest and board.cheapest != leader.trial:
        text += f" The cheapest among these equals is {say.short(board.cheapest)}."
    return text


def _table(board: Leaderboard, standings: Sequence[Standing], title: str) -> Table:
    leader = board.standings[0]
    scale = spanning([v for s in board.standings[:N_SHOWN] for v in (s.low, s.high, s.score)])
    places = say.decimals(leader.score, leader.high - leader.low)
    heads = (
        Head("#", "right"),
        Head("trial"),
        Head(f"{wording.title_of(board.metric)} (95{say.THIN}% interval)", "right"),
        Head("", "wide"),
        Head("against the leader", "gap"),
        Head("fit", "right"),
        Head("one row", "right"),
        Head("size", "right"),
    )
    equals = any(s.tied for s in board.standings[1:])
    rows = tuple(_line(s, scale, leader, places, cheapest=equals and s.trial == board.cheapest) for s in standings)
    return Table(title, heads, rows, "Scores are out of fold. Tied: the paired difference to the leader may be zero.")


def _line(s: Standing, scale: Scale, leader: Standing, places: int, *, cheapest: bool) -> tuple[Cell, ...]:
    marks = [
        word for word, on in (("tied", s.tied and s.rank > 1), ("cheapest", cheapest), ("glass box", s.glass_box)) if on
    ]
    look = "strong" if s.rank == 1 else "" if s.tied else "muted"
    return (
        Cell(str(s.rank), order=float(s.rank)),
        Cell(say.short(s.trial), marks=tuple(marks)),
        Cell(say.with_interval(s.score, s.low, s.high, places), order=s.score),
        Cell("", picture=strip.whisker(scale, s.score, s.low, s.high, look=look, reference=leader.score)),
        Cell("leads" if s.rank == 1 else say.difference(s.gap, s.gap_low, s.gap_high), order=s.gap),
        Cell(say.seconds(s.fit_s), order=s.fit_s),
        Cell(say.milliseconds(s.predict_ms), order=s.predict_ms),
        Cell(say.size(s.size_bytes), order=float(s.size_bytes)),
    )


def _front(report: Report, kind: str) -> Figure | None:
    board = report.board
    cost: Callable[[Standing], float] = (
        (lambda s: s.predict_ms) if kind == "latency" else (lambda s: float(s.size_bytes))
    )
    write: Callable[[float], str] = say.milliseconds if kind == "latency" else say.size
    shown = [s for s in board.standings[:60] if cost(s) > 0]
    if len(shown) < 2:
        return None
    sign = 1.0 if report.analysis.score.greater_is_better else -1.0
    best = knee(shown, cost, lambda s: sign * s.score)
    title = wording.title_of(board.metric)
    # A few trials that failed badly would press all others into one corner; they stay listed in the table.
    cut = _cut([s.score for s in shown], sign)
    drawn = [s for s in shown if sign * s.score >= cut]
    items = [
        points.Mark(
            cost(s),
            s.score,
            s.low,
            s.high,
            "knee" if s is best else "front" if s.on_front else "off",
            say.short(s.trial, 24)
            if len(drawn) <= N_LABELLED or s.rank == 1 or s.trial == board.cheapest or s is best
            else "",
            f"{say.short(s.trial)}: {say.with_interval(s.score, s.low, s.high)}, {write(cost(s))}",
        )
        for s in drawn
    ]
    word = "the time for one row" if kind == "latency" else "size"
    caption = _front_caption(best, board, cost, write, word)
    if len(drawn) < len(shown):
        caption += f" {say.plural(len(shown) - len(drawn), 'much weaker trial')} not drawn."
    plane = Plane(
        f"front-{kind}",
        f"{title} against {word}",
        caption,
        Axis("one row takes" if kind == "latency" else "size", spanning([cost(s) for s in drawn], log=True), write, 4),
        Axis(
            f"{title} ({wording.better_side(sign > 0).replace('→', '↑').replace('←', '↓')})",
            spanning([v for s in drawn for v in (s.low, s.high)]),
        ),
    )
    keys = (
        Key("on the front: none is better in score, time and size at once", swatch("dot", 0)),
        Key("beaten", swatch("ring", 0, "off")),
    )
    return Figure(f"{title} against {word}", points.marks(plane, items), caption, keys)


def _cut(scores: Sequence[float], sign: float) -> float:
    """Return the utility below which a trial is far outside (Tukey's outer fence of the better three quarters)."""
    ordered = sorted(sign * s for s in scores)
    middle, upper = ordered[len(ordered) // 2], ordered[(3 * len(ordered)) // 4]
    spread = max(upper - middle, (ordered[-1] - middle) / 2)
    return middle - 6 * spread if spread > 0 else ordered[0]


def _front_caption(
    best: Standing | None,
    board: Leaderboard,
    cost: Callable[[Standing], float],
    write: Callable[[float], str],
    word: str,
) -> str:
    leader = board.standings[0]
    if best is not None and best.trial != leader.trial:
        return (
            f"The knee is {say.short(best.trial)} ({write(cost(best))}): "
            f"beyond it, {word} grows faster than the score. The leader needs {write(cost(leader))}."
        )
    if best is not None:
        return f"The leader, {say.short(leader.trial)}, is also the knee: nothing gives up less score for {word}."
    cheap = min((s for s in board.standings if cost(s) > 0), key=cost)
    if cheap.trial == leader.trial:
        return f"The leader is also the cheapest in {word}: there is nothing to trade."
    return f"From {write(cost(cheap))} ({say.short(cheap.trial)}) to {write(cost(leader))} for the leader."


def _members(report: Report) -> Rows:
    model = report.model
    scale = Scale(0.0, max(w for _, w in model.members) * 1.04)
    rows = tuple(
        Row(say.short(name), say.percent(weight, 0 if weight >= 0.01 else 1), strip.bar(scale, weight))
        for name, weight in sorted(model.members, key=lambda m: -m[1])
    )
    extra = [say.sentence(model.why)]
    if model.threshold is not None and report.classes:
        extra.append(
            f"It answers {wording.quoted(report.classes[-1])} from a probability of {say.number(model.threshold)}."
        )
    if model.calibrated:
        extra.append("Its probabilities were calibrated.")
    return Rows(
        f"What the model is made of: {say.short(model.title, 60)}",
        rows,
        " ".join(extra),
        ("member", "weight", ""),
        strip.axis(scale, [say.percent(t, 1 if scale.high < 0.02 else 0) for t in scale.ticks()]),
    )


def _settings(board: Leaderboard) -> Fold | None:
    rows = tuple(
        (Cell(say.short(s.trial)), Cell(say.short(s.algorithm)), Cell(say.settings(sorted(s.params.items()))))
        for s in board.standings[:N_LISTED]
    )
    if not rows:
        return None
    heads = (Head("trial"), Head("algorithm"), Head("settings that differ from the defaults"))
    return Fold("Settings of the trials", (Table("Settings of the trials", heads, rows),))


def _dropped(board: Leaderboard) -> Fold | None:
    if not board.dropped:
        return None
    rows = tuple(
        (Cell(say.short(name)), Cell(say.count(folds), order=float(folds)), Cell(say.number(mean, 4), order=mean))
        for name, folds, mean in board.dropped[:N_LISTED]
    )
    heads = (
        Head("trial"),
        Head("folds it got", "right"),
        Head(f"mean {wording.title_of(board.metric)} on these", "right"),
    )
    title = f"{say.plural(len(board.dropped), 'trial')} dropped on the way"
    caption = "A trial that falls behind beyond noise on the folds so far is dropped, and its time goes to the others."
    return Fold(title, (Table(title, heads, rows, caption),))
