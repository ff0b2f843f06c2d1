"""What a reader would miss: a command without documentation, an algorithm without source, a module without a test."""

import ast
import importlib.util
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tarragon.algorithms import cards

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "tarragon"
TESTS = ROOT / "tests"
DOCS = ROOT / "docs"
MAX_LINES = 450
LONGER = {
    "algorithms/contract.py": "one suite that is subclassed whole: each check stands beside the exceptions it allows",
}
# Stand-ins bear the names that users' scripts import; one test file holds them all.
MODULES = sorted(path for path in SOURCE.rglob("*.py") if not {"versions", "standins"} & set(path.parts))
NAMES = [path.relative_to(SOURCE).as_posix() for path in MODULES]

# Modules without a test file of their own, and what tests them instead.
TESTED_ELSEWHERE = {
    "algorithms/model_contract.py": "tests/algorithms/test_kmeans.py: as every suite that subclasses it",
    "algorithms/examples.py": "tests/algorithms/test_contract.py: the signal is there, and the losses know it",
    "engine/ledger.py": "tests/engine/test_workspace.py: every statement runs under a job's life, on both databases",
    "engine/local_files.py": "tests/engine/test_objects.py: one suite for both kinds of object store",
    "engine/remote.py": "tests/engine/test_objects.py: one suite for both kinds of object store",
    "engine/migrations/env.py": "tests/engine/test_store.py: a migrated store is the declared one",
    "engine/schema.py": "tests/engine/test_store.py: the tables as they are written, read and migrated",
    "faces/aws/server.py": "tests/faces/aws/test_gateway.py: a server is opened with all its parts, and closed again",
    "faces/cli/__main__.py": "tests/faces/cli/test_develop.py: every journey starts through it",
}
# Packages of others' names, which users' scripts import: one test for all of them.
STANDINS = ("train/standins/", "tests/train/test_standins.py")
# Parts of a room that have a door of their own.
PARTS = ("tarragon.develop.report", "tarragon.train.builtin", "tarragon.faces.local")


def texts() -> Iterator[tuple[str, str]]:
    """Every module's name and source."""
    for name in NAMES:
        yield name, (SOURCE / name).read_text(encoding="utf-8")


def commands() -> Iterator[str]:
    """Every command line there is, without options."""
    from tarragon.faces.cli.main import app

    def walk(typer_app: object, prefix: str) -> Iterator[str]:
        for command in typer_app.registered_commands:
            yield f"{prefix} {command.name or command.callback.__name__}"
        for group in typer_app.registered_groups:
            yield from walk(group.typer_instance, f"{prefix} {group.name}")

    return walk(app, "tarragon")


def options() -> Iterator[tuple[str, str]]:
    """Every (command, option) pair."""
    import typer

    from tarragon.faces.cli.main import app

    def walk(command: object, name: str) -> Iterator[tuple[str, str]]:
        for parameter in command.params:
            yield from ((name, option) for option in parameter.opts if option.startswith("--"))
        for child in getattr(command, "commands", {}).values():
            yield from walk(child, f"{name} {child.name}")

    return walk(typer.main.get_command(app), "tarragon")


def test_every_module_says_what_it_is_for() -> None:
    silent = [name for name, text in texts() if not ast.get_docstring(ast.parse(text))]
    assert silent == [], "modules without a docstring"


def test_no_module_wants_to_become_two() -> None:
    long = [name for name, text in texts() if len(text.splitlines()) > MAX_LINES]
    assert long == sorted(LONGER), f"modules of more than {MAX_LINES} lines, or no longer so long"


def test_rooms_import_each_other_through_the_door() -> None:
    """``from tarragon.data import Table``; only protocols, which are nothing but types, are taken directly."""
    around = []
    for name, text in texts():
        room = name.split("/", maxsplit=1)[0]
        for module in imported(text):
            _, other, *inner = module.split(".")
            if other != room and inner and inner[-1] != "protocol" and module not in PARTS:
                around.append(f"{name}: {module}")
    assert around == [], "imports that go past a room's door"


