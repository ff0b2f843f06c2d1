"""Seconds-cheap probes: a small boosted forest and a ridge regression, judged out of fold.

They are thermometers, not candidates: few rounds, one thread, a sample of rows. The forest sees interactions and
steps, the ridge sees weak sums over many columns; together they miss little that a full search would find.

Notation: n rows, d columns, K classes; an answer is (n, K) probabilities or (n,) values.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tarragon.choose.sheet import Floats, Sheet
from tarragon.data import Index, Vector

ROUNDS = 60
MANY_CLASSES = 5  # from here one boosted tree per class and round is too slow; randomised trees take all at once
MAX_COLUMNS = 100  # screened by correlation within the training rows beyond this
MAX_ONE_HOT = 16
RIDGES = (1e-3, 3e-2, 0.3, 3.0)  # penalties in units of n rows
FLOOR = 0.005  # least probability a probe gives a class
Folds = Sequence[tuple[Index, Index]]


@dataclass(frozen=True, slots=True)
class Skill:
    """How good an answer is, freed from units.

    Parameters
    ----------
    share : float
        1 − loss / loss of the constant answer: log loss or squared error; may be negative.
    error : float
        Wrong answers divided by those of the commonest class; for values 1 − share.
    """

    share: float
    error: float


def skill(y: Vector, answer: Floats, n_classes: int) -> Skill:
    """Judge an answer on (n,) truths."""
    if not n_classes:
        share = 1.0 - float(((y - answer) ** 2).sum() / max(((y - y.mean()) ** 2).sum(), 1e-300))
        return Skill(share, 1.0 - share)
    codes = y.astype(np.int64)
    prior = np.bincount(codes, minlength=n_classes) / len(codes)
    base = -float((prior[prior > 0] * np.log(prior[prior > 0])).sum())
    loss = -float(np.log(np.clip(answer[np.arange(len(codes)), codes], 1e-6, 1.0)).mean())
    wrong = float((answer.argmax(axis=1) != codes).mean())
    return Skill(1.0 - loss / max(base, 1e-12), wrong / max(1.0 - float(prior.max()), 1e-12))


def random_folds(n_rows: int, n_folds: int, seed: int) -> list[tuple[Index, Index]]:
    """(train, valid) positions; sizes equal to within one."""
    order = np.random.default_rng(seed).permutation(n_rows)
    parts = [np.sort(order[f::n_folds]) for f in range(n_folds)]
    return [(np.sort(np.concatenate(parts[:f] + parts[f + 1 :])), parts[f]) for f in range(n_folds)]


def forest(sheet: Sheet, train: Index, valid: Index, seed: int, *, y: Vector | None = None) -> Floats:
    """Fit on some rows, answer others: (m, K) or (m,)."""
    target = sheet.y if y is None else y
    chosen = _screen(sheet.X, target, train)
    X, nominal = sheet.X[:, chosen], np.flatnonzero(sheet.nominal[chosen])
    if sheet.n_classes >= MANY_CLASSES:
        return _randomised(X, target, train, valid, (sheet.n_classes, seed))
    return _boosted(X, nominal, target, (train, valid), (sheet.n_classes, seed))


def _boosted(X: Floats, nominal: Index, y: Vector, rows: tuple[Index, Index], how: tuple[int, int]) -> Floats:
    import lightgbm as lgb

    (train, valid), (k, seed) = rows, how
    least = int(np.clip(len(train) // 50, 3, 20))
    settings = {
        "objective": "regression" if not k else "binary" if k == 2 else "multiclass",
        "num_leaves": 15, "learning_rate": 0.1, "min_data_in_leaf": least, "max_bin": 63, "feature_fraction": 0.8,
        "cat_smooth": 20.0, "max_cat_threshold": 16, "num_threads": 1, "seed": seed % (2**31), "deterministic": True,
        "force_col_wise": True, "verbosity": -1, "min_data_in_bin": 2,
        **({"num_class": k} if k > 2 else {}),
    }  # fmt: skip
    data = lgb.Dataset(
        X[train], label=y[train], categorical_feature=[int(j) for j in nominal], params=settings, free_raw_data=True
    )
    booster = lgb.train(settings, data, num_boost_round=ROUNDS)
    raw = np.asarray(booster.predict(X[valid], num_threads=1), dtype=np.float64)
    if k == 2:
        return _floored(np.column_stack([1.0 - raw, raw]))
    return _floored(raw) if k else raw


def _randomised(X: Floats, y: Vector, train: Index, valid: Index, how: tuple[int, int]) -> Floats:
    from sklearn.ensemble import ExtraTreesClassifier

    k, seed = how
    model = ExtraTreesClassifier(n_estimators=24, min_samples_leaf=2, random_state=seed % (2**31), n_jobs=1)
    filled = np.where(np.isfinite(X), X, -1.0 + np.nanmin(np.where(np.isfinite(X), X, np.nan), initial=0.0))
    model.fit(filled[train], y[train])
    answer = np.zeros((len(valid), k))
    answer[:, model.classes_.astype(np.int64)] = model.predict_proba(filled[valid])
    return _floored(answer)


def _floored(p: Floats) -> Floats:
    p = np.maximum(p, FLOOR)
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def _screen(X: Floats, y: Vector, train: Index) -> Index:
    """Columns worth a tree, chosen by correlation on the training rows only."""
    if X.shape[1] <= MAX_COLUMNS:
        return np.arange(X.shape[1])
    target = y[train] - y[train].mean()
    filled = np.nan_to_num(X[train])
    centre = filled.mean(axis=0)
    scale = np.sqrt(np.maximum(np.einsum("ij,ij->j", filled, filled) - len(train) * centre**2, 0.0))
    link = np.abs(target @ filled) / np.where(scale > 1e-9, scale, np.inf)
    return np.sort(np.argsort(-link, kind="stable")[:MAX_COLUMNS])


def out_of_fold(sheet: Sheet, folds: Folds, seed: int, *, y: Vector | None = None) -> Floats:
    """Answer every row that is in some valid part; NaN elsewhere."""
    answer = np.full((sheet.n_rows, sheet.n_classes) if sheet.n_classes else sheet.n_rows, np.nan)
    for train, valid in folds:
        if len(train) and len(valid):
            answer[valid] = forest(sheet, train, valid, seed, y=y)
    return answer


def design(sheet: Sheet) -> Floats:
    """(n, d') standardised numbers for the ridge: imputed, clipped at five deviations, levels one-hot.

    At most n columns come back: more are rotated into n without changing what a ridge answers.
    """
    blocks: list[Floats] = []
    for j in range(sheet.X.shape[1]):
        values = sheet.X[:, j]
        present = np.isfinite(values)
        if sheet.nominal[j]:
            n_levels = min(int(np.nanmax(values, initial=-1.0)) + 1, MAX_ONE_HOT)
            blocks.append((values[:, None] == np.arange(n_levels)).astype(np.float64))
        else:
            blocks.append(np.where(present, values, np.median(values[present]) if present.any() else 0.0)[:, None])
        if 0.01 < 1.0 - present.mean() < 1.0:
            blocks.append((~present).astype(np.float64)[:, None])
    if not blocks:
        return np.empty((sheet.n_rows, 0))
    Z = np.hstack(blocks)
    scale = Z.std(axis=0)
    Z = (Z[:, scale > 0] - Z[:, scale > 0].mean(axis=0)) / scale[scale > 0]
    return _compact(np.clip(Z, -5.0, 5.0))


def _compact(Z: Floats) -> Floats:
    """(n, d') -> (n, min(n, d')) with the same inner products between rows, which is all a ridge sees."""
    if Z.shape[1] <= Z.shape[0]:
        return np.asarray(Z)
    values, V = np.linalg.eigh(Z @ Z.T)
    return np.asarray(V * np.sqrt(np.maximum(values, 0.0)))


def ridge(Z: Floats, Y: Floats, train: Index, valid: Index, *, block: int | None = None) -> Floats:
    """Predict (m, t) targets; each ``block`` of them shares one penalty, chosen by leave-one-out.

    Through the eigenvectors of the smaller Gram matrix, so many columns or many targets cost little.
    Leave-one-out residuals are e / (1 − h) (Allen 1974, PRESS).
    """
    A, centre = Z[train] - Z[train].mean(axis=0), Y[train].mean(axis=0)
    B, T = Z[valid] - Z[train].mean(axis=0), Y[train] - Y[train].mean(axis=0)
    n = len(train)
    if A.shape[1] == 0:
        return np.broadcast_to(centre, (len(valid), Y.shape[1])).copy()
    if A.shape[1] <= n:
        values, V = np.linalg.eigh(A.T @ A)
        root = np.sqrt(np.maximum(values, 1e-9 * max(values[-1], 1e-12)))
        U, W = (A @ V) / root, (B @ V) / root
    else:
        values, U = np.linalg.eigh(A @ A.T)
        root = np.sqrt(np.maximum(values, 1e-9 * max(values[-1], 1e-12)))
        W = (B @ A.T @ U) / root**2
    link = U.T @ T
    width = block or Y.shape[1]
    best, shrunk = np.full(Y.shape[1], np.inf), np.zeros_like(link)
    for penalty in RIDGES:
        shrink = root**2 / (root**2 + penalty * n)
        h = np.minimum((U**2) @ shrink + 1.0 / n, 0.999)
        candidate = shrink[:, None] * link
        left_out = (T - U @ candidate) / (1.0 - h)[:, None]
        press = np.repeat(np.einsum("ij,ij->j", left_out, left_out).reshape(-1, width).sum(axis=1), width)
        better = press < best
        best[better], shrunk[:, better] = press[better], candidate[:, better]
    return np.asarray(W @ shrunk + centre)


def ridge_out_of_fold(Z: Floats, Y: Floats, folds: Folds, *, block: int | None = None) -> Floats:
    """(n, d'), (n, t) targets -> (n, t) answers out of fold; NaN for rows in no valid part."""
    answer = np.full(Y.shape, np.nan)
    for train, valid in folds:
        if len(train) and len(valid):
            answer[valid] = ridge(Z, Y, train, valid, block=block)
    return answer


def probabilities(scores: Floats) -> Floats:
    """(n, K) least-squares scores of class indicators -> probabilities: clipped and renormalised."""
    return _floored(np.clip(scores, FLOOR, 1.0))


def one_hot(y: Vector, n_classes: int) -> Floats:
    """(n,) codes -> (n, K) indicators, or (n, 1) values for regression."""
    if not n_classes:
        return np.asarray(y[:, None], dtype=np.float64)
    return np.asarray(y[:, None] == np.arange(n_classes), dtype=np.float64)


def best_skill(sheet: Sheet, seed: int, n_folds: int = 3) -> tuple[Skill, NDArray[np.float64]]:
    """Return the skill and the answer of the better of the two probes on random folds."""
    folds = random_folds(sheet.n_rows, n_folds, seed)
    if sheet.X.shape[1] == 0:
        empty = one_hot(sheet.y, sheet.n_classes).mean(axis=0)
        constant = np.broadcast_to(empty, (sheet.n_rows, len(empty))).copy()
        return Skill(0.0, 1.0), constant if sheet.n_classes else constant[:, 0]
    trees = out_of_fold(sheet, folds, seed)
    line = ridge_out_of_fold(design(sheet), one_hot(sheet.y, sheet.n_classes), folds)
    straight = probabilities(line) if sheet.n_classes else line[:, 0]
    a, b = skill(sheet.y, trees, sheet.n_classes), skill(sheet.y, straight, sheet.n_classes)
    return (a, trees) if a.share >= b.share else (b, straight)


def robust(sheet: Sheet, folds: Folds, seed: int) -> Floats:
    """(n,) out-of-fold medians: boosted absolute error, which wrong values pull less than squared error."""
    import lightgbm as lgb

    answer = np.full(sheet.n_rows, np.nan)
    for train, valid in folds:
        chosen = _screen(sheet.X, sheet.y, train)
        settings = {
            "objective": "regression_l1", "num_leaves": 15, "learning_rate": 0.1, "max_bin": 63, "num_threads": 1,
            "min_data_in_leaf": int(np.clip(len(train) // 50, 5, 20)), "feature_fraction": 0.8, "verbosity": -1,
            "seed": seed % (2**31), "deterministic": True, "force_col_wise": True,
        }  # fmt: skip
        nominal = [int(j) for j in np.flatnonzero(sheet.nominal[chosen])]
        data = lgb.Dataset(
            sheet.X[np.ix_(train, chosen)], label=sheet.y[train], categorical_feature=nominal, params=settings
        )
        booster = lgb.train(settings, data, num_boost_round=80)
        answer[valid] = booster.predict(sheet.X[np.ix_(valid, chosen)], num_threads=1)
    return answer
