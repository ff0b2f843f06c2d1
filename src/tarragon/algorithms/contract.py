"""The suite every algorithm passes, ours and strangers'. Needs pytest; import it from tests only.

::

    class TestKNN(AlgorithmContract):
        algorithm = KNN(k=3)          # an instance, or a function without arguments that makes one

Each check runs for every supervised task on the card. What a method cannot promise is declared on the subclass
(see :class:`AlgorithmContract`), so that the promise and its exceptions are read in one place.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms.examples import LEVELS, loss, made, prior_loss, target, values
from tarragon.algorithms.inputs import dense
from tarragon.algorithms.params import Hyperparameter, OneOf, Range, declared
from tarragon.algorithms.protocol import Card, Standalone, View
from tarragon.data import Tabular
from tarragon.errors import DataError, IntegrityError, MissingExtraError, NotFittedError, ParameterError

__all__ = ["AlgorithmContract", "Stopping", "made", "values"]

TASKS = ("binary", "multiclass", "regression")
PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in (2, 3, 4, 5))  # the first two bytes of every binary pickle


@dataclass(slots=True)
class Stopping(Standalone):
    """A context that asks to end once ``after`` epochs were reported."""

    after: int = 2

    def stop_asked(self) -> bool:
        """Whether enough was seen."""
        return len(self.epochs) >= self.after


@dataclass(frozen=True, slots=True)
class Bad:
    """A value that a declaration forbids."""

    hyperparameter: Hyperparameter
    value: Any = field(compare=False)


def forbidden(kind: type) -> Iterator[Bad]:
    """Values outside each declared range, and of the wrong type."""
    for h in declared(kind):
        if isinstance(h.rule, Range):
            bounds = [h.rule.low - 1, h.rule.high + 1, math.nan]
            yield from (Bad(h, h.type(b) if math.isfinite(b) else b) for b in bounds if not math.isinf(b))
            yield Bad(h, "a word")
        elif isinstance(h.rule, OneOf):
            yield Bad(h, "no such value")
        else:
            yield Bad(h, 3.5)


@pytest.mark.contract
class AlgorithmContract:
    """Subclass it, name the algorithm, and pytest does the rest.

    Attributes
    ----------
    algorithm : Algorithm, or callable returning one
        Configured small, so that the suite is quick. Iterative methods need more than 12 rounds.
    iterative : bool
        Whether it works in rounds or epochs: then it reports each, and ends when asked.
    rounds : str
        The hyperparameter that limits rounds or epochs, of a method that can be replayed by it (``rounds_done_``).
    learns : float
        Loss on fresh rows, at most this share of what predicting the mean or the class frequencies loses.
    takes_sparse : bool or None
        Whether CSR rows are accepted and mean the same as dense ones; None: in the "onehot" view they must be.
    repeats : float or None
        Greatest difference (absolute) between integer weights and repeated rows; None where sampling makes them differ.
    weighs : bool
        Whether weights change the fit.
    batch_tolerance : float
        Greatest relative difference between predicting a row alone and among others.
    """

    algorithm: ClassVar[Any]
    iterative: ClassVar[bool] = False
    rounds: ClassVar[str] = ""
    learns: ClassVar[float] = 0.8
    takes_sparse: ClassVar[bool | None] = None
    repeats: ClassVar[float | None] = None
    weighs: ClassVar[bool] = True
    batch_tolerance: ClassVar[float] = 1e-5

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run checks that take a task once for each on the card, and bad values one by one."""
        kind = type(_instance(metafunc.cls))
        if "task" in metafunc.fixturenames:
            metafunc.parametrize("task", [t for t in TASKS if t in kind.card.tasks])
        if "bad" in metafunc.fixturenames:
            cases = list(forbidden(kind))
            metafunc.parametrize("bad", cases, ids=[f"{b.hyperparameter.name}={b.value!r}" for b in cases])

    # What the checks below are written with.

    @pytest.fixture(autouse=True)
    def _extra_is_there(self) -> None:
        suite: Any = type(self)
        lacking = _lacking(suite)
        if lacking:
            pytest.skip(lacking)

    @pytest.fixture
    def train(self, task: str) -> Tabular:
        """Rows to learn from."""
        return made(task, self.card.view)

    @pytest.fixture
    def fresh_rows(self, task: str) -> Tabular:
        """Rows no fit has seen."""
        return made(task, self.card.view, seed=1)

    @pytest.fixture
    def fitted(self, task: str) -> Any:
        """One fitted model per task, shared by the checks that only read it."""
        suite: Any = type(self)
        return _fitted(suite, task)

    @property
    def card(self) -> Card:
        """The algorithm's card."""
        card: Card = _instance(type(self)).card
        return card

    def fresh(self) -> Any:
        """Return an unfitted algorithm."""
        return _instance(type(self))

    # The card and the declarations.

    def test_card_is_complete(self) -> None:
        """The card leaves no line empty."""
        card = self.card
        for text in (card.name, card.title, card.use, card.avoid, card.growth, card.source):
            assert text.strip(), f"the card of {card.name!r} leaves a line empty"
        assert card.tasks
        assert card.view in ("codes", "onehot", "dense")
        assert card.interpretability in ("high", "medium", "low")

    def test_each_hyperparameter_says_what_it_does(self) -> None:
        """Every declaration has a sentence and a wire name of its own."""
        lines = declared(type(self.fresh()))
        assert lines
        assert [h.name for h in lines if not h.rule.about.strip()] == []
        wires = [h.wire for h in lines]
        assert len(set(wires)) == len(wires)

    def test_defaults_are_allowed_and_worth_searching_lies_inside(self) -> None:
        """Declarations agree with themselves."""
        for h in declared(type(self.fresh())):
            assert h.rule.allows(h.default) or (h.default is None and h.optional), h.name
            if isinstance(h.rule, Range) and h.rule.tune is not None:
                low, high = h.rule.tune
                assert low < high, h.name
                assert h.rule.allows(low), h.name
                assert h.rule.allows(high), h.name
            if isinstance(h.rule, OneOf) and h.rule.tune is not None:
                assert all(h.rule.allows(v) for v in h.rule.tune), h.name

    def test_value_out_of_range_is_refused(self, bad: Bad) -> None:
        """What a declaration forbids, fit refuses by name."""
        task = next(t for t in TASKS if t in self.card.tasks)
        with pytest.raises(ParameterError, match=bad.hyperparameter.name):
            replace(self.fresh(), **{bad.hyperparameter.name: bad.value}).fit(made(task, self.card.view, rows=60))

    # Answers.

    def test_learns(self, train: Tabular, fresh_rows: Tabular, fitted: Any) -> None:
        """Fresh rows are predicted clearly better than by the mean or the class frequencies."""
        assert fresh_rows.y is not None
        assert loss(fitted.predict(fresh_rows), fresh_rows.y) < self.learns * prior_loss(train, fresh_rows.y)

    def test_shape_of_the_answer(self, fresh_rows: Tabular, fitted: Any) -> None:
        """Scores are (n,), probabilities (n, K) and sum to one."""
        answer = fitted.predict(fresh_rows)
        n, k = fresh_rows.n_rows, fresh_rows.n_classes
        assert list(answer) == (["probability"] if k else ["score"])
        assert values(answer).shape == ((n, k) if k else (n,))
        assert np.isfinite(values(answer)).all()
        if k:
            _are_probabilities(values(answer))

    def test_one_row_alone_or_among_others(self, fresh_rows: Tabular, fitted: Any) -> None:
        """A row's answer does not depend on its company."""
        together = values(fitted.predict(fresh_rows))
        for i in (0, 7):
            alone = values(fitted.predict(fresh_rows.rows(np.array([i]))))
            np.testing.assert_allclose(alone[0], together[i], rtol=self.batch_tolerance, atol=1e-7)

    def test_predicting_changes_nothing(self, fresh_rows: Tabular, fitted: Any) -> None:
        """Neither the model nor the rows."""
        before = dense(fresh_rows).copy()
        first = values(fitted.predict(fresh_rows))
        np.testing.assert_array_equal(first, values(fitted.predict(fresh_rows)))
        np.testing.assert_array_equal(before, dense(fresh_rows))

    # Determinism.

    def test_same_seed_same_bytes(self, train: Tabular, fresh_rows: Tabular, fitted: Any) -> None:
        """Two fits with one seed answer the same bytes."""
        again = self.fresh().fit(train, context=Standalone(seed=3))
        assert values(again.predict(fresh_rows)).tobytes() == values(fitted.predict(fresh_rows)).tobytes()

    def test_same_seed_same_files(self, train: Tabular, fitted: Any, tmp_path: Path) -> None:
        """So that a model built again can be held against the hashes of the first."""
        again = self.fresh().fit(train, context=Standalone(seed=3))
        assert _saved(again, tmp_path / "again") == _saved(fitted, tmp_path / "first")

    def test_refitting_and_a_clone_agree(self, train: Tabular, fresh_rows: Tabular, fitted: Any) -> None:
        """A clone starts unfitted; fitting it, or the same object twice, leaves no trace of before."""
        clone = replace(fitted)
        with pytest.raises(NotFittedError):
            clone.predict(fresh_rows)
        expected = values(fitted.predict(fresh_rows)).tobytes()
        assert values(clone.fit(train, context=Standalone(seed=3)).predict(fresh_rows)).tobytes() == expected
        assert values(clone.fit(train, context=Standalone(seed=3)).predict(fresh_rows)).tobytes() == expected

    def test_fitting_changes_no_input(self, train: Tabular) -> None:
        """The rows handed in stay as they were."""
        X, y = dense(train).copy(), np.array(train.y, copy=True)
        assert self.fresh().fit(train, valid=train).fit(train) is not None
        np.testing.assert_array_equal(X, dense(train))
        np.testing.assert_array_equal(y, train.y)

    # Files.

    def test_saved_and_loaded_predicts_the_same_bytes(self, fresh_rows: Tabular, fitted: Any, tmp_path: Path) -> None:
        """And saving what was loaded writes the same files."""
        files = _saved(fitted, tmp_path / "first")
        again = type(fitted).load(tmp_path / "first")
        assert values(again.predict(fresh_rows)).tobytes() == values(fitted.predict(fresh_rows)).tobytes()
        assert _saved(again, tmp_path / "again") == files

    def test_files_hold_no_pickle(self, fitted: Any, tmp_path: Path) -> None:
        """No file can run code when it is read."""
        fitted.save(tmp_path)
        files = [p for p in tmp_path.rglob("*") if p.is_file()]
        assert files
        for path in files:
            assert path.suffix not in (".pkl", ".pickle", ".joblib", ".pt", ".pth")
            assert not path.read_bytes().startswith(PICKLES), path.name

    def test_damaged_files_are_refused(self, fitted: Any, tmp_path: Path) -> None:
        """Cut, emptied, overwritten, one byte flipped, missing: each is an ``IntegrityError``."""
        fitted.save(tmp_path)
        kind = type(fitted)
        for path in sorted(p for p in tmp_path.rglob("*") if p.is_file()):
            whole = path.read_bytes()
            middle = len(whole) // 2
            flipped = whole[:middle] + bytes([whole[middle] ^ 0x55]) + whole[middle + 1 :]
            for damaged in (whole[:middle], b"", b"\x00not a model", flipped):
                path.write_bytes(damaged)
                with pytest.raises(IntegrityError):
                    kind.load(tmp_path)
            path.unlink()
            with pytest.raises(IntegrityError):
                kind.load(tmp_path)
            path.write_bytes(whole)
        kind.load(tmp_path)

    # Time.

    def test_epochs_are_reported(self, train: Tabular) -> None:
        """Iterative methods count their epochs from 1; others report none."""
        context = Standalone(seed=3)
        self.fresh().fit(train, context=context)
        if not self.iterative:
            assert context.epochs == []
            return
        assert [e["epoch"] for e in context.epochs] == list(range(1, len(context.epochs) + 1))
        assert all(e["records"] > 0 and e["steps"] > 0 for e in context.epochs)

    def test_ends_soon_when_asked(self, train: Tabular, fresh_rows: Tabular) -> None:
        """Asked to end after two epochs, a method does, and leaves a usable model."""
        if not self.iterative:
            return
        whole, cut = Standalone(seed=3), Stopping(seed=3, after=2)
        self.fresh().fit(train, context=whole)
        model = self.fresh().fit(train, context=cut)
        assert len(cut.epochs) <= 12 < len(whole.epochs)
        assert np.isfinite(values(model.predict(fresh_rows))).all()

    def test_asked_to_end_at_once_still_leaves_a_model(self, train: Tabular, fresh_rows: Tabular) -> None:
        """Even with no time at all."""
        model = self.fresh().fit(train, context=Stopping(seed=3, after=0))
        assert np.isfinite(values(model.predict(fresh_rows))).all()

    @pytest.mark.parametrize("after", [1, 7])
    def test_replay_of_a_run_cut_short(self, train: Tabular, fresh_rows: Tabular, after: int) -> None:
        """A run that was ended early is repeated, byte for byte, by giving it the rounds it had done."""
        if not self.rounds:
            return
        cut = self.fresh().fit(train, valid=fresh_rows, context=Stopping(seed=3, after=after))
        again = replace(self.fresh(), **{self.rounds: cut.rounds_done_})
        again.fit(train, valid=fresh_rows, context=Standalone(seed=3))
        assert (again.rounds_, again.rounds_done_) == (cut.rounds_, cut.rounds_done_)
        assert again.history_ == cut.history_ or np.array_equal(again.history_, cut.history_, equal_nan=True)
        assert values(again.predict(fresh_rows)).tobytes() == values(cut.predict(fresh_rows)).tobytes()

    # Weights.

    def test_weights_change_the_fit(self, task: str, fresh_rows: Tabular) -> None:
        """Heavier rows pull the answers towards their targets."""
        if not self.weighs:
            return
        data = _exact(task, self.card.view)
        assert data.y is not None
        heavy = np.where(data.y > np.median(data.y), 5.0, 1.0) if task != "binary" else np.where(data.y > 0, 5.0, 1.0)
        plain = values(self.fresh().fit(data, context=Standalone(seed=3)).predict(fresh_rows))
        weighed = values(self.fresh().fit(replace(data, weight=heavy), context=Standalone(seed=3)).predict(fresh_rows))
        if plain.ndim == 1:
            assert weighed.mean() > plain.mean()
        else:
            assert weighed[:, -1].mean() > plain[:, -1].mean()

    def test_integer_weights_are_repeated_rows(self, task: str, fresh_rows: Tabular) -> None:
        """Where the method promises it."""
        if self.repeats is None:
            return
        data = _exact(task, self.card.view)
        times = np.random.default_rng(5).integers(1, 4, data.n_rows)
        weighed = self.fresh().fit(replace(data, weight=times.astype(float)), context=Standalone(seed=3))
        repeated = self.fresh().fit(data.rows(np.repeat(np.arange(data.n_rows), times)), context=Standalone(seed=3))
        np.testing.assert_allclose(
            values(weighed.predict(fresh_rows)), values(repeated.predict(fresh_rows)), atol=self.repeats
        )

    # Odd tables.

    def test_more_columns_than_rows(self, task: str) -> None:
        """200 rows of 400 columns."""
        rng = np.random.default_rng(2)
        y, k = target(task, rng.normal(size=200), rng.normal(size=(200, 4)), 3, rng)
        data = Tabular(rng.normal(size=(200, 400)).astype(np.float32), y=y, n_classes=k)
        self._answers(data)

    def test_single_column(self, train: Tabular) -> None:
        """One column is a table."""
        self._answers(
            replace(train, X=np.ascontiguousarray(dense(train)[:, :1]), names=train.names[:1], categorical=())
        )

    def test_constant_columns_only(self, train: Tabular) -> None:
        """With nothing to tell rows apart, all get one answer."""
        answer = self._answers(Tabular(np.ones((train.n_rows, 2), np.float32), y=train.y, n_classes=train.n_classes))
        assert np.ptp(answer, axis=0).max() < 1e-6

    def test_one_constant_column_beside_others(self, train: Tabular) -> None:
        """It is ignored."""
        X = dense(train).copy()
        X[:, 3] = 4.0
        self._answers(replace(train, X=X))

    def test_missing_values(self, train: Tabular) -> None:
        """Empty columns and empty rows, where the view has missing values."""
        if self.card.view != "codes":
            return
        X = dense(train).copy()
        X[:, 3] = np.nan
        data = replace(train, X=X)
        self._answers(data)
        nothing = replace(train.rows(np.arange(3)), X=np.full((3, train.n_features), np.nan, np.float32))
        assert np.isfinite(values(self.fresh().fit(train).predict(nothing))).all()

    def test_category_never_seen(self, fresh_rows: Tabular, fitted: Any) -> None:
        """A level unknown to fit is answered."""
        if self.card.view != "codes":
            return
        X = dense(fresh_rows).copy()
        X[:, 4] = LEVELS + 3
        assert np.isfinite(values(fitted.predict(replace(fresh_rows, X=X)))).all()

    def test_sparse_rows_mean_the_same(self, train: Tabular, fresh_rows: Tabular) -> None:
        """CSR rows are answered as the dense rows they stand for."""
        takes = self.takes_sparse if self.takes_sparse is not None else self.card.view == "onehot"
        if not takes:
            return
        blank = [replace(t, X=np.where(np.abs(dense(t)) < 0.3, np.float32(0), dense(t))) for t in (train, fresh_rows)]
        thin = [replace(t, X=sp.csr_matrix(t.X)) for t in blank]
        full = values(self.fresh().fit(blank[0], context=Standalone(seed=3)).predict(blank[1]))
        sparse = values(self.fresh().fit(thin[0], context=Standalone(seed=3)).predict(thin[1]))
        np.testing.assert_allclose(sparse, full, rtol=1e-3, atol=1e-3)

    def test_one_value_in_the_target(self, train: Tabular, fresh_rows: Tabular) -> None:
        """A target without variation is predicted as it is."""
        assert train.y is not None
        answer = self._answers(replace(train, y=np.ones(train.n_rows)), fresh_rows)
        assert (answer[:, 1].min() > 0.5) if train.n_classes else np.allclose(answer, 1.0, atol=0.05)

    def test_class_missing_from_the_fold(self, fresh_rows: Tabular, train: Tabular) -> None:
        """A class without rows keeps its column, with little probability."""
        if train.n_classes < 3:
            return
        assert train.y is not None
        for absent in (1, train.n_classes - 1):
            answer = self._answers(train.rows(np.flatnonzero(train.y != absent)), fresh_rows)
            assert answer.shape[1] == train.n_classes
            assert answer[:, absent].mean() < 0.1

    def test_three_classes(self) -> None:
        """Any number of classes."""
        if "multiclass" not in self.card.tasks:
            return
        data = made("multiclass", self.card.view, classes=3)
        _are_probabilities(self._answers(data))

    @pytest.mark.parametrize("rows", [1, 2, 3])
    def test_hardly_any_rows(self, train: Tabular, rows: int) -> None:
        """A method may refuse so few rows, in words; what it accepts it must answer."""
        refusal = None
        try:
            self._answers(train.rows(np.arange(rows)))
        except DataError as error:
            refusal = error
        assert refusal is None or (refusal.what and refusal.fix)

    # Misuse.

    def test_predicting_or_saving_before_fitting(self, tmp_path: Path) -> None:
        """``NotFittedError``, not a crash."""
        with pytest.raises(NotFittedError):
            self.fresh().predict(made("regression", self.card.view))
        with pytest.raises(NotFittedError):
            self.fresh().save(tmp_path)

    def test_wrong_number_of_columns(self, fresh_rows: Tabular, fitted: Any) -> None:
        """``DataError`` that says what, why and how to fix."""
        with pytest.raises(DataError) as caught:
            fitted.predict(
                replace(
                    fresh_rows,
                    X=np.ascontiguousarray(dense(fresh_rows)[:, :2]),
                    names=fresh_rows.names[:2],
                    categorical=(),
                )
            )
        assert caught.value.what
        assert caught.value.why
        assert caught.value.fix

    def test_nothing_to_learn_from(self, train: Tabular) -> None:
        """``DataError`` without a target, or without rows."""
        with pytest.raises(DataError):
            self.fresh().fit(replace(train, y=None))
        with pytest.raises(DataError):
            self.fresh().fit(train.rows(np.arange(0)))

    def test_prints_nothing(self, train: Tabular, capfd: pytest.CaptureFixture[str]) -> None:
        """Neither the method nor the library behind it."""
        capfd.readouterr()
        model = self.fresh().fit(train, valid=train)
        model.predict(train)
        assert capfd.readouterr() == ("", "")

    def _answers(self, data: Tabular, rows: Tabular | None = None) -> np.ndarray[Any, Any]:
        """Fit, predict, and return finite answers of the right shape."""
        answer = values(self.fresh().fit(data, context=Standalone(seed=3)).predict(rows or data))
        n = (rows or data).n_rows
        assert answer.shape == ((n, data.n_classes) if data.n_classes else (n,))
        assert np.isfinite(answer).all()
        if data.n_classes:
            _are_probabilities(answer)
        return answer


