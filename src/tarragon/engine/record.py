"""A value in a file: JSON for what people read, a ``.npz`` beside it for arrays.

``dump(value, "trials.json")`` writes ``trials.json`` and, when the value holds arrays, ``trials.<hash>.npz``. The
arrays go first, under a name made of their content, and the JSON file that names them is renamed into place last: a
reader sees the old value whole or the new one whole, whatever is killed when. Arrays are read without pickle.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from tarragon.engine.disk import atomic
from tarragon.engine.plain import Encoder, Plain
from tarragon.engine.typed import from_plain
from tarragon.errors import IntegrityError, NotFoundError, ParameterError

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")
FORMAT = 1


def dump(value: object, path: Path) -> None:
    """Save a value, replacing what the file held.

    Parameters
    ----------
    value : object
        A frozen dataclass, or anything :mod:`tarragon.engine.plain` knows.
    path : Path
        The JSON file.

    Raises
    ------
    ParameterError
        When part of the value cannot be saved, or would not come back as its type hints say.
    StorageError
        When the disk refuses.
    """
    arrays: dict[str, np.ndarray[Any, Any]] = {}

    def keep(array: object) -> Plain:
        name = f"a{len(arrays)}"
        arrays[name] = cast("np.ndarray[Any, Any]", array)
        return {"$array": name}

    content: dict[str, Plain] = {"format": FORMAT, "value": Encoder(keep_array=keep, tag_types=True).encode(value)}
    _check_return(value, content["value"], arrays)
    old = _arrays_of(path)
    new: Path | None = None
    if arrays:
        packed, digest = _pack(arrays)
        new = path.with_name(f"{path.stem}.{digest[:16]}.npz")
        content |= {"arrays": new.name, "sha256": digest}
        if new not in old:
            with atomic(new) as file:
                file.write(packed)
    with atomic(path) as file:
        file.write(json.dumps(content, allow_nan=False, separators=(",", ":")).encode())
    for stale in old:
        if stale != new:
            stale.unlink(missing_ok=True)


def load(path: Path, kind: type[T]) -> T:
    """Read a value back.

    Parameters
    ----------
    path : Path
        The JSON file :func:`dump` was given.
    kind : type
        What it holds.

    Raises
    ------
    NotFoundError
        When there is no such file.
    IntegrityError
        When the bytes are not those that were written, or hold another type.
    """
    content = _content(path)
    arrays = _unpack(path, content)
    while arrays is None:  # a writer replaced both files between our two reads: the JSON names others by now
        before, content = content, _content(path)
        arrays = _unpack(path, content)
        if arrays is None and content == before:
            raise _broken(path, f"its arrays, {content['arrays']}, are not beside it")
    return from_plain(content["value"], kind, arrays)


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise NotFoundError(f"There is no saved {path.stem}", why=f"{path} does not exist") from None
    except ValueError as error:
        raise _broken(path, f"it is no JSON ({error})") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT or "value" not in content:
        raise _broken(path, f"its format is not {FORMAT}")
    return content


def _check_return(value: object, plain: Plain, arrays: dict[str, "np.ndarray[Any, Any]"]) -> None:
    """Read the value back before it is written: what cannot be loaded must not be acknowledged as saved."""
    if isinstance(value, (tuple, list)) and isinstance(plain, list):
        for item, its_plain in zip(value, plain, strict=True):
            _check_return(item, its_plain, arrays)
    elif isinstance(value, Mapping) and isinstance(plain, dict) and "$dict" not in plain:
        for item, its_plain in zip(value.values(), plain.values(), strict=True):
            _check_return(item, its_plain, arrays)
    elif is_dataclass(value):
        try:
            from_plain(plain, type(value), arrays)
        except IntegrityError as error:
            raise ParameterError(
                f"A {type(value).__name__} cannot be saved", why=error.why, fix="Correct the value or its type hint"
            ) from None


def _pack(arrays: dict[str, "np.ndarray[Any, Any]"]) -> tuple[bytes, str]:
    """Write arrays as the bytes of a ``.npz``; equal arrays give equal bytes (numpy writes no timestamps)."""
    import numpy as np

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    packed = buffer.getvalue()
    return packed, hashlib.sha256(packed).hexdigest()


def _unpack(path: Path, content: dict[str, Any]) -> dict[str, object] | None:
    """Read the arrays a JSON file names; None when they are not there."""
    if "arrays" not in content:
        return {}
    import numpy as np

    name = content["arrays"]
    if not isinstance(name, str) or name not in {found.name for found in _arrays_of(path)}:
        return None
    packed = path.with_name(name).read_bytes()
    if hashlib.sha256(packed).hexdigest() != content.get("sha256"):
        raise _broken(path.with_name(name), "its hash is not the one recorded")
    with np.load(io.BytesIO(packed), allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def _arrays_of(path: Path) -> list[Path]:
    """List the ``.npz`` files that belong to a JSON file, by its name and a hash of 16 digits."""
    length = len(path.stem) + 1 + 16 + len(".npz")
    prefix = path.stem + "."
    if not path.parent.is_dir():
        return []
    return [
        found
        for found in sorted(path.parent.iterdir())
        if found.suffix == ".npz" and found.name.startswith(prefix) and len(found.name) == length
    ]


def _broken(path: Path, why: str) -> IntegrityError:
    return IntegrityError(
        f"{path.name} cannot be read", why=why, fix="Remove it to have that step done again, or start under a new name"
    )
