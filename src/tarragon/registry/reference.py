"""A package that refers: its model stays where it is in the object store; the registry keeps what each byte was."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tarragon.engine import Objects
from tarragon.errors import DataError, NotFoundError
from tarragon.registry.manifest import FileRecord, Manifest
from tarragon.registry.protocol import Approval, Package

BLOCK_BYTES = 1 << 20
OBJECTS_MAX = 10_000  # under one reference: a manifest stays something that can be read


@dataclass(frozen=True, slots=True)
class Reference:
    """A model that is registered without its files being copied.

    Parameters
    ----------
    group : str
        The model's name.
    specification : mapping
        What is needed to serve it: plain values in the words of the face that registers it, kept as they are.
    uris : tuple of str
        Objects, or prefixes with all that is under them.
    realm : str
        Models of different realms (regions, for the AWS face) never meet; "" is the one native commands use.
    versioned : bool
        Otherwise it is the only one of its name.
    approval : Approval
        The state it begins in.
    actor : str
        Who registers; "" is the user who is logged in.
    """

    group: str
    specification: Mapping[str, object]
    uris: tuple[str, ...] = ()
    realm: str = ""
    versioned: bool = True
    approval: Approval = Approval.PENDING
    reason: str = ""
    lineage: Mapping[str, str] = field(default_factory=dict)
    actor: str = ""


def describe_reference(
    specification: Mapping[str, object],
    uris: Iterable[str],
    lineage: Mapping[str, str],
    objects: Objects,
    known: tuple[FileRecord, ...] = (),
) -> Manifest:
    """Hash every object that is referred to.

    Parameters
    ----------
    known : tuple of FileRecord
        Objects of an earlier manifest: what it says of them stays, whatever they are now.

    Raises
    ------
    DataError
        If there is nothing where a URI points, or too much.
    ParameterError
        If a URI is none.
    """
    found: dict[str, FileRecord] = {}
    for uri in uris:
        kept = [each for each in known if each.path == uri or each.path.startswith(uri.rstrip("/") + "/")]
        for each in kept or [_recorded(place, objects) for place in _places(uri, objects)]:
            found[each.path] = each
    records = tuple(found[path] for path in sorted(found))
    return Manifest("", "", (), (), dict(lineage), (), dict(specification), records)


def object_faults(manifest: Manifest, objects: Objects) -> tuple[str, ...]:
    """Compare the objects with the manifest; each fault is one sentence that names the object."""
    found = []
    for each in manifest.objects:
        try:
            same = objects.stat(each.path).size_bytes == each.size_bytes and _sha256(each.path, objects) == each.sha256
        except NotFoundError:
            found.append(f"{each.path} is missing")
            continue
        if not same:
            found.append(f"{each.path} is not what was registered")
    return tuple(found)


def referring(group: str, manifest: Manifest, created: str) -> Package:
    """Make the package of a reference's manifest, without a version yet."""
    return Package(
        group=group,
        version=0,
        approval=Approval.PENDING,
        created=created,
        uri=manifest.objects[0].path if manifest.objects else "",
        sha256=hashlib.sha256(manifest.dump()).hexdigest(),
        size_bytes=manifest.size_bytes,
        task="",
        target="",
        metric="",
        score=0.0,
        low=0.0,
        high=0.0,
        lineage=dict(manifest.lineage),
        reference=True,
    )


def _places(uri: str, objects: Objects) -> list[str]:
    if not uri.endswith("/") and objects.exists(uri):
        return [uri]
    below = objects.list(uri.rstrip("/") + "/")
    if not below:
        raise DataError(f"There is no model data at {uri}", fix="Store the model there before it is registered")
    if len(below) > OBJECTS_MAX:
        raise DataError(
            f"{uri} cannot be registered",
            why=f"there are {len(below)} objects under it, more than {OBJECTS_MAX}",
            fix="Pack the model into one archive",
        )
    return [each.uri for each in below]


def _recorded(uri: str, objects: Objects) -> FileRecord:
    return FileRecord(uri, objects.stat(uri).size_bytes, _sha256(uri, objects), "object")


def _sha256(uri: str, objects: Objects) -> str:
    digest = hashlib.sha256()
    with objects.open(uri) as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
