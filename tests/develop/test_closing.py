"""A run leaves one version, knows it again, and compares with the one before only where the question is the same."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tarragon.data import read_table
from tarragon.develop.closing import package, previous_model
from tarragon.develop.replay import work_record
from tarragon.develop.snapshot import load_table, spec_of
from tarragon.engine import Workspace
from tarragon.registry import Registry

pytestmark = pytest.mark.journey


@pytest.fixture
def workspace(kept: Any) -> Iterator[Workspace]:
    with Workspace.open(kept.home) as opened:
        yield opened


def test_the_version_before_is_found_unless_it_is_this_run_s_own(kept: Any, workspace: Workspace) -> None:
    registry, table = Registry(workspace), read_table(kept.frame, "left")
    group = kept.dev.package.group
    earlier = previous_model(registry, group, "another-run", table)
    assert earlier is not None
    assert np.isnan(earlier.respond(table.frame)).all(), "it has learned from every one of these rows"
    assert previous_model(registry, group, kept.dev.run, table) is None
    assert previous_model(registry, "no-such-model", "another-run", table) is None


def test_another_question_has_no_version_before(kept: Any, workspace: Workspace) -> None:
    registry, group = Registry(workspace), kept.dev.package.group
    table = read_table(kept.frame, "left")
    others = (
        read_table(kept.frame, "gender"),
        replace(table, task="regression"),
        replace(table, classes=("stays", "leaves")),
        read_table(kept.frame.drop("price"), "left"),
    )
    for other in others:
        assert previous_model(registry, group, "another-run", other) is None


def test_a_version_whose_files_changed_is_not_compared_with(kept: Any, workspace: Workspace) -> None:
    registry, table = Registry(workspace), read_table(kept.frame, "left")
    path = registry.open(kept.dev.package.name) / "model" / "model.json"
    first = path.read_bytes()
    try:
        path.write_bytes(first + b" ")
        assert previous_model(registry, kept.dev.package.group, "another-run", table) is None
    finally:
        path.write_bytes(first)


def test_registering_again_finds_what_was_registered(kept: Any, workspace: Workspace) -> None:
    """A run that was killed between registration and report comes here a second time."""
    registry, told = Registry(workspace), kept.dev.report.value
    record = workspace.job("develop", kept.dev.run)
    folder = workspace.folder("develop", kept.dev.run)
    before = (folder / "replay.json").read_bytes()
    story: Any = SimpleNamespace(
        model=kept.dev.model, table=load_table(folder), verdict=told.verdict, analysis=told.analysis, plan=told.plan,
        outcome=SimpleNamespace(trials=()), split=SimpleNamespace(folds=()),
    )  # fmt: skip
    run: Any = SimpleNamespace(folder=folder, job=record)
    n_versions = len(registry.list())
    try:
        assert work_record(story, spec_of(record), run).prediction_sha256 in before.decode()
        assert package(story, spec_of(record), run, registry) == kept.dev.package
    finally:
        (folder / "replay.json").write_bytes(before)
    assert len(registry.list()) == n_versions


def test_the_lineage_names_what_a_replay_needs(kept: Any) -> None:
    lineage = kept.dev.package.lineage
    assert lineage["run"] == kept.dev.run
    assert lineage["data_sha256"] == read_table(kept.home / "shop.csv", "left").sha256
    assert {"split_sha256", "code_sha256", "environment_sha256", "predictions_sha256"} <= set(lineage)
