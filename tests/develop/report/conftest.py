"""Reports that are really computed: generated tables, scikit-learn models, scores and pictures of their answers."""

import time
from dataclasses import replace

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.datasets import make_classification, make_regression
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
)
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import precision_recall_curve, roc_curve
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tarragon import metrics
from tarragon.algorithms.params import OneOf, Range
from tarragon.analyze.protocol import (
    Action,
    Analysis,
    Baseline,
    BiasFacet,
    BiasMetric,
    Confusion,
    Cost,
    Explanation,
    Fit,
    Importance,
    Interpretability,
    Line,
    Pictures,
    Score,
    Slice,
)
from tarragon.choose.protocol import Candidate, ColumnProfile, Curve, Feasibility, Finding, Plan, Profile
from tarragon.develop.protocol import Limits, ModelSummary, Reason, Report, Spec, Verdict
from tarragon.registry.protocol import Approval, Package
from tarragon.tune.protocol import Leaderboard, Standing

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "x" * 5000,
    "\u202eevil\u202c reversed",
    "عمود بالعربية",
    "🙂👩‍👩‍👧‍👦 emoji",
    "pipe | back`tick` *star* _under_",
    "line\nbreak\ttab\x00nul",
    "</style><b>",
    "{{ 7*7 }}",
    "",
    "a&amp;b",
)
BOOTSTRAPS = 25


def _bytes(model):
    """Bytes of the arrays a fitted model holds."""
    if hasattr(model, "estimators_"):
        return sum(_bytes(m) for m in np.ravel(model.estimators_))
    if hasattr(model, "tree_"):
        return int(model.tree_.node_count * 64)
    return 400 + sum(v.nbytes for v in vars(model).values() if isinstance(v, np.ndarray))


def _candidates(task):
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


def _folds(task, X, y, n=3):
    split = (
        KFold(n, shuffle=True, random_state=0)
        if task == "regression"
        else StratifiedKFold(n, shuffle=True, random_state=0)
    )
    return list(split.split(X, y))


def _answer(model, X, task):
    return model.predict(X) if task == "regression" else model.predict_proba(X)


def _out_of_fold(model, X, y, task, folds):
    oof, train, started = None, [], time.perf_counter()
    for fit_rows, judged in folds:
        model.fit(X[fit_rows], y[fit_rows])
        p = _answer(model, X[judged], task)
        oof = np.zeros((len(y), *p.shape[1:])) if oof is None else oof
        oof[judged] = p
        train.append((y[fit_rows], _answer(model, X[fit_rows], task)))
    seconds = time.perf_counter() - started
    once = time.perf_counter()
    _answer(model, X[:1], task)
    return oof, train, seconds, 1000 * (time.perf_counter() - once)


def _draws(n, seed=1):
    return [np.random.default_rng([seed, i]).integers(0, n, n) for i in range(BOOTSTRAPS)]


def _interval(m, y, p, threshold=None):
    values = np.array([m.score(y[r], p[r], threshold=threshold) for r in _draws(len(y))])
    values = values[np.isfinite(values)]
    return float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))


def _gap(m, y, ours, theirs):
    values = [m.utility(m.score(y[r], ours[r])) - m.utility(m.score(y[r], theirs[r])) for r in _draws(len(y))]
    return (
        m.utility(m.score(y, ours)) - m.utility(m.score(y, theirs)),
        float(np.quantile(values, 0.025)),
        float(np.quantile(values, 0.975)),
    )


def _score(m, y, p, task, threshold=None):
    value = m.score(y, p, threshold=threshold)
    if not np.isfinite(value):
        return Score(
            m.name, m.title, m.greater_is_better, None, None, None, len(y), m.reading, "undefined for these rows"
        )
    low, high = _interval(m, y, p, threshold)
    return Score(m.name, m.title, m.greater_is_better, value, low, high, len(y), f"{m.title} is {m.reading}")


def _pictures(task, y, p, classes):
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


def _columns(X, y, names, task):
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


def _explanation(X, y, names, task):
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


