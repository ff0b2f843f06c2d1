"""What an analysis says of a model's answers, computed anew."""

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LinearRegression
from sklearn.metrics import precision_recall_curve, roc_curve

from tarragon import metrics
from tarragon.analyze.protocol import (
    BiasFacet,
    BiasMetric,
    Confusion,
    Explanation,
    Line,
    Pictures,
    Slice,
)
from tarragon.choose.protocol import ColumnProfile, Curve

from .answers import answer_of, draws, folds_of


def pictures_of(task, y, p, classes):
    if task == "regression":
        counts, edges = np.histogram(y - p, 24)
        some = slice(0, 1000)
        return Pictures(
            residuals=tuple(zip(p[some].tolist(), (y - p)[some].tolist(), strict=True)),
            predicted_actual=tuple(zip(y[some].tolist(), p[some].tolist(), strict=True)),
            residual_histogram=tuple((float(edges[i]), float(edges[i + 1]), int(c)) for i, c in enumerate(counts)),
        )
    shown = [1] if task == "binary" else range(len(classes))
    roc, pr, calibration = [], [], []
    for k in shown:
        truth = y == k
        fpr, tpr, _ = roc_curve(truth, p[:, k])
        roc.append(Line(classes[k], tuple(fpr.tolist()), tuple(tpr.tolist())))
        precision, recall, _ = precision_recall_curve(truth, p[:, k])
        pr.append(Line(classes[k], tuple(recall[::-1].tolist()), tuple(precision[::-1].tolist())))
        share, told = calibration_curve(truth, p[:, k], n_bins=8, strategy="quantile")
        half = 1.96 * np.sqrt(np.maximum(share * (1 - share), 0.01) / (len(y) / 8))
        calibration.append(
            Line(
                classes[k],
                tuple(told.tolist()),
                tuple(share.tolist()),
                tuple(np.clip(share - half, 0, 1).tolist()),
                tuple(np.clip(share + half, 0, 1).tolist()),
            )
        )
    label = metrics.labels(p)
    counts = metrics.confusion(y, label, n_classes=len(classes)).astype(int)
    off = counts - np.diag(np.diag(counts))
    i, j = np.unravel_index(off.argmax(), off.shape)
    said = f"Most often mistaken: {classes[i][:40]} for {classes[j][:40]}, {off[i, j]} times"
    confusion = Confusion(classes, tuple(tuple(int(c) for c in row) for row in counts), said)
    threshold, gain = (), None
    if task == "binary":
        at = np.linspace(0.02, 0.98, 49)
        named = [("precision", metrics.precision), ("recall", metrics.recall), ("F1", metrics.f1)]
        threshold = tuple(
            Line(n, tuple(at.tolist()), tuple(float(f(y, metrics.labels(p, t))) for t in at)) for n, f in named
        )
        order = np.argsort(-p[:, 1])
        gain = Line(
            "gain",
            tuple((np.arange(1, len(y) + 1) / len(y)).tolist()),
            tuple((np.cumsum(y[order] == 1) / (y == 1).sum()).tolist()),
        )
    return Pictures(tuple(roc), tuple(pr), tuple(calibration), confusion, threshold, gain=gain)


def columns_of(X, y, names, task):
    out = []
    for j, name in enumerate(names):
        counts, edges = np.histogram(X[:, j], 16)
        r = np.corrcoef(X[:, j], y)[0, 1] if task != "multiclass" else np.corrcoef(X[:, j], y == 0)[0, 1]
        out.append(
            ColumnProfile(
                name,
                "numeric",
                int(j * 3 % 17),
                len(np.unique(X[:, j])),
                tuple(int(c) for c in counts),
                tuple(f"{e:.2f}" for e in edges[:-1]),
                float(X[:, j].mean()),
                float(X[:, j].std()),
                float(X[:, j].min()),
                float(X[:, j].max()),
                float(r * r),
            )
        )
    return tuple(out)


