"""Objects that arrive in parts: each part is written where it will stay, so that the end is one rename.

Parts mostly have one size. The first to arrive sets it, and part ``n`` then goes to its place in one file. A part that
does not fit, or comes again, gets a file of its own, and the parts are copied together at the end instead.
"""

import os
import re
import secrets
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from tarragon.engine.buckets import HIDDEN, Buckets, Check, Stored, buckets_in
from tarragon.engine.disk import flush, refusals, remove
from tarragon.engine.draft import Draft, PartDraft
from tarragon.engine.layout import contained
from tarragon.engine.object_index import Facts, PartRow, UploadRow, Version
from tarragon.errors import NotFoundError

WHOLE = "whole"
LARGEST = 8 << 40  # bytes a sparse file may surely have; parts further out get files of their own
NAME = re.compile(r"[0-9a-f]{32}")


class Uploads:
    """Unfinished uploads of the buckets.

    Parameters
    ----------
    buckets : Buckets
    """

    def __init__(self, buckets: Buckets) -> None:
        self._buckets, self._index, self._lock = buckets, buckets.index, buckets.lock
        self._taken: dict[str, set[int]] = {}  # places that are being written to
        self._ending: set[str] = set()  # their files are about to become objects

    def begin(self, bucket: str, key: str, facts: Facts, now: float) -> UploadRow:
        """Begin an upload to a key."""
        self._buckets.tree.place(bucket, key)  # refuse now what could not be stored later
        row = UploadRow(secrets.token_hex(16), bucket, key, now, 0, facts)
        folder = self._folder(row.upload)
        with refusals("begin an upload", folder):
            folder.mkdir(parents=True)
            flush(folder.parent)
        self._index.begin(row)
        return row

    def find(self, bucket: str, key: str, upload: str) -> UploadRow:
        """Look an upload up. Raises ``NotFoundError``."""
        row = self._index.upload(upload) if NAME.fullmatch(upload) else None
        if row is None or (row.bucket, row.key) != (bucket, key):
            raise NotFoundError("There is no such upload", why="it was ended, or never begun")
        return row

    def of(self, bucket: str) -> list[UploadRow]:
        """List a bucket's uploads by key."""
        return self._index.uploads(bucket)

    def parts(self, row: UploadRow) -> list[PartRow]:
        """List an upload's parts by number."""
        return self._index.parts(row.upload)

    def draft(self, row: UploadRow, number: int, size: int) -> PartDraft:
        """Begin a part whose size is known."""
        folder = self._folder(row.upload)
        with self._lock:
            slot = self._index.slot(row.upload, size) if size else 0
            taken = self._taken.setdefault(row.upload, set())
            fits = 0 < size <= slot and number * slot <= LARGEST and row.upload not in self._ending
            if fits and number not in taken and not self._index.parts(row.upload, number):
                taken.add(number)
                return PartDraft(folder / WHOLE, (number - 1) * slot)
        return PartDraft(folder / f"{number}-{secrets.token_hex(4)}", 0)

    def keep(self, row: UploadRow, number: int, draft: PartDraft, kept: tuple[float, Facts]) -> None:
        """Keep a part that is finished, replacing an earlier one; ``kept`` is now and what is known of it."""
        draft.finish()
        own = "" if draft.path.name == WHOLE else draft.path.name
        before = self._index.parts(row.upload, number)
        known = self._index.part(row.upload, PartRow(number, draft.size_bytes, kept[0], own, kept[1]))
        self._release(row, number, draft)
        if not known:
            remove(draft.path)
            raise NotFoundError("There is no such upload", why="it was ended meanwhile")
        for each in before:
            if each.file:
                remove(draft.path.with_name(each.file))

    def drop(self, row: UploadRow, number: int, draft: PartDraft) -> None:
        """Throw a part away that did not arrive whole; its place is free again."""
        draft.close()
        self._release(row, number, draft)
        if draft.path.name != WHOLE:
            remove(draft.path)

    def complete(self, row: UploadRow, parts: Sequence[PartRow], facts: Facts, check: Check | None = None) -> Stored:
        """Make the object out of parts, in this order, and end the upload."""
        try:
            stored = self._completed(row, parts, facts, check)
        finally:
            self._ending.discard(row.upload)
        self.end(row)
        return stored

    def _completed(self, row: UploadRow, parts: Sequence[PartRow], facts: Facts, check: Check | None) -> Stored:
        path = self._folder(row.upload) / WHOLE
        with self._lock:
            # The file may become the object only if nobody writes to it any more, and holds nothing but these parts.
            alone = not self._taken.get(row.upload) and len(self._index.parts(row.upload)) == len(parts)
            in_place = alone and _in_place(row, parts)
            self._ending.add(row.upload)
        if not path.parent.is_dir() or (in_place and not path.exists()):
            return self._again(row, facts)
        if not in_place:
            return self._joined(row, parts, facts, check)
        with refusals("store an object", path), open(path, "r+b") as file:
            file.truncate(sum(each.size for each in parts))
            os.fsync(file.fileno())
            seen = os.fstat(file.fileno())
        where = (row.bucket, row.key)
        return self._buckets.keep_file(path, Version(seen.st_size, seen.st_mtime_ns), where, facts, check)

    def _release(self, row: UploadRow, number: int, draft: PartDraft) -> None:
        if draft.path.name == WHOLE:
            with self._lock:
                self._taken.get(row.upload, set()).discard(number)

    def end(self, row: UploadRow) -> None:
        """Forget an upload with its parts."""
        self._index.end(row.upload)
        self._taken.pop(row.upload, None)
        remove(self._folder(row.upload))

    def _again(self, row: UploadRow, facts: Facts) -> Stored:
        """Finish what a killed process had done but not said: the object is there, its parts are gone."""
        stored = self._buckets.find(row.bucket, row.key)
        if stored is None or stored.tag != facts["tag"]:
            raise NotFoundError("There is no such upload", why="its parts are gone")
        return stored

    def _joined(self, row: UploadRow, parts: Sequence[PartRow], facts: Facts, check: Check | None) -> Stored:
        draft = self._buckets.draft()
        folder = self._folder(row.upload)
        try:
            for each in parts:
                if not each.size:
                    continue
                with open(folder / (each.file or WHOLE), "rb") as source:
                    _take(draft, source.fileno(), 0 if each.file else (each.number - 1) * row.slot, each.size)
            return self._buckets.keep(draft, (row.bucket, row.key), facts, check)
        finally:
            draft.discard()

    def _folder(self, upload: str) -> Path:
        return contained(self._buckets.root, f"{HIDDEN}/uploads/{upload}")


@lru_cache(maxsize=16)
def uploads_in(root: Path) -> Uploads:
    """Open the uploads to the buckets under a folder; the same ones each time."""
    return Uploads(buckets_in(root))


def _take(draft: Draft, source: int, offset: int, size: int) -> None:
    with open(source, "rb", buffering=0, closefd=False) as file:
        draft.take(file, offset, size, hashed=False)


def _in_place(row: UploadRow, parts: Sequence[PartRow]) -> bool:
    numbers = [each.number for each in parts]
    whole = all(not each.file for each in parts) and all(each.size == row.slot for each in parts[:-1])
    return bool(parts) and whole and bool(parts[-1].size) and numbers == list(range(1, len(parts) + 1))
