"""``tarragon registry``: list, show, approve and reject registered models, and verify what is on disk."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from tarragon.faces.cli import words
from tarragon.faces.cli.options import Home, Json, Quiet
from tarragon.faces.cli.outcome import BROKEN, OK, show_json

if TYPE_CHECKING:
    from pathlib import Path

    from tarragon.registry import Package, Registry

app = typer.Typer(
    help="Registered models: versions, approval, lineage, audit.", rich_markup_mode=None, no_args_is_help=True
)
Name = Annotated[str, typer.Argument(help="churn/2, churn (the latest) or churn@approved.", show_default=False)]
Reason = Annotated[str, typer.Option(help="Why; kept in the audit log.", show_default=False)]
Actor = Annotated[str, typer.Option(help="Who decides; by default the user who is logged in.", show_default=False)]


@contextmanager
def _registry(home: "Path | None") -> "Iterator[Registry]":
    from tarragon.engine import Workspace
    from tarragon.registry import Registry

    with Workspace.open(home) as workspace:
        yield Registry(workspace)


def plain(package: "Package") -> dict[str, object]:
    """Say a package in plain JSON types."""
    from tarragon.engine import to_plain

    told = to_plain(package, floats="null")
    assert isinstance(told, dict)
    if not package.metric:
        told |= {"score": None, "low": None, "high": None}
    return {"name": package.name, **told}


def _score(package: "Package") -> str:
    if not package.metric:
        return "no score"
    return words.score(package.metric, package.score, package.low, package.high)


@app.command("list")
def list_packages(
    group: Annotated[str | None, typer.Argument(help="Only this model.", show_default=False)] = None,
    home: Home = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """List registered models, newest version first."""
    with _registry(home) as registry:
        packages = registry.list(group)
    if as_json:
        show_json({"packages": [plain(p) for p in packages]})
    elif quiet:
        print("\n".join(p.name for p in packages))
    elif not packages:
        print("Nothing is registered yet. `tarragon develop TABLE --target COLUMN` registers what it makes.")
    else:
        rows = [(p.name, p.approval.value, _score(p), words.size(p.size_bytes), p.created) for p in packages]
        print("\n".join(words.columns(rows)))
    return OK


@app.command()
def show(name: Name, home: Home = None, as_json: Json = False, quiet: Quiet = False) -> int:
    """Show one version: score, state, lineage, history and files."""
    with _registry(home) as registry:
        package = registry.show(name)
        history = registry.history(package.name)
        manifest = registry.manifest(package.name)
    files = (*manifest.files, *manifest.objects)
    if as_json:
        show_json(
            {
                **plain(package),
                **({"specification": dict(manifest.specification)} if package.reference else {}),
                "history": [
                    {
                        "when": e.act.when,
                        "who": e.act.who,
                        "action": e.act.action,
                        "reason": e.act.reason,
                        "sha256": e.sha256,
                    }
                    for e in history
                ],
                "files": [{"path": f.path, "size_bytes": f.size_bytes, "sha256": f.sha256} for f in files],
            }
        )
        return OK
    if quiet:
        print(package.uri)
        return OK
    print(f"{package.name}  {package.approval.value}" + (f": {package.reason}" if package.reason else ""))
    if package.reference:
        print("  refers to a model in the object store, served as its specification says (--json shows it)")
    else:
        print(f"  predicts {package.target} ({package.task}); {_score(package)}")
    print(f"  {words.size(package.size_bytes)} at {package.uri or 'no place'}, made {package.created}")
    print("Lineage")
    for key, value in package.lineage.items():
        print(f"  {key:<20} {value}")
    print("History")
    for entry in history:
        act = entry.act
        print(f"  {act.when}  {act.action:<9} by {act.who}" + (f": {act.reason}" if act.reason else ""))
    print("Files")
    for file in files:
        print(f"  {file.sha256[:12]}  {words.size(file.size_bytes):>8}  {file.path}")
    return OK


def _decided(package: "Package", *, as_json: bool, quiet: bool) -> int:
    if as_json:
        show_json(plain(package))
    else:
        print(package.name if quiet else f"{package.name} is now {package.approval.value}")
    return OK


@app.command()
def approve(
    name: Name, reason: Reason, actor: Actor = "", home: Home = None, as_json: Json = False, quiet: Quiet = False
) -> int:
    """Let a version go to work."""
    with _registry(home) as registry:
        return _decided(registry.approve(name, reason, actor), as_json=as_json, quiet=quiet)


@app.command()
def reject(
    name: Name, reason: Reason, actor: Actor = "", home: Home = None, as_json: Json = False, quiet: Quiet = False
) -> int:
    """Keep a version from work, or take it back."""
    with _registry(home) as registry:
        return _decided(registry.reject(name, reason, actor), as_json=as_json, quiet=quiet)


@app.command()
def verify(home: Home = None, as_json: Json = False, quiet: Quiet = False) -> int:
    """Check every registered file against its hash, and the audit log against its chain."""
    with _registry(home) as registry:
        faults = registry.verify()
        n_packages = len(registry.list())
    if as_json:
        show_json({"faults": list(faults), "packages": n_packages, "exit_code": BROKEN if faults else OK})
    elif faults:
        for fault in faults:
            print(f"error: {fault}", file=sys.stderr)
    elif not quiet:
        print(f"All files of {n_packages} version{'' if n_packages == 1 else 's'} and the audit log are as recorded.")
    return BROKEN if faults else OK
