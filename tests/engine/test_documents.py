"""Named records: unique in their realm and kind, changed whole or not at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tarragon.engine import Documents, Workspace
from tarragon.errors import ConflictError, NotFoundError


@pytest.fixture
def documents(tmp_path: Path) -> Iterator[Documents]:
    with Workspace.open(tmp_path) as workspace:
        yield Documents(workspace.store, clock=iter(range(1, 100)).__next__)


def test_made_found_changed_and_forgotten(documents: Documents) -> None:
    made = documents.create("here", "model", "m", {"image": "x"})
    assert documents.get("here", "model", "m") == made
    changed = documents.change("here", "model", "m", lambda old: {**old, "more": [1, 2.5, None]})
    assert documents.get("here", "model", "m") == changed
    assert (changed.version, changed.created, changed.updated) == (2, 1, 2)
    documents.delete("here", "model", "m")
    assert documents.find("here", "model", "m") is None
    with pytest.raises(NotFoundError):
        documents.delete("here", "model", "m")


def test_a_name_is_taken_once_per_realm_and_kind(documents: Documents) -> None:
    documents.create("here", "model", "m", {})
    documents.create("there", "model", "m", {})
    documents.create("here", "endpoint", "m", {})
    with pytest.raises(ConflictError):
        documents.create("here", "model", "m", {})
    assert set(documents.realms("model")) == {"here", "there"}


def test_what_an_edit_raises_undoes_it(documents: Documents) -> None:
    documents.create("here", "model", "m", {"n": 1})

    def refuse(old: object) -> dict[str, int]:
        raise ConflictError("no")

    with pytest.raises(ConflictError):
        documents.change("here", "model", "m", refuse)
    assert documents.get("here", "model", "m").content == {"n": 1}


def test_listing_is_in_the_order_of_making_and_prefixes_mind_their_case(documents: Documents) -> None:
    for name in ("b", "a", "A%", "a_"):
        documents.create("here", "model", name, {})
    assert [each.name for each in documents.list("here", "model")] == ["b", "a", "A%", "a_"]
    assert [each.name for each in documents.list("here", "model", prefix="a")] == ["a", "a_"]
    assert [each.name for each in documents.list("here", "model", prefix="A%")] == ["A%"]


def test_put_makes_or_replaces(documents: Documents) -> None:
    assert documents.put("here", "tags", "arn", {"n": 1}).version == 1
    assert documents.put("here", "tags", "arn", {"n": 2}).version == 2
    assert documents.get("here", "tags", "arn").content == {"n": 2}
