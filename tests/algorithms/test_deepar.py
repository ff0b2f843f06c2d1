"""DeepAR learns what a seasonal series will do, says how sure it is, and refuses what it cannot use."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tarragon.algorithms.deepar import DeepAR, losses, withheld
from tarragon.algorithms.model_contract import ModelContract
from tarragon.algorithms.protocol import Standalone
from tarragon.data import Series, SeriesSet
from tarragon.errors import DataError, ParameterError

START = np.datetime64("2024-01-01", "s")
TINY = {
    "time_freq": "D", "prediction_length": 7, "context_length": 14, "epochs": 3, "num_cells": 8, "num_layers": 1,
    "mini_batch_size": 16, "num_eval_samples": 20,
}  # fmt: skip


def made(seed: int, n: int = 8, length: int = 80, noise: float = 0.05, **more: Any) -> SeriesSet:
    rng = np.random.default_rng(seed)
    t = np.arange(length)
    found = []
    for i in range(n):
        size = 10 ** rng.uniform(0, 2)
        y = size * (2 + np.sin(2 * np.pi * t / 7 + np.pi * (i % 2)) + rng.normal(0, noise, length))
        found.append(Series(START, y, (i % 2,), **more))
    return SeriesSet(tuple(found))


def alone(**parts: Any) -> SeriesSet:
    return SeriesSet((Series(START, **parts),))


class TestDeepAR(ModelContract):
    algorithm = DeepAR(**TINY)
    iterative = True

    def data(self, seed: int) -> SeriesSet:
        return made(seed)

    def bad(self) -> Mapping[str, Any]:
        values = np.arange(400.0)
        other = Series(START, values, (0, 1))
        return {
            "no series": SeriesSet(()),
            "shorter than a forecast": alone(target=np.arange(6.0)),
            "too few observations": alone(target=np.arange(100.0)),
            "nothing seen": alone(target=np.full(500, np.nan)),
            "other categories": SeriesSet((Series(START, values, (0,)), other)),
            "features that end early": alone(target=values, dynamic=np.ones((1, 300))),
        }


def test_it_beats_last_week_and_knows_how_sure_it_is() -> None:
    data = made(3, n=12, noise=0.2, length=100)
    past, actual = withheld(data, 7)
    model = DeepAR(**{**TINY, "epochs": 25, "num_cells": 20, "learning_rate": 1e-2}).fit(past)
    rmse, weighted = losses(actual, model.sample(past, 100), [0.1, 0.5, 0.9])
    last = np.stack([s.target[-7:] for s in past])
    assert rmse < np.sqrt(np.mean((last - actual) ** 2))
    assert weighted[0.5] < np.abs(last - actual).sum() / np.abs(actual).sum()
    drawn = model.sample(past, 200)
    inside = (np.quantile(drawn, 0.1, axis=1) <= actual) & (actual <= np.quantile(drawn, 0.9, axis=1))
    assert 0.5 < inside.mean() <= 1.0


@pytest.mark.parametrize(
    ("likelihood", "target"),
    [
        ("gaussian", np.arange(400) % 7 - 3.0), ("beta", (np.arange(400) % 7) / 6), ("student-T", np.arange(400) % 7.0),
        ("negative-binomial", np.arange(400) % 7.0), ("deterministic-L1", np.arange(400) % 7.0),
    ],
)  # fmt: skip
def test_every_likelihood_draws_values_of_its_kind(likelihood: str, target: np.ndarray) -> None:
    data = alone(target=target)
    model = DeepAR(**TINY, likelihood=likelihood).fit(data)
    drawn = model.sample(data, 30)
    assert drawn.shape == (1, 30, 7)
    assert np.isfinite(drawn).all()
    if likelihood == "beta":
        assert 0 <= drawn.min() <= drawn.max() <= 1
    if likelihood == "negative-binomial":
        assert drawn.min() >= 0
        np.testing.assert_allclose(drawn, np.round(drawn), atol=1e-3)
    assert (np.ptp(drawn, axis=1).max() < 1e-6) == (likelihood == "deterministic-L1")


@pytest.mark.parametrize(("likelihood", "worst"), [("beta", 1.5), ("negative-binomial", 0.5)])
def test_a_target_of_another_kind_is_refused(likelihood: str, worst: float) -> None:
    target = np.zeros(400)
    target[5] = worst
    with pytest.raises(DataError, match=likelihood):
        DeepAR(**TINY, likelihood=likelihood).fit(alone(target=target))


def test_categories_features_gaps_and_new_series() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(107)
    on = (rng.random((10, 107)) < 0.3).astype(float)
    items = []
    for i in range(10):
        y = 5.0 * (1 + i % 2) + 4 * on[i, :100] + rng.normal(0, 0.1, 100)
        y[rng.random(100) < 0.1] = np.nan
        items.append(Series(START, y, (i % 2,), np.stack([on[i, :100], t[:100] / 100])))
    model = DeepAR(**{**TINY, "epochs": 30, "num_cells": 16, "learning_rate": 1e-2}).fit(SeriesSet(tuple(items)))
    future = SeriesSet(tuple(Series(s.start, s.target, s.cat, np.stack([on[i], t / 100])) for i, s in enumerate(items)))
    mean = model.predict(future)["mean"]
    lifted = on[:, 100:] > 0
    assert mean[lifted].mean() - mean[~lifted].mean() > 2
    new = SeriesSet(tuple(Series(START, np.zeros(0), (c,), np.zeros((2, 7))) for c in (0, 1)))
    low, high = model.predict(new)["mean"].mean(axis=1)
    assert low < high
    for wrong, words in (
        (Series(START, np.ones(5), (2,), np.zeros((2, 12))), "categories"),
        (Series(START, np.ones(5), (), np.zeros((2, 12))), "categories"),
        (Series(START, np.ones(5), (0,), np.zeros((2, 11))), "length 11"),
        (Series(START, np.ones(5), (0,), np.zeros((1, 12))), "features"),
    ):
        with pytest.raises(DataError, match=words):
            model.predict(SeriesSet((wrong,)))


def test_categories_and_features_can_be_ignored_or_named() -> None:
    data = SeriesSet(tuple(Series(s.start, s.target, s.cat, np.ones((1, 80))) for s in made(0)))
    model = DeepAR(**TINY, cardinality="ignore", num_dynamic_feat="ignore").fit(data)
    assert (model.cardinality_, model.shape_.n_dynamic) == ((), 0)
    named = DeepAR(**TINY, cardinality="[4]", num_dynamic_feat="1").fit(data)
    assert (named.cardinality_, named.shape_.n_dynamic) == ((4,), 1)
    for wrong in ({"cardinality": "[2, 2]"}, {"num_dynamic_feat": "2"}, {"cardinality": "[1]"}):
        with pytest.raises(DataError):
            DeepAR(**TINY, **wrong).fit(data)
    with pytest.raises(ParameterError, match="quantiles"):
        DeepAR(**TINY, test_quantiles="[1.5]").fit(data)


def test_units_do_not_matter() -> None:
    found = []
    for unit in (1e2, 1e8):
        data = SeriesSet(tuple(Series(s.start, s.target / unit, s.cat) for s in made(0)))
        found.append(DeepAR(**TINY).fit(data).predict(data)["mean"] * unit)
    np.testing.assert_allclose(found[0], found[1], rtol=0.02)


def test_patience_ends_and_the_best_epoch_is_kept() -> None:
    context = Standalone()
    model = DeepAR(**{**TINY, "epochs": 60, "learning_rate": 0.5}, early_stopping_patience=3).fit(
        made(0), context=context
    )
    losses_seen = [epoch["train:loss"] for epoch in context.epochs]
    assert len(losses_seen) < 60
    assert model.best_epoch_ == len(losses_seen) - 3
    assert model.loss_ == losses_seen[model.best_epoch_ - 1]


def test_validation_series_choose_the_epoch() -> None:
    context = Standalone()
    model = DeepAR(**TINY).fit(made(0), valid=made(1), context=context)
    assert model.loss_ == min(epoch["validation:loss"] for epoch in context.epochs)


@dataclass(slots=True)
class Kept(Standalone):
    """A context with a checkpoint, which asks to end after so many epochs."""

    state: Any = None
    after: int = 99

    def stop_asked(self) -> bool:
        return len(self.epochs) >= self.after

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        self.state = dict(state)

    def resume(self) -> Any:
        return self.state


def test_a_training_that_was_cut_goes_on_as_if_it_had_not_been() -> None:
    whole = DeepAR(**TINY).fit(made(0), context=Standalone())
    first = Kept(after=1)
    DeepAR(**TINY).fit(made(0), context=first)
    second = Kept(state=first.state)
    resumed = DeepAR(**TINY).fit(made(0), context=second)
    assert [epoch["epoch"] for epoch in second.epochs] == [2, 3]
    for name, array in whole.arrays_.items():
        np.testing.assert_array_equal(array, resumed.arrays_[name])
    other = DeepAR(**{**TINY, "num_cells": 6}).fit(made(0), context=Kept(state=first.state))
    assert other.best_epoch_ >= 1  # another network's checkpoint is not taken


def test_hosts_share_every_step(tmp_path: Path) -> None:
    from threading import Barrier, Thread

    barrier, brought = Barrier(2), [None, None]

    @dataclass(slots=True)
    class Host(Standalone):
        def reduce(self, arrays: Mapping[str, Any]) -> Mapping[str, Any]:
            brought[self.rank] = arrays
            barrier.wait(60)
            total = {name: brought[0][name] + brought[1][name] for name in arrays}
            barrier.wait(60)
            return total

    data = made(0, n=10)
    models = [DeepAR(**TINY), DeepAR(**TINY)]

    def work(rank: int) -> None:
        models[rank].fit(SeriesSet(data.items[rank::2]), context=Host(rank=rank, world=2))

    threads = [Thread(target=work, args=(rank,)) for rank in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for name, array in models[0].arrays_.items():
        np.testing.assert_array_equal(array, models[1].arrays_[name])
    assert models[0].shape_ == models[1].shape_


def test_losses_are_the_formula() -> None:
    actual = np.array([[1.0, 3.0], [np.nan, 5.0]])
    drawn = np.array([[[1.0, 2.0], [3.0, 2.0]], [[9.0, 7.0], [9.0, 7.0]]], np.float32)
    rmse, weighted = losses(actual, drawn, [0.5])
    assert rmse == pytest.approx(np.sqrt((1 + 1 + 4) / 3))
    assert weighted == {0.5: pytest.approx((1 + 1 + 2) / 9)}
    with pytest.raises(DataError):
        losses(np.full((1, 1), np.nan), drawn[:1, :, :1], [0.5])


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
