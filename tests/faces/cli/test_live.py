"""One panel on a terminal, plain lines elsewhere, nothing when quiet; what a run says is shown as it is."""

import io

import pytest

from tarragon.develop.run import Progress
from tarragon.faces.cli.live import Lines, Panel, Silent, display


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def step(
    stage: str = "trials", message: str = "lightgbm-1 done", best: float | None = 0.8, elapsed: float = 12.0
) -> Progress:
    interval = None if best is None else (best, best - 0.01, best + 0.01)
    return Progress(stage, message, "auc", interval, "blend", elapsed, 60.0, 3, 2.0)


def test_the_stream_decides_what_is_shown() -> None:
    assert isinstance(display(quiet=False, stream=Terminal()), Panel)
    assert isinstance(display(quiet=False, stream=io.StringIO()), Lines)
    assert type(display(quiet=True, stream=Terminal())) is Silent


def test_a_line_says_stage_best_time_and_next() -> None:
    out = io.StringIO()
    with display(quiet=False, stream=out) as show:
        show(step())
    assert out.getvalue() == ("[ 12.0 of 60 s] trials: lightgbm-1 done · best: auc 0.8 (0.79 to 0.81) · next: blend\n")


def test_a_line_appears_only_when_something_changed() -> None:
    out = io.StringIO()
    show = Lines(out)
    for progress in (
        step(best=None),
        step(best=None, elapsed=13),
        step(),
        step(message="same"),
        step("blend"),
        step(best=0.9),
    ):
        show(progress)
    lines = out.getvalue().splitlines()
    assert len(lines) == 4
    assert "no model yet" in lines[0]


def test_a_stage_that_just_began_is_named_once() -> None:
    out = io.StringIO()
    show = Lines(out)
    show(step("blend", "blend …"))
    show(step("", "table read"))
    assert [line.partition("] ")[2].partition(" · ")[0] for line in out.getvalue().splitlines()] == [
        "blend",
        "table read",
    ]


def test_work_without_a_score_does_not_speak_of_one() -> None:
    out = io.StringIO()
    Lines(out)(Progress("", "knn-1: 5 fits again", elapsed_s=1.0, budget_s=60.0))
    assert out.getvalue() == "[  1.0 of 60 s] knn-1: 5 fits again\n"


def test_quiet_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with display(quiet=True) as show:
        show(step())
        show.note("x")
    assert capsys.readouterr() == ("", "")


def test_the_panel_ticks_between_steps_and_takes_no_markup_from_outside() -> None:
    now = [100.0]
    out = Terminal()
    panel = Panel(out, lambda: now[0])
    panel(step(message="[bold]not markup[/bold]", elapsed=12.0))
    now[0] = 105.0
    panel.note("ending with the best so far")
    with panel:
        pass
    text = out.getvalue()
    for words in (
        "17 of 60 s",
        "[bold]not markup[/bold]",
        "auc 0.8 (0.79 to 0.81)",
        "3 tried",
        "blend",
        "ending with the best",
    ):
        assert words in text


def test_the_panel_stands_before_the_first_step() -> None:
    out = Terminal()
    with Panel(out, lambda: 0.0):
        pass
    assert "starting" in out.getvalue()
