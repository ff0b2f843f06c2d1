"""Which files may be in a package: an allow-list of formats that hold data only, checked by their first bytes.

A suffix is a claim; the header is looked at before it is believed. Formats that can carry code when they are read
(pickle, joblib, ``.pt``, Keras HDF5 …) are refused, also inside zip files and as arrays of Python objects.
"""

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tarragon.errors import DataError

HEAD_BYTES = 4096
CODE = frozenset(
    {
        ".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle", ".pt", ".pth", ".ckpt", ".h5", ".hdf5", ".keras",
        ".mlmodel", ".pb", ".py", ".pyc", ".so", ".dll", ".sh", ".exe",
    }
)  # fmt: skip
SKOPS_ROOTS = frozenset({"builtins", "collections", "numpy", "scipy", "sklearn"})
SKOPS_BUILTINS = frozenset(
    {
        "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "range", "set", "slice",
        "str", "tuple",
    }
)  # fmt: skip
SKOPS_REFUSED = frozenset({"FunctionNode", "MethodNode", "PartialNode"})  # loaders that name something to call
Check = Callable[[Path, bytes], bool]


def _text(_path: Path, head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:  # a character may be cut off at the end of the head
        return len(head) == HEAD_BYTES and error.start >= HEAD_BYTES - 3
    return True


def _json(path: Path, head: bytes) -> bool:
    return head.lstrip()[:1] in tuple(b"%c" % c for c in b'{["-0123456789tfn') and _text(path, head)


def _safetensors(path: Path, head: bytes) -> bool:
    length = int.from_bytes(head[:8], "little")  # of the JSON header that follows
    return len(head) > 8 and head[8:9] == b"{" and length <= path.stat().st_size - 8


def _starts(magic: bytes) -> Check:
    return lambda _path, head: head.startswith(magic)


def _plain_array(head: bytes) -> bool:
    """Return whether a .npy header names a type without Python objects, whose values would be pickled."""
    start = 10 if head[6:7] == b"\x01" else 12  # version 1 has a 2-byte header length, later ones 4 (numpy NEP 1)
    header = head[start:].partition(b"\n")[0]
    return head.startswith(b"\x93NUMPY") and b"descr" in header and b"|O" not in header and b"'O" not in header


def _npy(_path: Path, head: bytes) -> bool:
    return _plain_array(head)


def _npz(path: Path, head: bytes) -> bool:
    if not head.startswith(b"PK\x03\x04") or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        return bool(members) and all(m.filename.endswith(".npy") and _plain_array(_peek(archive, m)) for m in members)


def _peek(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with archive.open(member) as file:
        return file.read(HEAD_BYTES)


def _skops(path: Path, head: bytes) -> bool:
    """Return whether a skops file names allow-listed types only."""
    if not head.startswith(b"PK\x03\x04") or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if "schema.json" not in names or not all(n == "schema.json" or n.endswith((".npy", ".npz")) for n in names):
            return False
        arrays = [m for m in archive.infolist() if m.filename.endswith(".npy")]
        if not all(_plain_array(_peek(archive, member)) for member in arrays):
            return False
        try:
            schema = json.loads(archive.read("schema.json"))
        except ValueError:
            return False
    return _known_types(schema)


def _known_types(node: object) -> bool:
    """Walk a skops schema, deepest last, without recursion: files from outside may be deep."""
    left = [node]
    while left:
        part = left.pop()
        if isinstance(part, list):
            left += part
        elif isinstance(part, dict):
            left += part.values()
            module, kind = str(part.get("__module__", "builtins")), str(part.get("__class__", "str"))
            if module.partition(".")[0] not in SKOPS_ROOTS or part.get("__loader__") in SKOPS_REFUSED:
                return False
            if module == "builtins" and kind not in SKOPS_BUILTINS:
                return False
    return True


FORMATS: Mapping[str, tuple[str, Check]] = {
    ".json": ("json", _json),
    ".jsonl": ("text", _text),
    ".txt": ("text", _text),
    ".md": ("text", _text),
    ".csv": ("text", _text),
    ".html": ("text", _text),
    ".ubj": ("ubjson", _starts(b"{")),
    ".safetensors": ("safetensors", _safetensors),
    ".npy": ("npy", _npy),
    ".npz": ("npz", _npz),
    ".cbm": ("catboost", _starts(b"CBM1")),
    ".onnx": ("onnx", _starts(b"\x08")),  # field 1, a varint: ModelProto.ir_version
    ".parquet": ("parquet", _starts(b"PAR1")),
    ".arrow": ("arrow", _starts(b"ARROW1")),
    ".skops": ("skops", _skops),
}
# SageMaker's artifact names have no suffix ("xgboost-model"): the content alone must say what it is.
BARE: tuple[tuple[str, Check], ...] = (
    ("ubjson", _starts(b"{L")),
    ("json", lambda path, head: head[:1] in (b"{", b"[") and _text(path, head)),
    ("lightgbm", _starts(b"tree\n")),
    ("catboost", _starts(b"CBM1")),
    ("npz", _npz),
    ("safetensors", _safetensors),
)


def detect(path: Path) -> str:
    """Name the format of a file that may be in a package.

    Raises
    ------
    DataError
        If the format is not on the list, or the content is not what the suffix says.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    suffix = path.suffix.lower()
    if suffix in CODE:
        raise _refused(path, f"{suffix} files can run code when they are read")
    if suffix in FORMATS:
        name, fits = FORMATS[suffix]
        if fits(path, head):
            return name
        raise _refused(path, "it looks like a pickle" if is_pickle(head) else f"its content is not plain {name}")
    found = next((name for name, fits in BARE if fits(path, head)), None) if not suffix else None
    if found is None:
        raise _refused(path, "it looks like a pickle" if is_pickle(head) else "its format is not on the list")
    return found


def is_pickle(head: bytes) -> bool:
    """Whether the first bytes are those of a pickle of protocol 2 to 5."""
    return len(head) > 1 and head[0] == 0x80 and 2 <= head[1] <= 5


def _refused(path: Path, why: str) -> DataError:
    return DataError(
        f"{path.name} cannot be part of a package",
        why=why,
        fix=f"Save the model in a format that holds data only: {', '.join(sorted(FORMATS))}",
    )