def imported(text: str) -> Iterator[str]:
    """Every module of ours that a source imports, wherever it stands in it."""
    for node in ast.walk(ast.parse(text)):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name for name in names if name.startswith("tarragon."))


def test_every_module_has_a_test_of_its_name() -> None:
    assert (ROOT / STANDINS[1]).is_file()
    names = [name for name in NAMES if not name.startswith(STANDINS[0])]
    own = [Path(name) for name in names if not name.endswith("__init__.py") and Path(name).name != "protocol.py"]
    mirrored = {
        path: TESTS / path.parent / f"test_{path.name}" for path in own if path.as_posix() not in TESTED_ELSEWHERE
    }
    missing = [str(test.relative_to(ROOT)) for test in mirrored.values() if not test.exists()]
    assert missing == [], "tests that should be there, or be named in TESTED_ELSEWHERE with a reason"


def test_the_exceptions_are_exceptions() -> None:
    for name, reason in TESTED_ELSEWHERE.items():
        assert (ROOT / reason.partition(":")[0]).is_file(), f"{name}: {reason} is not there"
        assert (SOURCE / name).exists(), f"{name} is gone: take it off the list"
        assert not (TESTS / Path(name).parent / f"test_{Path(name).name}").exists(), f"{name} has a test: take it off"


@pytest.mark.parametrize("card", list(cards().values()), ids=lambda card: card.name)
def test_an_algorithm_names_its_source_and_stands_the_contract(card: object) -> None:
    assert re.search(r"doi:|https?://|\d{4}", card.source), f"{card.name} has no source"
    assert card.use
    assert card.avoid
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["tarragon.algorithms"]
    module = points[card.name].partition(":")[0].removeprefix("tarragon.").replace(".", "/")
    test = TESTS / Path(module).parent / f"test_{Path(module).name}.py"
    assert re.search(r"\b(Algorithm|Model)Contract\b", test.read_text()), (
        f"{card.name} does not stand a contract in {test.relative_to(ROOT)}"
    )


def test_every_command_and_option_is_documented() -> None:
    pages = documents()
    missing = [command for command in commands() if f"{command}" not in pages]
    missing += [f"{option} of {command}" for command, option in options() if f"{option}" not in pages]
    assert missing == [], "not in any page of docs/"


def documents() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in sorted(DOCS.glob("*.md")))


def test_pages_link_to_what_exists() -> None:
    for page in (ROOT / "README.md", *sorted(DOCS.rglob("*.md"))):
        for link in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name} links to {link}, which is not there"


def test_the_makefile_checks_what_the_house_promises() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for tool in ("ruff format --check", "ruff check", "mypy", "lint-imports", "pytest"):
        assert tool in makefile
    assert "make test" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize(("writer", "name"), [("aws_operations", "aws.md"), ("algorithm_cards", "algorithms.md")])
def test_a_page_that_is_written_from_the_code_is_up_to_date(writer: str, name: str) -> None:
    spec = importlib.util.spec_from_file_location(writer, DOCS / f"{writer}.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert (DOCS / name).read_text(encoding="utf-8") == made.page(), "`make docs` writes it anew"


def test_the_versions_agree() -> None:
    import tarragon

    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == tarragon.__version__
    assert f"## {tarragon.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_only_the_command_line_prints() -> None:
    for path in MODULES:
        if "cli" in path.parts:
            continue
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        assert not any(isinstance(c.func, ast.Name) and c.func.id == "print" for c in calls), f"{path} prints"


def test_nothing_is_unpickled_evaluated_or_given_to_a_shell() -> None:
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None) or ""}
                assert names.isdisjoint({"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}), path
            if isinstance(node, ast.Call):
                called = node.func.id if isinstance(node.func, ast.Name) else ""
                assert called not in {"eval", "exec"}, path
                shell = [k for k in node.keywords if k.arg in ("shell", "allow_pickle")]
                assert all(isinstance(k.value, ast.Constant) and k.value.value is False for k in shell), path
