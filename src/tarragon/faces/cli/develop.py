"""``tarragon develop``, ``resume`` and ``replay``: start the loop, go on with it, or do it again and compare."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tarragon.faces.cli import options
from tarragon.faces.cli.live import display
from tarragon.faces.cli.options import Home, Json, Quiet
from tarragon.faces.cli.outcome import BROKEN, OK, VERDICTS, interruptible, show_json
from tarragon.faces.cli.page import outline, page

if TYPE_CHECKING:
    from tarragon.develop import Development

COLOURS = {"SHIP": "green", "REVIEW": "yellow", "STOP": "red"}


def develop(
    table: Annotated[Path, typer.Argument(help="CSV (also .gz), Parquet, JSON Lines or Arrow.", show_default=False)],
    target: Annotated[str, typer.Option(help="The column to predict.", show_default=False)],
    time: Annotated[str, typer.Option(help="Time you give: 60s, 2m, 1h; report included.")] = "60s",
    metric: Annotated[str, typer.Option(help="What to be good at; by default the task decides.")] = "",
    name: Annotated[str, typer.Option(help="The model's name; by default made from the file's.")] = "",
    out: Annotated[Path | None, typer.Option(help="Also put report and model into this folder.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same threads, same bytes.")] = 0,
    sensitive: Annotated[list[str] | None, typer.Option(help="Columns to check for bias (repeat or a,b).")] = None,
    drop: Annotated[list[str] | None, typer.Option(help="Columns to leave out (repeat or a,b).")] = None,
    weight: Annotated[str, typer.Option(help="Column of row weights.")] = "",
    group: Annotated[str, typer.Option(help="Column whose equal values stay in one fold.")] = "",
    time_column: Annotated[str, typer.Option(help="Column of time: learn from the past, judge on the future.")] = "",
    task: Annotated[str, typer.Option(help="binary, multiclass or regression; by default found out.")] = "",
    positive: Annotated[str, typer.Option(help="The positive class of a binary task.")] = "",
    holdout: Annotated[str, typer.Option(help="Share of rows (0.2 or 20%) set aside, opened once at the end.")] = "0",
    max_latency: Annotated[str, typer.Option(help="Hard limit for one row: 5ms.")] = "",
    max_size: Annotated[str, typer.Option(help="Hard limit for the model's files: 20MB.")] = "",
    glass_box: Annotated[bool, typer.Option("--glass-box", help="Only a model that can be read as a whole.")] = False,
    keep_leaks: Annotated[bool, typer.Option("--keep-leaks", help="Keep columns that give the target away.")] = False,
    algorithms: Annotated[list[str] | None, typer.Option(help="Only these (repeat or a,b).")] = None,
    home: Home = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Turn a table into a verdict, a model and a report."""
    limit_s = options.seconds(time)
    latency = options.milliseconds(max_latency) if max_latency else None
    size = options.size(max_size) if max_size else None
    from tarragon.develop import api

    with display(quiet=quiet) as show, interruptible(show.note) as stop:
        done = api.develop(
            table,
            target,
            time_limit=limit_s,
            metric=metric,
            seed=seed,
            name=name,
            out=out,
            holdout=options.share(holdout),
            drop=options.names(drop),
            sensitive=options.names(sensitive),
            weight=weight,
            group=group,
            time=time_column,
            task=task,
            positive=positive,
            max_latency=latency,
            max_size=size,
            glass_box=glass_box,
            keep_leaks=keep_leaks,
            algorithms=options.names(algorithms),
            home=home,
            progress=show,
            stop=stop,
        )
    return tell(done, as_json=as_json, quiet=quiet)


def resume(
    run: Annotated[str, typer.Argument(help="The run's name, as `tarragon runs` shows it.", show_default=False)],
    home: Home = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Go on with a run that was killed or interrupted."""
    from tarragon.develop import api

    with display(quiet=quiet) as show, interruptible(show.note) as stop:
        done = api.resume(run, home=home, progress=show, stop=stop)
    return tell(done, as_json=as_json, quiet=quiet)


def replay(
    run: Annotated[str, typer.Argument(help="The run's name, as `tarragon runs` shows it.", show_default=False)],
    home: Home = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Do a run again and compare it byte by byte."""
    from tarragon.develop import replay as work

    with display(quiet=quiet) as show:
        result = work.replay(run, home=home, progress=show)
    code = OK if result.equal else BROKEN
    if as_json:
        show_json(
            {
                "run": run,
                "equal": result.equal,
                "differences": list(result.differences),
                "predictions_sha256": result.predictions_sha256,
                "exit_code": code,
            }
        )
        return code
    if result.equal:
        print(f"EQUAL  {run} gives the same predictions, byte by byte  (sha256 {result.predictions_sha256[:12]}…)")
    else:
        print(f"DIFFERENT  {run} does not give the same predictions")
    for difference in result.differences:
        print(f"  · {difference}")
    return code


def tell(done: "Development", *, as_json: bool, quiet: bool) -> int:
    """Print how a run ended and return the exit code of its verdict."""
    report, path = done.report.value, done.report.path
    code = VERDICTS[report.verdict.decision]
    if as_json:
        show_json(outline(report, path, code))
    elif quiet:
        print(path)
    else:
        from tarragon.develop.report import summary

        first, _, rest = page(summary(report, path)).partition("\n")
        typer.secho(first, fg=COLOURS[report.verdict.decision], bold=True, color=sys.stdout.isatty())
        print(rest)
    return code
