"""XGBoost as its container trains it: hyperparameters, cross-checks, the lines of its log, its metrics.

Source: the behaviour of SageMaker's XGBoost 1.7 and 3.0 containers. Boosters other than trees, ranking and survival
objectives, updaters and k-fold jobs are refused by name.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tarragon.algorithms import OneOf, Watch, build, declared, get
from tarragon.data import Rows, Tabular, media
from tarragon.errors import DataError, ParameterError
from tarragon.train.builtin import setting
from tarragon.train.builtin.setting import choice, count, flag, number, text
from tarragon.train.builtin.teller import Order

ALIASES = {
    "learning_rate": "eta", "min_split_loss": "gamma", "reg_lambda": "lambda", "reg_alpha": "alpha",
}  # fmt: skip
OLD = {"reg:linear": "reg:squarederror"}
NOT_HERE = ("rank:pairwise", "rank:ndcg", "rank:map", "survival:aft", "survival:cox")
MAXIMIZE = frozenset(
    {
        "accuracy", "auc", "aucpr", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "map", "ndcg", "precision",
        "precision_macro", "precision_micro", "r2", "recall", "recall_macro", "recall_micro",
    }
)  # fmt: skip
OWN = (
    "accuracy", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "mse", "precision", "precision_macro",
    "precision_micro", "r2", "recall", "recall_macro", "recall_micro",
)  # fmt: skip
LIBRARY = (
    "rmse", "mae", "mape", "rmsle", "mphe", "logloss", "error", "auc", "aucpr", "mlogloss", "merror",
    "poisson-nloglik", "gamma-nloglik", "gamma-deviance", "tweedie-nloglik",
)  # fmt: skip
VALUE = r"([-+]?(?:[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?|nan|inf))"
METRIC = rf"({'|'.join((*OWN, *LIBRARY))})(@\d+(\.\d+)?)?"
METRICS = tuple(
    (f"{place}:{name}", rf".*\[[0-9]+\].*#011{place}-{name}(?:@[0-9.]+)?:{VALUE}")
    for place in ("train", "validation")
    for name in (*OWN, *LIBRARY)
)


def train(order: Order) -> None:
    """Train and save ``xgboost-model``. Raises ``ParameterError`` or ``DataError``."""
    XGBoost: Any = get("xgboost")
    wires = {**setting.declarations(XGBoost), **_extra()}
    given = setting.read(order.hyperparameters, wires, ALIASES)
    kind = _objective(given, XGBoost)
    classes = _classes(kind, given)
    metrics = _metrics(given.pop("eval_metric", ""), kind)
    _refuse(given)
    teller = order.teller
    teller.say("[INFO] Running XGBoost Sagemaker in algorithm mode")
    weighted = given.pop("csv_weights", 0) == 1
    train_rows = _rows(order, "train", classes, weighted=weighted)
    valid_rows = _rows(order, "validation", classes, weighted=weighted) if "validation" in order.channels else None
    if valid_rows is not None:
        train_rows, valid_rows = _aligned(train_rows, valid_rows)
    elif "early_stopping_rounds" in given:
        raise ParameterError(
            "early_stopping_rounds needs a validation channel", why="There is none", fix="Add it, or leave it out"
        )
    teller.say("[INFO] Single node training.")
    for title, rows in (("Train", train_rows), ("Validation", valid_rows)):
        if rows is not None:
            teller.say(f"[INFO] {title} matrix has {rows.n_rows} rows and {rows.n_features} columns")
    names = {h.wire: h.name for h in declared(XGBoost)}
    values = {names[name]: value for name, value in given.items() if name in names}
    model = build(XGBoost, {**values, "objective": kind, "tree_method": _method(given)})
    model.watch = Watch(metrics, {m: _own(m, kind) for m in metrics if m in OWN}, _greater(metrics), teller.due)
    fitting = replace(
        teller,
        seed=given.get("seed", 0),
        threads=given.get("nthread", teller.threads_for(train_rows)),
        round=lambda done: _say(order, done.n, done.metrics),
    )
    model.fit(train_rows, valid=valid_rows, context=fitting)
    model.save(order.folder)


def _extra() -> dict[str, setting.Wire]:
    """List what the container takes beyond the algorithm's own."""
    updaters = "grow_colmaker|distcol|grow_histmaker|grow_quantile_histmaker|grow_skmaker|sync|refresh|prune"
    return {
        "num_round": count(required=True),
        "num_class": count(2),
        "objective": text(r"[a-z]+:[a-z]+"),
        "eval_metric": text(r"[\[\]\"'\s,a-z0-9@._-]+"),
        "tree_method": choice("auto", "exact", "approx", "hist", "gpu_hist"),
        "booster": choice("gbtree", "gblinear", "dart"),
        "sketch_eps": number(0, 1, open_low=True),
        "updater": text(rf"({updaters}|shotgun|coord_descent)(,({updaters}|shotgun|coord_descent))*"),
        "refresh_leaf": count(0, 1),
        "process_type": choice("default", "update"),
        "interaction_constraints": text(),
        "sample_type": choice("uniform", "weighted"),
        "normalize_type": choice("tree", "forest"),
        "rate_drop": number(0, 1.0000001),
        "skip_drop": number(0, 1.0000001),
        "one_drop": count(0, 1),
        "lambda_bias": number(0, 1.0000001),
        "csv_weights": count(0, 1),
        "seed": count(0),
        "nthread": count(),
        "verbosity": count(0, 3),
        "deterministic_histogram": flag(),
        "single_precision_histogram": flag(),
        "prob_buffer_row": number(1),
        "aft_loss_distribution": choice("normal", "logistic", "extreme"),
        "aft_loss_distribution_scale": number(0),
        "dsplit": choice("row", "col"),
        "predictor": choice("auto", "cpu_predictor", "gpu_predictor"),
        "use_dask_gpu_training": flag(),
        "_kfold": count(2),
        "_num_cv_round": count(1),
    }


