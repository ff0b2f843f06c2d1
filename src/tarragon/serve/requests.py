"""A file answered as requests: what an endpoint would be sent, written out as it would answer.

For models that were trained on a channel's files: series, texts, pairs, pictures, rows without names.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from tarragon.data import Source
from tarragon.engine import atomic
from tarragon.errors import DataError, ParameterError
from tarragon.serve import builtin
from tarragon.serve.protocol import Answerer, RefusalError

TYPES: Mapping[str, str] = {
    ".csv": "text/csv", ".json": "application/json", ".jsonl": "application/jsonlines", ".txt": "text/plain",
    ".libsvm": "text/libsvm", ".pbr": "application/x-recordio-protobuf", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
    ".png": "image/png", ".npy": "application/x-npy",
}  # fmt: skip
BY_LINES = frozenset({".csv", ".jsonl", ".libsvm", ".txt"})
LINES = 2_000  # a request
TEXT, JSON, JSON_LINES = TYPES[".txt"], TYPES[".json"], TYPES[".jsonl"]
UNKNOWN_TYPE = 415


def answer_file(model: Path, source: Source, out: Path) -> int:
    """Send a file to a model and write what it answers.

    Parameters
    ----------
    model : Path
        The model's folder.
    source : path
        Its suffix says the content type; files of lines are sent 2,000 lines at a time. ``.txt`` has a text a line.
    out : Path
        Its suffix says what is asked for; appears whole or not at all. Texts are answered as ``.jsonl``.

    Returns
    -------
    int
        Lines sent; 1 for a file that goes whole.

    Raises
    ------
    ParameterError
        A suffix is not known.
    DataError
        The file is not there or empty, or the model cannot take it.
    """
    if not isinstance(source, (str, Path)):
        raise DataError("The model answers files", why="A frame was given", fix="Give a path")
    path = Path(source).expanduser()
    given, wanted = _type(path, "read"), _type(out, "written")
    if not path.is_file():
        raise DataError(f"There is no file {path}", why="The path leads nowhere", fix="Check the path")
    if given == TEXT and wanted != JSON_LINES:
        raise ParameterError(
            f"Texts are not answered as {out.suffix}", why="Each line has an answer", fix="Write to a .jsonl file"
        )
    answerer = builtin.load(model)
    count = 0
    with atomic(out) as file:
        for body, lines in _bodies(path, whole=wanted == JSON):
            count += lines
            try:
                file.write(_texts(answerer, body) if given == TEXT else answerer.answer(body, given, wanted)[0])
            except RefusalError as error:
                raise DataError(
                    f"The model cannot answer {path.name}", why=str(error), fix="Give what an endpoint of it is sent"
                ) from error
        if not count:
            raise DataError("There are no rows to score", why=f"{path.name} is empty", fix="Give at least one row")
    return count


def _texts(answerer: Answerer, body: bytes) -> bytes:
    """Answer a text a line by a line of JSON each: together where the model takes lines, else one by one."""
    texts = [line.decode("utf-8", "replace").strip() for line in body.splitlines()]
    together = "".join(json.dumps({"source": text}) + "\n" for text in texts)
    try:
        return answerer.answer(together.encode(), JSON_LINES, JSON_LINES)[0]
    except RefusalError as error:
        if error.status != UNKNOWN_TYPE:
            raise
    return b"".join(answerer.answer(text.encode(), TEXT, JSON)[0] + b"\n" for text in texts)


def _type(path: Path, what: str) -> str:
    if path.suffix.lower() not in TYPES:
        raise ParameterError(
            f"{path.name} cannot be {what}",
            why=f"Its suffix is {path.suffix!r}; known are {', '.join(TYPES)}",
            fix="Rename it, or name another file",
        )
    return TYPES[path.suffix.lower()]


def _bodies(path: Path, *, whole: bool) -> Iterator[tuple[bytes, int]]:
    """Cut a file into requests and count their lines; one request where the answer is one document."""
    if path.suffix.lower() not in BY_LINES or whole:
        content = path.read_bytes()
        if content.strip():
            lines = sum(1 for line in content.splitlines() if line.strip()) if path.suffix.lower() in BY_LINES else 1
            yield content, lines
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
