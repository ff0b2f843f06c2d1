"""``tarragon doctor``: what this machine has, what it lacks, and what that would add."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from tarragon import __version__
from tarragon.errors import TarragonError
from tarragon.faces.cli import words
from tarragon.faces.cli.options import Home, Json, Quiet
from tarragon.faces.cli.outcome import BROKEN, OK, show_json, storage_error

LOW_DISK_BYTES = 2_000_000_000  # a run on a table of 100 MB keeps about 1 GB of fold models while it works
EXTRAS = (
    ("catboost", "catboost", "CatBoost as one more candidate: often first on tables with many categories"),
    ("deep", "torch", "a small neural network for tables as one more candidate, unlike the trees it is blended with"),
    ("arrow", "pyarrow", "pandas frames with Arrow columns, and Arrow tables, as input"),
    ("proxy", "cryptography", "`tarragon up --proxy`, for clients that hard-wire AWS's addresses"),
    ("postgres", "psycopg", "a PostgreSQL store, shared by several machines"),
    ("s3", "s3fs", "objects in S3 or MinIO instead of plain files"),
)
BASE = ("polars", "numpy", "scipy", "scikit-learn", "lightgbm", "xgboost-cpu", "optuna", "SQLAlchemy")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at.

    Parameters
    ----------
    name, found : str
    ok : bool
        Whether Tarragon can work with what was found.
    fix : str
        What to do where it cannot, or what more could be had.
    """

    name: str
    found: str
    ok: bool = True
    fix: str = ""


def version(package: str) -> str:
    """Installed version of a distribution, or ""."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def environment() -> list[Check]:
    """Interpreter, machine, threads and the base packages."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    pinned = os.environ.get("OMP_NUM_THREADS", "")
    checks = [
        Check("tarragon", __version__),
        Check("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        Check("threads", f"{cores}" + (f", OMP_NUM_THREADS={pinned}" if pinned else "")),
    ]
    for package in BASE:
        found = version(package)
        checks.append(Check(package, found or "missing", bool(found), "" if found else "pip install tarragon again"))
    return checks


def extras() -> list[Check]:
    """Look for the optional parts; say what the missing ones would add."""
    checks = []
    for extra, module, adds in EXTRAS:
        here = importlib.util.find_spec(module) is not None
        found = version(module) or "installed" if here else "not installed"
        fix = "" if here else f"pip install 'tarragon[{extra}]' adds {adds}"
        checks.append(Check(f"extra {extra}", found, fix=fix))
    return checks


def storage(home: Path | None) -> list[Check]:
    """Home, free disk and store, each tried rather than assumed."""
    from tarragon.engine import Workspace

    try:
        with Workspace.open(home) as workspace:
            free = shutil.disk_usage(workspace.home).free
            n_runs = len(workspace.jobs("develop"))
            return [
                Check("home", str(workspace.home)),
                Check(
                    "disk",
                    f"{words.size(free)} free",
                    free >= LOW_DISK_BYTES,
                    "" if free >= LOW_DISK_BYTES else "Free some space, or point --home at another disk",
                ),
                Check("store", f"{workspace.store.url.get_backend_name()}, {n_runs} develop run{'s' * (n_runs != 1)}"),
            ]
    except TarragonError as error:
        return [Check("store", error.what, ok=False, fix=f"{error.why}. {error.fix}")]
    except OSError as refusal:
        said = storage_error(refusal)
        return [Check("store", said.why, ok=False, fix=said.fix)]


def doctor(home: Home = None, as_json: Json = False, quiet: Quiet = False) -> int:
    """Check environment, extras, home, disk, threads and store."""
    checks = [*environment(), *extras(), *storage(home)]
    code = OK if all(check.ok for check in checks) else BROKEN
    if as_json:
        shown = [{"name": c.name, "found": c.found, "ok": c.ok, "fix": c.fix} for c in checks]
        show_json({"ok": code == OK, "checks": shown, "exit_code": code})
        return code
    width = max(len(check.name) for check in checks)
    for check in checks:
        if quiet and check.ok:
            continue
        sign = "ok" if check.ok else "!!"
        print(f"{sign}  {check.name:<{width}}  {check.found}", file=sys.stdout if check.ok else sys.stderr)
        if check.fix:
            print(f"    {'':<{width}}  {check.fix}", file=sys.stdout if check.ok else sys.stderr)
    return code
