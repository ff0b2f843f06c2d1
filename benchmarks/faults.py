"""Tables with and without planted faults, for the trust gate's benchmark and its test.

A clean table is a function (rng, n) -> (frame, target). A plant is a function (rng, frame, target) -> (frame, target,
columns that must be named); every plant is one of several kinds per fault, so that no single rule can find them all.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import polars as pl

Rng = np.random.Generator
Made = tuple[pl.DataFrame, str]
Planted = tuple[pl.DataFrame, str, tuple[str, ...]]
Clean = Callable[[Rng, int], Made]
Plant = Callable[[Rng, pl.DataFrame, str], Planted]
WORDS = [
    "red", "green", "round", "old", "new", "fast", "quiet", "heavy", "sharp", "plain", "early", "late", "warm",
    "cold", "long", "short", "north", "south",
]  # fmt: skip
# ---- clean tables -----------------------------------------------------------------------------------------------


def _frame(X: np.ndarray, y: np.ndarray, **more: object) -> pl.DataFrame:
    return pl.DataFrame({**{f"x{j}": X[:, j] for j in range(X.shape[1])}, **more, "y": y})


def _chance(rng: Rng, logit: np.ndarray) -> np.ndarray:
    return (rng.random(len(logit)) < 1.0 / (1.0 + np.exp(-logit))).astype(np.int64)


def linear(rng: Rng, n: int) -> Made:
    X = rng.normal(size=(n, 10))
    w = rng.normal(size=10) * (np.arange(10) < 6)
    signal = X @ w
    return _frame(X, signal + rng.normal(size=n) * signal.std() * rng.uniform(0.2, 1.0)), "y"


def friedman(rng: Rng, n: int) -> Made:
    X = rng.random((n, 8))
    y = 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2 + 10 * X[:, 3] + 5 * X[:, 4]
    return _frame(X, y + rng.normal(size=n)), "y"


def blobs(rng: Rng, n: int) -> Made:
    k = int(rng.integers(3, 6))
    code = rng.integers(0, k, n)
    X = rng.normal(size=(k, 6))[code] * 1.6 + rng.normal(size=(n, 6))
    return _frame(X, np.array([f"kind {c}" for c in "ABCDE"])[code]), "y"


def easy(rng: Rng, n: int) -> Made:
    """Two classes that several columns separate almost perfectly: an easy problem, not a leak."""
    code = rng.integers(0, 2, n)
    X = rng.normal(size=(n, 5)) + code[:, None] * np.array([4.0, 3.6, 3.4, 1.0, 0.0])
    return _frame(X, code), "y"


def logistic(rng: Rng, n: int) -> Made:
    X = rng.normal(size=(n, 8))
    return _frame(X, _chance(rng, 1.6 * (X @ rng.normal(size=8)))), "y"


def levels(rng: Rng, n: int) -> Made:
    """Few levels per column: rows coincide by nature."""
    X = np.column_stack([rng.integers(0, k, n) for k in (2, 3, 4, 2, 5, 3)])
    table = rng.normal(size=(6, 5)) * 1.5
    logit = sum(table[j][X[:, j]] for j in range(6))
    columns = {f"c{j}": np.array(["a", "b", "c", "d", "e"])[X[:, j]] for j in range(6)}
    return pl.DataFrame({**columns, "y": np.where(_chance(rng, logit) == 1, "yes", "no")}), "y"


def survey(rng: Rng, n: int) -> Made:
    X = rng.integers(1, 6, size=(n, 9))
    y = np.digitize(X[:, :4].sum(axis=1) + rng.normal(size=n) * 1.5, [10, 14])
    return _frame(X, np.array(["low", "mid", "high"])[y]), "y"


def sales(rng: Rng, n: int) -> Made:
    """Dates with a season, free text, categories, gaps; the price follows what they say, not when."""
    day = rng.integers(0, 730, n)
    words = np.array(WORDS)[rng.integers(0, len(WORDS), size=(n, 5))]
    area, rooms = rng.lognormal(4.3, 0.4, n), rng.integers(1, 7, n)
    zone = rng.integers(0, 8, n)
    heavy = (words == "heavy").any(axis=1)
    season = 8 * np.sin(2 * np.pi * day / 365.25)
    y = area * (1 + 0.2 * zone) + 12 * rooms + 25 * heavy + season + rng.normal(size=n) * 20
    area = np.where(rng.random(n) < 0.06, np.nan, area)
    stamp = [
        datetime(2022, 1, 1) + timedelta(days=int(d), hours=int(h))
        for d, h in zip(day, rng.integers(0, 24, n), strict=True)
    ]
    frame = pl.DataFrame({
        "listed": stamp, "area": area, "rooms": rooms, "zone": np.array([f"zone {z}" for z in "ABCDEFGH"])[zone],
        "about": [" ".join(w) for w in words], "price": np.round(y, 2),
    })  # fmt: skip
    return frame.with_columns(pl.col("area").fill_nan(None)), "price"


def churn(rng: Rng, n: int) -> Made:
    months, fee = rng.integers(0, 72, n), rng.uniform(20, 120, n)
    plan = rng.integers(0, 3, n)
    logit = -0.06 * months + 0.03 * (fee - 70) - 1.1 * plan + 1.2
    since = [
        datetime(2023, 6, 1) - timedelta(days=int(30 * m + d))
        for m, d in zip(months, rng.integers(0, 30, n), strict=True)
    ]
    frame = pl.DataFrame({
        "since": since, "months": months, "fee": np.round(fee, 2),
        "plan": np.array(["month", "year", "two years"])[plan],
        "paperless": rng.random(n) < 0.5, "total": np.round(months * fee * rng.uniform(0.97, 1.03, n), 2),
        "churned": np.where(_chance(rng, logit) == 1, "Yes", "No"),
    })  # fmt: skip
    return frame, "churned"


def rare(rng: Rng, n: int) -> Made:
    n = max(n, 1_500)
    X = rng.normal(size=(n, 7))
    logit = 1.8 * (X[:, 0] + X[:, 1] * X[:, 2]) - 0.5 * X[:, 3]
    return _frame(X, _chance(rng, logit - np.quantile(logit, 0.95))), "y"


def claims(rng: Rng, n: int) -> Made:
    """One honest column explains most: smokers cost more."""
    age, bmi, smoker = rng.integers(18, 65, n), rng.normal(30, 6, n), rng.random(n) < 0.2
    y = 250 * age + smoker * (14_000 + 500 * (bmi - 30)) + rng.gamma(1.0, 2_500, n)
    frame = pl.DataFrame({
        "age": age, "bmi": np.round(bmi, 1), "smoker": np.where(smoker, "yes", "no"),
        "children": rng.integers(0, 5, n), "region": np.array(["n", "e", "s", "w"])[rng.integers(0, 4, n)],
        "charges": y,
    })  # fmt: skip
    return frame, "charges"


def stones(rng: Rng, n: int) -> Made:
    """Strong, collinear measures, as in diamonds."""
    carat = rng.lognormal(-0.4, 0.6, n)
    side = 6.4 * carat ** (1 / 3)
    grade = rng.integers(0, 5, n)
    price = 4_000 * carat**1.6 * np.exp(0.12 * grade) * np.exp(rng.normal(size=n) * 0.1)
    frame = pl.DataFrame({
        "carat": np.round(carat, 2), "x": np.round(side * rng.normal(1, 0.01, n), 2),
        "y": np.round(side * rng.normal(1, 0.01, n), 2), "depth": np.round(rng.normal(61, 1.5, n), 1),
        "grade": np.array(["D", "E", "F", "G", "H"])[grade], "price": np.round(price),
    })  # fmt: skip
    return frame, "price"


def steps(rng: Rng, n: int) -> Made:
    X = rng.normal(size=(n, 6))
    logit = 3.0 * np.sign(X[:, 0] * X[:, 1]) + 1.2 * X[:, 2]
    return _frame(X, np.where(_chance(rng, logit) == 1, "B", "A")), "y"


def weak(rng: Rng, n: int) -> Made:
    n = max(n, 1_200)
    X = rng.normal(size=(n, 6))
    return _frame(X, X @ np.array([0.5, -0.4, 0.3, 0, 0, 0]) + rng.normal(size=n)), "y"


CLEAN: dict[str, Clean] = {
    f.__name__: f
    for f in (linear, friedman, blobs, easy, logistic, levels, survey, sales, churn, rare, claims, stones, steps, weak)
}


# ---- plants -----------------------------------------------------------------------------------------------------


def _is_number(frame: pl.DataFrame, target: str) -> bool:
    return frame[target].dtype.is_numeric() and frame[target].n_unique() > 20


def _codes(frame: pl.DataFrame, target: str) -> np.ndarray:
    return frame[target].rank("dense").to_numpy().astype(np.int64) - 1


def _put(frame: pl.DataFrame, rng: Rng, **columns: object) -> pl.DataFrame:
    """Add columns at random places."""
    for name, values in columns.items():
        series = values if isinstance(values, pl.Series) else pl.Series(name, values)
        frame = frame.insert_column(int(rng.integers(0, frame.width + 1)), series.alias(name))
    return frame


def leak(rng: Rng, frame: pl.DataFrame, target: str) -> Planted:
    n = frame.height
    kind = int(rng.integers(0, 3))
    if _is_number(frame, target):
        y = frame[target].to_numpy().astype(np.float64)
        part = np.round(rng.uniform(0.1, 0.9, n) * np.abs(y), 2)
        if kind == 0:  # the target is a sum of two columns
            return _put(frame, rng, part_a=part, part_b=y - part), target, ("part_a", "part_b")
        if kind == 1:  # filled in only for the high ones, afterwards
            late = y > np.quantile(y, 0.7)
            return _put(frame, rng, bonus_date=_dates(rng, late)), target, ("bonus_date",)
        bins = np.searchsorted(np.sort(y), y)  # a code list that follows the target finely, not in order
        if len(np.unique(y)) < 200:
            late = y > np.quantile(y, 0.7)
            return _put(frame, rng, bonus_date=_dates(rng, late)), target, ("bonus_date",)
        code = np.array([f"T{(7919 * b) % 997:03d}" for b in range(60)])[bins * 59 // n]
        return _put(frame, rng, tariff=code), target, ("tariff",)
    y = _codes(frame, target)
    if kind == 0:  # a date written only when it happened
        return _put(frame, rng, closed_on=_dates(rng, y == y.max())), target, ("closed_on",)
    if kind == 1:  # who handled it afterwards
        clerk = np.array([f"desk {10 * c + d}" for c in range(y.max() + 1) for d in range(10)])[
            10 * y + rng.integers(0, 10, n)
        ]
        wrong = rng.random(n) < 0.004
        return _put(frame, rng, handled_by=np.where(wrong, rng.permutation(clerk), clerk)), target, ("handled_by",)
    if y.max() == 1:  # a score from the future
        return (
            _put(frame, rng, exposure=np.where(y == 1, rng.gamma(9.0, 1.0, n) + 9.0, rng.gamma(2.0, 1.0, n))),
            target,
            ("exposure",),
        )
    room = y * 100 + rng.integers(0, 100, n)  # ranges of numbers by class, classes out of order
    order = rng.permutation(int(y.max()) + 1)
    return _put(frame, rng, shelf=order[y] * 100 + room % 100), target, ("shelf",)


def _dates(rng: Rng, filled: np.ndarray) -> list[datetime | None]:
    days = rng.integers(0, 400, len(filled))
    return [datetime(2024, 1, 1) + timedelta(days=int(d)) if f else None for d, f in zip(days, filled, strict=True)]


def proxy(rng: Rng, frame: pl.DataFrame, target: str) -> Planted:
    n, kind = frame.height, int(rng.integers(0, 5))
    if _is_number(frame, target):
        y = frame[target].to_numpy().astype(np.float64)
        made = [
            np.log1p(y - y.min()) * 3 + 1,
            y + rng.normal(size=n) * 0.02 * y.std(),
            np.round(y / y.std() * 4) / 4,
            np.argsort(np.argsort(y + rng.random(n) * 1e-9)) + 1,
            np.array(["low", "middle", "high", "top"])[np.searchsorted(np.quantile(y, [0.25, 0.5, 0.75]), y)],
        ][kind]
        return _put(frame, rng, band=made), target, ("band",)
    y = _codes(frame, target)
    order = rng.permutation(int(y.max()) + 1)
    names = np.array([f"grade {chr(65 + o)}" for o in order])
    made = [
        names[y],
        order[y],
        np.where(rng.random(n) < 0.01, names[rng.permutation(y)], names[y]),
        y + rng.normal(size=n) * 0.05,
        order[y] * 10 + 5,
    ][kind]
    return _put(frame, rng, band=made), target, ("band",)


def duplicate_rows(rng: Rng, frame: pl.DataFrame, target: str) -> Planted:
    share = rng.uniform(0.06, 0.25)
    again = frame[rng.choice(frame.height, max(8, int(share * frame.height)), replace=False)]
    kind = int(rng.integers(0, 3))
    both = pl.concat([frame, again])
    if kind == 1:  # every row has its own number, copies too
        both = _put(both, rng, record_id=np.arange(both.height) + 1000)
    if kind == 2 and any(t.is_float() for t in again.drop(target).dtypes):  # copies shaken in the last digits
        floats = [c for c in again.drop(target).columns if again[c].dtype.is_float()]
        shaken = again.with_columns([pl.col(c) * (1 + 1e-9 * float(rng.normal())) for c in floats])
        both = pl.concat([frame, shaken])
    return both[rng.permutation(both.height)], target, ()


def time_leak(rng: Rng, frame: pl.DataFrame, target: str) -> Planted:
    """Rows get a date; what the target is drifts with it, in slow waves or a trend."""
    n = frame.height
    when = np.linspace(0, 1, n)
    wave = np.cumsum(rng.normal(size=n))
    wave = (wave - wave.mean()) / wave.std()
    drift = wave if rng.random() < 0.5 else np.sqrt(12) * (when - 0.5) + 0.3 * wave
    if _is_number(frame, target):
        y = frame[target].to_numpy().astype(np.float64)
        frame = frame.with_columns(pl.Series(target, y + 1.2 * y.std() * drift))
    else:  # half of the rows are what is common at their time
        names = frame[target].unique().sort().to_list()
        era = np.searchsorted(np.quantile(drift, np.arange(1, len(names)) / len(names)), drift)
        code = np.where(rng.random(n) < 0.5, era, _codes(frame, target))
        frame = frame.with_columns(pl.Series(target, [names[c] for c in code]))
    days = np.sort(rng.uniform(0, 900, n))
    frame = _put(frame, rng, recorded=[datetime(2021, 1, 1) + timedelta(days=float(d)) for d in days])
    shuffled = frame if rng.random() < 0.5 else frame[rng.permutation(n)]
    return shuffled, target, ("recorded",)


def random_labels(rng: Rng, frame: pl.DataFrame, target: str) -> Planted:
    return frame.with_columns(frame[target][rng.permutation(frame.height)]), target, ()


def noisy_labels(rng: Rng, frame: pl.DataFrame, target: str) -> Planted:
    share = rng.uniform(0.2, 0.4)
    hit = np.flatnonzero(rng.random(frame.height) < share)
    if _is_number(frame, target):
        place = np.arange(frame.height)
        place[hit] = place[hit][rng.permutation(len(hit))]
        return frame.with_columns(frame[target][place]), target, ()
    names = frame[target].unique().sort().to_list()
    code = _codes(frame, target)
    code[hit] = (code[hit] + rng.integers(1, len(names), len(hit))) % len(names)
    return frame.with_columns(pl.Series(target, [names[c] for c in code])), target, ()


def id_column(rng: Rng, frame: pl.DataFrame, target: str) -> Planted:
    n, kind = frame.height, int(rng.integers(0, 7))
    if kind == 6:  # numbered after sorting by the target
        frame = frame.sort(target)
        return _put(frame, rng, row_number=np.arange(n) + 1), target, ("row_number",)
    made = [
        rng.permutation(n) + 50_000,
        rng.permutation(n).astype(np.float64),
        [f"{a:08x}-{b:04x}-4{c:03x}-8{d:03x}-{e:012x}" for a, b, c, d, e in _parts(rng, n)],
        [f"CU-{v:06d}" for v in rng.permutation(n) * 7 + 13],
        [f"{a:016x}" for a in rng.integers(0, 2**62, n)],
        rng.choice(10**9, n, replace=False) + 10**9,
    ][kind]
    name = "customer_no" if kind == 5 else "ref"
    return _put(frame, rng, **{name: made}), target, (name,)


def _parts(rng: Rng, n: int) -> list[tuple[int, ...]]:
    return [tuple(int(v) for v in row) for row in rng.integers(0, [2**31, 2**15, 2**11, 2**11, 2**47], size=(n, 5))]


PLANTS: dict[str, Plant] = {
    f.__name__: f for f in (leak, proxy, duplicate_rows, time_leak, random_labels, noisy_labels, id_column)
}
# Where a fault cannot be told from nature it is not planted: a leak where all other columns are near perfect too,
# copies among rows that coincide anyway, wrong labels where the target can hardly be predicted.
NOT_FOR: dict[str, frozenset[str]] = {
    "leak": frozenset({"easy", "iris", "penguins", "soybean"}),
    "duplicate_rows": frozenset({"levels", "survey", "soybean", "letter", "iris"}),
    "noisy_labels": frozenset({"weak", "logistic", "levels", "rare", "survey", "churn", "iris", "ramen_ratings",
                               "abalone", "titanic", "mammography", "bank_marketing", "telco_churn", "penguins"}),
    "time_leak": frozenset({"iris", "soybean"}),
}  # fmt: skip
