"""Finished models with names: versions that never change, approval, lineage, and an audit log in a hash chain."""

from tarragon.registry.audit import Act, Entry
from tarragon.registry.manifest import FileRecord, Manifest, PackageFacts
from tarragon.registry.name import qualified, unqualified
from tarragon.registry.protocol import Approval, Package
from tarragon.registry.reference import Reference
from tarragon.registry.registry import Registry

__all__ = [
    "Act", "Approval", "Entry", "FileRecord", "Manifest", "Package", "PackageFacts", "Reference", "Registry",
    "qualified", "unqualified",
]  # fmt: skip
