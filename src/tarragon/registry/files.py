"""Package folders on disk: staged out of sight, flushed, then moved into their place in one step.

A package in the making lies under a hidden name that carries its writer's identity, so that what a dead writer left is
swept by the next one, and what a living one is writing is left alone.
"""

import hashlib
import os
from pathlib import Path

from tarragon.engine import flush, refusals, remove, sweep, temporary_in
from tarragon.errors import ConflictError
from tarragon.registry.manifest import MANIFEST, FileRecord, Manifest

BLOCK_BYTES = 1 << 20


def stage(making: Path, folder: Path, manifest: Manifest) -> Path:
    """Copy what the manifest names into a new folder under ``making``; durable once this returns.

    Raises
    ------
    ConflictError
        If a file changed since it was described.
    StorageError
        If the disk is full or refuses; nothing is left behind.
    """
    with refusals("register the model", making):
        making.mkdir(parents=True, exist_ok=True)
        sweep(making)
        staged = temporary_in(making, "package")
        try:
            for file in manifest.files:
                target = staged / file.path
                target.parent.mkdir(parents=True, exist_ok=True)
                _copy(folder / file.path, target, file)
            with open(staged / MANIFEST, "xb") as written:
                written.write(manifest.dump())
                written.flush()
                os.fsync(written.fileno())
            for part in sorted((p for p in staged.rglob("*") if p.is_dir()), reverse=True):
                flush(part)
            flush(staged)
        except BaseException:
            remove(staged)
            raise
    return staged


def _copy(source: Path, target: Path, expected: FileRecord) -> None:
    digest = hashlib.sha256()
    with open(source, "rb") as read, open(target, "xb") as written:
        while block := read.read(BLOCK_BYTES):
            digest.update(block)
            written.write(block)
        written.flush()
        os.fsync(written.fileno())
    if digest.hexdigest() != expected.sha256:
        raise ConflictError(
            f"{expected.path} changed while it was being registered",
            why="Its bytes are not those that were hashed a moment before",
            fix="Register when nothing writes to the folder any more",
        )


def place(staged: Path, final: Path) -> None:
    """Move a staged folder to its place.

    The caller holds the store's "audit" word and knows that no version has this place, so whatever lies there was left
    by a writer that died before it committed.
    """
    with refusals("register the model", final):
        final.parent.mkdir(parents=True, exist_ok=True)
        remove(final)
        os.rename(staged, final)
        flush(final.parent)
