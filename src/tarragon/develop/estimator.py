"""scikit-learn estimators over the same loop, without report and registry."""

import tempfile
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from tarragon.data import Column, Kind, ReadOptions, Table, read_table
from tarragon.develop import loop
from tarragon.develop.protocol import Limits, Spec
from tarragon.develop.run import Run
from tarragon.engine import InlineExecutor, LocalExecutor
from tarragon.metrics import Task
from tarragon.refine import TableModel

TARGET = "__target__"
INLINE_CELLS = 60_000  # below this a fit takes less than starting a worker does
Rows = Any  # an array or a frame, as scikit-learn takes them


class _Developed(BaseEstimator):
    """What both estimators share: the loop up to the model."""

    def __init__(
        self,
        *,
        time_limit: float = 30.0,
        metric: str = "",
        seed: int = 0,
        glass_box: bool = False,
        algorithms: tuple[str, ...] = (),
    ) -> None:
        self.time_limit = time_limit
        self.metric = metric
        self.seed = seed
        self.glass_box = glass_box
        self.algorithms = algorithms

    def _develop(self, X: Rows, y: NDArray[Any], task: Task, classes: tuple[Any, ...]) -> Self:
        table = self._table(X, y, task, classes)
        spec = Spec(
            target=TARGET,
            name="estimator",
            budget_s=float(self.time_limit),
            metric=self.metric,
            seed=int(self.seed),
            limits=Limits(glass_box=self.glass_box),
            algorithms=tuple(self.algorithms),
        )
        small = table.n_rows * len(table.columns) < INLINE_CELLS
        with (
            tempfile.TemporaryDirectory(prefix="tarragon-") as folder,
            InlineExecutor() if small else LocalExecutor() as executor,
        ):
            run = Run(Path(folder), executor, spec.budget_s)
            self.model_: TableModel = loop.fit_model(table, spec, run)
        return self

    def _table(self, X: Rows, y: NDArray[Any], task: Task, classes: tuple[Any, ...]) -> Table:
        if hasattr(X, "columns"):
            validate_data(self, X, skip_check_array=True)
            frame = X.copy() if hasattr(X, "copy") else X.clone()
            frame = (
                frame.assign(**{TARGET: np.asarray(y)})
                if hasattr(frame, "assign")
                else frame.with_columns(pl.Series(TARGET, y))
            )
            return read_table(frame, TARGET, options=ReadOptions(task=task))
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=2)
        names = [f"x{i}" for i in range(X.shape[1])]
        frame = pl.DataFrame(X, schema=names, orient="row").fill_nan(None)
        codes = np.searchsorted(classes, y) if classes else np.asarray(y, dtype=np.float64)
        frame = frame.with_columns(pl.Series(TARGET, codes))
        columns = tuple(
            Column(n, Kind.NUMERIC, n_missing=int(frame[n].null_count()), n_unique=int(frame[n].n_unique()))
            for n in names
        )
        return Table(frame, (*columns, _target_column(frame)), TARGET, task, tuple(range(len(classes))))

    def _rows(self, X: Rows) -> Any:
        check_is_fitted(self, "model_")
        if hasattr(X, "columns"):
            validate_data(self, X, skip_check_array=True, reset=False)
            return X
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        return pl.DataFrame(X, schema=[f"x{i}" for i in range(X.shape[1])], orient="row").fill_nan(None)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.non_deterministic = False
        return tags


def _target_column(frame: pl.DataFrame) -> Column:
    from tarragon.data import Role

    return Column(TARGET, Kind.NUMERIC, Role.TARGET, n_unique=int(frame[TARGET].n_unique()))


class Classifier(ClassifierMixin, _Developed):
    """Develop a classifier within a time limit.

    Parameters
    ----------
    time_limit : float
        Seconds; ends early when nothing more is to be gained.
    metric : str
        Objective; default AUC (binary) or log loss.
    seed : int
    glass_box : bool
        Only a model that can be read as a whole.
    algorithms : tuple of str
        Try only these.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
    model_ : TableModel
    """

    def fit(self, X: Rows, y: Rows) -> Self:
        """Learn from rows (n, d), arrays or frames, and labels (n,). NaN is missing."""
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] == 1:
            from sklearn.utils.validation import column_or_1d

            y = column_or_1d(y, warn=True)
        if not hasattr(X, "columns"):
            X, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(
                f"Classifier needs samples of at least 2 classes in the data, but there is only one class: {self.classes_[0]!r}"
            )
        codes = np.searchsorted(self.classes_, y)
        task: Task = "binary" if len(self.classes_) == 2 else "multiclass"
        return self._develop(X, codes, task, tuple(range(len(self.classes_))))

    def predict_proba(self, X: Rows) -> NDArray[np.float64]:
        """Class probabilities (n, K) in the order of ``classes_``."""
        return self.model_.predict_proba(self._rows(X)) if hasattr(self, "model_") else self._rows(X)

    def predict(self, X: Rows) -> NDArray[Any]:
        """Labels (n,)."""
        return (
            self.classes_[np.asarray(self.model_.predict(self._rows(X)), dtype=np.int64)]
            if hasattr(self, "model_")
            else self._rows(X)
        )


class Regressor(RegressorMixin, _Developed):
    """Develop a regressor within a time limit. Parameters as :class:`Classifier`; the default objective is RMSE."""

    def fit(self, X: Rows, y: Rows) -> Self:
        """Learn from rows (n, d), arrays or frames, and values (n,). NaN is missing in ``X`` only."""
        if hasattr(X, "columns"):
            y = np.asarray(y, dtype=np.float64)
        else:
            X, y = validate_data(
                self, X, y, dtype=np.float64, ensure_all_finite="allow-nan", y_numeric=True, ensure_min_samples=2
            )
        return self._develop(X, np.asarray(y, dtype=np.float64), "regression", ())

    def predict(self, X: Rows) -> NDArray[np.float64]:
        """Values (n,)."""
        rows = self._rows(X)
        return self.model_.predict(rows)
