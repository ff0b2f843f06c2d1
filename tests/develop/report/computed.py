"""A whole report, computed from a generated table; and one with everything optional absent."""

from dataclasses import replace

import numpy as np
from sklearn.datasets import make_classification, make_regression
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tarragon import metrics
from tarragon.algorithms.params import OneOf, Range
from tarragon.analyze.protocol import (
    Action,
    Analysis,
    Baseline,
    Cost,
    Fit,
    Importance,
    Interpretability,
    Line,
    Pictures,
)
from tarragon.choose.protocol import Candidate, Feasibility, Finding, Plan, Profile
from tarragon.develop.protocol import Limits, ModelSummary, Reason, Report, Spec, Verdict
from tarragon.registry.protocol import Approval, Package
from tarragon.tune.protocol import Leaderboard, Standing

from .answers import answer_of, candidates, folds_of, gap_of, interval_of, out_of_fold, scored, size_of
from .looked_at import bias_of, columns_of, explained, learning_curve, pictures_of, slices_of


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
    folds = folds_of(task, X, y)
    tried = {}
    for name, algorithm, model, params, glass in candidates(task):
        tried[name] = (algorithm, params, glass, model, *out_of_fold(model, X, y, task, folds))
    ranked = sorted(tried, key=lambda k: -m.utility(m.score(y, tried[k][4])))
    leader = ranked[0]
    p = tried[leader][4]
    standings = []
    for rank, name in enumerate(ranked, 1):
        algorithm, params, glass, model, oof, _, seconds, ms = tried[name]
        low, high = interval_of(m, y, oof)
        gap, gap_low, gap_high = (0.0, 0.0, 0.0) if name == leader else gap_of(m, y, oof, p)
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
                size_of(model) * 3,
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
        oof = out_of_fold(model, X, y, task, folds)[0]
        baselines.append(Baseline(name, rule, scored(m, y, oof, task), *gap_of(m, y, p, oof)))
    optimism = 0.0031 * abs(m.score(y, p))
    ours = scored(m, y, p, task)
    ours = replace(ours, value=ours.value - optimism * (1 if m.greater_is_better else -1))
    model = tried[leader][3].fit(X, y)
    scorer = lambda est, X_, y_: m.utility(m.score(y_, answer_of(est, X_, task)))  # noqa: E731
    worth = permutation_importance(model, X, y, scoring=scorer, n_repeats=3, random_state=0)
    explanation, shap = explained(X, y, names, task)
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
        ()
        if task == "multiclass"
        else tuple(slices_of(m, y, p, gender, "gender") + slices_of(m, y, p, region, "region"))
    )
    glass_name = next(s.trial for s in standings if s.glass_box)
    glass_oof = tried[glass_name][4]
    price = gap_of(m, y, p, glass_oof)
    history = ()
    if "boosting-1" in tried:
        losses = tried["boosting-1"][3].train_score_.tolist()
        history = (Line("train", tuple(map(float, range(1, len(losses) + 1))), tuple(losses)),)
    train = float(np.mean([m.score(a, b) for a, b in tried[leader][5]]))
    valid = m.score(y, p)
    gap = abs(m.utility(train) - m.utility(valid))
    parts = {f"{leader} fold {i}": size_of(tried[leader][3]) for i in range(1, 4)} | {"encoder": 4_200}
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
        learning_curve(probe, m, X, y, task),
        findings,
        1.9,
    )
    members = ((leader, 0.62), (ranked[1], 0.26), (ranked[2], 0.12))
    others = tuple(scored(o, y, p, task) for o in metrics.for_task(task)[1:])
    pictures = pictures_of(task, y, p, classes)
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
        bias=(bias_of(y, p, gender, "female"),) if task == "binary" else (),
        interpretability=Interpretability(
            glass_name,
            tried[glass_name][0],
            scored(m, y, glass_oof, task),
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
        profile=Profile(task, n, n_columns, columns_of(X, y, names, task), target_counts, findings[:2]),
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
