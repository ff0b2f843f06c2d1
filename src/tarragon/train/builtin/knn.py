"""k-nearest neighbours as its container trains it: k as given, a sample of the rows, every neighbour counting alike.

Search is exact whatever ``index_type`` is asked for: an index that misses neighbours is a way to be quick, not another
model. Dimension reduction and the inner product are refused by name.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tarragon.algorithms import build, get
from tarragon.data import Rows, Tabular
from tarragon.errors import DataError
from tarragon.train.builtin import quality, setting
from tarragon.train.builtin.setting import Wire, choice, count
from tarragon.train.builtin.teller import Order

METRICS = (
    ("test:accuracy", quality.HOST + r"test accuracy <score>=(\S+)"),
    ("test:mse", quality.HOST + r"test mse <loss>=(\S+)"),
)


def train(order: Order) -> None:
    """Keep the rows and save them. Raises ``ParameterError`` or ``DataError``."""
    KNN: Any = get("knn")
    given = setting.read(order.hyperparameters, _wires(), {})
    for name in ("dimension_reduction_type", "dimension_reduction_target"):
        if name in given:
            raise setting.unsupported(name, given[name], "Leave it out")
    if given.get("index_metric") == "INNER_PRODUCT":
        raise setting.unsupported("index_metric", "INNER_PRODUCT", "Use L2 or COSINE")
    teller, kind = order.teller, given["predictor_type"]
    teller.say(f"Final configuration: {json.dumps(dict(order.hyperparameters), sort_keys=True)}")
    rows = order.rows("train")
    classes = 0 if kind == "regressor" else _classes(rows)
    table = _tabular(rows, classes, given, "train")
    fixed = {"weights": "uniform", "space": "plain", "smoothing": 0.0, "metric": given.get("index_metric", "L2")}
    model = build(KNN, {**fixed, "k": given["k"], "sample_size": given["sample_size"]})
    model.fit(table, context=replace(teller, seed=0))
    teller.epoch(1, steps=1, records=table.n_rows, metrics={})
    model.save(order.folder)
    order.serving("knn", predictor_type=kind, feature_dim=table.n_features)
    if "test" in order.channels:
        for line in quality.lines("test", _tested(model, order, classes, given)):
            teller.say(line)


def _wires() -> dict[str, Wire]:
    return {
        "feature_dim": replace(count(auto=True), required=False),
        "k": count(required=True),
        "predictor_type": choice("classifier", "regressor", required=True),
        "sample_size": count(required=True),
        "dimension_reduction_type": choice("sign", "fjlt"),
        "dimension_reduction_target": count(),
        "index_type": choice("faiss.Flat", "faiss.IVFFlat", "faiss.IVFPQ"),
        "index_metric": choice("L2", "INNER_PRODUCT", "COSINE"),
        "faiss_index_ivf_nlists": count(auto=True),
        "faiss_index_pq_m": count(),
        "_faiss_index_nprobe": count(),
        "mini_batch_size": count(),
    }


def _classes(rows: Rows) -> int:
    y = rows.y
    if y is None or not len(y) or not np.isfinite(y).all() or y.min() < 0 or (y != np.floor(y)).any() or y.max() > 1e6:
        raise DataError("The labels are no classes", why="They are not whole numbers from 0", fix="Code them so")
    return max(2, int(y.max()) + 1)


def _tabular(rows: Rows, classes: int, given: Mapping[str, Any], channel: str) -> Tabular:
    if rows.y is None:
        raise DataError(f"The channel {channel} has no labels", why="Its rows hold features only", fix="Add the labels")
    dim = given.get("feature_dim")
    if dim is not None and dim != rows.X.shape[1]:
        raise DataError(
            f"The channel {channel} has {rows.X.shape[1]} features", why=f"feature_dim is {dim}", fix="Make them agree"
        )
    return Tabular(rows.X, y=rows.y, n_classes=classes)


def _tested(model: Any, order: Order, classes: int, given: Mapping[str, Any]) -> dict[str, float]:
    rows = order.rows("test")
    table = _tabular(rows, 0, given, "test")
    assert rows.y is not None
    answer = model.predict(table)
    if not classes:
        return {"mse": quality.values(answer["score"], rows.y)["mse"]}
    guess, seen = answer["probability"].argmax(axis=1), np.unique(rows.y)
    f = []
    for c in seen:
        hits, guessed, there = ((guess == c) & (rows.y == c)).sum(), (guess == c).sum(), (rows.y == c).sum()
        f.append(quality.f_beta(hits / max(guessed, 1), hits / there, 1.0))
    return {"accuracy": float((guess == rows.y).mean()), "macro_f_1.000": float(np.mean(f))}
