"""Writes ``docs/aws.md``: every operation of the services Tarragon answers, and the test that proves the work was done.

``make docs`` runs it; ``tests/test_house.py`` fails when the page is not what it would write. A proof is a test
function that calls the operation through a real client, found in the tests' source.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from tarragon.faces.aws.families import functions
from tarragon.faces.aws.wire.model import function_names

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "aws.md"
OPENING = ROOT / "docs" / "aws-opening.txt"
TITLES: Mapping[str, str] = {
    "sagemaker": "SageMaker", "sagemaker-runtime": "SageMaker Runtime", "sagemaker-metrics": "SageMaker Metrics",
    "s3": "S3", "sts": "STS", "iam": "IAM", "logs": "CloudWatch Logs", "cloudwatch": "CloudWatch", "kms": "KMS",
}  # fmt: skip


def proofs() -> dict[str, str]:
    """Map each function name that some test calls on an object to ``file::test``; the shortest test wins."""
    found: dict[str, tuple[int, str]] = {}
    for path in sorted([*ROOT.glob("tests/faces/aws/**/test_*.py"), *ROOT.glob("tests/journeys/**/*.py")]):
        for name, size, called in _tests(path):
            place = f"{path.relative_to(ROOT)}::{name}" if name else str(path.relative_to(ROOT))
            for word in called:
                if word not in found or size < found[word][0]:
                    found[word] = (size, place)
    return {word: place for word, (_, place) in found.items()}


def _tests(path: Path) -> Iterator[tuple[str, int, set[str]]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tests = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")]
    for node in tests:
        yield node.name, (node.end_lineno or 0) - node.lineno, _called(node)
    if not tests:
        yield "", 10_000, _called(tree)


def _called(node: ast.AST) -> set[str]:
    """Names called as methods (``client.create_model(…)``) and names given as text (``fails("create_model", …)``)."""
    found = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Call):
            if isinstance(each.func, ast.Attribute):
                found.add(each.func.attr)
            found |= {a.value for a in each.args if isinstance(a, ast.Constant) and isinstance(a.value, str)}
    return found


def page() -> str:
    """Write the page."""
    known, proven = functions(), proofs()
    parts = [OPENING.read_text(encoding="utf-8").rstrip(), ""]
    for service, title in TITLES.items():
        answered = known.get(service, {})
        names = function_names(service)
        rows = [
            (operation, proven.get(function)) for operation, function in sorted(names.items()) if function in answered
        ]
        rest = sorted(operation for operation, function in names.items() if function not in answered)
        parts += [f"## {title}", "", f"{len(rows)} of {len(names)} operations are answered.", ""]
        if rows:
            parts += ["| operation | proven by |", "|---|---|"]
            parts += [
                f"| `{operation}` | {f'`{proof}`' if proof else 'the generated round trip only'} |"
                for operation, proof in rows
            ]
            parts.append("")
        if rest:
            parts += [
                "<details><summary>Not answered: the error names them</summary>",
                "",
                ", ".join(rest),
                "",
                "</details>",
                "",
            ]
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
