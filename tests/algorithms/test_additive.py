import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from scipy.special import expit, softmax

from tarragon.algorithms import additive
from tarragon.algorithms.additive import Additive
from tarragon.algorithms.contract import AlgorithmContract
from tarragon.algorithms.examples import made, values
from tarragon.algorithms.inputs import dense
from tarragon.algorithms.protocol import Standalone
from tarragon.data import Tabular


class TestAdditive(AlgorithmContract):
    algorithm = Additive(num_round=40, learning_rate=0.2)
    iterative = True
    rounds = "num_round"


class TestAdditiveWithPairs(AlgorithmContract):
    algorithm = Additive(num_round=40, main_round=30, learning_rate=0.2, n_pairs=2, early_stopping_rounds=8)
    iterative = True
    rounds = "num_round"


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The scaffolding's model texts, in the order they were read: curves, then (with pairs) probe and surfaces."""
    seen: list[str] = []
    read = additive.trees_of

    def spy(text: str) -> Any:
        seen.append(text)
        return read(text)

    monkeypatch.setattr(additive, "trees_of", spy)
    return seen


def gappy(task: str, rows: int = 500, seed: int = 0) -> Tabular:
    """Rows with missing numbers and missing, rare and plenty categories."""
    data = made(task, rows=rows, seed=seed)
    rng = np.random.default_rng(seed)
    many = np.floor(rng.exponential(4, rows))
    many[rng.random(rows) < 0.1] = np.nan
    X = np.column_stack([dense(data), many]).astype(np.float32)
    assert data.y is not None
    y = data.y + (0 if data.n_classes else np.where(many % 3 == 1, 4.0, 0.0))
    return replace(data, X=X, y=y, names=(*data.names, "many"), categorical=(4, 5))


def raw(model: Additive, data: Tabular) -> Any:
    assert model.intercept_ is not None
    return model.intercept_ + model.contributions(data).sum(axis=1)


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
@pytest.mark.parametrize("pairs", [0, 3])
def test_tables_are_the_trees(task: str, pairs: int, texts: list[str]) -> None:
    data, fresh = gappy(task), gappy(task, seed=1)
    asked = Additive(num_round=120, main_round=80, learning_rate=0.2, min_data_in_leaf=5, num_leaves=5, n_pairs=pairs)
    model = asked.fit(data)
    boosters = [lightgbm.Booster(model_str=text) for text in (texts[:1] if not pairs else [texts[0], texts[2]])]
    for rows in (data, fresh):
        expected = sum(booster.predict(rows.X, raw_score=True) for booster in boosters)
        np.testing.assert_allclose(raw(model, rows).reshape(expected.shape), expected, atol=1e-6)
    if pairs:
        assert any(len(shape.axes) == 2 for shape in model.shapes())


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_answers_are_intercept_plus_contributions(task: str) -> None:
    data = gappy(task)
    model = Additive(num_round=80, n_pairs=1, main_round=50).fit(data)
    total, answer = raw(model, data), values(model.predict(data))
    if task == "regression":
        np.testing.assert_allclose(answer, total[:, 0])
    elif task == "binary":
        np.testing.assert_allclose(answer[:, 1], expit(total[:, 0]))
    else:
        np.testing.assert_allclose(answer, softmax(total, axis=1))


def test_shapes_are_centred_and_ordered() -> None:
    data = gappy("regression")
    weight = np.random.default_rng(0).integers(0, 4, data.n_rows).astype(float)
    model = Additive(num_round=100, main_round=60, n_pairs=2).fit(replace(data, weight=weight))
    parts = model.contributions(data)[:, :, 0]
    np.testing.assert_allclose(np.average(parts, axis=0, weights=weight), 0, atol=1e-9)
    assert model.intercept_ is not None
    assert model.intercept_[0] == pytest.approx(np.average(model.predict(data)["score"], weights=weight))
    sizes = [shape.importance for shape in model.shapes()]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == pytest.approx(np.average(np.abs(parts[:, 0]), weights=weight))


def test_each_curve_depends_on_its_column_only() -> None:
    data = gappy("binary")
    model = Additive(num_round=100).fit(data)
    assert all(len(shape.axes) == 1 for shape in model.shapes())
    column = next(i for i, shape in enumerate(model.shapes()) if shape.columns == (0,))
    X = dense(data).copy()
    X[:, 0] = X[::-1, 0]
    before, after = model.contributions(data), model.contributions(replace(data, X=X))
    changed = np.abs(before - after).max(axis=(0, 2)) > 0
    assert changed.tolist() == [i == column for i in range(len(changed))]


