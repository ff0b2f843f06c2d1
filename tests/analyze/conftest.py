"""A finished model on a generated table: real fits, real out-of-fold predictions, small enough for milliseconds."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tarragon.analyze.subject import Subject
from tarragon.data import Column, Fold, Kind, Role, Split, Table
from tarragon.metrics import DEFAULT, metric
from tarragon.tune.protocol import Leaderboard, Trial

FEATURES = ("income", "age", "noise", "city", "sex")
CITIES = ("Bern", "Linz", "Ulm")


def matrix(frame):
    columns = [frame[c].fill_null(0.0).to_numpy() for c in ("income", "age", "noise")]
    columns += [(frame["city"] == c).to_numpy().astype(float) for c in CITIES]
    columns.append((frame["sex"] == "f").to_numpy().astype(float))
    return np.stack(columns, axis=1)


class FoldModels:
    """The mean of fold models, as a predictor."""

    def __init__(self, members, n_folds):
        self.members, self.n_folds, self.calls = members, n_folds, []

    def respond(self, frame, fold=None):
        self.calls.append((frame.height, fold))
        X = matrix(frame)
        folds = range(self.n_folds) if fold is None else [fold]
        parts = [w * np.mean([models[k](X) for k in folds], axis=0) for models, w in self.members]
        return sum(parts[1:], parts[0])

    def size_parts(self):
        return {"encoder": 100, **{f"member {i}": 1_000 for i, _ in enumerate(self.members)}}


def frame_of(task, n, seed):
    rng = np.random.default_rng(seed)
    income, age, noise = rng.normal(size=n), rng.normal(size=n), rng.normal(size=n)
    city, sex = rng.integers(0, 3, n), rng.integers(0, 2, n)
    signal = 1.5 * income + 0.7 * age + 0.8 * (city == 0) - 1.6 * sex
    if task == "regression":
        target = 10 + signal + rng.normal(size=n)
    elif task == "binary":
        target = np.where(signal + rng.logistic(size=n) > 0, "yes", "no")
    else:
        target = np.array(["high", "low", "mid"])[np.digitize(signal + 0.7 * rng.normal(size=n), [-1, 1]) - 2]
    return pl.DataFrame(
        {
            "income": income, "age": age, "noise": noise, "city": [CITIES[i] for i in city],
            "sex": np.where(sex == 1, "f", "m"), "target": target,
        }
    )  # fmt: skip


def make(task="binary", n=600, seed=0, n_folds=3):
    frame = frame_of(task, n, seed)
    kinds = {"city": Kind.CATEGORICAL, "sex": Kind.CATEGORICAL}
    columns = tuple(
        Column(
            c,
            Kind.CATEGORICAL if c == "target" and task != "regression" else kinds.get(c, Kind.NUMERIC),
            Role.TARGET if c == "target" else Role.FEATURE,
            sensitive=c == "sex",
            n_unique=frame[c].n_unique(),
        )
        for c in frame.columns
    )
    classes = () if task == "regression" else tuple(sorted(set(frame["target"])))
    table = Table(frame, columns, "target", task, classes)
    part = np.random.default_rng(seed + 1).integers(0, n_folds, n)
    folds = tuple(Fold(np.flatnonzero(part != k), np.flatnonzero(part == k)) for k in range(n_folds))
    split = Split(folds, n_folds, 1, "random", np.array([], dtype=np.int64), seed)
    goal, X, y = metric(DEFAULT[task]), matrix(frame), table.y
    linear = (lambda: Ridge(1.0)) if task == "regression" else (lambda: LogisticRegression())
    kind = DecisionTreeRegressor if task == "regression" else DecisionTreeClassifier
    made = [
        fit("linear-1", "linear", linear, (goal, X, y, split)),
        fit("tree-1", "tree", lambda: kind(max_depth=4, random_state=0), (goal, X, y, split)),
    ]
    trials = tuple(t for t, _ in made)
    winner = (("linear-1", 0.6), ("tree-1", 0.4))
    oof = 0.6 * trials[0].oof + 0.4 * trials[1].oof

    def select(rows):
        best = max(
            np.linspace(0, 1, 6),
            key=lambda a: goal.utility(goal.score(y[rows], a * trials[0].oof[rows] + (1 - a) * trials[1].oof[rows])),
        )
        return np.array([best, 1 - best])

    predictor = FoldModels([(made[0][1], 0.6), (made[1][1], 0.4)], n_folds)
    board = Leaderboard(goal.name, (), (), "linear-1")
    return Subject(table, split, oof, goal.score(y, oof), select, board, trials, winner, None, predictor)


def fit(name, algorithm, fresh, given):
    goal, X, y, split = given
    oof, models, scores, train = None, [], [], []
    for fold in split.folds:
        model = fresh().fit(X[fold.train], y[fold.train])
        told = model.predict if not hasattr(model, "predict_proba") else model.predict_proba
        p = told(X[fold.valid])
        oof = np.empty((len(y), *p.shape[1:])) if oof is None else oof
        oof[fold.valid] = p
        models.append(told)
        scores.append(goal.score(y[fold.valid], p))
        train.append(goal.score(y[fold.train], told(X[fold.train])))
    done = tuple(range(len(split.folds)))
    trial = Trial(
        name, algorithm, {}, "dense", "portfolio", done, tuple(scores), tuple(train), oof, True, (0,) * len(done),
        0.5, 0.1, 1_000, (), algorithm == "linear",
    )  # fmt: skip
    return trial, models


@pytest.fixture(scope="session")
def binary():
    return make("binary")


@pytest.fixture(scope="session")
def multiclass():
    return make("multiclass")


@pytest.fixture(scope="session")
def regression():
    return make("regression")


@pytest.fixture
def with_holdout():
    subject = make("binary", n=700)
    held = np.arange(600, 700)
    folds = tuple(Fold(np.setdiff1d(f.train, held), np.setdiff1d(f.valid, held)) for f in subject.split.folds)
    return replace(subject, split=replace(subject.split, folds=folds, holdout=held))
