import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest

from tarragon.algorithms.artifact import SEAL, fitted, opened, seal
from tarragon.algorithms.params import Range
from tarragon.errors import IntegrityError, NotFittedError


@dataclass(eq=False)
class Toy:
    depth: Annotated[int, Range(1, 10, about="Levels.")] = 3


@dataclass(eq=False)
class Other:
    depth: Annotated[int, Range(1, 10, about="Levels.")] = 3


def saved(folder: Path) -> Path:
    (folder / "model").write_bytes(b"numbers")
    seal(folder, Toy(depth=7), {"classes": 2})
    return folder


def test_round_trip(tmp_path: Path) -> None:
    toy, facts = opened(saved(tmp_path), Toy)
    assert toy.depth == 7
    assert facts == {"classes": 2}


def test_seal_holds_the_sha256_of_each_file(tmp_path: Path) -> None:
    body = json.loads((saved(tmp_path) / SEAL).read_text())["body"]
    # printf numbers | sha256sum
    assert body["files"] == {"model": "f3c7807d475073ba009bf4801b2d934e9f0126cb96dd19a27dbffcae23a7f5a3"}


def test_serving_containers_see_the_model_first(tmp_path: Path) -> None:
    assert [p.name for p in sorted(saved(tmp_path).iterdir()) if not p.name.startswith(".")] == ["model"]


def test_files_added_later_are_not_its_business(tmp_path: Path) -> None:
    (saved(tmp_path) / "notes.txt").write_text("fine")
    opened(tmp_path, Toy)


@pytest.mark.parametrize("damage", ["changed", "gone", "unsealed", "other", "edited", "range", "not_json"])
def test_damage_is_an_integrity_error(tmp_path: Path, damage: str) -> None:
    saved(tmp_path)
    sealed = (tmp_path / SEAL).read_text()
    if damage == "changed":
        (tmp_path / "model").write_bytes(b"numberz")
    elif damage == "gone":
        (tmp_path / "model").unlink()
    elif damage == "unsealed":
        (tmp_path / SEAL).unlink()
    elif damage == "edited":
        (tmp_path / SEAL).write_text(sealed.replace('"classes": 2', '"classes": 3'))
    elif damage == "range":
        seal(tmp_path, Toy(depth=99), {})
    elif damage == "not_json":
        (tmp_path / SEAL).write_text("[]")
    with pytest.raises(IntegrityError) as caught:
        opened(tmp_path, Other if damage == "other" else Toy)
    assert caught.value.why


def test_paths_in_a_seal_cannot_leave_the_folder(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    saved(inside)
    (tmp_path / "model2").write_bytes(b"numbers")
    body = json.loads((inside / SEAL).read_text())["body"]
    body["files"] = {"../model2": body["files"]["model"]}
    from tarragon.algorithms.artifact import _hash

    (inside / SEAL).write_text(json.dumps({"body": body, "sha256": _hash(body)}))
    with pytest.raises(IntegrityError, match="missing"):
        opened(inside, Toy)


def test_fitted() -> None:
    with pytest.raises(NotFittedError):
        fitted(0, "Toy")
    fitted(3, "Toy")