def test_finds_the_functions_it_was_given() -> None:
    rng = np.random.default_rng(3)
    X = rng.uniform(-2, 2, size=(4_000, 3)).astype(np.float32)
    y = np.sin(2 * X[:, 0]) + np.where(X[:, 1] > 0.5, 2.0, 0.0) + rng.normal(0, 0.1, 4_000)
    model = Additive(num_round=600).fit(Tabular(X, y=y, names=("wave", "step", "noise")))
    shapes = {shape.name: shape for shape in model.shapes()}
    at = np.linspace(-1.8, 1.8, 50)
    for name, truth in (("wave", np.sin(2 * at)), ("step", np.where(at > 0.5, 2.0, 0.0))):
        curve = shapes[name].scores[shapes[name].axes[0].locate(at), 0]
        assert np.abs((curve - curve.mean()) - (truth - truth.mean())).mean() < 0.06
    assert shapes["noise"].importance < 0.03


def test_a_pair_catches_what_curves_cannot() -> None:
    rng = np.random.default_rng(3)
    X = rng.uniform(-1, 1, size=(2_000, 4)).astype(np.float32)
    y = 3.0 * (X[:, 1] * X[:, 3] > 0) + rng.normal(0, 0.1, 2_000)
    data = Tabular(X, y=y, names=("a", "b", "c", "d"))
    alone = Additive(num_round=300).fit(data)
    paired = Additive(num_round=300, main_round=100, n_pairs=1).fit(data)
    assert [s.name for s in paired.shapes() if len(s.axes) == 2] == ["b × d"]
    assert np.var(y - paired.predict(data)["score"]) < 0.2 * np.var(y - alone.predict(data)["score"])


def test_pairs_that_do_not_help_on_validation_rows_are_dropped() -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(300, 4)).astype(np.float32)
    data = Tabular(X, y=2.0 * X[:, 0] + rng.normal(size=300))
    train, valid = data.rows(np.arange(200)), data.rows(np.arange(200, 300))
    model = Additive(n_pairs=3, num_round=2_000, early_stopping_rounds=30).fit(train, valid=valid)
    without = Additive(num_round=1_000, early_stopping_rounds=30).fit(train, valid=valid)
    losses = [loss for _, loss in model.history_]
    assert model.rounds_done_ == len(losses) > without.rounds_done_
    assert valid.y is not None
    reached = [float(np.sqrt(np.mean((m.predict(valid)["score"] - valid.y) ** 2))) for m in (model, without)]
    assert reached[0] == pytest.approx(min(losses), rel=1e-6)
    assert reached[0] <= reached[1]


def test_missing_means_average_where_nothing_was_missing() -> None:
    data = made("regression", "dense")
    model = Additive(num_round=50).fit(data)
    blank = replace(data.rows(np.array([0])), X=np.full((1, data.n_features), np.nan, np.float32))
    assert model.intercept_ is not None
    assert model.predict(blank)["score"][0] == model.intercept_[0]


def test_monotone_constraint_holds() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(1_000, 2)).astype(np.float32)
    data = Tabular(X, y=np.sin(3 * X[:, 0]) + X[:, 0] + X[:, 1])
    free, held = (Additive(num_round=100, monotone_constraints=c).fit(data) for c in ("", "1,0"))
    rises = [np.diff(next(s for s in m.shapes() if s.columns == (0,)).scores[:-1, 0]) for m in (free, held)]
    assert (rises[0] < 0).any()
    assert (rises[1] >= -1e-12).all()


def test_the_file_reads_as_tables(tmp_path: Path) -> None:
    model = Additive(num_round=40).fit(gappy("binary"), context=Standalone())
    model.save(tmp_path)
    written = json.loads((tmp_path / "model.json").read_text())
    names = {shape["name"] for shape in written["shapes"]}
    assert names <= {"x0", "x1", "x2", "x3", "x4", "many"}
    for shape in written["shapes"]:
        (axis,) = shape["axes"]
        cells = len(axis["levels"]) if "levels" in axis else len(axis["edges"]) + 1
        assert len(shape["scores"]) == len(shape["rows"]) == cells + 1
