"""The suite is held against a sound stranger's algorithm, and against copies of it with one fault each."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import pytest

from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.contract import AlgorithmContract, Bad, forbidden
from tarragon.algorithms.examples import loss, made, prior_loss, values
from tarragon.algorithms.inputs import same_columns, supervised
from tarragon.algorithms.params import Range, check, declared
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.data import Prediction, Tabular


@dataclass(eq=False)
class Nudge:
    """Least squares by gradient steps; small, and sound."""

    card: ClassVar[Card] = Card(
        name="nudge",
        title="Nudge",
        tasks=frozenset({"regression"}),
        view="dense",
        use="To test the suite.",
        avoid="Everywhere else.",
        interpretability="high",
        growth="rows × columns × steps",
        source="Cauchy (1847)",
    )
    steps: Annotated[int, Range(1, 10_000, about="Steps taken.")] = 60
    rate: Annotated[float, Range(0, 1, open_low=True, about="Size of a step.")] = 0.5
    coef_: np.ndarray[Any, Any] | None = field(default=None, init=False, repr=False)
    rounds_: int = field(default=0, init=False, repr=False)
    rounds_done_: int = field(default=0, init=False, repr=False)
    history_: tuple[tuple[float, float], ...] = field(default=(), init=False, repr=False)

    def fit(self, data: Tabular, *, valid: Tabular | None = None, context: Context | None = None) -> Self:
        check(self)
        supervised(data, "Nudge")
        context = context or Standalone()
        assert data.y is not None
        Z = np.column_stack([np.asarray(data.X, np.float64), np.ones(data.n_rows)])
        w = np.ones(data.n_rows) if data.weight is None else data.weight
        w = w / w.sum()
        size = np.linalg.norm(Z * np.sqrt(w)[:, None], 2) ** 2
        coef = np.zeros(Z.shape[1])
        coef[-1] = w @ data.y
        for n in range(1, self.steps + 1):
            coef = coef - 2 * self.rate / size * Z.T @ (w * (Z @ coef - data.y))
            context.epoch(n, steps=1, records=data.n_rows, metrics={})
            self.rounds_ = self.rounds_done_ = n
            if context.stop_asked():
                break
        self.coef_ = coef
        self.history_ = ((np.nan, np.nan),) * self.rounds_
        return self

    def predict(self, data: Tabular) -> Prediction:
        same_columns(data, None if self.coef_ is None else len(self.coef_) - 1, "Nudge")
        assert self.coef_ is not None
        return {"score": (np.asarray(data.X, np.float64) * self.coef_[:-1]).sum(axis=1) + self.coef_[-1]}

    def save(self, folder: Path) -> None:
        fitted(0 if self.coef_ is None else len(self.coef_), "Nudge")
        assert self.coef_ is not None
        (folder / "model.json").write_text(json.dumps(self.coef_.tolist()))
        seal(folder, self, {})

    @classmethod
    def load(cls, folder: Path) -> Self:
        model, _ = opened(folder, cls)
        model.coef_ = np.array(json.loads((folder / "model.json").read_text()))
        return model


class TestSoundStranger(AlgorithmContract):
    algorithm = Nudge()
    iterative = True
    rounds = "steps"
    repeats = 1e-9


class TestMadeByFunction(AlgorithmContract):
    algorithm = lambda: Nudge(steps=40)  # noqa: E731
    iterative = True


def suite(kind: type, **promises: Any) -> AlgorithmContract:
    return type("Suite", (AlgorithmContract,), {"algorithm": kind(), "iterative": True, **promises})()


class Unseeded(Nudge):
    def predict(self, data: Tabular) -> Prediction:
        answer = values(super().predict(data))
        return {"score": answer + np.random.default_rng().normal(size=len(answer)) * 1e-9}


class Deaf(Nudge):
    def fit(self, data: Tabular, *, valid: Tabular | None = None, context: Context | None = None) -> Self:
        mute = Standalone()
        super().fit(data, valid=valid, context=mute)
        for e in mute.epochs:
            (context or mute).epoch(int(e["epoch"]), steps=1, records=data.n_rows, metrics={})
        return self


class Miscounting(Nudge):
    def fit(self, data: Tabular, *, valid: Tabular | None = None, context: Context | None = None) -> Self:
        super().fit(data, valid=valid, context=context)
        self.rounds_done_ += 5
        return self


class Careless(Nudge):
    @classmethod
    def load(cls, folder: Path) -> Self:
        model = cls()
        model.coef_ = np.array(json.loads((folder / "model.json").read_text()))
        return model


class Pickled(Nudge):
    def save(self, folder: Path) -> None:
        import pickle

        (folder / "weights").write_bytes(pickle.dumps(self.coef_))


class Blind(Nudge):
    def fit(self, data: Tabular, *, valid: Tabular | None = None, context: Context | None = None) -> Self:
        from dataclasses import replace

        return super().fit(replace(data, weight=None), valid=valid, context=context)


class Dull(Nudge):
    def predict(self, data: Tabular) -> Prediction:
        return {"score": np.full_like(values(super().predict(data)), 10.0)}


class Crowd(Nudge):
    def predict(self, data: Tabular) -> Prediction:
        answer = values(super().predict(data))
        return {"score": answer + np.arange(len(answer))}


class Lax(Nudge):
    def fit(self, data: Tabular, *, valid: Tabular | None = None, context: Context | None = None) -> Self:
        self.steps = max(1, min(10_000, self.steps if isinstance(self.steps, int) else 1))
        return super().fit(data, valid=valid, context=context)


class Loud(Nudge):
    def predict(self, data: Tabular) -> Prediction:
        print("hello")  # noqa: T201
        return super().predict(data)


TRAIN, FRESH = made("regression", "dense"), made("regression", "dense", seed=1)


def model(kind: type[Nudge]) -> Nudge:
    return kind().fit(TRAIN, context=Standalone(seed=3))


def test_catches_randomness() -> None:
    with pytest.raises(AssertionError):
        suite(Unseeded).test_same_seed_same_bytes(TRAIN, FRESH, model(Unseeded))


def test_catches_a_method_that_does_not_listen() -> None:
    with pytest.raises(AssertionError):
        suite(Deaf).test_ends_soon_when_asked(TRAIN, FRESH)


def test_catches_rounds_that_do_not_replay() -> None:
    with pytest.raises(AssertionError):
        suite(Miscounting, rounds="steps").test_replay_of_a_run_cut_short(TRAIN, FRESH, 7)


def test_catches_unchecked_files(tmp_path: Path) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception, ValueError, TypeError)):
        suite(Careless).test_damaged_files_are_refused(model(Careless), tmp_path)


def test_catches_pickle_whatever_its_name(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="weights"):
        suite(Pickled).test_files_hold_no_pickle(model(Pickled), tmp_path)


def test_catches_ignored_weights() -> None:
    with pytest.raises(AssertionError):
        suite(Blind).test_weights_change_the_fit("regression", FRESH)
    with pytest.raises(AssertionError):
        suite(Blind, repeats=1e-6).test_integer_weights_are_repeated_rows("regression", FRESH)


def test_catches_a_method_that_learns_nothing() -> None:
    with pytest.raises(AssertionError):
        suite(Dull).test_learns(TRAIN, FRESH, model(Dull))


def test_catches_answers_that_depend_on_company() -> None:
    with pytest.raises(AssertionError):
        suite(Crowd).test_one_row_alone_or_among_others(FRESH, model(Crowd))


def test_catches_values_out_of_range() -> None:
    steps = declared(Nudge)[0]
    with pytest.raises(pytest.fail.Exception):
        suite(Lax).test_value_out_of_range_is_refused(Bad(steps, 0))


def test_catches_silence_about_epochs() -> None:
    with pytest.raises(AssertionError):
        suite(Nudge, iterative=False).test_epochs_are_reported(TRAIN)


def test_catches_printing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError):
        suite(Loud).test_prints_nothing(TRAIN, capfd)


def test_forbidden_values_are_outside() -> None:
    bad = list(forbidden(Nudge))
    assert {b.hyperparameter.name for b in bad} == {"steps", "rate"}
    assert not any(b.hyperparameter.rule.allows(b.value) for b in bad)


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
@pytest.mark.parametrize("view", ["codes", "onehot", "dense"])
def test_made_rows_fit_their_view(task: str, view: Any) -> None:
    data = made(task, view)
    assert data.n_classes == {"regression": 0, "binary": 2, "multiclass": 5}[task]
    assert np.isnan(np.asarray(data.X)).any() == (view == "codes")
    assert data.categorical == ((4,) if view == "codes" else ())
    assert data.y is not None
    if task != "regression":
        assert set(data.y) == set(range(data.n_classes))


def test_prior_loss_is_the_entropy_or_the_variance() -> None:
    binary = Tabular(np.zeros((4, 1), np.float32), y=np.array([0.0, 0, 0, 1]), n_classes=2)
    assert binary.y is not None
    assert prior_loss(binary, binary.y) == pytest.approx(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    numbers = Tabular(np.zeros((4, 1), np.float32), y=np.array([1.0, 2, 3, 4]))
    assert numbers.y is not None
    assert prior_loss(numbers, numbers.y) == pytest.approx(1.25)
    assert loss({"score": np.array([1.0, 3.0])}, np.array([1.0, 1.0])) == 2.0
    assert loss({"probability": np.array([[0.5, 0.5]])}, np.array([1.0])) == pytest.approx(np.log(2))
