"""The registry from the command line: list, show, decide, verify."""

import json
from pathlib import Path

import pytest

from tarragon.engine import Workspace
from tarragon.faces.cli import main
from tarragon.registry import PackageFacts, Registry

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def registered(home: Path, tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.json").write_text("{}")
    facts = PackageFacts(
        "churn", "binary", "left", "auc", 0.84, 0.82, 0.86, (("age", "numeric"),), lineage={"run": "r1"}
    )
    with Workspace.open(home) as workspace:
        for _ in range(2):
            Registry(workspace).register(tmp_path / "model", facts)
    return home


def said(capsys: Captured, *argv: str) -> dict[str, object]:
    assert main.run(["registry", *argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("registered")
def test_versions_are_listed(capsys: Captured) -> None:
    assert [p["name"] for p in said(capsys, "list")["packages"]] == ["churn/2", "churn/1"]
    assert main.run(["registry", "list", "churn"]) == 0
    assert "churn/2  PendingManualApproval  auc 0.84 (0.82 to 0.86)  2 B" in capsys.readouterr().out


@pytest.mark.usefixtures("registered")
def test_a_decision_is_kept_with_who_and_why(capsys: Captured) -> None:
    approved = said(capsys, "approve", "churn/1", "--reason", "holds up", "--actor", "ada")
    assert (approved["name"], approved["approval"]) == ("churn/1", "Approved")
    shown = said(capsys, "show", "churn@approved")
    assert shown["name"] == "churn/1"
    assert [(e["who"], e["action"], e["reason"]) for e in shown["history"]][-1] == ("ada", "approve", "holds up")
    assert main.run(["registry", "reject", "churn/1", "--reason", "biased"]) == 0
    assert main.run(["registry", "show", "churn/1"]) == 0
    text = capsys.readouterr().out
    for words in ("Rejected: biased", "approve   by ada: holds up", "run                  r1", "model.json"):
        assert words in text


@pytest.mark.usefixtures("registered")
def test_what_cannot_be_decided_is_2(capsys: Captured) -> None:
    assert main.run(["registry", "approve", "churn/1", "--reason", " "]) == 2
    assert main.run(["registry", "show", "churn/9"]) == 2
    assert main.run(["registry", "approve", "churn/1", "--reason", "ok"]) == 0
    assert main.run(["registry", "approve", "churn/1", "--reason", "ok"]) == 2
    assert "Approved already" in capsys.readouterr().err


def test_verify_names_what_changed(registered: Path, capsys: Captured) -> None:
    assert main.run(["registry", "verify"]) == 0
    assert "2 versions" in capsys.readouterr().out
    (registered / "objects" / "registry" / "churn" / "1" / "model.json").write_text("[]")
    assert main.run(["registry", "verify"]) == 1
    assert "churn/1: model.json is not what was registered" in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_an_empty_registry_says_how_to_fill_it(capsys: Captured) -> None:
    assert main.run(["registry", "list"]) == 0
    assert "tarragon develop" in capsys.readouterr().out