def _learning(model, m, X, y, task):
    rows = [len(y) // 8, len(y) // 4, len(y) // 2, len(y)]
    score, low, high = [], [], []
    for n in rows:
        got = []
        for fit_rows, judged in _folds(task, X, y):
            model.fit(X[fit_rows[: n * 2 // 3]], y[fit_rows[: n * 2 // 3]])
            got.append(m.score(y[judged], _answer(model, X[judged], task)))
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


def _slices(m, y, p, groups, column):
    out = []
    for value in sorted(set(groups)):
        inside = np.array([g == value for g in groups])
        if inside.sum() < 30 or (len(np.unique(y[inside])) < len(np.unique(y)) and m.name != "rmse"):
            continue
        gap = m.utility(m.score(y[inside], p[inside])) - m.utility(m.score(y[~inside], p[~inside]))
        spread = []
        for r in _draws(len(y)):
            a, b = r[inside[r]], r[~inside[r]]
            v = m.utility(m.score(y[a], p[a])) - m.utility(m.score(y[b], p[b]))
            if np.isfinite(v):
                spread.append(v)
        low, high = float(np.quantile(spread, 0.025)), float(np.quantile(spread, 0.975))
        out.append(Slice(column, value, int(inside.sum()), m.score(y[inside], p[inside]), gap, low, high, high < 0))
    return out


def _bias(y, p, groups, value):
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


def build(
    task="binary",
    *,
    n=600,
    n_columns=12,
    n_classes=2,
    names=None,
    classes=None,
    target="churned",
    source="churn.csv",
    seed=0,
):
    """Compute a whole report."""
    if task == "regression":
        X, y = make_regression(n, n_columns, n_informative=max(n_columns // 2, 1), noise=60.0, random_state=seed)
        y = 21_500 + 40 * y
        classes = ()
    else:
        X, y = make_classification(
            n,
            n_columns,
            n_informative=max(n_columns - 4, 2),
            n_redundant=1,
            n_classes=n_classes,
            n_clusters_per_class=1,
            class_sep=0.7,
            flip_y=0.08,
            weights=[0.73] if n_classes == 2 else None,
            random_state=seed,
        )
        classes = classes or (("No", "Yes") if n_classes == 2 else tuple(f"class_{k}" for k in range(n_classes)))
    y = y.astype(float)
    names = list(
        names
        or [
            "tenure",
            "monthly_charges",
            "contract_months",
            "support_calls",
            "age",
            "data_gb",
            "late_payments",
            "roaming",
            "discount",
            "devices",
            "visits",
            "distance",
        ]
    )
    names = (names + [f"column_{j}" for j in range(n_columns)])[:n_columns]
    m = metrics.metric(metrics.DEFAULT[task])
    folds = _folds(task, X, y)
    tried = {}
    for name, algorithm, model, params, glass in _candidates(task):
        tried[name] = (algorithm, params, glass, model, *_out_of_fold(model, X, y, task, folds))
    ranked = sorted(tried, key=lambda k: -m.utility(m.score(y, tried[k][4])))
    leader = ranked[0]
    p = tried[leader][4]
    standings = []
    for rank, name in enumerate(ranked, 1):
        algorithm, params, glass, model, oof, _, seconds, ms = tried[name]
        low, high = _interval(m, y, oof)
        gap, gap_low, gap_high = (0.0, 0.0, 0.0) if name == leader else _gap(m, y, oof, p)
        standings.append(
            Standing(
                rank,
                name,
                algorithm,
                m.score(y, oof),
                low,
                high,
                gap,
                gap_low,
                gap_high,
                gap_high >= 0,
                False,
                glass,
                seconds,
                ms,
                _bytes(model) * 3,
                params,
            )
        )
    standings = [
        replace(
            s,
            on_front=not any(
                m.utility(o.score) > m.utility(s.score) and o.predict_ms < s.predict_ms and o.size_bytes < s.size_bytes
                for o in standings
            ),
        )
        for s in standings
    ]
    tied = [s for s in standings if s.tied]
    cheapest = min(tied, key=lambda s: (s.size_bytes, s.predict_ms)).trial
    dummy = DummyRegressor() if task == "regression" else DummyClassifier()
    stump = DecisionTreeRegressor(max_depth=1) if task == "regression" else DecisionTreeClassifier(max_depth=1)
    linear = Ridge() if task == "regression" else LogisticRegression(max_iter=60)
    baselines = []
    for name, model, rule in (
        ("dummy", dummy, "always answer the same"),
        ("one-rule", stump, f"split {names[0]} in two"),
        ("linear", linear, "one weight per column"),
    ):
        oof = _out_of_fold(model, X, y, task, folds)[0]
        baselines.append(Baseline(name, rule, _score(m, y, oof, task), *_gap(m, y, p, oof)))
    optimism = 0.0031 * abs(m.score(y, p))
    ours = _score(m, y, p, task)
    ours = replace(ours, value=ours.value - optimism * (1 if m.greater_is_better else -1))
    model = tried[leader][3].fit(X, y)
    scorer = lambda est, X_, y_: m.utility(m.score(y_, _answer(est, X_, task)))  # noqa: E731
    worth = permutation_importance(model, X, y, scoring=scorer, n_repeats=3, random_state=0)
    explanation, shap = _explanation(X, y, names, task)
    importance = tuple(
        Importance(
            names[j],
            float(worth.importances_mean[j]),
            float(worth.importances_mean[j] - 2 * worth.importances_std[j]),
            float(worth.importances_mean[j] + 2 * worth.importances_std[j]),
            float(shap[j]),
        )
        for j in np.argsort(-worth.importances_mean)
    )
    rng = np.random.default_rng(3)
    gender = rng.choice(["female", "male"], n).tolist()
    region = rng.choice(["north", "south", "east", "west"], n, p=[0.4, 0.3, 0.2, 0.1]).tolist()
    slices = (
        () if task == "multiclass" else tuple(_slices(m, y, p, gender, "gender") + _slices(m, y, p, region, "region"))
    )
    glass_name = next(s.trial for s in standings if s.glass_box)
    glass_oof = tried[glass_name][4]
    price = _gap(m, y, p, glass_oof)
    history = ()
    if "boosting-1" in tried:
        losses = tried["boosting-1"][3].train_score_.tolist()
        history = (Line("train", tuple(map(float, range(1, len(losses) + 1))), tuple(losses)),)
    train = float(np.mean([m.score(a, b) for a, b in tried[leader][5]]))
    valid = m.score(y, p)
    gap = abs(m.utility(train) - m.utility(valid))
    parts = {f"{leader} fold {i}": _bytes(tried[leader][3]) for i in range(1, 4)} | {"encoder": 4_200}
    if task == "regression":
        counts, edges = np.histogram(y, 20)
        target_counts = {f"{edges[i]:.0f} – {edges[i + 1]:.0f}": int(c) for i, c in enumerate(counts)}
    else:
        target_counts = {classes[k]: int((y == k).sum()) for k in range(len(classes))}
    shuffled = np.random.default_rng(0).permutation(y)
    null = m.score(shuffled, p)
    probe = DecisionTreeRegressor(max_depth=4) if task == "regression" else DecisionTreeClassifier(max_depth=4)
    findings = (
        Finding(
            "leak",
            "critical",
            ("cancel_date",),
            "cancel_date gives the target away",
            "It is filled for every churned row and for no other: alone it scores AUC 1.000",
            "Keep it out unless it is known at prediction time",
            {"auc": 1.0},
            "dropped",
        ),
        Finding(
            "duplicate_rows",
            "warning",
            (),
            "41 rows are exact copies of others",
            "3.4 % of the rows would sit on both sides of a random split",
            "Remove copies from the source if they are no real repeats",
            {"share": 0.034},
            "grouped",
        ),
        Finding(
            "imbalance",
            "info",
            (),
            "One class is rare",
            "27 % of the rows are positive",
            "Nothing to do: scores here do not depend on the balance",
            {"share": 0.27},
            "none",
        ),
    )
    feasibility = Feasibility(
        "GO",
        ("A quick model scores far above shuffled labels", "The learning curve is close to flat"),
        m.name,
        m.score(y, tried["tree-2"][4]),
        null,
        null + 0.02 * (1 if m.greater_is_better else -1) * abs(null),
        0.0005,
        0.06,
        _learning(probe, m, X, y, task),
        findings,
        1.9,
    )
    members = ((leader, 0.62), (ranked[1], 0.26), (ranked[2], 0.12))
    others = tuple(_score(o, y, p, task) for o in metrics.for_task(task)[1:])
    pictures = _pictures(task, y, p, classes)
    analysis = Analysis(
        score=ours,
        apparent=m.score(y, p),
        optimism=optimism,
        holdout=None,
        others=others,
        baselines=tuple(baselines),
        pictures=pictures,
        fit=Fit(
            "balanced",
            "The model does about as well on rows it has not seen",
            train,
            valid,
            gap,
            gap * 0.6,
            gap * 1.4,
            history,
        ),
        importance=importance,
        explanation=explanation,
        slices=slices,
        bias=(_bias(y, p, gender, "female"),) if task == "binary" else (),
        interpretability=Interpretability(
            glass_name,
            tried[glass_name][0],
            _score(m, y, glass_oof, task),
            *price,
            f"The best glass box, {glass_name}, gives up little",
        ),
        cost=Cost(0.84, 1.31, 48_200.0, sum(parts.values()), parts, sum(tried[k][6] for k, _ in members)),
        actions=(
            Action(
                "Collect more rows with contract above 24 months",
                "The model is weakest there, and the curve still rises",
                "tarragon develop churn-more.csv --target churned",
                0.011,
            ),
            Action(
                "Look at 60 rows whose labels contradict their neighbours",
                "About 6 % of the labels look wrong",
                "They are listed in noisy.csv",
                None,
            ),
        ),
        seconds=4.2,
        skipped=("partial dependence: no time left in the budget",),
    )
    verdict = Verdict(
        "SHIP",
        (
            Reason(f"It beats every baseline beyond noise, the linear model by {baselines[2].gain:.3f}", "for"),
            Reason("Its probabilities can be taken at their word", "for"),
            Reason("It does worse for customers in the west", "note"),
            Reason("a fourth reason that is not shown", "note"),
        ),
    )
    package = Package(
        "churn",
        3,
        Approval.PENDING,
        "2026-05-04T10:00:00Z",
        "s3://models/churn/3",
        "ab" * 32,
        sum(parts.values()),
        task,
        target,
        m.name,
        ours.value,
        ours.low,
        ours.high,
        {"run": "churn-20260504-a1b2", "data_sha256": "cd" * 32, "code_sha256": "ef" * 32},
    )
    return Report(
        run="churn-20260504-a1b2",
        created="2026-05-04T10:00:00Z",
        tarragon="0.1.0",
        source=source,
        task=task,
        target=target,
        classes=classes,
        n_rows=n,
        n_columns=n_columns,
        spec=Spec(target, "churn", sensitive=("gender",), limits=Limits(latency_ms=2.0)),
        verdict=verdict,
        profile=Profile(task, n, n_columns, _columns(X, y, names, task), target_counts, findings[:2]),
        feasibility=feasibility,
        plan=Plan(
            m.name,
            "costs were not given, and ranking is what most uses need",
            (Candidate("extra-trees", {}, "codes", "handles kinks", 0.2),),
            3,
            1,
            60.0,
            42.0,
            9.0,
            2,
            1,
            0,
            {"knn": {"k": Range(1, 100, log=True), "distance": OneOf(("l1", "l2"))}},
            ("tabular-net: torch is not installed; pip install 'tarragon[deep]'",),
        ),
        board=Leaderboard(
            m.name, tuple(standings), (("boosting-7", 1, valid * 0.93), ("knn-9", 2, valid * 0.9)), cheapest
        ),
        model=ModelSummary(
            "Blend of 3",
            members,
            "Better than the best single model by more than noise",
            0.34 if task == "binary" else None,
            True,
            False,
            ("latency 0.84 ms ≤ 2 ms",),
        ),
        analysis=analysis,
        package=package,
        elapsed_s=48.3,
        stopped_early="improvement was inside noise",
        stages=(
            ("read", 0.4),
            ("profile", 1.1),
            ("feasibility", 1.9),
            ("trials", 36.0),
            ("analysis", 4.2),
            ("package", 0.7),
            ("report", 0.4),
        ),
        environment={
            "python": "3.12.4",
            "platform": "Linux x86_64",
            "numpy": "2.4.0",
            "scikit-learn": "1.9.0",
            "data_sha256": "cd" * 32,
        },
        notes=("11 blank strings in total_charges were read as missing",),
    )


def strip_to_minimum(report):
    """Return the report with everything optional absent."""
    a = report.analysis
    score = replace(a.score, low=None, high=None)
    bare = replace(
        a,
        score=score,
        others=(),
        baselines=(),
        pictures=Pictures(),
        importance=(),
        explanation=None,
        slices=(),
        bias=(),
        interpretability=None,
        fit=replace(a.fit, history=()),
        actions=(),
        skipped=(),
        cost=replace(a.cost, size_parts={}),
    )
    return replace(
        report,
        analysis=bare,
        package=None,
        stages=(),
        environment={},
        notes=(),
        stopped_early="",
        verdict=Verdict("STOP", ()),
        profile=replace(report.profile, columns=(), target_counts={}, findings=()),
        feasibility=replace(report.feasibility, reasons=(), curve=None, findings=(), label_noise=0.0),
        board=Leaderboard(report.board.metric, (), (), ""),
        model=replace(report.model, members=(), obeyed=(), why="", threshold=None),
        spec=replace(report.spec, sensitive=(), limits=Limits()),
        plan=replace(report.plan, left_out=(), why_metric=""),
    )


@pytest.fixture(scope="session")
def binary():
    return build()


@pytest.fixture(scope="session")
def multiclass():
    return build("multiclass", n=700, n_classes=12, n_columns=14, target="kind", source="kinds.parquet")


@pytest.fixture(scope="session")
def regression():
    return build("regression", target="price", source="houses.csv")


@pytest.fixture(scope="session")
def hostile():
    evil = build(names=HOSTILE, classes=(HOSTILE[2], HOSTILE[0]), target=HOSTILE[1], source=HOSTILE[0], n=400)
    reasons = tuple(Reason(f"{name} is bad", "against") for name in HOSTILE[:3])
    package = replace(evil.package, group="a; rm -rf '$HOME'")
    return replace(evil, verdict=Verdict("REVIEW", reasons), notes=HOSTILE, package=package, run=HOSTILE[0])


@pytest.fixture(scope="session")
def minimal(binary):
    return strip_to_minimum(binary)
