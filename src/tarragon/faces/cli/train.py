"""``tarragon train`` and ``tarragon algorithms``: one algorithm at a time, and what there is to choose from."""

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tarragon.faces.cli.options import Json, Quiet, names
from tarragon.faces.cli.outcome import OK, interruptible, show_json

if TYPE_CHECKING:
    from rich.console import Console

    from tarragon.algorithms import Card, Hyperparameter

WIDE = 120  # columns from which a card's five columns can be read


def train(
    algorithm: Annotated[str, typer.Argument(help="A name that `tarragon algorithms` lists.", show_default=False)],
    data: Annotated[Path, typer.Argument(help="A table, or the files of the first channel.", show_default=False)],
    target: Annotated[str, typer.Option("--target", "-t", help="The column to predict.", show_default=False)] = "",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A new folder for the model.", show_default=False)
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", help="A hyperparameter: --set k=10; may be repeated.", show_default=False),
    ] = None,
    validation: Annotated[
        Path | None, typer.Option("--validation", help="Rows for early stopping.", show_default=False)
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option("--channel", help="A further channel: --channel test=rows.csv.", show_default=False),
    ] = None,
    content_type: Annotated[
        str, typer.Option("--content-type", help="Read the data as a training job would.", show_default=False)
    ] = "",
    drop: Annotated[list[str] | None, typer.Option("--drop", help="Columns to leave out.", show_default=False)] = None,
    weight: Annotated[str, typer.Option("--weight", help="The column of row weights.", show_default=False)] = "",
    task: Annotated[str, typer.Option("--task", help="binary, multiclass or regression.", show_default=False)] = "",
    seed: Annotated[int, typer.Option("--seed", help="Same seed and threads, same model.")] = 0,
    threads: Annotated[
        int | None, typer.Option("--threads", help="Cores to use; all by default.", show_default=False)
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Fit one algorithm and keep the model in a folder."""
    from tarragon.train import train as fit

    began = time.monotonic()
    folder = out or Path(f"{algorithm}-model")
    silent = quiet or as_json
    with interruptible(_tell) as asked:
        made = fit(
            algorithm,
            data,
            target=target,
            validation=validation,
            channels=pairs(channel, "--channel test=rows.csv"),
            content_type=content_type,
            drop=names(drop),
            weight=weight,
            task=task,
            seed=seed,
            threads=threads,
            out=folder,
            on_line=None if silent else _tell,
            stop=asked.is_set,
            params=pairs(set_, "--set k=10"),
        )
    seconds = time.monotonic() - began
    if as_json:
        show_json(
            {
                "algorithm": algorithm, "out": str(folder), "target": made.target, "metrics": dict(made.metrics),
                "columns": list(made.columns), "stopped": asked.is_set(), "seconds": seconds, "exit_code": OK,
            }
        )  # fmt: skip
    elif quiet:
        print(folder)
    else:
        measured = "".join(f"  {name} {value:.6g}\n" for name, value in made.metrics.items())
        ended = "ended early, as asked, " if asked.is_set() else ""
        print(f"{measured}{made.model.card.title} {ended}in {seconds:.1f} s → {folder}")
    return OK


def algorithms(
    name: Annotated[str, typer.Argument(help="One of them, whole.", show_default=False)] = "",
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """List the algorithms, or say all about one: when to use it, when not, its hyperparameters."""
    from tarragon.algorithms import cards, declared, installed
    from tarragon.errors import NotFoundError, near_miss

    known = cards()
    if not name:
        if as_json:
            show_json({"algorithms": [_facts(card) for card in known.values()], "exit_code": OK})
        elif quiet:
            print("\n".join(known))
        else:
            _table(known, installed)
        return OK
    if name not in known:
        raise NotFoundError(f'There is no algorithm "{name}"', why="No package offers it", fix=near_miss(name, known))
    from tarragon.algorithms import kind_of

    lines = declared(kind_of(name))
    if as_json:
        show_json({**_facts(known[name]), "hyperparameters": [_line(h) for h in lines], "exit_code": OK})
    else:
        _whole(known[name], lines)
    return OK


def pairs(given: list[str] | None, example: str) -> dict[str, str]:
    """Read ``name=value`` options; an example says how one is written.

    Examples
    --------
    >>> pairs(["k=10", "init_method=kmeans++"], "--set k=10")
    {'k': '10', 'init_method': 'kmeans++'}
    """
    from tarragon.errors import ParameterError

    found = {}
    for text in given or ():
        name, mark, value = text.partition("=")
        if not mark or not name.strip():
            raise ParameterError(
                f"{example.split()[0]} {text!r} cannot be read",
                why="It is no name=value",
                fix=f"Write it like {example}",
            )
        if name.strip() in found:
            raise ParameterError(
                f"{example.split()[0]} names {name.strip()} twice",
                why="Only one value can hold",
                fix="Keep one of them",
            )
        found[name.strip()] = value.strip()
    return found


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# --- what is shown ---------------------------------------------------------------------------------------------------


def _facts(card: "Card") -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(card), "tasks": sorted(card.tasks)}


def _line(h: "Hyperparameter") -> dict[str, Any]:
    return {
        "name": h.name, "wire": h.wire, "type": h.type.__name__, "allowed": str(h.rule), "required": h.required,
        "default": None if h.required else h.default, "tune": h.rule.tune, "about": h.rule.about,
    }  # fmt: skip


def _table(known: "Mapping[str, Card]", installed: Callable[[str], bool]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("algorithm", "for", "when to use it"):
        table.add_column(title, no_wrap=title == "algorithm", overflow="fold")
    for name, card in known.items():
        note = "" if installed(name) else f' (pip install "tarragon[{card.extra}]")'
        table.add_row(name, ", ".join(sorted(card.tasks)), card.use + note)
    Console().print(table)
    print("\n`tarragon algorithms NAME` says all about one of them")


def _whole(card: "Card", lines: "tuple[Hyperparameter, ...]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    for title, text in (
        (card.name, card.title), ("for", ", ".join(sorted(card.tasks))), ("use", card.use), ("avoid", card.avoid),
        ("interpretability", card.interpretability), ("growth", card.growth), ("source", card.source),
        ("channels", ", ".join(card.channels)), ("content types", ", ".join(card.content_types)),
        ("metrics", ", ".join(card.metrics)), ("answers", ", ".join(card.answer)),
        ("SageMaker's images", ", ".join(card.images)),
    ):  # fmt: skip
        if text:
            facts.add_row(title, Text(text))
    console.print(facts)
    print()
    if console.width < WIDE:
        _narrow(console, lines)
        return
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    for title in ("hyperparameter", "type", "allowed", "default", "what it does"):
        table.add_column(title, no_wrap=title == "hyperparameter", overflow="fold")
    for h in lines:
        table.add_row(*(Text(word) for word in (h.wire, h.type.__name__, str(h.rule), _default(h), h.rule.about)))
    console.print(table)


def _narrow(console: "Console", lines: "tuple[Hyperparameter, ...]") -> None:
    """Show hyperparameters one below the other, where five columns would be too narrow to be read."""
    from rich.padding import Padding
    from rich.text import Text

    for h in lines:
        console.print(Text.assemble((h.wire, "bold"), f"  {h.type.__name__}, {_default(h)}"))
        for words in (h.rule.about, str(h.rule)):
            console.print(Padding(Text(words, overflow="fold"), (0, 0, 0, 4)))


def _default(h: "Hyperparameter") -> str:
    return "required" if h.required else "auto" if h.default is None else str(h.default) or "none"
