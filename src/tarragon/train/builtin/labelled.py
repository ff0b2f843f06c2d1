"""Tables as the model hub's tabular algorithms take them: CSV without a header, the label first, categories named.

A channel ``training`` (or ``train``) has the rows, ``validation`` those that are judged on; a channel alone may have
both in folders of these names. Without validation a fifth of the rows is held out, drawn with a fixed seed: which fifth
SageMaker's scripts take is not published. ``categorical_index.json`` beside the rows lists the columns that hold
categories, the label being column 0.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tarragon.data import Tabular, files, media
from tarragon.errors import DataError
from tarragon.train.builtin.teller import Order

HELD_OUT = 0.2
INDEX, LISTED = "categorical_index.json", "cat_index_list"
ROWS, JUDGED = ("training", "train"), "validation"
FEW = 20  # whole-number labels up to here are classes, where nothing says what the task is
Label = str | int | float


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Rows to learn from and rows to judge on.

    Parameters
    ----------
    train, valid : Tabular
    classes : tuple
        The labels in the order of their codes; none for regression.
    levels : mapping of int to tuple of str
        The categories in the order of their codes, of each column whose cells are not codes already.
    """

    train: Tabular
    valid: Tabular
    classes: tuple[Label, ...]
    levels: Mapping[int, tuple[str, ...]]

    def facts(self) -> dict[str, Any]:
        """Return what answers need to know, as JSON values."""
        return {
            "feature_dim": self.train.n_features, "classes": list(self.classes),
            "levels": {str(column): list(names) for column, names in self.levels.items()},
        }  # fmt: skip


def read(order: Order, *, coded: bool = False) -> Labelled:
    """Read a job's channels.

    Parameters
    ----------
    order : Order
        Its ``model_id`` says whether labels are classes; without one the labels themselves do.
    coded : bool
        Number the categories of every categorical column from 0; otherwise only of those that hold text.

    Raises
    ------
    DataError
    """
    frame, held, categorical = frames(order)
    classes = _classes(frame[:, 0], order.model_id)
    levels = {
        j: _levels(frame[:, j + 1])
        for j in categorical
        if coded or frame[:, j + 1].dtype == pl.String or (held is not None and held[:, j + 1].dtype == pl.String)
    }
    rows = _tabular(frame, classes, levels, categorical)
    if held is not None:
        return Labelled(rows, _tabular(held, classes, levels, categorical), classes, levels)
    fit, judged = apart(rows.n_rows)
    return Labelled(rows.rows(fit), rows.rows(judged), classes, levels)


