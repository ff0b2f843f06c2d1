"""Factorization machines: the model's formula, what they learn, their archive, and that streams change nothing."""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms import Standalone
from tarragon.algorithms.artifact import SEAL
from tarragon.algorithms.factorization_machines import FactorizationMachines
from tarragon.algorithms.model_contract import ModelContract
from tarragon.algorithms.module_archive import FILE, PARAMS, SYMBOL
from tarragon.data import Batches, Tabular, read_ndarrays, write_ndarrays
from tarragon.errors import DataError, IntegrityError

USERS, ITEMS = 30, 20


def ratings(n: int, seed: int = 0, *, classes: bool = False) -> Tabular:
    """Who rated what: one-hot rows of a user and an item whose tastes, of two dimensions, decide."""
    tastes = np.random.default_rng(99)
    a, b = tastes.normal(size=(USERS, 2)), tastes.normal(size=(ITEMS, 2))
    rng = np.random.default_rng(seed)
    u, i = rng.integers(0, USERS, n), rng.integers(0, ITEMS, n)
    y = 3.5 + (a[u] * b[i]).sum(axis=1) + rng.normal(0, 0.1, n)
    columns = np.column_stack([u, USERS + i]).ravel()
    X = sp.csr_matrix((np.ones(2 * n, np.float32), columns, np.arange(0, 2 * n + 1, 2)), shape=(n, USERS + ITEMS))
    return Tabular(X, y=(y > 3.5).astype(float) if classes else y, n_classes=2 if classes else 0)


def machine(kind: str = "regressor", **more: Any) -> FactorizationMachines:
    plain = {"mini_batch_size": 100, "epochs": 40, "factors_lr": 0.02, "linear_lr": 0.02, "factors_init_sigma": 0.1}
    return FactorizationMachines(feature_dim=USERS + ITEMS, num_factors=4, predictor_type=kind, **{**plain, **more})


class Suite(ModelContract):
    iterative = True
    classes = False

    def data(self, seed: int) -> Tabular:
        return ratings(300, seed, classes=self.classes)

    def bad(self) -> Mapping[str, Any]:
        data = self.data(0)
        assert data.y is not None
        X = data.X.copy()
        X.data[3] = np.nan
        return {
            "missing cells": replace(data, X=X),
            "missing labels": replace(data, y=np.where(np.arange(300) == 5, np.nan, data.y)),
            "no labels": replace(data, y=None),
            "other columns": replace(data, X=data.X[:, :20]),
            "weights below zero": replace(data, weight=np.full(300, -1.0)),
        }


class TestRegressor(Suite):
    algorithm = machine(epochs=3)


class TestBinary(Suite):
    classes = True
    algorithm = machine("binary_classifier", epochs=3)

    def bad(self) -> Mapping[str, Any]:
        return {**super().bad(), "labels that are no classes": ratings(300)}


def test_the_score_is_the_formula() -> None:
    model = machine(epochs=2).fit(ratings(200))
    v, w = model.factors_, model.weights_
    assert v is not None
    X = np.random.default_rng(0).normal(size=(5, USERS + ITEMS)).astype(np.float32)
    pairs = [[sum(v[i] @ v[j] * x[i] * x[j] for i in range(len(x)) for j in range(i))] for x in X]
    expected = model.bias_ + X @ w + np.array(pairs)[:, 0]
    np.testing.assert_allclose(model.predict(Tabular(X))["score"], expected, rtol=1e-4, atol=1e-4)


def test_one_step_is_torchs_adam() -> None:
    torch = pytest.importorskip("torch")
    data = ratings(50)
    fixed = {"epochs": 1, "mini_batch_size": 50, "factors_wd": 0.1, "linear_wd": 0.2, "bias_wd": 0.3}
    start = machine(**{**fixed, "factors_lr": 0.0, "linear_lr": 0.0, "bias_lr": 0.0}).fit(data)
    found = machine(**fixed).fit(data)
    X, y = torch.tensor(data.X.toarray()), torch.tensor(data.y, dtype=torch.float32)
    v, w, b = (torch.tensor(np.array(a), requires_grad=True) for a in (start.factors_, start.weights_, start.bias_))
    score = b + X @ w + 0.5 * ((X @ v) ** 2 - (X**2) @ (v**2)).sum(1)
    (((score - y) ** 2).mean() / 2).backward()
    groups = [(v, 0.02, 0.1), (w, 0.02, 0.2), (b, 0.1, 0.3)]
    optimizer = torch.optim.Adam([{"params": [p], "lr": lr, "weight_decay": wd} for p, lr, wd in groups])
    optimizer.step()
    assert (data.X.getnnz(axis=0) == 0).sum() < 10
    moved = np.flatnonzero(data.X.getnnz(axis=0))
    np.testing.assert_allclose(np.asarray(found.factors_)[moved], v.detach().numpy()[moved], atol=1e-4)
    np.testing.assert_allclose(found.weights_[moved], w.detach().numpy()[moved], atol=1e-4)
    assert found.bias_ == pytest.approx(float(b), abs=1e-4)


def test_tastes_are_learnt_that_no_linear_model_could() -> None:
    data, fresh = ratings(4000), ratings(1000, seed=1)
    assert fresh.y is not None
    error = machine().fit(data).predict(fresh)["score"] - fresh.y
    linear = machine(factors_init_method="constant", factors_init_value=0.0).fit(data).predict(fresh)["score"] - fresh.y
    assert np.sqrt(np.mean(error**2)) < 0.25
    assert np.sqrt(np.mean(linear**2)) > 1.0