def _objective(given: dict[str, Any], algorithm: type) -> str:
    kind = OLD.get(given.get("objective", "reg:squarederror"), given.pop("objective", "reg:squarederror"))
    rule = next(h.rule for h in declared(algorithm) if h.name == "objective")
    known = [str(value) for value in rule.values if value != "auto"] if isinstance(rule, OneOf) else []
    if kind in NOT_HERE:
        raise setting.unsupported("objective", kind, "Use an objective of regression or classification")
    if kind not in known:
        raise ParameterError(
            f"Hyperparameter objective: '{kind}' is not valid under any of the given schemas",
            why="The library has no such objective",
            fix=f"Use one of {', '.join(known)}",
        )
    return str(kind)


def _classes(kind: str, given: dict[str, Any]) -> int:
    """Return K for multi:*, 2 for probabilities of one class, 0 for values."""
    classes = int(given.pop("num_class", 0))
    if kind.startswith("multi:"):
        if not classes:
            raise ParameterError(
                f"Require input for parameter 'num_class' for objective {kind}",
                why="Several classes need their number",
                fix="Set num_class",
            )
        return classes
    return 2 if kind.startswith("binary:") or kind == "reg:logistic" else 0


def _metrics(raw: str, kind: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(re.findall(r"[a-z0-9@._-]+", raw)))
    for name in names:
        if not re.fullmatch(METRIC, name):
            raise ParameterError(
                f"Hyperparameter eval_metric: '{name}' is not valid under any of the given schemas",
                why="There is no such metric here",
                fix=f"Use some of {', '.join((*LIBRARY, *OWN))}",
            )
        if name == "auc" and not kind.startswith(("binary:", "multi:")):
            raise ParameterError(f"Metric auc does not fit {kind}", why="It ranks classes", fix="Use another metric")
    return names


def _refuse(given: dict[str, Any]) -> None:
    """Refuse what would make another model than this one; drop what only says how it is computed."""
    if given.pop("booster", "gbtree") != "gbtree":
        raise setting.unsupported("booster", "gblinear or dart", "Use booster=gbtree")
    if given.pop("process_type", "default") != "default":
        raise setting.unsupported("process_type", "update", "Use process_type=default")
    for name in ("updater", "interaction_constraints", "_kfold"):
        if name in given:
            raise setting.unsupported(name, given[name], "Leave it out")