def apart(n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide n rows by number: those to learn from, and the fifth that is held out. Raises ``DataError``."""
    if n < 2:
        raise DataError("There are too few rows", why=f"{n} cannot be divided in two", fix="Give a validation channel")
    drawn = np.random.default_rng(0).permutation(n)
    cut = max(1, math.ceil(HELD_OUT * n))
    return np.sort(drawn[cut:]), np.sort(drawn[:cut])


def frames(order: Order) -> tuple[pl.DataFrame, pl.DataFrame | None, tuple[int, ...]]:
    """Read the cells, label first: rows, rows to judge on if there are any, and which features are categories.

    Raises
    ------
    DataError
    """
    name = next((each for each in ROWS if each in order.channels), ROWS[0])
    channel = order.channel(name)
    places = [channel.folder, *channel.others]
    inner = [each / part for each in places for part in ROWS if (each / part).is_dir()]
    judged = [each / JUDGED for each in places if inner and (each / JUDGED).is_dir()]
    if JUDGED in order.channels:
        other = order.channels[JUDGED]
        judged = [other.folder, *other.others]
    for each in (name, JUDGED):
        kind = order.channels[each].content_type if each in order.channels else ""
        if kind and kind != "application/x-sagemaker-model" and media(kind).kind != "csv":
            raise DataError(f"The channel {each} has content type {kind}", why="Rows are CSV here", fix="Use text/csv")
    frame = _frame(inner or places, name)
    held = _frame(judged, JUDGED) if judged else None
    if held is not None and held.width != frame.width:
        raise DataError(
            "The training and validation rows do not fit together",
            why=f"{frame.width} and {held.width} columns",
            fix="Give both the same columns",
        )
    return frame, held, _listed([*places, *inner], frame.width)


def _frame(places: Sequence[Path], channel: str) -> pl.DataFrame:
    parts = []
    for path in (path for path in files(places) if path.name != INDEX):
        try:
            content = path.read_bytes()
            parts.append(pl.read_csv(content, has_header=False, infer_schema_length=None))
        except pl.exceptions.NoDataError:
            continue
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, OSError) as error:
            raise _unread(channel, path, str(error).splitlines()[0][:200]) from error
        if b'"' not in content and content.count(b",") != parts[-1].height * (parts[-1].width - 1):
            raise _unread(channel, path, f"not all rows have {parts[-1].width} cells")  # the reader fills short ones up
        if parts[-1].width != parts[0].width:
            raise _unread(channel, path, f"it has {parts[-1].width} columns, another file {parts[0].width}")
    if not parts:
        raise DataError(f'The channel "{channel}" has no rows', why="Its files are empty", fix="Give at least one row")
    if parts[0].width < 2:
        raise _unread(channel, path, "there are no columns beside the label")
    return pl.concat(parts, how="vertical_relaxed") if _alike(parts) else _as_text(parts)


def _alike(parts: Sequence[pl.DataFrame]) -> bool:
    """Whether no column is text in one file and numbers in another."""
    return all(
        len({kind == pl.String for kind in kinds}) == 1 for kinds in zip(*(p.dtypes for p in parts), strict=True)
    )


def _as_text(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    mixed = {name for part in parts for name, kind in part.schema.items() if kind == pl.String}
    return pl.concat([part.with_columns(pl.col(*mixed).cast(pl.String)) for part in parts], how="vertical_relaxed")


def _unread(channel: str, path: Path, why: str) -> DataError:
    return DataError(
        f'The channel "{channel}" cannot be read: {path.name}',
        why=why,
        fix="Give CSV without a header, the label first, equally many cells in each row",
    )


def _listed(places: Sequence[Path], width: int) -> tuple[int, ...]:
    """Read which columns hold categories."""
    path = next((each / INDEX for each in places if (each / INDEX).is_file()), None)
    if path is None:
        return ()
    try:
        found = [int(each) for each in json.loads(path.read_text(encoding="utf-8"))[LISTED]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{INDEX} cannot be read", why=str(error)[:100], fix=f'It reads {{"{LISTED}": [1, 3]}}'
        ) from error
    if any(not 1 <= each < width for each in found):
        raise DataError(
            f"{INDEX} names a column that is not there",
            why=f"{found}, and the features are columns 1 to {width - 1}",
            fix="Count columns from 0, the label being 0",
        )
    return tuple(sorted({each - 1 for each in found}))


def _classes(labels: pl.Series, model_id: str) -> tuple[Label, ...]:
    """List the classes, in their natural order; none where the label is a value."""
    numeric = labels.dtype.is_numeric()
    if "regression" in model_id:
        if not numeric:
            raise _no_labels(labels, "they are not numbers, and the model is one for regression")
        return ()
    if labels.null_count():
        raise _no_labels(labels, f"{labels.null_count()} are missing")
    distinct = labels.cast(pl.String).unique().to_list() if labels.dtype == pl.Boolean else labels.unique().to_list()
    whole = numeric and all(math.isfinite(each) and float(each).is_integer() for each in distinct)
    if not model_id and numeric and not (whole and len(distinct) <= FEW):
        return ()
    if len(distinct) < 2:
        raise _no_labels(labels, "all are alike")
    return tuple(sorted(int(each) if whole else each for each in distinct))


def _no_labels(labels: pl.Series, why: str) -> DataError:
    return DataError("The labels in the first column cannot be learned", why=why, fix="Put one label in each row")


def word(value: Any) -> str:
    """Write a category as text, the same whether a file had 3 or 3.0."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _levels(column: pl.Series) -> tuple[str, ...]:
    """List the categories of a column, in their natural order."""
    found = sorted(each for each in column.unique().to_list() if each is not None)
    return tuple(dict.fromkeys(map(word, found)))


def _tabular(
    frame: pl.DataFrame,
    classes: tuple[Label, ...],
    levels: Mapping[int, tuple[str, ...]],
    categorical: tuple[int, ...],
) -> Tabular:
    X = features(frame[:, 1:], levels)
    for j in categorical:
        seen = X[:, j][np.isfinite(X[:, j])]
        if j not in levels and ((seen < 0).any() or (seen != np.floor(seen)).any()):
            raise DataError(
                f"Column {j + 1} is listed in {INDEX} and holds no categories",
                why="Its cells are neither text nor whole numbers from 0",
                fix="Code the categories, or take the column off the list",
            )
    rows = Tabular(X, n_classes=len(classes), categorical=categorical)
    labels = frame[:, 0]
    if not classes:
        return replace(rows, y=_numbers(labels))
    codes = {word(each): float(code) for code, each in enumerate(classes)}
    unique = labels.unique()
    unknown = [each for each in unique.to_list() if each is None or word(each) not in codes]
    if unknown:
        raise _no_labels(labels, f"validation rows have {unknown[0]!r}, training rows have {list(codes)[:10]}")
    return replace(rows, y=_coded(labels, codes).to_numpy())


def _numbers(labels: pl.Series) -> NDArray[np.float64]:
    return np.asarray(labels.cast(pl.Float64).to_numpy(), np.float64)


def _coded(column: pl.Series, codes: Mapping[str, float]) -> pl.Series:
    """Replace cells by the codes of their words; those without one by nothing."""
    cells = column.cast(pl.String) if column.dtype == pl.Boolean else column
    there = [each for each in cells.unique().to_list() if each is not None]
    return cells.replace_strict(there, [codes.get(word(each)) for each in there], default=None, return_dtype=pl.Float64)


def features(frame: pl.DataFrame, levels: Mapping[int, tuple[str, ...]]) -> NDArray[np.float32]:
    """Turn cells into numbers, (n, d): categories of text by their code, NaN for gaps and what training did not have.

    Raises
    ------
    DataError
        A cell that should be a number is none.
    """
    columns = []
    for j, column in enumerate(frame.iter_columns()):
        if j in levels:
            codes = {name: float(code) for code, name in enumerate(levels[j])}
            columns.append(_coded(column, codes).cast(pl.Float32).to_numpy())
            continue
        numbers = column
        if column.dtype == pl.String:
            numbers = column.str.strip_chars().replace("", None).cast(pl.Float64, strict=False)
            wrong = column.filter(numbers.is_null() & column.is_not_null())
            if len(wrong):
                raise DataError(
                    f"Column {j + 1} holds {wrong[0][:40]!r}, which is not a number",
                    why=f"The column is not listed in {INDEX}, or the file has a header",
                    fix="List it, code it, or leave the header out",
                )
        columns.append(np.asarray(numbers.cast(pl.Float32).to_numpy(), np.float32))
    return np.ascontiguousarray(np.column_stack(columns), np.float32)