def _instance(suite: Any) -> Any:
    """Copy the suite's algorithm, unfitted. ``suite`` is the class: a function read from it is not bound."""
    algorithm = suite.algorithm
    return algorithm() if callable(algorithm) else replace(algorithm)


def _saved(model: Any, folder: Path) -> dict[str, bytes]:
    """Save into a new folder and read the files back."""
    folder.mkdir()
    model.save(folder)
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@cache
def _fitted(suite: Any, task: str) -> Any:
    algorithm = _instance(suite)
    return algorithm.fit(made(task, algorithm.card.view), context=Standalone(seed=3))


@cache
def _lacking(suite: Any) -> str:
    """Say what must be installed first, or nothing."""
    algorithm = _instance(suite)
    try:
        algorithm.fit(made(next(t for t in TASKS if t in algorithm.card.tasks), algorithm.card.view, rows=60))
    except MissingExtraError as error:
        return str(error)
    return ""


def _are_probabilities(p: np.ndarray[Any, Any]) -> None:
    assert p.min() >= 0
    assert p.max() <= 1 + 1e-6
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-5)


def _exact(task: str, view: View) -> Tabular:
    """Rows whose columns take few values, so that binning sees the same cuts however often a row is repeated."""
    data = made(task, view, rows=200, seed=4, classes=3 if task == "multiclass" else 5)
    return replace(data, X=(np.round(dense(data) * 2) / 2).astype(np.float32))
