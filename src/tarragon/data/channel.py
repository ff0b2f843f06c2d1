"""The files of a training channel as one matrix with labels."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from tarragon.data.arrays import Index
from tarragon.data.recordio import Rows, widened
from tarragon.data.wire import Media, decode, media
from tarragon.errors import DataError

FOLDER_LEVELS = 3  # as deep as SageMaker's XGBoost looks for files


def read_files(folders: Path | Sequence[Path], content_type: str, *, labels: int = 1) -> Rows:
    """Decode every file of a channel, in the order of their names.

    Parameters
    ----------
    folders : Path or sequence of Path
        Several hold a share each. A file or a pipe stands for a folder with that alone. Files whose names begin with a
        dot are skipped, and what lies deeper than three folders.
    content_type : str
        "" is CSV, unless the first file's own bytes or suffix say otherwise.
    labels : int
        Columns before the features, where the content type does not say.

    Raises
    ------
    DataError
    """
    kind = media(content_type) if content_type else None
    parts: list[Rows] = []
    first = ""
    for path in files([folders] if isinstance(folders, Path) else folders):
        try:
            content = path.read_bytes()
            kind = kind or guessed(path.suffix, content)
            if not content.strip():
                continue
            part = decode(content, kind, labels if kind.labels < 0 else kind.labels)
            dense = all(isinstance(each.X, np.ndarray) for each in (part, *parts[:1]))
            if parts and dense and part.X.shape[1] != parts[0].X.shape[1]:
                raise DataError(
                    f"The rows have {part.X.shape[1]} columns",
                    why=f"Those of {first} have {parts[0].X.shape[1]}",
                    fix="Give every file of the channel equally many",
                )
            parts.append(part)
            first = first or path.name
        except DataError as error:
            raise DataError(f"{path.name}: {error.what}", why=error.why, fix=error.fix) from error
    if not parts:
        raise DataError("The channel has no rows", why="All its files are empty", fix="Give at least one row")
    return joined(parts)


def files(folders: Sequence[Path]) -> list[Path]:
    """List a channel's files, folder by folder. Raises ``DataError`` when there is none."""
    found: list[Path] = []
    for folder in folders:
        if folder.is_file() or folder.is_fifo():
            found.append(folder)
            continue
        inner = ((path, path.relative_to(folder).parts) for path in sorted(folder.rglob("*")))
        found += [
            path
            for path, parts in inner
            if len(parts) <= FOLDER_LEVELS + 1 and not any(part.startswith(".") for part in parts) and path.is_file()
        ]
    if not found:
        raise DataError(
            f'The channel "{folders[0].name if folders else ""}" has no files',
            why="Its folder is empty",
            fix="Check the folder, or the S3 prefix",
        )
    return found


def guessed(suffix: str, content: bytes) -> Media:
    """Guess a format from the first bytes of a file, then from its suffix; CSV when neither says."""
    if content[:4] == b"PAR1":
        return Media("parquet")
    if content[:4] == b"\x0a\x23\xd7\xce":
        return Media("recordio")
    first = content[:4096].partition(b"\n")[0]
    if re.match(rb"[-+.\deE:]+(\s+\d+:[-+.\deE]+)+\s*$", first):
        return Media("libsvm")
    return Media({".jsonl": "jsonlines", ".json": "json", ".npy": "npy"}.get(suffix.lower(), "csv"))


def joined(parts: Sequence[Rows]) -> Rows:
    """Put rows of several files one below the other: dense ones equally wide, sparse ones as wide as the widest."""
    if len(parts) == 1:
        return parts[0]
    labelled = [part.y for part in parts if part.y is not None]
    y = np.concatenate(labelled) if len(labelled) == len(parts) else None
    width = max(part.X.shape[1] for part in parts)
    weights = [part.weight for part in parts if part.weight is not None]
    weight = np.concatenate(weights) if len(weights) == len(parts) else None
    query = _queries(parts)
    if any(sp.issparse(part.X) for part in parts):
        return Rows(
            sp.vstack([widened(sp.csr_matrix(part.X), width) for part in parts], format="csr"), y, weight, query
        )
    return Rows(np.concatenate([np.asarray(part.X) for part in parts]), y, weight, query)


def _queries(parts: Sequence[Rows]) -> Index | None:
    """Count queries on from file to file: none goes on in the next."""
    found: list[Index] = []
    for part in parts:
        if part.query is None:
            return None
        found.append(part.query + (found[-1][-1] + 1 if found else 0))
    return np.concatenate(found)
