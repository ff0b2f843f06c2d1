"""What a supervised method may take for granted about the arrays it is handed, checked once at the door."""

import numpy as np

from tarragon.data import Data, Matrix, Tabular
from tarragon.errors import DataError, NotFittedError, ParameterError


def supervised(data: Tabular, who: str) -> None:
    """Check rows to learn from: there are some, targets finite, class codes inside 0…K-1, weights not negative.

    Parameters
    ----------
    data : Tabular
    who : str
        The method's title, for the message.

    Raises
    ------
    DataError
    """
    if data.n_rows == 0 or data.n_features == 0:
        raise DataError(
            f"{who} has nothing to learn from",
            why=f"The table is {data.n_rows} rows × {data.n_features} columns",
            fix="Give at least one of each",
        )
    if data.y is None:
        raise DataError(f"{who} learns from a target", why="The rows came without one", fix="Give y")
    if data.y.shape != (data.n_rows,):
        raise DataError(
            f"{who}: the target does not match the rows",
            why=f"y has shape {data.y.shape} for {data.n_rows} rows",
            fix="One target per row",
        )
    if not np.isfinite(data.y).all():
        raise DataError(
            f"{who}: the target has gaps", why="y holds NaN or infinity", fix="Drop those rows, or fill them"
        )
    if data.n_classes == 1:
        raise DataError(
            f"{who} cannot tell one class apart",
            why="n_classes is 1",
            fix="Use 0 for regression, 2 or more for classes",
        )
    if data.n_classes and (data.y.min() < 0 or data.y.max() >= data.n_classes):
        raise DataError(
            f"{who}: class codes out of range",
            why=f"y runs from {data.y.min():g} to {data.y.max():g} with n_classes={data.n_classes}",
            fix=f"Code classes 0…{data.n_classes - 1}",
        )
    if data.weight is not None:
        weights(data, who)


def weights(data: Tabular, who: str) -> None:
    """Check weights: one per row, finite, none negative, not all zero. Raises ``DataError``."""
    w = data.weight
    assert w is not None
    if w.shape != (data.n_rows,) or not np.isfinite(w).all() or w.min() < 0 or w.max() <= 0:
        raise DataError(
            f"{who}: the weights cannot be used",
            why=f"shape {w.shape} for {data.n_rows} rows, lowest {w.min() if w.size else np.nan:g}",
            fix="One finite weight per row, none negative, at least one above zero",
        )


def same_columns(data: Data, n_features: int | None, who: str) -> None:
    """Check rows to predict: the model is fitted, and the columns are as many as it learned from.

    Parameters
    ----------
    data : Tabular or Batches
    n_features : int or None
        Columns seen in fit; None or 0 when there was no fit yet.
    who : str

    Raises
    ------
    NotFittedError, DataError
    """
    if not n_features:
        raise NotFittedError(
            f"{who} is not fitted", why="predict was called before fit", fix="Call fit, or load a saved model"
        )
    if data.n_features != n_features:
        raise DataError(
            f"{who} was fitted on {n_features} columns",
            why=f"These rows have {data.n_features}",
            fix="Encode them with the encoder of the training rows",
        )


def refused(who: str, error: Exception) -> DataError:
    """Say in our words that the library behind a method would not take the rows or the settings together with them."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return DataError(
        f"{who} refused these rows with these settings",
        why=lines[0].strip() if lines else type(error).__name__,
        fix="Check the target against the objective, and the settings against the size of the table",
    )


def dense(data: Tabular) -> Matrix:
    """Return the rows as a plain array, (n, d); not copied unless they are sparse."""
    if isinstance(data.X, np.ndarray):
        return data.X
    return np.asarray(data.X.toarray(), np.float32)


def objective(asked: str, suited: tuple[str, ...], n_classes: int, who: str) -> str:
    """Return the loss to fit: the first of those that suit the target for "auto", otherwise the one asked for.

    Raises
    ------
    ParameterError
        The one asked for does not suit the target.
    """
    if asked == "auto":
        return suited[0]
    if asked not in suited:
        raise ParameterError(
            f"{who}: objective {asked} does not suit this target",
            why=f"The target has {n_classes} classes" if n_classes else "The target is a number",
            fix=f"Use auto, or one of {', '.join(suited)}",
        )
    return asked
