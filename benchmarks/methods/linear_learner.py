"""The linear learner's grid of 32 models beside 32 fits of scikit-learn's LogisticRegression, one per penalty.

Both choose their best model by the same validation rows. The peer is given scaled columns; ours scales them itself.
SGDClassifier, 32 fits of as many epochs, is printed as a case of its own.

    python -m benchmarks.methods.linear_learner       peak memory and time at 1× and 16× the rows
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from benchmarks.algorithms import SHARED, Line, Measured, timed
from benchmarks.streams import compared

from tarragon.algorithms import Standalone
from tarragon.algorithms.linear_learner import LinearLearner
from tarragon.algorithms.threads import limited
from tarragon.data import Batches, Tabular

BAR = "32 models at least 5× as fast as 32 fits of scikit-learn; accuracy within 0.5 point of LogisticRegression"
MODELS = 32
Table = tuple[np.ndarray, np.ndarray]


def adult() -> tuple[Table, Table]:
    """Train and test rows of the census table, one-hot."""
    return _table("adult", "income")


def bank() -> tuple[Table, Table]:
    """Train and test rows of the bank's campaign, one-hot."""
    return _table("bank_marketing", "")


def _table(name: str, target: str) -> tuple[Table, Table]:
    import json

    import pandas as pd

    entry = {e["name"]: e for e in json.loads((SHARED / "data" / "manifest.json").read_text())}[name]
    frame = pd.read_csv(SHARED / "data" / entry["file"], low_memory=False)
    y = (frame[entry["target"]].astype(str) == str(entry["positive_label"])).to_numpy(float)
    X = pd.get_dummies(frame.drop(columns=[entry["target"], *entry["drop"]])).astype(float)
    cells = X.fillna(X.median()).to_numpy(np.float32)
    held = np.zeros(len(y), bool)
    held[pd.read_csv(SHARED / "data" / entry["split"], header=None)[0]] = True
    return (cells[~held], y[~held]), (cells[held], y[held])


def five(n: int = 30_000, d: int = 30) -> tuple[Table, Table]:
    """Make rows of five classes that a linear model can tell apart, mostly."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d)).astype(np.float32)
    y = (X @ rng.normal(size=(d, 5)) + rng.gumbel(size=(n, 5))).argmax(axis=1).astype(float)
    cut = n * 3 // 4
    return (X[:cut], y[:cut]), (X[cut:], y[cut:])


def ours(train: Table, valid: Table, classes: int, context: Standalone) -> LinearLearner:
    """Fit the grid."""
    kind = {"predictor_type": "binary_classifier"} if classes == 2 else {
        "predictor_type": "multiclass_classifier", "num_classes": classes,
    }  # fmt: skip
    model = LinearLearner(num_models=MODELS, **kind)
    held = Tabular(*valid, n_classes=classes)
    return model.fit(Tabular(*train, n_classes=classes), valid=held, context=context)


def theirs(make: Callable[[float], Any], train: Table, valid: Table) -> Any:
    """Fit 32 penalties, keep the best."""
    fitted = [make(penalty).fit(*train) for penalty in np.geomspace(1e-6, 1e-1, MODELS)]
    return max(fitted, key=lambda model: model.score(*valid))


def measure(seed: int, threads: int) -> list[Measured]:
    """Fit both on every table."""
    from sklearn.linear_model import LogisticRegression, SGDClassifier
    from sklearn.preprocessing import StandardScaler

    found = []
    for name, load in (("adult", adult), ("bank-marketing", bank), ("generated, 5 classes", five)):
        (X, y), (Xt, yt) = load()
        order = np.random.default_rng(seed).permutation(len(y))
        cut = len(y) * 4 // 5
        train, valid = (X[order[:cut]], y[order[:cut]]), (X[order[cut:]], y[order[cut:]])
        classes = int(y.max()) + 1
        context = Standalone(seed=seed, threads=threads)
        scaler = StandardScaler().fit(train[0])
        scaled = [(scaler.transform(part), labels) for part, labels in (train, valid, (Xt, yt))]
        n = len(train[1])
        with limited(threads):
            seconds, model = timed(lambda t=train, v=valid, k=classes, c=context: ours(t, v, k, c))
            p = model.predict(Tabular(Xt))["probability"]
            guess = p[:, 1] >= model.threshold_ if classes == 2 else p.argmax(axis=1)
            right = float(np.mean(guess == yt))
            makers = {"LogisticRegression": lambda c, n=n: LogisticRegression(C=1 / (n * c), max_iter=300)}
            if classes == 2:
                makers["SGDClassifier"] = lambda c: SGDClassifier("log_loss", alpha=c, max_iter=15, tol=1e-3)
            for peer, make in makers.items():
                peer_seconds, best = timed(lambda m=make, s=scaled: theirs(m, s[0], s[1]))
                case = f"{name} / {peer[:8]}"
                accuracy = float(best.score(*scaled[2]))
                found.append(Measured(case, "accuracy", seconds, right, f"32 × {peer}", peer_seconds, accuracy))
    return found


def met(lines: Mapping[str, Line]) -> bool:
    """Whether speed and accuracy are as asked."""
    return all(line.ratio >= 5 and line.quality >= line.peer_quality - 0.005 for line in lines.values())


def memory(blocks: int) -> None:
    """Fit a stream of so many blocks of 10,000 rows."""

    def opened() -> Iterator[Tabular]:
        for n in range(blocks):
            rng = np.random.default_rng(n)
            X = rng.normal(size=(10_000, 40)).astype(np.float32)
            yield Tabular(X, y=(X[:, 0] + rng.normal(size=10_000) > 0).astype(float), n_classes=2)

    model = LinearLearner(predictor_type="binary_classifier", epochs=1)
    model.fit(Batches(opened, 40, 2), context=Standalone())


if __name__ == "__main__":
    compared(memory, 4)
