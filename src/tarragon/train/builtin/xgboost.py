"""XGBoost as its container trains it: hyperparameters, cross-checks, the lines of its log, its metrics.

Source: the behaviour of SageMaker's XGBoost 1.7 and 3.0 containers.

Queries of a ranking are told by ``qid:`` in LIBSVM, or by a file ``<name>.group`` beside ``<name>`` with the number of
rows of each query, line by line; without either, all rows are one query. Updating a model (``process_type=update``)
takes it from the channel ``model``. Several hosts grow the trees together (see ``xgboost_hosts``); the first says its
lines and writes the model. Where the library has no such sums (``alone``), the first host trains on everybody's rows.
A job that is stopped always keeps the rounds it has done, whatever ``save_model_on_termination`` says.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tarragon.algorithms import OneOf, Watch, build, declared, get
from tarragon.data import Rows, Tabular, media, read_files
from tarragon.errors import DataError, ParameterError
from tarragon.train.builtin import setting
from tarragon.train.builtin.setting import choice, count, flag, number, text
from tarragon.train.builtin.teller import Order
from tarragon.train.builtin.xgboost_folds import Folds, crossed, joined
from tarragon.train.builtin.xgboost_hosts import alone, gathered, over_all, ring, widened

__all__ = ["METRICS", "SHARED", "alone", "train"]
SHARED = True
ALIASES = {
    "learning_rate": "eta", "min_split_loss": "gamma", "reg_lambda": "lambda", "reg_alpha": "alpha",
}  # fmt: skip
OLD = {"reg:linear": "reg:squarederror"}
RANKING = "rank:"
GROUP = ".group"
FILE = "xgboost-model"
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
    "poisson-nloglik", "gamma-nloglik", "gamma-deviance", "tweedie-nloglik", "ndcg", "map", "cox-nloglik",
    "aft-nloglik", "interval-regression-accuracy",
)  # fmt: skip
GROWN = {"distcol": "grow_colmaker", "grow_skmaker": "grow_histmaker"}  # updaters the library no longer has
THE_LIBRARYS = (
    "booster", "process_type", "refresh_leaf", "sample_type", "normalize_type", "rate_drop", "skip_drop", "one_drop",
    "lambda_bias", "aft_loss_distribution", "aft_loss_distribution_scale", "interaction_constraints",
)  # fmt: skip
"""Settings that are handed on as they are; what else the container takes only says how it computes."""
VALUE = r"([-+]?(?:[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?|nan|inf))"
METRIC = rf"({'|'.join((*OWN, *LIBRARY))})(@\d+(\.\d+)?-?)?"
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
    native = _native(given)
    teller = order.teller
    teller.say("[INFO] Running XGBoost Sagemaker in algorithm mode")
    weighted = given.pop("csv_weights", 0) == 1
    ranks = kind.startswith(RANKING)
    train_rows = _rows(order, "train", classes, weighted=weighted, ranks=ranks)
    valid_rows = None
    if "validation" in order.channels:
        valid_rows = _rows(order, "validation", classes, weighted=weighted, ranks=ranks)
    if valid_rows is not None:
        train_rows, valid_rows = _aligned(train_rows, valid_rows)
    elif "early_stopping_rounds" in given and "_kfold" not in given:
        raise ParameterError(
            "early_stopping_rounds needs a validation channel", why="There is none", fix="Add it, or leave it out"
        )
    shared = teller.world > 1
    if shared:
        train_rows, valid_rows, teller = gathered(teller, train_rows, valid_rows)
        hosts = [f"algo-{rank + 1}" for rank in range(teller.world)]
        teller.say(f"[INFO] Distributed node training with {teller.world} hosts: {hosts}")
    else:
        teller.say("[INFO] Single node training.")
    for title, rows in (("Train", train_rows), ("Validation", valid_rows)):
        if rows is not None:
            teller.say(f"[INFO] {title} matrix has {rows.n_rows} rows and {rows.n_features} columns")
    names = {h.wire: h.name for h in declared(XGBoost)}
    values = {names[name]: value for name, value in given.items() if name in names}
    own = {m: over_all(_own(m, kind), teller) if shared else _own(m, kind) for m in metrics if m in OWN}
    watch = Watch(metrics, own, _greater(metrics), teller.due)
    begun = _begun(order) if native.get("process_type") == "update" else b""

    def made() -> Any:
        model = build(XGBoost, {**values, "objective": kind, "tree_method": _method(given)})
        model.watch, model.native, model.start = watch, native, begun
        return model

    fitting = replace(
        teller,
        seed=given.get("seed", 0),
        threads=_threads(given, native, teller.threads_for(train_rows)),
        round=lambda done: _say(order, done.n, done.metrics),
    )
    if "_kfold" in given:
        rows = train_rows if valid_rows is None else joined(train_rows, valid_rows)
        crossed(order, rows, made, fitting, Folds(given["_kfold"], given.get("_num_cv_round", 1)))
        return
    model = made()
    with ring(teller) if shared else nullcontext():
        model.fit(train_rows, valid=valid_rows, context=fitting)
    if not teller.rank:  # every host has grown the same trees
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
        if name == "auc" and not kind.startswith(("binary:", "multi:", RANKING)):
            raise ParameterError(f"Metric auc does not fit {kind}", why="It ranks classes", fix="Use another metric")
        if name == "aft-nloglik" and kind != "survival:aft":
            raise ParameterError(f"Metric {name} does not fit {kind}", why="It is survival:aft's", fix="Leave it out")
    return names


def _native(given: dict[str, Any]) -> dict[str, Any]:
    """Take out the settings that go to the library as they are, in the words of its present version.

    Raises
    ------
    ParameterError
        They do not go together.
    """
    found = {name: given.pop(name) for name in THE_LIBRARYS if name in given}
    names = dict.fromkeys(GROWN.get(each, each) for each in given.pop("updater", "").split(",") if each)
    if names:
        found["updater"] = ",".join(names)
    if found.get("booster") == "gbtree":
        del found["booster"]
    if found.get("booster") == "gblinear":  # whose own defaults are others than trees'
        found |= {name: None for name in ("eta", "lambda", "alpha") if name not in given}
    if found.get("process_type") == "default":
        del found["process_type"]
    if "interaction_constraints" in found:
        found["interaction_constraints"] = json.dumps(_groups(found["interaction_constraints"]))
    if found.get("process_type") == "update" and not set(names) <= {"refresh", "prune"}:
        raise ParameterError(
            f"process_type=update does not go with updater={found['updater']}",
            why="An update grows no trees",
            fix="Use updater=refresh, prune or both",
        )
    return found


def _groups(raw: str) -> list[list[int]]:
    """Read groups of columns that may be split together."""
    try:
        found = json.loads(raw)
        if all(isinstance(column, int) and column >= 0 for group in found for column in group):
            return [list(group) for group in found]
    except (ValueError, TypeError):
        pass
    raise ParameterError(
        f"Hyperparameter interaction_constraints: '{raw[:60]}' is not valid under any of the given schemas",
        why="It is no list of lists of column numbers",
        fix="Write [[0, 2], [1, 3]]",
    )


def _threads(given: Mapping[str, Any], native: Mapping[str, Any], fitting: int) -> int:
    """Say how many threads: one for shotgun, which is another model every time when several shoot."""
    if native.get("booster") == "gblinear" and native.get("updater", "shotgun") == "shotgun":
        return 1
    return int(given.get("nthread", fitting))


def _begun(order: Order) -> bytes:
    """Read the model that is to be updated."""
    with order.previous() as place:
        path = None if place is None else place / FILE
        if path is None or not path.is_file():
            raise ParameterError(
                "process_type=update needs a model to update",
                why=f'There is no channel "model" with {FILE}',
                fix="Give the model.tar.gz of an earlier job as that channel",
            )
        return path.read_bytes()


def _method(given: Mapping[str, Any]) -> str:
    method = str(given.get("tree_method", "auto"))
    return "hist" if method == "gpu_hist" else method


def _greater(metrics: tuple[str, ...]) -> bool:
    return bool(metrics) and metrics[-1].partition("@")[0] in MAXIMIZE


def _rows(order: Order, name: str, classes: int, *, weighted: bool, ranks: bool) -> Tabular:
    content_type = order.channels[name].content_type if name in order.channels else ""
    if content_type and media(content_type).labels not in (-1, 1):
        raise DataError(
            f"The channel {name}: label_size must be 1", why=content_type, fix="Put one label in the first column"
        )
    paths = order.files(name)
    sizes = [path for path in paths if path.name.endswith(GROUP)]
    rows = read_files([path for path in paths if path not in sizes], content_type) if sizes else order.rows(name)
    if rows.y is None:
        raise DataError(f"The channel {name} has no labels", why="Its rows hold features only", fix="Add the labels")
    X, weight = rows.X, rows.weight
    if weighted and not sp.issparse(X):
        if X.shape[1] < 2:
            raise DataError(f"The channel {name} has no weights", why="csv_weights is 1", fix="Put them second")
        X, weight = np.ascontiguousarray(X[:, 1:]), np.asarray(X[:, 0], np.float64)
    query = (_query(sizes, len(rows.y)) if sizes else rows.query) if ranks else None
    return Tabular(X, y=_labels(rows, classes, name), weight=weight, n_classes=classes, query=query)


def _query(paths: Sequence[Path], n: int) -> NDArray[np.int64]:
    """Count off the rows' queries by the files that say how many rows each has."""
    try:
        sizes = np.array([int(size) for path in paths for size in path.read_text().split()], np.int64)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{paths[0].name} cannot be read", why=str(error), fix="Write one number a line") from error
    if (sizes < 0).any() or sizes.sum() != n:
        raise DataError(
            f"{paths[0].name} does not fit the rows", why=f"It counts {sizes.sum()} rows and there are {n}",
            fix="Write how many rows each query has, one number a line",
        )  # fmt: skip
    return np.repeat(np.arange(len(sizes)), sizes)


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
    return widened(train_rows, width), widened(valid_rows, width)


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
