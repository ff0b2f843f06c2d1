"""Rows come back as the values they were; numbers only rise; a decision holds the version that was seen."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tarragon.engine import Store, Workspace
from tarragon.registry import Act, Approval, Package, shelf
from tarragon.registry.audit import faults

PACKAGE = Package(
    "churn", 1, Approval.PENDING, "2023-11-14T22:13:20.000Z", "s3://registry/churn/1", "e" * 64, 12,
    "binary", "left", "auc", 0.84, float("nan"), float("inf"), {"run": "r1", "ünï": "✓"},
)  # fmt: skip
NOW = 1_700_000_000.0


@pytest.fixture
def store(home: Path, store_url: str | None) -> Iterator[Store]:
    with Workspace.open(home, url=store_url) as workspace:
        yield workspace.store


def test_a_package_comes_back_as_it_was(store: Store) -> None:
    with store.begin(only="audit") as connection:
        shelf.insert(connection, PACKAGE, NOW)
    with store.read() as connection:
        (found,) = shelf.find(connection, "churn", 1)
    assert repr(found) == repr(PACKAGE)  # by repr, because nan is unequal to itself


def test_versions_are_found_by_group_number_and_state(store: Store) -> None:
    with store.begin(only="audit") as connection:
        for version in (1, 2, 3):
            shelf.insert(connection, replace(PACKAGE, version=version), NOW)
        shelf.insert(connection, replace(PACKAGE, group="a", approval=Approval.APPROVED), NOW)
    with store.read() as connection:
        assert [p.name for p in shelf.find(connection)] == ["a/1", "churn/3", "churn/2", "churn/1"]
        assert [p.name for p in shelf.find(connection, approval=Approval.APPROVED)] == ["a/1"]
        assert [p.name for p in shelf.find(connection, "churn", 2)] == ["churn/2"]
        assert shelf.groups(connection) == ["a", "churn"]


def test_the_next_number_is_above_all_there_ever_were(store: Store) -> None:
    with store.begin(only="audit") as connection:
        assert shelf.next_version(connection, "churn") == 1
        shelf.insert(connection, replace(PACKAGE, version=4), NOW)
        assert shelf.next_version(connection, "churn") == 5
        shelf.append(connection, Act(NOW, "ada", "register", "churn/9", "", "e" * 64))
        assert shelf.next_version(connection, "churn") == 10
        assert shelf.next_version(connection, "chur") == 1
        assert shelf.next_version(connection, "churn%") == 1


def test_a_decision_needs_the_state_that_was_seen(store: Store) -> None:
    with store.begin(only="audit") as connection:
        shelf.insert(connection, PACKAGE, NOW)
        decided = shelf.decide(connection, PACKAGE, Approval.APPROVED, "ok", NOW)
        assert decided is not None
        assert (decided.approval, decided.reason) == (Approval.APPROVED, "ok")
        assert shelf.decide(connection, PACKAGE, Approval.REJECTED, "late", NOW) is None


def test_the_log_is_chained_and_comes_back_in_order(store: Store) -> None:
    with store.begin(only="audit") as connection:
        for i in range(3):
            shelf.append(connection, Act(NOW + i / 7, "ädä", "register", f"churn/{i}", 'why "so"', "e" * 64))
    with store.read() as connection:
        log = shelf.entries(connection)
        assert [entry.number for entry in log] == [1, 2, 3]
        assert faults(log) == ()
        assert [e.act.subject for e in shelf.entries(connection, "churn/1")] == ["churn/1"]
