"""What is sent for a component is read back whole, by region and whatever the case; what is dropped is gone."""

from types import SimpleNamespace
from typing import Any

import pytest

from tarragon.engine import Documents, Workspace
from tarragon.faces.aws.sent_metrics import add, drop, points


@pytest.fixture
def server(home: Any) -> Any:
    with Workspace.open(home) as workspace:
        yield SimpleNamespace(documents=Documents(workspace.store))


def test_batches_add_up_in_the_order_they_were_sent(server: Any) -> None:
    add(server, "us-east-1", "Run-One", [("loss", 1.0, 1, 0.5), ("acc", 1.0, None, 0.9)])
    add(server, "us-east-1", "run-one", [("loss", 2.0, 2, 0.25)])
    add(server, "us-east-1", "run-two", [("loss", 3.0, 1, 9.0)])
    assert points(server, "us-east-1", "RUN-ONE") == {
        "loss": [(1.0, 1, 0.5), (2.0, 2, 0.25)],
        "acc": [(1.0, None, 0.9)],
    }
    assert points(server, "eu-west-1", "run-one") == {}


def test_what_is_dropped_is_gone_and_nothing_else(server: Any) -> None:
    add(server, "us-east-1", "run-one", [("loss", 1.0, 1, 0.5)])
    add(server, "us-east-1", "run-two", [("loss", 1.0, 1, 9.0)])
    drop(server, "us-east-1", "run-one")
    drop(server, "us-east-1", "run-one")
    assert points(server, "us-east-1", "run-one") == {}
    assert points(server, "us-east-1", "run-two") == {"loss": [(1.0, 1, 9.0)]}
