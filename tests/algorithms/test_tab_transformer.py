"""TabTransformer: what it learns, from categories in context above all; when it ends; what it keeps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, r2_score

from tarragon.algorithms.contract import AlgorithmContract, Stopping, made, values
from tarragon.algorithms.protocol import Standalone
from tarragon.algorithms.tab_transformer import FILE, TabTransformer
from tarragon.data import Tabular
from tarragon.errors import IntegrityError

SMALL = TabTransformer(n_epochs=13, input_dim=16, n_blocks=1, batch_size=64, learning_rate=8e-3)


class TestTabTransformer(AlgorithmContract):
    algorithm = SMALL
    iterative = True
    rounds = "n_epochs"
    takes_sparse = False
    batch_tolerance = 1e-4


@pytest.fixture(autouse=True)
def _torch_is_there() -> None:
    pytest.importorskip("torch")


def pairs(n: int, seed: int) -> Tabular:
    """Three categories of eight levels; the class joins the first two: neither alone says a thing."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 8, size=(n, 3)).astype(np.float32)
    y = ((X[:, 0] + X[:, 1]) % 2).astype(np.float64)
    return Tabular(X, y=y, n_classes=2, categorical=(0, 1, 2))


def test_a_category_means_something_else_beside_another() -> None:
    model = TabTransformer(n_epochs=12, input_dim=16, n_blocks=1, batch_size=64, learning_rate=4e-3)
    p = model.fit(pairs(1_500, 0)).predict(pairs(400, 1))["probability"]
    assert (p.argmax(axis=1) == pairs(400, 1).y).mean() > 0.95


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_its_validation_metric_is_scikit_learns(task: str) -> None:
    data, held = made(task), made(task, seed=1)
    context = Standalone()
    model = replace(SMALL, n_epochs=3).fit(data, valid=held, context=context)
    answer = values(model.predict(held))
    assert model.rounds_ == 3  # the last was the best, so the model kept is the one measured
    name, expected = {
        "regression": lambda: ("r2", r2_score(held.y, answer)),
        "binary": lambda: ("f1", f1_score(held.y, answer.argmax(axis=1))),
        "multiclass": lambda: ("accuracy", accuracy_score(held.y, answer.argmax(axis=1))),
    }[task]()
    assert context.epochs[-1][f"validation:{name}"] == pytest.approx(expected, abs=1e-5)


def test_it_ends_when_validation_gets_no_better_and_keeps_the_best() -> None:
    data, held = made("binary", rows=60), made("binary", rows=200, seed=1)
    model = replace(SMALL, n_epochs=80, patience=3, learning_rate=2e-2).fit(data, valid=held)
    losses = [valid for _, valid in model.history_]
    assert model.rounds_done_ == model.rounds_ + 3 < 80
    assert model.rounds_ == int(np.argmin(losses)) + 1


def test_the_embedding_is_shared_in_part_and_gaps_have_their_own() -> None:
    model = replace(SMALL, n_epochs=1, frac_shared_embed=0.5).fit(made("binary"))
    assert model.weights_["common"].shape == (1, 8)
    assert model.weights_["own.weight"].shape == (5, 8)  # four levels and what is missing
    rows = made("binary").rows(np.arange(3))
    rows.X[:, 4] = [np.nan, 77, -1]  # missing, never seen, no code
    rows.X[:, :4] = 0
    p = model.predict(rows)["probability"]
    np.testing.assert_allclose(p, np.broadcast_to(p[0], p.shape), rtol=1e-6)


def test_a_table_without_categories_is_a_perceptrons() -> None:
    data = made("regression", "dense")
    model = replace(SMALL, n_epochs=14).fit(data)
    assert not any(name.startswith(("own", "blocks")) for name in model.weights_)
    assert r2_score(data.y, model.predict(data)["score"]) > 0.6


def test_the_clock_is_looked_at_within_an_epoch() -> None:
    model = replace(SMALL, batch_size=1).fit(made("binary"), context=Stopping(after=0))
    assert model.rounds_done_ == 0
    assert model.predict(made("binary"))["probability"].shape == (400, 2)


@pytest.mark.parametrize("name", ["columns.levels", "columns.unit", "columns.categorical", "head.0.weight"])
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, name: str) -> None:
    from safetensors.numpy import load_file, save_file

    from tarragon.algorithms.artifact import seal

    model = replace(SMALL, n_epochs=1).fit(made("binary"))
    model.save(tmp_path)
    arrays = load_file(tmp_path / FILE)
    save_file({**arrays, name: -np.abs(arrays[name][:1]) - 1}, tmp_path / FILE)
    facts = {"n_features": 5, "rounds": 1, "rounds_done": 1, "history": [], "target": model._target.facts()}
    seal(tmp_path, model, facts)
    with pytest.raises(IntegrityError):
        TabTransformer.load(tmp_path)
