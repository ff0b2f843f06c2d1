"""What is seen while a run works: one live panel on a terminal, plain lines elsewhere, or nothing.

Everything goes to standard error; standard output holds results only.
"""

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from tarragon.faces.cli import words

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import RenderableType

    from tarragon.develop import Progress

Clock = Callable[[], float]
WIDTH = 84  # columns; wide enough for a sentence, narrow enough for a split window
REFRESH_PER_S = 4  # the elapsed bar should tick; more costs a core that the run could use


class Display(Protocol):
    """Called with every step of a run, on whatever thread it happens."""

    def __call__(self, progress: "Progress") -> None:
        """Show where the run is."""

    def note(self, text: str) -> None:
        """Show one sentence that is not a step."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None: ...


def best_words(progress: "Progress") -> str:
    """Say the best score so far with its interval; nothing where no score is looked for."""
    if progress.best is None:
        return "no model yet" if progress.metric else ""
    return words.score(progress.metric, *progress.best)


def stage_words(progress: "Progress") -> str:
    """Say the stage and what it is doing, once: a stage that has just begun only repeats its name."""
    news = progress.message if progress.message != f"{progress.stage} …" else ""
    return ": ".join(part for part in (progress.stage, news) if part)


class Silent:
    """Show nothing."""

    def __call__(self, progress: "Progress") -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        return None


class Lines(Silent):
    """One plain line per change of stage or of the best score, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown: tuple[str, str] | None = None

    def __call__(self, progress: "Progress") -> None:
        """Print a line if the stage or the best score is another than before."""
        now = (progress.stage, best_words(progress))
        if now == self._shown:
            return
        self._shown = now
        following = f"next: {progress.following}" if progress.following else ""
        clock = f"[{progress.elapsed_s:5.1f} of {progress.budget_s:g} s]"
        parts = [stage_words(progress), f"best: {now[1]}" if now[1] else "", following]
        self.note(f"{clock} " + " · ".join(part for part in parts if part))

    def note(self, text: str) -> None:
        """Print one line."""
        print(text, file=self._stream, flush=True)


class Panel(Silent):
    """One live panel: stage, best score with interval, elapsed of budget, what is next."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        from rich.console import Console
        from rich.live import Live

        self._clock = clock
        self._last: Progress | None = None
        self._heard = clock()
        self._note = ""
        self._live = Live(
            console=Console(file=stream),
            get_renderable=self._draw,
            refresh_per_second=REFRESH_PER_S,
            transient=True,
        )

    def __call__(self, progress: "Progress") -> None:
        """Keep the step; the refresh draws it."""
        self._last, self._heard = progress, self._clock()

    def note(self, text: str) -> None:
        """Keep one sentence for the foot of the panel."""
        self._note = text

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        self._live.stop()

    def _draw(self) -> "RenderableType":
        from rich.panel import Panel as Box
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(ratio=1)
        p = self._last
        if p is None:
            grid.add_row("stage", "starting")
        else:
            elapsed = p.elapsed_s + (self._clock() - self._heard)
            grid.add_row("stage", Text(stage_words(p), style="bold"))
            grid.add_row("best", Text.assemble((best_words(p) or "–", "green"), (f"  {p.trials_done} tried", "dim")))
            bar = Table.grid(padding=(0, 1))
            bar.add_row(
                ProgressBar(total=max(p.budget_s, 1e-9), completed=min(elapsed, p.budget_s), width=32),
                f"{elapsed:.0f} of {p.budget_s:g} s",
            )
            grid.add_row("time", bar)
            grid.add_row("next", Text(p.following or "–"))
        if self._note:
            grid.add_row("", Text(self._note, style="yellow"))
        return Box(grid, title="tarragon", title_align="left", border_style="dim", width=WIDTH)


def display(*, quiet: bool, stream: TextIO | None = None, clock: Clock = time.monotonic) -> Display:
    """Choose how a run is shown on ``stream`` (standard error)."""
    stream = sys.stderr if stream is None else stream
    if quiet:
        return Silent()
    return Panel(stream, clock) if stream.isatty() else Lines(stream)