def _method(given: Mapping[str, Any]) -> str:
    method = str(given.get("tree_method", "auto"))
    return "hist" if method == "gpu_hist" else method


def _greater(metrics: tuple[str, ...]) -> bool:
    return bool(metrics) and metrics[-1].partition("@")[0] in MAXIMIZE


def _rows(order: Order, name: str, classes: int, *, weighted: bool) -> Tabular:
    content_type = order.channels[name].content_type if name in order.channels else ""
    if content_type and media(content_type).labels not in (-1, 1):
        raise DataError(
            f"The channel {name}: label_size must be 1", why=content_type, fix="Put one label in the first column"
        )
    rows = order.rows(name)
    if rows.y is None:
        raise DataError(f"The channel {name} has no labels", why="Its rows hold features only", fix="Add the labels")
    X, weight = rows.X, rows.weight
    if weighted and not sp.issparse(X):
        if X.shape[1] < 2:
            raise DataError(f"The channel {name} has no weights", why="csv_weights is 1", fix="Put them second")
        X, weight = np.ascontiguousarray(X[:, 1:]), np.asarray(X[:, 0], np.float64)
    return Tabular(X, y=_labels(rows, classes, name), weight=weight, n_classes=classes)


def _labels(rows: Rows, classes: int, name: str) -> NDArray[np.float64]:
    y = rows.y
    assert y is not None
    if classes and np.isfinite(y).all() and (y.min() < 0 or y.max() > classes - 1):
        raise DataError(
            f"The channel {name} has labels from {y.min():g} to {y.max():g}",
            why=f"label must be in [0, {'num_class' if classes > 2 else '1'}{')' if classes > 2 else ']'}",
            fix=f"Code the classes 0 to {classes - 1}",
        )
    return y


def _aligned(train_rows: Tabular, valid_rows: Tabular) -> tuple[Tabular, Tabular]:
    """Give sparse rows as many columns as the widest has: a column may be empty in one of the two."""
    pair = (train_rows, valid_rows)
    width = max(rows.n_features for rows in pair)
    if any(rows.n_features < width and not rows.is_sparse for rows in pair):
        raise DataError(
            "The train and validation channels do not fit together",
            why=f"{train_rows.n_features} and {valid_rows.n_features} feature columns",
            fix="Give both the same columns",
        )
    return _widened(train_rows, width), _widened(valid_rows, width)


def _widened(rows: Tabular, width: int) -> Tabular:
    X = rows.X
    if isinstance(X, np.ndarray):
        return rows
    return replace(rows, X=sp.csr_matrix((X.data, X.indices, X.indptr), shape=(rows.n_rows, width)))


def _say(order: Order, n: int, metrics: Mapping[str, float]) -> None:
    parts = "".join(f"#011{name.replace(':', '-', 1)}:{value:.5f}" for name, value in metrics.items())
    order.teller.say(f"[{n - 1}]{parts}")


def _own(name: str, kind: str) -> Any:
    """Make a metric the library lacks: a function of its answers and the labels."""
    from sklearn import metrics

    average = {"f1": "macro", "precision": "binary", "recall": "binary"}

    def score(answer: NDArray[Any], labels: NDArray[Any]) -> float:
        if name in ("mse", "r2"):
            return float(
                metrics.mean_squared_error(labels, answer) if name == "mse" else metrics.r2_score(labels, answer)
            )
        guess = _guess(answer, kind)
        if name in ("accuracy", "balanced_accuracy"):
            return float(getattr(metrics, f"{name}_score")(labels, guess))
        which, _, how = name.partition("_")
        scored = getattr(metrics, f"{which}_score")
        return float(scored(labels, guess, average=how or average[which], zero_division=0))

    return score


def _guess(answer: NDArray[Any], kind: str) -> NDArray[Any]:
    if answer.ndim == 2:
        return np.asarray(answer.argmax(axis=1))
    if kind == "multi:softmax":
        return answer
    return (answer > (0.0 if kind == "binary:logitraw" else 0.5)).astype(np.float64)
