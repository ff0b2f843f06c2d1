"""Loaded by its name, it answers in the words of the hub's tabular scripts (see test_labelled.py)."""

import json
from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms import get, installed
from tarragon.data import Tabular
from tarragon.serve.builtin import load
from tarragon.serve.builtin.load import SIDECAR


@pytest.mark.skipif(not installed("catboost"), reason="its extra is not installed")
def test_it_answers_as_the_model_does(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    model = get("catboost")().fit(Tabular(X, y=X[:, 0].astype(np.float64)))
    model.save(tmp_path)
    (tmp_path / SIDECAR).write_text(
        json.dumps({"algorithm": "catboost", "feature_dim": 2, "classes": [], "levels": {}})
    )
    body = "\n".join(",".join(map(repr, row)) for row in X[:3].tolist()).encode()
    found = json.loads(load(tmp_path, {}).answer(body, "text/csv", "application/json")[0])
    assert found["prediction"] == pytest.approx(model.predict(Tabular(X[:3]))["score"].tolist(), rel=1e-5)
