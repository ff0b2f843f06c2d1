"""Objects to folders and back: what a job reads is copied to its host, what it made is stored.

A prefix is the beginning of a key, as S3 means it: ``data/tr`` begins ``data/train.csv`` too.
"""

import gzip
import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from tarragon.engine import ObjectRecord, Objects, contained
from tarragon.errors import DataError, NotFoundError, TarragonError

BLOCK = 1 << 20
MOST_FILES, MOST_BYTES, MOST_RATIO = 100_000, 50 << 30, 200  # of an archive, unpacked
SMALL_BYTES = 64 << 20  # below this, the ratio of an archive says nothing


def parts(uri: str) -> tuple[str, str]:
    """Split ``s3://bucket/key``. Raises ``DataError`` for anything else."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise DataError(f"{uri[:200]!r} is no S3 URI", why='it does not read "s3://bucket/key"', fix="Write one")
    return bucket, key


def found(objects: Objects, uri: str) -> tuple[ObjectRecord, ...]:
    """List the objects whose URI begins so, without the empty ones that stand for folders.

    Raises
    ------
    DataError
        When there are none, in SageMaker's words.
    """
    bucket, key = parts(uri)
    try:
        listed = objects.list(f"s3://{bucket}/{key}")
    except TarragonError as error:
        raise _nothing(uri) from error
    records = tuple(each for each in listed if not (each.uri.endswith("/") and each.size_bytes == 0))
    if not records:
        raise _nothing(uri)
    return records


def manifest(objects: Objects, uri: str) -> tuple[tuple[ObjectRecord, str], ...]:
    """Read a manifest, ``[{"prefix": "s3://…/"}, "key", …]``: objects with their paths below the prefix."""
    try:
        prefix, *names = json.loads(objects.get(uri))
        start = str(prefix["prefix"])
    except NotFoundError:
        raise _nothing(uri) from None
    except (ValueError, KeyError, TypeError):
        raise DataError(
            f"{uri} is no manifest", why='it should read [{"prefix": "s3://…/"}, "key", …]', fix="Correct the file"
        ) from None
    chosen = []
    for name in names:
        for record in found(objects, start + str(name)):
            chosen.append((record, record.uri.removeprefix(start).lstrip("/")))
    return tuple(chosen)


def chosen(
    objects: Objects, uri: str, kind: Literal["prefix", "manifest", "augmented"], share: tuple[int, int] = (0, 1)
) -> tuple[tuple[ObjectRecord, str], ...]:
    """List the objects an input names, each with the path it gets; ``share`` is (rank, of how many) for shards."""
    if kind == "manifest":
        pairs = manifest(objects, uri)
    else:
        bucket, key = parts(uri)
        base = f"s3://{bucket}/" + (key if key.endswith("/") else key.rpartition("/")[0] + "/" if "/" in key else "")
        whole = f"s3://{bucket}/{key}/"
        pairs = tuple(
            (each, each.uri.removeprefix(whole if each.uri.startswith(whole) else base)) for each in found(objects, uri)
        )
    rank, world = share
    ordered = sorted(pairs, key=lambda pair: pair[0].uri)
    return tuple(pair for i, pair in enumerate(ordered) if i % world == rank)


def download(
    objects: Objects, pairs: tuple[tuple[ObjectRecord, str], ...], folder: Path, *, unzip: bool = False
) -> int:
    """Copy objects into a folder; return the bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    size = 0
    for record, name in pairs:
        target = contained(folder, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with objects.open(record.uri) as source:
            if unzip and name.endswith(".gz"):
                target = target.with_name(target.name.removesuffix(".gz"))
            with gzip.open(source) if unzip else source as plain, open(target, "wb") as file:
                shutil.copyfileobj(plain, file, BLOCK)
        size += record.size_bytes
    return size


def pieces(objects: Objects, pairs: tuple[tuple[ObjectRecord, str], ...], *, unzip: bool = False) -> Iterator[bytes]:
    """Read objects one after the other, for a pipe."""
    for record, _ in pairs:
        with objects.open(record.uri) as source, gzip.open(source) if unzip else source as plain:
            while block := plain.read(BLOCK):
                yield block


def upload(objects: Objects, folder: Path, uri: str, seen: dict[str, tuple[int, int]] | None = None) -> int:
    """Store every file of a folder under a prefix; return how many.

    Parameters
    ----------
    objects : Objects
    folder : Path
        None is fine.
    uri : str
    seen : dict, optional
        Remembers between calls what was stored, which is not stored again until it changes.
    """
    require_bucket(objects, uri)
    count, known = 0, {} if seen is None else seen
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        try:
            facts, name = path.stat(), path.relative_to(folder).as_posix()
            if not path.is_file() or known.get(name) == (facts.st_mtime_ns, facts.st_size):
                continue
            objects.put(f"{uri.rstrip('/')}/{name}", path)
        except FileNotFoundError:  # a link that leads nowhere, or its writer has taken it away again
            continue
        known[name] = facts.st_mtime_ns, facts.st_size
        count += 1
    return count


def require_bucket(objects: Objects, uri: str) -> None:
    """Raise ``DataError`` when an output's bucket does not exist."""
    bucket, _ = parts(uri)
    place = objects.local(f"s3://{bucket}/x")
    if place is not None and not place.parent.is_dir():
        raise DataError(
            f"The bucket of {uri} does not exist", why="NoSuchBucket", fix=f"Make it: aws s3 mb s3://{bucket}"
        )


def pack(folder: Path, archive: Path) -> Path:
    """Write a folder as ``.tar.gz``; equal contents give equal bytes."""
    with (
        open(archive, "wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=1) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder).as_posix(), recursive=False, filter=_plain)
    return archive


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a ``.tar.gz`` from somewhere: no path leaves the folder, and no size is believed.

    Raises
    ------
    DataError
        When it is no archive, or holds what must not be unpacked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    size, most = 0, max(SMALL_BYTES, min(MOST_BYTES, archive.stat().st_size * MOST_RATIO))
    try:
        with tarfile.open(archive) as tar:
            for count, member in enumerate(tar):
                size += member.size
                if count >= MOST_FILES or size > most:
                    raise _unsafe(archive, f"it unpacks to more than {MOST_FILES:,} files or {most / 1e6:,.0f} MB")
                tar.extract(member, folder, filter="data")
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise _unsafe(archive, str(error)) from error


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    return member


def _nothing(uri: str) -> DataError:
    return DataError(
        f'No S3 objects found under S3 URL "{uri}" given in input data source',
        why="Nothing there begins so, or the bucket does not exist",
        fix="Check the bucket and the prefix",
    )


def _unsafe(archive: Path, why: str) -> DataError:
    return DataError(f"{archive.name} cannot be unpacked", why=why, fix="Make a .tar.gz of plain files")