def explained(X, y, names, task):
    """Exact SHAP values of a linear model: coefficient times distance from the mean."""
    target = (y == y.max()).astype(float) if task != "regression" else y
    model = LinearRegression().fit(X, target)
    values = model.coef_ * (X - X.mean(axis=0))
    order = np.argsort(-np.abs(values).mean(axis=0))[:20]
    rows = np.random.default_rng(0).choice(len(X), min(200, len(X)), replace=False)
    ranks = X.argsort(axis=0).argsort(axis=0) / (len(X) - 1)
    predicted = model.predict(X[rows])
    error = float(np.abs(values[rows].sum(axis=1) + target.mean() - predicted).max())
    return (
        Explanation(
            tuple(names[j] for j in order),
            tuple(tuple(float(v) for v in values[i, order]) for i in rows),
            tuple(tuple(None if (i + j) % 97 == 0 else float(ranks[i, j]) for j in order) for i in rows),
            tuple(tuple(f"{names[j]} = {X[i, j]:.2f}" for j in order) for i in rows),
            float(target.mean()),
            "exact, linear",
            error,
        ),
        np.abs(values).mean(axis=0),
    )


def learning_curve(model, m, X, y, task):
    rows = [len(y) // 8, len(y) // 4, len(y) // 2, len(y)]
    score, low, high = [], [], []
    for n in rows:
        got = []
        for fit_rows, judged in folds_of(task, X, y):
            model.fit(X[fit_rows[: n * 2 // 3]], y[fit_rows[: n * 2 // 3]])
            got.append(m.score(y[judged], answer_of(model, X[judged], task)))
        score.append(float(np.mean(got)))
        low.append(float(np.mean(got) - 2 * np.std(got)))
        high.append(float(np.mean(got) + 2 * np.std(got)))
    step = (score[-1] - score[-2]) * 0.5
    return Curve(
        tuple(map(float, rows)),
        tuple(score),
        tuple(low),
        tuple(high),
        (2.0 * rows[-1], 4.0 * rows[-1]),
        (score[-1] + step, score[-1] + 1.5 * step),
    )


def slices_of(m, y, p, groups, column):
    out = []
    for value in sorted(set(groups)):
        inside = np.array([g == value for g in groups])
        if inside.sum() < 30 or (len(np.unique(y[inside])) < len(np.unique(y)) and m.name != "rmse"):
            continue
        gap = m.utility(m.score(y[inside], p[inside])) - m.utility(m.score(y[~inside], p[~inside]))
        spread = []
        for r in draws(len(y)):
            a, b = r[inside[r]], r[~inside[r]]
            v = m.utility(m.score(y[a], p[a])) - m.utility(m.score(y[b], p[b]))
            if np.isfinite(v):
                spread.append(v)
        low, high = float(np.quantile(spread, 0.025)), float(np.quantile(spread, 0.975))
        out.append(Slice(column, value, int(inside.sum()), m.score(y[inside], p[inside]), gap, low, high, high < 0))
    return out


def bias_of(y, p, groups, value):
    inside = np.array([g == value for g in groups])
    label = metrics.labels(p)
    q_in, q_out = float((label[inside] == 1).mean()), float((label[~inside] == 1).mean())
    dpl = float((y[~inside] == 1).mean() - (y[inside] == 1).mean())
    said = f"The model answers yes for {q_in:.0%} of {value} and {q_out:.0%} of the others"
    return BiasFacet(
        "gender",
        value,
        int(inside.sum()),
        (
            BiasMetric(
                "DPL", "difference in the share of positive labels", dpl, dpl - 0.04, dpl + 0.04, abs(dpl) > 0.1
            ),
            BiasMetric(
                "DI",
                "ratio of the shares of positive answers",
                q_in / q_out,
                q_in / q_out - 0.1,
                q_in / q_out + 0.1,
                q_in / q_out < 0.8,
            ),
            BiasMetric("AD", "difference in accuracy", None, None, None, False, "too few rows of this group"),
        ),
        said,
    )
