"""The manifest of a package: what is predicted from what, and a hash of every file."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tarragon.errors import DataError, IntegrityError
from tarragon.registry.formats import detect

MANIFEST = "manifest.json"
FORMAT = "tarragon.package/1"


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """What the maker of a model says about it when it is registered.

    Parameters
    ----------
    group : str
        The model's name.
    columns : tuple of (str, str)
        Name and kind of every input column, in the order the model was trained on.
    classes : tuple of str
        Labels in the order of the probability columns; empty for regression.
    score, low, high : float
        Units of ``metric``.
    lineage : mapping of str to str
        run, data_sha256, code_sha256, environment_sha256, split_sha256, parent …
    actor : str
        Who registers; "" is the user who is logged in.
    """

    group: str
    task: str
    target: str
    metric: str
    score: float
    low: float
    high: float
    columns: tuple[tuple[str, str], ...]
    classes: tuple[str, ...] = ()
    lineage: Mapping[str, str] = field(default_factory=dict)
    actor: str = ""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file of a package; ``path`` is relative, with forward slashes."""

    path: str
    size_bytes: int
    sha256: str
    format: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A package's content. Equal models have equal manifests: no version, no date.

    Parameters
    ----------
    files : tuple of FileRecord
        Sorted by path; the manifest itself is not among them.
    specification : mapping
        Of a reference: what is needed to serve the model, in the words of the face that registered it.
    objects : tuple of FileRecord
        Of a reference: the objects it names, by URI, as they were at registration.
    """

    task: str
    target: str
    columns: tuple[tuple[str, str], ...]
    classes: tuple[str, ...]
    lineage: Mapping[str, str]
    files: tuple[FileRecord, ...]
    specification: Mapping[str, object] = field(default_factory=dict)
    objects: tuple[FileRecord, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Of all files and objects together."""
        return sum(file.size_bytes for file in (*self.files, *self.objects))

    def dump(self) -> bytes:
        """Canonical JSON: sorted keys, so equal content has equal bytes."""
        content = {"format": FORMAT, **asdict(self), "lineage": dict(self.lineage)}
        if not self.specification and not self.objects:  # a folder of files: as it was written before there were others
            content = {name: value for name, value in content.items() if name not in ("specification", "objects")}
        return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def describe(folder: Path, facts: PackageFacts) -> Manifest:
    """Hash every file of a folder and check its format.

    Raises
    ------
    DataError
        If the folder is empty, holds a link or a device, or a file whose format is not allowed.
    """
    paths = sorted((p for p in folder.rglob("*") if p.is_symlink() or not p.is_dir()), key=lambda p: p.as_posix())
    files = []
    for path in paths:
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not path.is_file():
            raise DataError(f"{name} cannot be part of a package", why="It is a link or a device", fix="Copy the file")
        if name == MANIFEST:
            raise DataError(
                f"{MANIFEST} cannot be part of a package", why="The registry writes its own", fix="Rename it"
            )
        files.append(FileRecord(name, path.stat().st_size, file_sha256(path), detect(path)))
    if not files:
        raise DataError("There is nothing to register", why=f"{folder.name} holds no files", fix="Save a model into it")
    return Manifest(facts.task, facts.target, facts.columns, facts.classes, dict(facts.lineage), tuple(files))


def read(content: bytes, name: str) -> Manifest:
    """Read what :meth:`Manifest.dump` wrote. Raises ``IntegrityError``."""
    try:
        raw = json.loads(content)
        if raw["format"] != FORMAT:
            raise IntegrityError(
                f"The manifest of {name} is of another format",
                why=f"It says {raw['format']!r}, this version reads {FORMAT!r}",
                fix="Use the version of Tarragon that registered it",
            )
        return Manifest(
            task=raw["task"],
            target=raw["target"],
            columns=tuple((str(column), str(kind)) for column, kind in raw["columns"]),
            classes=tuple(raw["classes"]),
            lineage=dict(raw["lineage"]),
            files=tuple(FileRecord(**file) for file in raw["files"]),
            specification=dict(raw.get("specification", {})),
            objects=tuple(FileRecord(**file) for file in raw.get("objects", ())),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"The manifest of {name} cannot be read", why=str(error), fix="Restore it from a backup"
        ) from error


def file_faults(folder: Path, manifest: Manifest) -> tuple[str, ...]:
    """Compare the files on disk with the manifest; each fault is one sentence that names the file."""
    found = []
    for file in manifest.files:
        path = folder / file.path
        if not path.is_file():
            found.append(f"{file.path} is missing")
        elif path.stat().st_size != file.size_bytes or file_sha256(path) != file.sha256:
            found.append(f"{file.path} is not what was registered")
    known = {MANIFEST, *(file.path for file in manifest.files)}
    here = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir() or p.is_symlink())
    return (*found, *(f"{name} was added after registration" for name in here if name not in known))


def file_sha256(path: Path) -> str:
    """Hash a file in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
