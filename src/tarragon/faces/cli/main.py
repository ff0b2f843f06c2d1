"""Assembles the commands and turns whatever happens into an exit code.

Start-up is what this file is careful about: no room is imported here, and Typer is kept from loading rich.
"""

import os
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Annotated

import typer

from tarragon import __version__
from tarragon.errors import TarragonError
from tarragon.faces.cli import registry
from tarragon.faces.cli.develop import develop, replay, resume
from tarragon.faces.cli.doctor import doctor
from tarragon.faces.cli.outcome import BROKEN, OK, USAGE, show_error, show_json, storage_error
from tarragon.faces.cli.predict import predict
from tarragon.faces.cli.runs import report, runs
from tarragon.faces.cli.server import down, env, logs, status, up
from tarragon.faces.cli.server import run as run_client
from tarragon.faces.cli.train import algorithms, train

INTERRUPTED = 130  # what Typer makes of a Ctrl-C that nobody handled
GO_ON = {
    "develop": "`tarragon runs` names runs that can be resumed",
    "resume": "`tarragon runs` names runs that can be resumed",
    "train": "The same command goes on from the last checkpoint, where the algorithm keeps them",
}
# Typer ships its own copy of click in some versions and uses the installed one in others: ask it which.
UsageProblem: type[typer.BadParameter] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

app = typer.Typer(
    help="Model development on your own machine: choose, train and refine, analyse.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
)
for command in (develop, train, algorithms, predict, runs, report, replay, resume, doctor, up, down, status, logs, env):
    app.command()(command)
app.command("run", context_settings={"ignore_unknown_options": True})(run_client)
app.add_typer(registry.app, name="registry")


def _version(asked: bool) -> None:
    if asked:
        print(f"tarragon {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Model development on your own machine: choose, train and refine, analyse."""


def run(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code; prints errors, raises nothing but faults of our own."""
    as_json = "--json" in argv
    try:
        code = typer.main.get_command(app).main(list(argv), prog_name="tarragon", standalone_mode=False)
    except TarragonError as error:
        return show_error(error, as_json=as_json)
    except BrokenPipeError:  # the reader of our output has left: nothing is wrong
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, replaces the closed stream to the end
        return OK
    except OSError as error:
        return show_error(storage_error(error), as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except UsageProblem as problem:
        context = getattr(problem, "ctx", None)  # only some of the family have one
        usage = "" if context is None else f"{context.get_usage()}; "
        return _say(problem.format_message().rstrip("."), "", f"{usage}`--help` says more", as_json, USAGE)
    if code == INTERRUPTED:
        return _say("aborted", "Ctrl-C was pressed", GO_ON.get(argv[0], ""), as_json)
    return code if isinstance(code, int) else OK


def _say(what: str, why: str, fix: str, as_json: bool, code: int = BROKEN) -> int:
    """Print what is no error of ours in the same shape as one."""
    show_error(TarragonError(what, why=why, fix=fix), as_json=False) if not as_json else show_json(
        {"error": {"type": "UsageError", "what": what, "why": why, "fix": fix, "exit_code": code}}
    )
    return code


def _say_fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say a fault of our own as JSON too; the traceback follows on standard error."""
    what = f"A fault in Tarragon: {kind.__name__}: {error}"
    show_json({"error": {"type": kind.__name__, "what": what, "why": "", "fix": "Report it", "exit_code": BROKEN}})
    sys.__excepthook__(kind, error, trace)


def main() -> None:
    """Entry point of the ``tarragon`` command."""
    argv = sys.argv[1:]
    if "--json" in argv:
        sys.excepthook = _say_fault
    sys.exit(run(argv))
