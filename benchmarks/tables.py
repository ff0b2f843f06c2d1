"""Develop on every tabular table of a manifest and judge it on the fixed test split: wall time, quality, honesty.

    python benchmarks/tables.py DATA [--time 60] [--tasks adult,titanic] [--out results.jsonl]

Each table runs in a process of its own, one at a time. Quality is held against the better of the manifest's anchors;
the standard error of the test score comes from 400 bootstrap samples of the test rows.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

METRICS = {"binary": "auc", "multiclass": "log_loss", "regression": "rmse"}
ANCHOR = {"auc": "auc", "log_loss": "logloss", "rmse": "rmse"}
TOLERANCE_S = 3.0


def load(data: Path, name: str):
    import pandas as pd

    entry = next(e for e in json.loads((data / "manifest.json").read_text()) if e["name"] == name)
    frame = pd.read_csv(data / entry["file"], low_memory=False).drop(columns=entry["drop"])
    test = pd.read_csv(data / entry["split"], header=None)[0]
    return entry, frame.drop(index=test).reset_index(drop=True), frame.loc[test].reset_index(drop=True)


def one(data: Path, name: str, seconds: float, home: str, seed: int) -> dict[str, object]:
    import numpy as np

    import tarragon
    from tarragon.metrics import metric

    entry, train, test = load(data, name)
    objective = metric(METRICS[entry["task"]])
    train_path = Path(home) / f"{name}.csv"
    train.to_csv(train_path, index=False)
    began = time.monotonic()
    dev = tarragon.develop(
        train_path,
        target=entry["target"],
        time_limit=seconds,
        metric=objective.name,
        sensitive=[s for s in entry["sensitive"] if s in train],
        positive=str(entry["positive_label"] if entry["positive_label"] is not None else ""),
        seed=seed,
        home=Path(home) / "home",
    )
    wall = time.monotonic() - began
    x = test.drop(columns=[entry["target"]])
    if entry["task"] == "regression":
        y, p = test[entry["target"]].to_numpy(dtype=float), np.asarray(dev.model.predict(x))
    else:
        p = dev.model.predict_proba(x)
        order = {str(c): i for i, c in enumerate(dev.model.classes_)}
        y = np.asarray([order[str(v)] for v in test[entry["target"]]], dtype=float)
    score = objective.score(y, p)
    rng = np.random.default_rng(0)
    draws = [objective.score(y[i], p[i]) for i in (rng.integers(0, len(y), len(y)) for _ in range(400))]
    error = float(np.nanstd(draws))
    anchors = [a[ANCHOR[objective.name]] for k, a in entry["anchors"].items() if k != "baseline"]
    best = max(anchors, key=objective.utility)
    gain = objective.utility(score) - objective.utility(best)
    return {
        "table": name,
        "metric": objective.name,
        "test": score,
        "se": error,
        "anchor": best,
        "gain_in_se": gain / error if error else float("inf"),
        "above": gain > 0,
        "within": gain >= -error,
        "reported": float(dev.score),
        "low": dev.score.low,
        "high": dev.score.high,
        "covered": dev.score.low <= score <= dev.score.high,
        "wall_s": wall,
        "first_model_s": dev.first_model_s,
        "verdict": dev.verdict.decision,
        "winner": dev.report.value.model.title,
        "ended": dev.report.value.stopped_early,
        "trials": len(dev.leaderboard.standings),
        "rows": len(train),
        "stages": dict(dev.report.value.stages),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--time", type=float, default=60.0)
    parser.add_argument("--tasks", default="")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", default="")
    a = parser.parse_args()
    if a.one:
        with tempfile.TemporaryDirectory() as home:
            print("RESULT " + json.dumps(one(a.data, a.one, a.time, home, a.seed)), flush=True)
        return
    wanted = a.tasks.split(",") if a.tasks else []
    names = [e["name"] for e in json.loads((a.data / "manifest.json").read_text()) if e["task"] in METRICS]
    names = [n for n in names if not wanted or n in wanted]
    results = []
    print(
        f"{'table':20} {'metric':9} {'test':>10} {'anchor':>10} {'gain/se':>8} {'reported (95 %)':>32} {'in':>3} "
        f"{'wall':>6} {'first':>6}  winner"
    )
    for name in names:
        command = [sys.executable, __file__, str(a.data), "--time", str(a.time), "--seed", str(a.seed), "--one", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        line = next((x[7:] for x in done.stdout.splitlines() if x.startswith("RESULT ")), "")
        if not line:
            print(f"{name:20} FAILED {done.stderr[-600:]}", flush=True)
            results.append({"table": name, "failed": True})
            continue
        r = json.loads(line)
        results.append(r)
        if a.out:
            with a.out.open("a") as f:
                f.write(line + "\n")
        span = f"{r['reported']:.4g} ({r['low']:.4g} to {r['high']:.4g})"
        print(
            f"{name:20} {r['metric']:9} {r['test']:10.4f} {r['anchor']:10.4f} {r['gain_in_se']:8.2f} {span:>32} "
            f"{'yes' if r['covered'] else 'NO':>3} {r['wall_s']:6.1f} {r['first_model_s'] or 0:6.1f}  "
            f"{r['winner']} · {r['verdict']} · {r['ended']}",
            flush=True,
        )
    good = [r for r in results if not r.get("failed")]
    n = len(names)
    print(f"\nwall ≤ {a.time + TOLERANCE_S:g} s: {sum(r['wall_s'] <= a.time + TOLERANCE_S for r in good)}/{n}")
    print(f"within one standard error of the better anchor, or above: {sum(r['within'] for r in good)}/{n}")
    print(f"above the better anchor: {sum(r['above'] for r in good)}/{n}")
    print(f"interval covers the test score: {sum(r['covered'] for r in good)}/{n}")
    small = [r for r in good if r["rows"] <= 10_000]
    print(f"first usable model < 5 s, ≤ 10,000 rows: {sum((r['first_model_s'] or 99) < 5 for r in small)}/{len(small)}")


if __name__ == "__main__":
    main()