def test_classes_are_learnt() -> None:
    data, fresh = ratings(4000, classes=True), ratings(1000, seed=1, classes=True)
    context = Standalone()
    p = machine("binary_classifier", epochs=15).fit(data, context=context).predict(fresh)["probability"]
    assert np.mean((p[:, 1] >= 0.5) == fresh.y) > 0.9
    assert context.epochs[-1]["train:binary_classification_accuracy"] > 0.9
    assert context.epochs[-1]["train:binary_f_1.000"] > 0.9
    assert 0 < context.epochs[-1]["train:binary_classification_cross_entropy"] < 0.3


def test_what_is_switched_off_stays_at_zero() -> None:
    model = machine(use_bias=False, use_linear=False, epochs=2).fit(ratings(200))
    assert model.bias_ == 0
    assert not model.weights_.any()


@pytest.mark.parametrize("term", ["bias", "linear", "factors"])
def test_first_values_are_drawn_as_asked(term: str) -> None:
    still = {"bias_lr": 0.0, "linear_lr": 0.0, "factors_lr": 0.0, "epochs": 1}

    def first(**more: Any) -> Any:
        model = machine(**{**still, **{f"{term}_{name}": value for name, value in more.items()}}).fit(ratings(50))
        return {"bias": np.array(model.bias_), "linear": model.weights_, "factors": model.factors_}[term]

    assert (first(init_method="constant", init_value=-0.5) == -0.5).all()
    assert np.abs(first(init_method="uniform", init_scale=0.3)).max() <= 0.3
    assert np.abs(first(init_method="normal", init_sigma=1e-6)).max() < 1e-5


def test_slopes_can_be_clipped_and_scaled() -> None:
    data = ratings(200)
    plain, clipped, scaled = (
        machine(epochs=1, **more).fit(data) for more in ({}, {"clip_gradient": 1e-6}, {"rescale_grad": 1e-12})
    )
    assert np.abs(np.asarray(clipped.factors_) - np.asarray(plain.factors_)).max() > 0
    assert np.isfinite(np.asarray(scaled.factors_)).all()


def test_a_stream_of_dense_or_sparse_blocks_is_as_good_as_a_table() -> None:
    data, fresh = ratings(3000), ratings(500, seed=1)
    assert fresh.y is not None

    def opened() -> Any:
        for at in range(0, 3000, 170):
            block = data.rows(np.arange(at, min(at + 170, 3000)))
            yield replace(block, X=block.X.toarray()) if at % 340 else block

    model = machine().fit(Batches(opened, USERS + ITEMS))
    assert np.sqrt(np.mean((model.predict(fresh)["score"] - fresh.y) ** 2)) < 0.3
    assert model.batches_[0][:2] == (1, 0)


def test_rates_that_run_away_are_refused() -> None:
    with pytest.raises(DataError, match="ran away"):
        machine(factors_lr=1e20, linear_lr=1e20).fit(ratings(300))


def test_one_row_is_enough() -> None:
    assert np.isfinite(machine(epochs=1).fit(ratings(1)).predict(ratings(1))["score"]).all()


# The artifact.


def test_the_archive_holds_what_notebooks_read(tmp_path: Path) -> None:
    model = machine(epochs=1).fit(ratings(100))
    model.save(tmp_path)
    with zipfile.ZipFile(tmp_path / FILE) as archive:
        arrays = read_ndarrays(archive.read(PARAMS))
        symbol = json.loads(archive.read(SYMBOL))
    assert {name: a.shape for name, a in arrays.items()} == {
        "arg:v": (50, 4), "arg:w1_weight": (50, 1), "arg:w0_weight": (1, 1),
    }  # fmt: skip
    assert symbol["nodes"][-1]["op"] == "LinearRegressionOutput"


@pytest.mark.parametrize("operator", ["LogisticRegressionOutput", "LinearRegressionOutput"])
def test_a_model_of_aws_is_read_without_a_seal(tmp_path: Path, operator: str) -> None:
    arrays = {"v": np.ones((3, 2)), "w1_weight": np.ones((3, 1)), "w0_weight": np.ones(1)}
    with zipfile.ZipFile(tmp_path / FILE, "w") as archive:
        archive.writestr(PARAMS, write_ndarrays({f"arg:{n}": a.astype(np.float32) for n, a in arrays.items()}))
        archive.writestr(SYMBOL, json.dumps({"nodes": [{"op": operator, "name": "out"}]}))
    answer = FactorizationMachines.load(tmp_path).predict(Tabular(np.ones((1, 3), np.float32)))
    z = 1 + 3 + 2 * 3
    if operator.startswith("Linear"):
        assert answer["score"][0] == pytest.approx(z)
    else:
        assert answer["probability"][0, 1] == pytest.approx(1 / (1 + np.exp(-z)))


@pytest.mark.parametrize("wrong", ["v", "w1_weight", "w0_weight"])
def test_archives_that_lie_are_refused(tmp_path: Path, wrong: str) -> None:
    machine(epochs=1).fit(ratings(50)).save(tmp_path)
    (tmp_path / SEAL).unlink()
    good = {"v": np.ones((3, 2)), "w1_weight": np.ones((3, 1)), "w0_weight": np.ones(1)}
    for bad in (np.ones((7, 7)), np.full_like(good[wrong], np.nan), None):
        arrays = {name: bad if name == wrong else array for name, array in good.items()}
        given = {f"arg:{n}": a.astype(np.float32) for n, a in arrays.items() if a is not None}
        with zipfile.ZipFile(tmp_path / FILE, "w") as archive:
            archive.writestr(PARAMS, write_ndarrays(given))
        with pytest.raises(IntegrityError):
            FactorizationMachines.load(tmp_path)
