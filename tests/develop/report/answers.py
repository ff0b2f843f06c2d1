"""Candidates of scikit-learn's, their out-of-fold answers, and what those score."""

import time

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tarragon.analyze.protocol import (
    Score,
)

BOOTSTRAPS = 25


def size_of(model):
    """Bytes of the arrays a fitted model holds."""
    if hasattr(model, "estimators_"):
        return sum(size_of(m) for m in np.ravel(model.estimators_))
    if hasattr(model, "tree_"):
        return int(model.tree_.node_count * 64)
    return 400 + sum(v.nbytes for v in vars(model).values() if isinstance(v, np.ndarray))


def candidates(task):
    if task == "regression":
        out = [(f"ridge-{i}", "ridge", Ridge(alpha=a), {"alpha": a}, True) for i, a in enumerate((0.1, 300.0), 1)]
        trees, single, near, boost = (
            ExtraTreesRegressor,
            DecisionTreeRegressor,
            KNeighborsRegressor,
            GradientBoostingRegressor,
        )
    else:
        out = [
            (f"linear-{i}", "linear", LogisticRegression(C=c, max_iter=60), {"C": c}, True)
            for i, c in enumerate((0.003, 1.0), 1)
        ]
        trees, single, near, boost = (
            ExtraTreesClassifier,
            DecisionTreeClassifier,
            KNeighborsClassifier,
            GradientBoostingClassifier,
        )
    for i, (n, d) in enumerate(((8, 3), (30, None)), 1):
        out.append(
            (
                f"extra-trees-{i}",
                "extra-trees",
                trees(n_estimators=n, max_depth=d, random_state=i),
                {"n_estimators": n, "max_depth": d},
                False,
            )
        )
    for i, d in enumerate((2, 4), 1):
        out.append((f"tree-{i}", "decision-tree", single(max_depth=d, random_state=0), {"max_depth": d}, True))
    for i, k in enumerate((3, 30), 1):
        out.append((f"knn-{i}", "knn", near(n_neighbors=k), {"n_neighbors": k}, False))
    if task != "multiclass":  # a tree per class and round would take longer than all other candidates together
        model = boost(n_estimators=25, max_depth=3, random_state=0)
        out.append(("boosting-1", "boosting", model, {"n_estimators": 25, "learning_rate": 0.1}, False))
    return out


def folds_of(task, X, y, n=3):
    split = (
        KFold(n, shuffle=True, random_state=0)
        if task == "regression"
        else StratifiedKFold(n, shuffle=True, random_state=0)
    )
    return list(split.split(X, y))


def answer_of(model, X, task):
    return model.predict(X) if task == "regression" else model.predict_proba(X)


def out_of_fold(model, X, y, task, folds):
    oof, train, started = None, [], time.perf_counter()
    for fit_rows, judged in folds:
        model.fit(X[fit_rows], y[fit_rows])
        p = answer_of(model, X[judged], task)
        oof = np.zeros((len(y), *p.shape[1:])) if oof is None else oof
        oof[judged] = p
        train.append((y[fit_rows], answer_of(model, X[fit_rows], task)))
    seconds = time.perf_counter() - started
    once = time.perf_counter()
    answer_of(model, X[:1], task)
    return oof, train, seconds, 1000 * (time.perf_counter() - once)


def draws(n, seed=1):
    return [np.random.default_rng([seed, i]).integers(0, n, n) for i in range(BOOTSTRAPS)]


def interval_of(m, y, p, threshold=None):
    values = np.array([m.score(y[r], p[r], threshold=threshold) for r in draws(len(y))])
    values = values[np.isfinite(values)]
    return float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))


def gap_of(m, y, ours, theirs):
    values = [m.utility(m.score(y[r], ours[r])) - m.utility(m.score(y[r], theirs[r])) for r in draws(len(y))]
    return (
        m.utility(m.score(y, ours)) - m.utility(m.score(y, theirs)),
        float(np.quantile(values, 0.025)),
        float(np.quantile(values, 0.975)),
    )


def scored(m, y, p, task, threshold=None):
    value = m.score(y, p, threshold=threshold)
    if not np.isfinite(value):
        return Score(
            m.name, m.title, m.greater_is_better, None, None, None, len(y), m.reading, "undefined for these rows"
        )
    low, high = interval_of(m, y, p, threshold)
    return Score(m.name, m.title, m.greater_is_better, value, low, high, len(y), f"{m.title} is {m.reading}")
