"""The suite for algorithms of any kind of data: what holds for clusters, topics, words, series and pictures alike.

Supervised methods on tables stand the fuller :mod:`tarragon.algorithms.contract`. Needs pytest; import it from tests
only.

::

    class TestKMeans(ModelContract):
        algorithm = KMeans(k=3)       # an instance, or a function without arguments that makes one

        def data(self, seed):
            return Tabular(np.random.default_rng(seed).normal(size=(200, 4)).astype(np.float32))
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from tarragon.algorithms.artifact import SEAL
from tarragon.algorithms.contract import PICKLES, Stopping, forbidden
from tarragon.algorithms.params import chosen
from tarragon.algorithms.protocol import Algorithm, Card, Standalone
from tarragon.errors import IntegrityError, MissingExtraError, NotFittedError, ParameterError, TarragonError


@pytest.mark.contract
class ModelContract:
    """Subclass it, name the algorithm, make data, and pytest does the rest.

    Attributes
    ----------
    algorithm : Algorithm, or callable returning one
        Configured small, so that the suite is quick.
    iterative : bool
        Whether it works in epochs, more than two as configured: it reports each, and ends when asked.
    same : float
        Greatest difference between what equal seeds give, and between a model and itself saved and loaded.
    """

    algorithm: ClassVar[Any]
    iterative: ClassVar[bool] = False
    same: ClassVar[float] = 0.0

    def data(self, seed: int) -> Any:
        """Make data to learn from."""
        raise NotImplementedError

    def fresh(self, seed: int) -> Any:
        """Make data to answer; what was learnt from, unless said otherwise."""
        return self.data(seed)

    def bad(self) -> Mapping[str, Any]:
        """Make data that must be refused, by what is wrong with each."""
        return {}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run bad values one by one."""
        if "value" in metafunc.fixturenames:
            cases = list(forbidden(type(_instance(metafunc.cls))))
            metafunc.parametrize("value", cases, ids=[f"{b.hyperparameter.name}={b.value!r}" for b in cases])

    @property
    def card(self) -> Card:
        """The algorithm's card."""
        card: Card = _instance(type(self)).card
        return card

    @pytest.fixture
    def fitted(self) -> Any:
        """One fitted model, shared by the checks that only read it."""
        suite: Any = type(self)
        return _fitted(suite)

    # The card and the declarations.

    def test_card_is_complete(self) -> None:
        """The card leaves no line empty."""
        card = self.card
        for text in (card.name, card.title, card.use, card.avoid, card.growth, card.source):
            assert text.strip()
        assert card.tasks
        assert re.search(r"doi:|https?://|\d{4}", card.source)
        assert isinstance(_instance(type(self)), Algorithm)

    def test_construction_only_stores(self) -> None:
        """A fresh instance holds its hyperparameters and refuses to answer or to be saved."""
        made = _instance(type(self))
        assert chosen(made) == chosen(deepcopy(made))
        with pytest.raises(NotFittedError):
            made.predict(self.fresh(1))

    def test_unfitted_is_not_saved(self, tmp_path: Path) -> None:
        """There is nothing to save before fit."""
        with pytest.raises(NotFittedError):
            _instance(type(self)).save(tmp_path)

    def test_forbidden_values_are_refused_by_name(self, value: Any) -> None:
        """Every value outside a declaration is refused before any work, naming the hyperparameter."""
        made = _instance(type(self))
        setattr(made, value.hyperparameter.name, value.value)
        with pytest.raises(ParameterError, match=value.hyperparameter.name):
            made.fit(self.data(0), context=Standalone())

    # Fitting.

    def test_fit_returns_self(self) -> None:
        """``fit`` can be chained, and leaves the hyperparameters alone."""
        made = _instance(type(self))
        before = chosen(made)
        assert made.fit(self.data(0), context=Standalone()) is made
        assert chosen(made) == before

    def test_equal_seeds_give_equal_answers(self, fitted: Any) -> None:
        """A fit on one thread can be repeated, also by an instance that was fitted to something else before."""
        again = _instance(type(self))
        again.fit(self.data(7), context=Standalone(seed=7))
        again.fit(self.data(0), context=Standalone())
        _same(fitted.predict(self.fresh(1)), again.predict(self.fresh(1)), self.same)

    def test_epochs_are_reported_and_it_ends_when_asked(self) -> None:
        """Each epoch is told with its number, steps and records; asked to stop, it ends soon with a usable model."""
        if not self.iterative:
            pytest.skip("it has no epochs")
        context = Stopping(after=1)
        made = _instance(type(self)).fit(self.data(0), context=context)
        told = [epoch["epoch"] for epoch in context.epochs]
        assert told == list(range(1, len(told) + 1))
        assert 1 <= len(told) <= 2
        assert all(epoch["records"] > 0 and epoch["steps"] > 0 for epoch in context.epochs)
        assert made.predict(self.fresh(1))

    def test_bad_data_are_refused(self) -> None:
        """What cannot be learnt from is refused with an error of ours, never learnt."""
        for what, data in self.bad().items():
            with pytest.raises(TarragonError):
                pytest.fail(f"it learnt from {what}: {_instance(type(self)).fit(data, context=Standalone())}")

    # The artifact.

    def test_saved_and_loaded_answers_the_same(self, fitted: Any, tmp_path: Path) -> None:
        """``load(save(m))`` is m, and equal models are equal bytes."""
        first, second = tmp_path / "a", tmp_path / "b"
        for folder in (first, second):
            folder.mkdir()
            fitted.save(folder)
        loaded = type(fitted).load(first)
        assert chosen(loaded) == chosen(fitted)
        _same(fitted.predict(self.fresh(1)), loaded.predict(self.fresh(1)), self.same)
        names = sorted(p.relative_to(first) for p in first.rglob("*") if p.is_file())
        assert names == sorted(p.relative_to(second) for p in second.rglob("*") if p.is_file())
        assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)

    def test_no_file_is_a_pickle(self, fitted: Any, tmp_path: Path) -> None:
        """Reading a model must not be able to run code."""
        fitted.save(tmp_path)
        for path in tmp_path.rglob("*"):
            assert not path.is_file() or not path.read_bytes().startswith(PICKLES), path.name

    def test_damaged_files_are_refused(self, fitted: Any, tmp_path: Path) -> None:
        """A changed, cut or missing file under the seal is an ``IntegrityError``."""
        fitted.save(tmp_path)
        kind = type(fitted)
        for path in sorted(p for p in tmp_path.iterdir() if p.is_file() and p.name != SEAL):
            content = path.read_bytes()
            middle = len(content) // 2
            for damaged in (content[:middle], content[:middle] + b"\x00\xff" + content[middle + 2 :] + b"x", None):
                path.unlink() if damaged is None else path.write_bytes(damaged)
                with pytest.raises(IntegrityError):
                    kind.load(tmp_path)
                path.write_bytes(content)
        kind.load(tmp_path)


def _instance(suite: type[ModelContract]) -> Any:
    made = suite.algorithm
    return deepcopy(made) if not callable(made) or hasattr(made, "fit") else made()


@cache
def _fitted(suite: type[ModelContract]) -> Any:
    try:
        return _instance(suite).fit(suite().data(0), context=Standalone())
    except MissingExtraError as error:
        pytest.skip(str(error))


def _same(first: Mapping[str, Any], second: Mapping[str, Any], most: float) -> None:
    assert set(first) == set(second)
    for name, values in first.items():
        left, right = np.asarray(values), np.asarray(second[name])
        if left.dtype.kind in "fc" and most:
            np.testing.assert_allclose(left, right, rtol=most, atol=most)
        else:
            np.testing.assert_array_equal(left, right)
