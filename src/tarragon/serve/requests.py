"""A file answered as requests: what an endpoint would be sent, written out as it would answer.

For models that were trained on a channel's files: series, texts, pairs, pictures, rows without names.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from tarragon.data import Source
from tarragon.engine import atomic
from tarragon.errors import DataError, ParameterError
from tarragon.serve import builtin
from tarragon.serve.protocol import RefusalError

TYPES: Mapping[str, str] = {
    ".csv": "text/csv", ".json": "application/json", ".jsonl": "application/jsonlines", ".txt": "application/x-text",
    ".libsvm": "text/libsvm", ".pbr": "application/x-recordio-protobuf", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
    ".png": "image/png", ".npy": "application/x-npy",
}  # fmt: skip
BY_LINES = frozenset({".csv", ".jsonl", ".libsvm"})
LINES = 2_000  # a request


def answer_file(model: Path, source: Source, out: Path) -> int:
    """Send a file to a model and write what it answers.

    Parameters
    ----------
    model : Path
        The model's folder.
    source : path
        Its suffix says the content type; files of lines are sent 2,000 lines at a time.
    out : Path
        Its suffix says what is asked for; appears whole or not at all.

    Returns
    -------
    int
        Lines sent; 1 for a file that goes whole.

    Raises
    ------
    ParameterError
        A suffix is not known.
    DataError
        The file is not there, or the model cannot take it.
    """
    if not isinstance(source, (str, Path)):
        raise DataError("The model answers files", why="A frame was given", fix="Give a path")
    path = Path(source).expanduser()
    given, wanted = _type(path, "read"), _type(out, "written")
    if not path.is_file():
        raise DataError(f"There is no file {path}", why="The path leads nowhere", fix="Check the path")
    answerer = builtin.load(model)
    count = 0
    with atomic(out) as file:
        for body, lines in _bodies(path):
            count += lines
            try:
                file.write(answerer.answer(body, given, wanted)[0])
            except RefusalError as error:
                raise DataError(
                    f"The model cannot answer {path.name}", why=str(error), fix="Send what its algorithm's card names"
                ) from error
    return count


def _type(path: Path, what: str) -> str:
    if path.suffix.lower() not in TYPES:
        raise ParameterError(
            f"{path.name} cannot be {what}",
            why=f"Its suffix is {path.suffix!r}; known are {', '.join(TYPES)}",
            fix="Rename it, or name another file",
        )
    return TYPES[path.suffix.lower()]


def _bodies(path: Path) -> Iterator[tuple[bytes, int]]:
    if path.suffix.lower() not in BY_LINES:
        yield path.read_bytes(), 1
        return
    waiting: list[bytes] = []
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                waiting.append(line)
            if len(waiting) == LINES:
                yield b"".join(waiting), len(waiting)
                waiting = []
    if waiting:
        yield b"".join(waiting), len(waiting)
