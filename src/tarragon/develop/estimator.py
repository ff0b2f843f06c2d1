"""scikit-learn estimators over the same loop, without report and registry."""

import tempfile
from pathlib import Path
from typing import Any, Self

import narwhals as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from tarragon.data import Column, Kind, ReadOptions, Role, Table, read_table
from tarragon.develop import loop
from tarragon.develop.protocol import Limits, Spec
from tarragon.develop.run import Run
from tarragon.engine import InlineExecutor, LocalExecutor
from tarragon.errors import DataError
from tarragon.metrics import Task
from tarragon.refine import TableModel

TARGET = "__target__"
INLINE_CELLS = 60_000  # below this a fit takes less than starting a worker does
Rows = Any  # an array or a frame, as scikit-learn takes them


class _Developed(BaseEstimator):  # type: ignore[misc]
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

    def _develop(self, X: Rows, y: NDArray[Any], task: Task, classes: tuple[int, ...]) -> Self:
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
            self.model_: TableModel = loop.fit_model(table, spec, run, search=not small)
        return self

    def _table(self, X: Rows, y: NDArray[Any], task: Task, classes: tuple[int, ...]) -> Table:
        self.framed_ = _needs_reading(X)
        if self.framed_:
            validate_data(self, X, skip_check_array=True)
            frame = nw.from_native(X, eager_only=True).to_polars().with_columns(pl.Series(TARGET, y))
            return read_table(frame, TARGET, options=ReadOptions(task=task))
        frame = self._numbers(X, reset=True).with_columns(pl.Series(TARGET, y))
        columns = tuple(
            Column(n, Kind.NUMERIC, n_missing=int(frame[n].null_count()), n_unique=int(frame[n].n_unique()))
            for n in frame.columns[:-1]
        )
        target = Column(TARGET, Kind.NUMERIC, Role.TARGET, n_unique=int(frame[TARGET].n_unique()))
        return Table(frame, (*columns, target), TARGET, task, classes)

    def _numbers(self, X: Rows, *, reset: bool) -> pl.DataFrame:
        checked = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=reset)
        names = [f"x{i}" for i in range(checked.shape[1])]
        return pl.DataFrame(checked, schema=names, orient="row").fill_nan(None)

    def _rows(self, X: Rows) -> Any:
        check_is_fitted(self, "model_")
        if not self.framed_:
            return self._numbers(X, reset=False)
        validate_data(self, X, skip_check_array=True, reset=False)
        return X

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _needs_reading(X: Rows) -> bool:
    """Whether rows come as a frame with columns that are not plain numbers."""
    if not hasattr(X, "columns"):
        return False
    return not all(kind.is_numeric() for kind in nw.from_native(X, eager_only=True).schema.values())


class Classifier(ClassifierMixin, _Developed):  # type: ignore[misc]
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
        """Learn from rows (n, d), arrays or frames, and labels (n,). NaN is missing.

        Raises
        ------
        DataError
            One class only, or too few rows. It is a ``ValueError``.
        """
        if not _needs_reading(X):
            X, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=2)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise DataError(
                "Classifier needs samples of at least 2 classes",
                why=f"The labels hold only one class, {self.classes_[0]!r}",
                fix="Give rows of another class too",
            )
        codes = np.asarray(np.searchsorted(self.classes_, y), dtype=np.int64)
        task: Task = "binary" if len(self.classes_) == 2 else "multiclass"
        return self._develop(X, codes, task, tuple(range(len(self.classes_))))

    def predict_proba(self, X: Rows) -> NDArray[np.float64]:
        """Class probabilities (n, K) in the order of ``classes_``."""
        rows = self._rows(X)
        return self.model_.predict_proba(rows)

    def predict(self, X: Rows) -> NDArray[Any]:
        """Labels (n,)."""
        rows = self._rows(X)
        return np.asarray(self.classes_[np.asarray(self.model_.predict(rows), dtype=np.int64)])


class Regressor(RegressorMixin, _Developed):  # type: ignore[misc]
    """Develop a regressor within a time limit. Parameters as :class:`Classifier`; the default objective is RMSE."""

    def fit(self, X: Rows, y: Rows) -> Self:
        """Learn from rows (n, d), arrays or frames, and values (n,). NaN is missing in ``X`` only."""
        if not _needs_reading(X):
            checks = {"dtype": np.float64, "ensure_all_finite": "allow-nan", "y_numeric": True, "ensure_min_samples": 2}
            X, y = validate_data(self, X, y, **checks)
        return self._develop(X, column_or_1d(y, warn=True).astype(np.float64), "regression", ())

    def predict(self, X: Rows) -> NDArray[np.float64]:
        """Values (n,)."""
        rows = self._rows(X)
        return self.model_.respond(rows) if not self.framed_ else np.asarray(self.model_.predict(rows))
