"""One fitted algorithm together with what turns a table's rows into its arrays: kept, read again, asked.

A folder holds the algorithm's own files, ``.tarragon-table.json`` (what the table was, written last), and ``encoder/``
where there were named columns.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from tarragon.algorithms import get
from tarragon.algorithms.protocol import Algorithm
from tarragon.data import Encoder, Prediction, Source, Tabular
from tarragon.engine import write_json
from tarragon.errors import DataError, IntegrityError

ABOUT, ENCODER = ".tarragon-table.json", "encoder"
FORMAT = 1
NUMBERS = (np.ndarray, sp.spmatrix, sp.sparray)


@dataclass(slots=True, eq=False)
class Trained:
    """A fitted algorithm.

    Parameters
    ----------
    name : str
        The algorithm's, in the catalogue.
    model : Algorithm
        Fitted; its attributes (centres, components, trees) are there to be looked at.
    encoder : Encoder, optional
        Of the table it was fitted on; None where it was fitted on arrays or on a channel's files.
    target : str
        "" where nothing was predicted.
    classes : tuple
        Labels in the order of the probabilities.
    folder : Path, optional
        Where it is kept.
    metrics : mapping of str to float
        What was measured while it was fitted, as it last was.
    """

    name: str
    model: Algorithm
    encoder: Encoder | None = None
    target: str = ""
    classes: tuple[Any, ...] = ()
    folder: Path | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Raw columns it reads; () where it was not fitted on a table."""
        return self.encoder.columns if self.encoder else tuple(getattr(self.model, "columns", ()))

    @staticmethod
    def lies_in(folder: Path) -> bool:
        """Whether a folder holds one that was kept."""
        return (folder / ABOUT).is_file()

    @staticmethod
    def learned_from_files(folder: Path) -> bool:
        """Whether what a folder holds was trained on a channel's files, and is asked as an endpoint is."""
        try:
            return bool(json.loads((folder / ABOUT).read_text(encoding="utf-8")).get("files", False))
        except (OSError, ValueError, AttributeError):
            return False  # ``load`` says what is wrong with it

    def respond(self, source: Source) -> Prediction:
        """Answer rows with named arrays, one entry a row: what ``Algorithm.predict`` answers.

        Parameters
        ----------
        source : path, frame, ndarray or sparse matrix
            Named columns in any order where it was fitted on a table, else an (n, d) array; or the kind of data that
            the algorithm takes.

        Raises
        ------
        DataError
        """
        if isinstance(source, NUMBERS):
            if self.encoder is not None:
                raise DataError(
                    "An array has no column names", why="The model was fitted on a table", fix="Give a frame or a path"
                )
            source = numbered(source) if self.columns else Tabular(matrix(source))
        if self.encoder is None:
            taken: Any = source  # the kind of data that the algorithm takes: rows, series, texts, pictures
            return self.model.predict(taken)
        frame, _ = self.encoder.align(source)
        return self.model.predict(self.encoder.transform(frame, self.model.card.view))

    def predict(self, source: Source) -> Any:
        """Answer rows: labels or values (n,) of a supervised method, else its named arrays. Raises ``DataError``."""
        answer = self.respond(source)
        if "probability" in answer and self.model.card.tasks & {"binary", "multiclass"}:
            best = answer["probability"].argmax(axis=1)
            return np.asarray(self.classes)[best] if self.classes else best
        return answer["score"] if set(answer) == {"score"} else answer

    def answers(self, block: pl.DataFrame) -> pl.DataFrame:
        """Answer a block of a table as columns; those of several numbers are numbered, probabilities named by class."""
        return framed(self.respond(block), self.classes)

    def save(self, folder: Path) -> None:
        """Write the model into a new or empty folder. Raises ``NotFittedError``."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder)
        self.keep(folder)

    def keep(self, folder: Path, *, files: bool = False) -> None:
        """Write what the algorithm's own files do not say, ``.tarragon-table.json`` last.

        Parameters
        ----------
        folder : Path
        files : bool
            Whether it was trained on a channel's files.
        """
        if self.encoder is not None:
            (folder / ENCODER).mkdir()
            self.encoder.save(folder / ENCODER)
        about = {"format": FORMAT, "algorithm": self.name, "target": self.target, "classes": list(self.classes)}
        write_json({**about, "files": files, "metrics": dict(self.metrics)}, folder / ABOUT)
        self.folder = folder

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; runs no code from the files. Raises ``IntegrityError``."""
        try:
            about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
            if about["format"] != FORMAT:
                raise ValueError(f"format {about['format']} is not known")
            name, target, classes = str(about["algorithm"]), str(about["target"]), tuple(about["classes"])
            metrics = {str(key): float(value) for key, value in about.get("metrics", {}).items()}
        except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise IntegrityError(
                f"The model in {folder.name} cannot be read", why=str(error), fix="Train it again"
            ) from error
        kind = get(name)
        outside = kind.card.accepts != "table" and (folder / ENCODER).is_dir()  # else it is the model's own
        encoder = Encoder.load(folder / ENCODER) if outside else None
        return cls(name, kind.load(folder), encoder, target, classes, folder, metrics)


def framed(answer: Prediction, classes: tuple[Any, ...] = ()) -> pl.DataFrame:
    """Lay named arrays out as columns.

    Examples
    --------
    >>> framed({"closest_cluster": np.array([1.0]), "projection": np.array([[0.5, 2.0]])}).columns
    ['closest_cluster', 'projection_0', 'projection_1']
    """
    columns: dict[str, Any] = {}
    for name, values in answer.items():
        array = np.asarray(values)
        if name == "probability" and classes and array.ndim == 2:
            columns["prediction"] = [classes[k] for k in array.argmax(axis=1)]
            columns |= {f"probability_{label}": array[:, k] for k, label in enumerate(classes)}
        elif name == "score" and len(answer) == 1 and array.ndim == 1:
            columns["prediction"] = array
        elif array.ndim == 2:
            columns |= {f"{name}_{k}": array[:, k] for k in range(array.shape[1])}
        else:
            columns[name] = array.tolist() if array.ndim != 1 or array.dtype == object else array
    return pl.DataFrame(columns)


def numbered(source: Any) -> pl.DataFrame:
    """Lay an array out as a table: columns ``column_1`` and so on. Raises ``DataError``."""
    X = matrix(source)
    cells = X.toarray() if sp.issparse(X) else X
    return pl.DataFrame({f"column_{j}": cells[:, j - 1] for j in range(1, cells.shape[1] + 1)})


def matrix(source: Any) -> "NDArray[np.float32] | sp.csr_matrix":
    """Return rows as float32, dense or sparse as they came. Raises ``DataError`` for what are no numbers."""
    if not isinstance(source, np.ndarray):
        return sp.csr_matrix(source, dtype=np.float32)
    if source.ndim != 2 or source.dtype.kind not in "fiub":
        raise DataError(
            f"An array of shape {source.shape} and type {source.dtype} is no table of numbers",
            why="Rows and columns of numbers are needed",
            fix="Give a two-dimensional array of numbers",
        )
    return np.ascontiguousarray(source, dtype=np.float32)
