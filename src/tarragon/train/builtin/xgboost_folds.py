"""A k-fold job of XGBoost's container: a model per fold, served as an ensemble, and a table of out-of-fold answers.

Source: the container's ``_kfold`` and ``_num_cv_round``: repeated, stratified where labels are classes. The table is
``predictions.csv`` in the job's output: the label, then the mean of the answers over the rounds; for classes the mean
probability (of the class answered, where there are more than two) and the class that most rounds answered.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tarragon.data import Tabular
from tarragon.errors import ParameterError
from tarragon.train.builtin.teller import Order, Pass, Teller

FILE, TABLE = "xgboost-model", "predictions.csv"
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Folds:
    """How many folds, and how often rows are divided anew."""

    count: int
    rounds: int = 1


def crossed(order: Order, rows: Tabular, made: Callable[[], Any], context: Teller, folds: Folds) -> None:
    """Fit each fold's model, save them all, and write what each row's own folds did not see.

    Parameters
    ----------
    order : Order
    rows : Tabular
    made : callable
        Makes an unfitted model.
    context : Teller
    folds : Folds

    Raises
    ------
    ParameterError
        There are fewer rows, or rows of a class, than folds.
    """
    assert rows.y is not None
    order.teller.say(f"[INFO] Run {folds.rounds}-round of {folds.count}-fold cross validation with {rows.n_rows} rows")
    answers: list[list[Numbers]] = [[] for _ in range(folds.rounds)]
    held: list[list[NDArray[np.int64]]] = [[] for _ in range(folds.rounds)]
    last: list[Mapping[str, float]] = []
    for i, (fit, valid) in enumerate(_divided(rows, folds, context.seed)):
        seen: list[Mapping[str, float]] = []
        model, judged = made(), rows.rows(valid)
        model.fit(rows.rows(fit), valid=judged, context=_listening(context, seen))
        found = model.predict(judged)
        answers[i // folds.count].append(found["probability"] if rows.n_classes else found["score"][:, None])
        held[i // folds.count].append(valid)
        (order.folder / f"{FILE}-{i}").write_bytes(model.booster_.save_raw("ubj"))
        last.append(seen[model.rounds_ - 1])
        if (i + 1) % folds.count == 0:
            means = {name: float(np.mean([each[name] for each in last[-folds.count :]])) for name in last[-1]}
            parts = "".join(f"#011{name.replace(':', '-', 1)}:{value:.5f}" for name, value in means.items())
            order.teller.say(f"[{i // folds.count}]{parts}")
        if context.stop_asked():
            break
    else:
        places = (np.argsort(np.concatenate(each)) for each in held)
        whole = [np.concatenate(each)[place] for each, place in zip(answers, places, strict=True)]
        _write(order, rows, np.stack(whole))


def _listening(context: Teller, seen: list[Mapping[str, float]]) -> Teller:
    """Keep each round's metrics, and keep no checkpoint: of which fold would not be known."""
    said = context.round

    def told(done: Pass) -> None:
        seen.append(dict(done.metrics))
        if said is not None:
            said(done)

    return replace(context, round=told, checkpoints=None)


def _divided(rows: Tabular, folds: Folds, seed: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Divide rows again and again; rows to fit and rows held out, fold by fold."""
    from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold

    assert rows.y is not None
    classes = _are_classes(rows)
    kind = RepeatedStratifiedKFold if classes else RepeatedKFold
    smallest = int(np.unique(rows.y, return_counts=True)[1].min()) if classes else rows.n_rows
    if smallest < folds.count:
        what = "rows of a class" if classes else "rows"
        raise ParameterError(
            f"_kfold={folds.count} is too many", why=f"There are {smallest} {what}", fix="Use fewer folds"
        )
    maker = kind(n_splits=folds.count, n_repeats=folds.rounds, random_state=seed)
    return list(maker.split(np.zeros(rows.n_rows), rows.y if classes else None))


def _are_classes(rows: Tabular) -> bool:
    """Whether labels are classes: those of reg:logistic may be shares."""
    return rows.n_classes > 0 and bool((rows.y == np.floor(rows.y)).all())  # type: ignore[arg-type]


def _write(order: Order, rows: Tabular, answers: Numbers) -> None:
    """Write the table of (rounds, n, outputs) answers."""
    assert rows.y is not None
    columns = [rows.y]
    if _are_classes(rows):
        votes = np.argmax(answers, axis=2)
        chosen = np.array([np.bincount(each).argmax() for each in votes.T])
        mean = answers.mean(axis=0)
        columns += [mean[:, 1] if rows.n_classes == 2 else mean[np.arange(len(mean)), chosen], chosen]
    else:
        columns.append(answers.mean(axis=0)[:, -1])
    place = order.folder.parent / "output" / "data"
    place.mkdir(parents=True, exist_ok=True)
    np.savetxt(place / TABLE, np.column_stack(columns), delimiter=",", fmt="%f")


def joined(first: Tabular, second: Tabular) -> Tabular:
    """Put rows below each other: folds are drawn from training and validation rows together."""
    assert first.y is not None
    assert second.y is not None
    blocks: list[Any] = [first.X, second.X]
    X: Any = sp.vstack(blocks, format="csr") if any(map(sp.issparse, blocks)) else np.concatenate(blocks)
    weights = [np.ones(each.n_rows) if each.weight is None else each.weight for each in (first, second)]
    weight = None if first.weight is None and second.weight is None else np.concatenate(weights)
    return replace(first, X=X, y=np.concatenate([first.y, second.y]), weight=weight)
