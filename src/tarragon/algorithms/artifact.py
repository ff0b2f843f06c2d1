"""Model folders: native files beside a seal that names the hyperparameters and every file's SHA-256.

Nothing is executed when a folder is read: the seal is JSON, and a native file reaches its library only after its hash
agreed.
The seal is a dot file because SageMaker's serving containers take the first file that is not one for the model.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from tarragon.algorithms.params import build, chosen
from tarragon.errors import IntegrityError, NotFittedError, ParameterError

SEAL = ".tarragon.json"
T = TypeVar("T")


def fitted(n_features: int | None, who: str) -> None:
    """Refuse to save what was never fitted. Raises ``NotFittedError``."""
    if not n_features:
        raise NotFittedError(f"{who} is not fitted", why="save was called before fit", fix="Call fit first")


def seal(folder: Path, algorithm: object, facts: Mapping[str, Any]) -> None:
    """Write the seal over the files that are in the folder now.

    Parameters
    ----------
    folder : Path
    algorithm : object
        Its declared hyperparameters are recorded.
    facts : mapping
        What ``load`` needs beyond them, as JSON values.
    """
    files = {p.name: _digest(p) for p in sorted(folder.iterdir()) if p.is_file() and p.name != SEAL}
    body = {
        "algorithm": type(algorithm).__name__,
        "hyperparameters": chosen(algorithm),
        "facts": dict(facts),
        "files": files,
    }
    (folder / SEAL).write_text(json.dumps({"body": body, "sha256": _hash(body)}, indent=1), encoding="utf-8")


def opened(folder: Path, algorithm: type[T]) -> tuple[T, dict[str, Any]]:
    """Read a sealed folder: an unfitted instance with the recorded hyperparameters, and the facts.

    Raises
    ------
    IntegrityError
        A file is missing or is not what was saved, or the folder belongs to another algorithm.
    """
    body = _body(folder)
    if body["algorithm"] != algorithm.__name__:
        raise _broken(folder, f"it holds {body['algorithm']}, not {algorithm.__name__}")
    for name, digest in body["files"].items():
        path = folder / Path(name).name
        if not path.is_file():
            raise _broken(folder, f"{name} is missing")
        if _digest(path) != digest:
            raise _broken(folder, f"{name} changed since it was saved")
    try:
        return build(algorithm, body["hyperparameters"]), body["facts"]
    except ParameterError as error:
        raise _broken(folder, str(error)) from error


def _body(folder: Path) -> dict[str, Any]:
    try:
        sealed = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        body: dict[str, Any] = sealed["body"]
        if sealed["sha256"] != _hash(body):
            raise _broken(folder, f"{SEAL} changed since it was saved")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _broken(folder, f"{SEAL} cannot be read ({type(error).__name__})") from error
    return body


def _broken(folder: Path, why: str) -> IntegrityError:
    return IntegrityError(
        f'The model in "{folder.name}" cannot be loaded', why=why, fix="Save it again, or take another version"
    )


def _hash(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
