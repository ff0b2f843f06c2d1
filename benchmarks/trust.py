"""Trust gate: planted faults found, and false alarms on clean tables.

    python benchmarks/trust.py [--data DIR] [--seed 0] [--verbose]

Half of the tables are generated (see faults.py), half are real when ``--data`` names a folder with a manifest.json
(name, file, task, target, drop). The columns a manifest says to drop are dropped from clean tables; some are real
leaks and identifiers and are left in as plants. "Found" means: the right fault, as a warning or worse, naming the
right column. A false alarm is any of the seven faults, as a warning or worse, on a clean table.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parent))
from faults import CLEAN, NOT_FOR, PLANTS

from tarragon.choose import feasibility, profile
from tarragon.choose.protocol import Finding
from tarragon.data import read_table, split
from tarragon.metrics import DEFAULT

FAULTS = tuple(PLANTS)
REAL_ROWS = 4_000
GENERATED_CLEAN = 28
PLANTS_EACH = 4  # generated, and again real, per fault
REPEATED_BY_NATURE = frozenset({"sms_spam"})  # hundreds of messages occur twice: reporting that is right


@dataclass(frozen=True)
class Case:
    """One table and what should be found in it ("" for nothing)."""

    name: str
    frame: pl.DataFrame
    target: str
    fault: str = ""
    columns: tuple[str, ...] = ()


def generated(seed: int, clean: int = GENERATED_CLEAN, each: int = PLANTS_EACH) -> Iterator[Case]:
    names = list(CLEAN)
    for i in range(clean):
        rng = np.random.default_rng([seed, 1, i])
        name = names[i % len(names)]
        yield Case(name, *CLEAN[name](rng, _size(rng)))
    for f, (fault, plant) in enumerate(PLANTS.items()):
        fit = [n for n in names if n not in NOT_FOR.get(fault, frozenset())]
        for i in range(each):
            rng = np.random.default_rng([seed, 2, f, i])
            name = fit[int(rng.integers(0, len(fit)))]
            frame, target = CLEAN[name](rng, max(_size(rng), 1_500 if fault == "noisy_labels" else 0))
            yield Case(name, *_reordered(plant(rng, frame, target), fault))


def _reordered(
    planted: tuple[pl.DataFrame, str, tuple[str, ...]], fault: str
) -> tuple[pl.DataFrame, str, str, tuple[str, ...]]:
    frame, target, columns = planted
    return frame, target, fault, columns


def _size(rng: np.random.Generator) -> int:
    return int(np.exp(rng.uniform(np.log(300), np.log(5_000))))


def real(folder: Path, seed: int, each: int = PLANTS_EACH) -> Iterator[Case]:
    entries = {e["name"]: e for e in json.loads((folder / "manifest.json").read_text())}
    tables = {}
    for name, e in entries.items():
        if e["task"] in ("binary", "multiclass", "regression") or e.get("subtask") == "binary":
            frame = pl.read_csv(
                folder / e["file"], null_values=["", " "], try_parse_dates=True, infer_schema_length=None
            )
            tables[name] = frame.filter(pl.col(e["target"]).is_not_null())
            yield Case(name, _some(tables[name].drop(e["drop"]), seed), e["target"])
    for name in ("adult", "california_housing", "diamonds", "bank_marketing"):
        yield Case(name, _some(tables[name].drop(entries[name]["drop"]), seed + 1), entries[name]["target"])
    for name, fault, columns in (
        ("bank_marketing", "leak", ("duration",)), ("nyc_taxi_fares", "leak", ("total",)),
        ("nyc_taxi_fares", "leak", ("tip",)), ("nyc_taxi_fares", "leak", ("tolls",)),
        ("ramen_ratings", "leak", ("top_ten",)), ("ramen_ratings", "id_column", ("review",)),
        ("titanic", "id_column", ("PassengerId",)),
        ("telco_churn", "id_column", ("customerID",)),
    ):  # fmt: skip
        yield Case(name, _some(tables[name], seed), entries[name]["target"], fault, columns)
    yield from _series(folder, entries, seed)
    for f, (fault, plant) in enumerate(PLANTS.items()):
        fit = [n for n in tables if n not in NOT_FOR.get(fault, frozenset()) | REPEATED_BY_NATURE]
        for i in range(each):
            rng = np.random.default_rng([seed, 3, f, i])
            name = fit[int(rng.integers(0, len(fit)))]
            frame = _some(tables[name].drop(entries[name]["drop"]), seed + i)
            yield Case(name, *_reordered(plant(rng, frame, entries[name]["target"]), fault))


def _series(folder: Path, entries: dict[str, dict[str, object]], seed: int) -> Iterator[Case]:
    """Real time series read as tables: a random split looks into the future."""
    for name, target in (("vic_electricity_hourly", "target"), ("nyc_taxi_passengers", "value")):
        if name in entries:
            frame = pl.read_csv(folder / str(entries[name]["file"]), try_parse_dates=True)
            clock = str(entries[name]["time_column"])
            if frame[clock].dtype == pl.String:
                frame = frame.with_columns(pl.col(clock).str.to_datetime(strict=False, time_zone="UTC"))
            yield Case(
                name, frame.head(6_000).sample(fraction=1.0, shuffle=True, seed=seed), target, "time_leak", (clock,)
            )


def _some(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    if frame.height <= REAL_ROWS:
        return frame
    rows = np.random.default_rng(seed).choice(frame.height, REAL_ROWS, replace=False)
    return frame[np.sort(rows)]


def judge(case: Case, seed: int) -> list[Finding]:
    """Everything the gate says; the probes of feasibility only run where they matter."""
    table = read_table(case.frame, case.target)
    seen = profile(table, seed=seed, clock=time.process_time)
    if case.fault not in ("", "random_labels", "noisy_labels"):
        return list(seen.findings)
    folds = split(table, n_folds=5, seed=seed)
    return list(
        feasibility(table, folds, seen, metric=DEFAULT[table.task], seed=seed, clock=time.process_time).findings
    )


def alarms(findings: list[Finding]) -> list[Finding]:
    return [f for f in findings if f.fault in FAULTS and f.severity != "info"]


def is_found(case: Case, findings: list[Finding]) -> bool:
    return any(f.fault == case.fault and set(case.columns) <= set(f.columns) for f in alarms(findings))


def run(cases: Iterator[Case], seed: int, *, verbose: bool = False) -> tuple[dict[str, list[int]], int, int]:
    """Judge all cases: per fault [found, planted], false alarms, clean tables."""
    found = {fault: [0, 0] for fault in FAULTS}
    false, clean = 0, 0
    for case in cases:
        started = time.process_time()
        findings = judge(case, seed)
        spent = time.process_time() - started
        loud = alarms(findings)
        if case.fault:
            hit = is_found(case, findings)
            found[case.fault][0] += hit
            found[case.fault][1] += 1
            mark = "found" if hit else "MISSED"
        else:
            clean += 1
            loud = [f for f in loud if not (case.name in REPEATED_BY_NATURE and f.fault == "duplicate_rows")]
            false += bool(loud)
            mark = "ALARM" if loud else "quiet"
        if verbose or mark in ("MISSED", "ALARM"):
            said = "; ".join(f"{f.fault} {list(f.columns)}: {f.why}" for f in loud)
            print(
                f"{mark:7s}{case.fault or 'clean':15s}{case.name:22s}{case.frame.height:6d} rows {spent:5.1f} s",
                said[:230],
                flush=True,
            )
    return found, false, clean


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with manifest.json and its tables")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args()

    def cases() -> Iterator[Case]:
        yield from generated(given.seed)
        if given.data:
            yield from real(given.data, given.seed)

    started = time.process_time()
    found, false, clean = run(cases(), given.seed, verbose=given.verbose)
    print(f"{'fault':18s}{'planted':>8s}{'found':>8s}")
    for fault, (hits, planted) in found.items():
        print(f"{fault:18s}{planted:8d}{hits:8d}")
    hits, planted = (sum(v[i] for v in found.values()) for i in (0, 1))
    print(f"{clean} clean tables, {false} with a false alarm; {time.process_time() - started:.0f} s of one core")
    share = f"found {100 * hits / planted:.1f} % of {planted} planted faults (bar 95)"
    print(f"{share} · false alarms {100 * false / clean:.1f} % of {clean} clean tables (bar 5)")


if __name__ == "__main__":
    main()
