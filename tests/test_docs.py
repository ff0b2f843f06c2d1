"""The documents' examples run: ```python blocks in order per page, ```console lines that begin with "$ ".

A block with ``file=NAME`` is written to that file instead. Each page has a fresh folder with ``churn.csv`` (1,000 rows
of the table that ships with the project) and ``new.csv`` (50 more, without the answer), and a fresh home.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"^```(\w*)(?: file=(\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
VERDICTS = {0, 3, 4}  # ship, review and stop are all answers


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """Every fenced block as (language, file name, text)."""
    return [(m[1], m[2] or "", m[3]) for m in BLOCK.finditer(page.read_text(encoding="utf-8"))]


def has_examples(page: Path) -> bool:
    return any(language in ("python", "console") for language, _, _ in blocks(page))


@pytest.mark.journey
@pytest.mark.parametrize("page", [p for p in PAGES if has_examples(p)], ids=lambda p: p.stem)
def test_the_examples_run(page: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pl.read_csv(ROOT / "examples" / "churn.csv", infer_schema=False)
    table.head(1000).write_csv(tmp_path / "churn.csv")
    table.slice(1000, 50).drop("Churn").write_csv(tmp_path / "new.csv")
    monkeypatch.chdir(tmp_path)
    program: list[str] = []
    for language, name, text in blocks(page):
        if name:
            (tmp_path / name).write_text(text, encoding="utf-8")
        elif language == "python":
            program.append(text)
            run_python(page, tmp_path, program)
        elif language == "console":
            for line in text.splitlines():
                if line.startswith("$ "):
                    run_console(line[2:], tmp_path)


def run_python(page: Path, folder: Path, program: list[str]) -> None:
    """Run the page's newest block as a program, after the imports of the blocks before it."""
    imports = [line for part in program[:-1] for line in part.splitlines() if re.match(r"(import|from) ", line)]
    script = folder / f"{page.stem}-{len(program)}.py"
    script.write_text("\n".join([*imports, program[-1]]), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{page.name}:\n{program[-1]}\n{done.stderr[-3000:]}"


def run_console(line: str, folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"set -uo pipefail; {line}"], cwd=folder, env=environment(), capture_output=True, text=True,
        check=False, timeout=180,
    )  # fmt: skip
    allowed = VERDICTS if line.startswith("tarragon develop") else {0}
    assert done.returncode in allowed, f"$ {line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def environment() -> dict[str, str]:
    """The test's own environment, with its interpreter and command first on the path."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def test_every_page_is_found_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for page in sorted((ROOT / "docs").glob("*.md")):
        assert f"docs/{page.name}" in text, f"README.md does not lead to {page.name}"


def test_the_readme_s_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert pictures
    assert all((ROOT / picture).is_file() for picture in pictures)
