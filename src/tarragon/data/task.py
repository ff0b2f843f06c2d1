"""From a target column to the task: classes or amounts, and which class is the positive one."""

from dataclasses import dataclass

import polars as pl

from tarragon.data.cells import cell_text
from tarragon.data.kinds import pair_of
from tarragon.errors import DataError, ParameterError, near_miss
from tarragon.metrics import TASKS, Task

Label = str | int | float | bool
MIN_CLASS_ROWS = 2  # one row cannot both teach and judge
FOLD_ROWS = 5  # a class with fewer rows is missing from the judging part of some of five folds
MAX_INTEGER_CLASSES = 10  # 0…9 are digits or codes; more whole numbers are counts
ROWS_PER_INTEGER_CLASS = 10


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the target.

    Parameters
    ----------
    task : {"binary", "multiclass", "regression"}
    classes : tuple
        Label values as in the source; for binary tasks the positive one last; empty for regression.
    notes : tuple of str
        Why, in plain words.
    """

    task: Task
    classes: tuple[Label, ...]
    notes: tuple[str, ...]


def infer(target: pl.Series, *, task: str = "", positive: str = "") -> Question:
    """Decide the task from the values of the target, unless it is given.

    Words and booleans are classes. Two values are a binary task. Whole numbers 0…K-1 (K ≤ 10, ten rows each) or 1…3
    are classes; other numbers are amounts, so that counts and ratings are estimated rather than named.

    Parameters
    ----------
    target : polars.Series
        Cleaned, without missing values.
    task : str
        "" to decide here, or one of "binary", "multiclass", "regression", "classification".
    positive : str
        The positive class of a binary task, as text; "" to decide here.

    Raises
    ------
    DataError
        The target never varies, is made of dates or nearly unique texts, or has a class of one row.
    ParameterError
        The task does not fit the values, or there is no such positive class.
    """
    if task and task not in (*TASKS, "classification"):
        raise ParameterError(
            f'There is no task "{task}"', why="It is not known here", fix=near_miss(task, (*TASKS, "classification"))
        )
    values = _counts(target)
    if len(values) < 2:
        only = cell_text(next(iter(values), ""))
        raise DataError(
            f'The target "{target.name}" never varies',
            why=f'Every row has "{only}"',
            fix="Give rows of at least two classes or values",
        )
    if target.dtype == pl.Datetime:
        raise DataError(
            f'The target "{target.name}" is a date',
            why="Dates are neither classes nor amounts",
            fix="Turn it into days since a start",
        )
    chosen, why = _given(target, task, len(values)) if task else _decide(target, values)
    if chosen == "regression":
        if positive:
            raise ParameterError(
                f'positive="{positive}" needs classes',
                why=f'"{target.name}" is read as amounts',
                fix='Set task to "binary"',
            )
        return Question("regression", (), (why,))
    _check_classes(target, values)
    classes, note = _order(target, values, positive)
    return Question(chosen, classes, (why, note) if note else (why,))


def _counts(target: pl.Series) -> dict[Label, int]:
    table = target.value_counts(sort=False, name="n_rows_of_level")
    return dict(sorted(zip(table[target.name].to_list(), table["n_rows_of_level"].to_list(), strict=True)))


def _given(target: pl.Series, task: str, k: int) -> tuple[Task, str]:
    if task == "regression":
        if not target.dtype.is_numeric():
            raise ParameterError(
                'task="regression" needs numbers', why=f'"{target.name}" holds words', fix='Set task to "multiclass"'
            )
        return "regression", "task as asked: regression"
    if task == "binary" and k != 2:
        raise ParameterError(
            'task="binary" needs two classes', why=f'"{target.name}" has {k} values', fix='Set task to "multiclass"'
        )
    if task == "multiclass" and k == 2:
        return "binary", f'"{target.name}" has two classes: binary'
    chosen: Task = "binary" if k == 2 else "multiclass"
    return chosen, f"task as asked: {chosen}, {k} classes"


def _decide(target: pl.Series, values: dict[Label, int]) -> tuple[Task, str]:
    k, n = len(values), len(target)
    name = f'"{target.name}"'
    if k == 2:
        return "binary", f"{name} has two values: a binary task"
    if not target.dtype.is_numeric():
        if k > n / 2:
            raise DataError(
                f"The target {name} is no class and no number",
                why=f"It holds {k} different texts in {n} rows",
                fix="Choose another target",
            )
        return "multiclass", f"{name} has {k} classes"
    numbers = [float(v) for v in values]
    low, high = int(min(numbers)), int(max(numbers))
    runs = target.dtype.is_integer() and high - low + 1 == k
    codes = runs and (
        (low == 0 and k <= MAX_INTEGER_CLASSES and n >= ROWS_PER_INTEGER_CLASS * k) or (low == 1 and k == 3)
    )
    if codes:
        return (
            "multiclass",
            f"{name} has the whole numbers {low} to {high}: {k} classes; set the task to regression if amounts",
        )
    few = k <= 20
    return "regression", f"{name} has {k} numeric values: a regression" + (
        "; set the task to multiclass if they are classes" if few else ""
    )


def _check_classes(target: pl.Series, values: dict[Label, int]) -> None:
    rare = [(v, c) for v, c in values.items() if c < MIN_CLASS_ROWS]
    if rare:
        shown = ", ".join(f'"{cell_text(v)}"' for v, _ in rare[:5]) + (
            f" and {len(rare) - 5} more" if len(rare) > 5 else ""
        )
        raise DataError(
            f'The target "{target.name}" has a class with too few rows',
            why=f"Only one row has {shown}",
            fix="Merge or remove rare classes"
            + (', or set the task to "regression"' if target.dtype.is_numeric() else ""),
        )


def _order(target: pl.Series, values: dict[Label, int], positive: str) -> tuple[tuple[Label, ...], str]:
    """Sort the classes; for two, put the positive one last."""
    classes = tuple(values)
    if positive:
        return _positive_last(classes, positive)
    thin = [f'"{cell_text(v)}" ({c})' for v, c in values.items() if c < FOLD_ROWS]
    note = f"Few rows to judge by in {', '.join(thin[:5])}: merge rare classes or collect more rows" if thin else ""
    if len(classes) != 2:
        return classes, note
    pair = pair_of([cell_text(v) for v in classes])
    if pair is not None:
        classes = tuple(sorted(classes, key=lambda v: pair.index(cell_text(v))))
        chosen = f'"{pair[1]}" is the positive class'
    elif target.dtype.is_numeric() or values[classes[0]] == values[classes[1]]:
        chosen = f'"{cell_text(classes[1])}" is the positive class, being the last in order'
    else:
        classes = tuple(sorted(classes, key=lambda v: -values[v]))
        chosen = f'"{cell_text(classes[1])}" is the positive class, being the rarer one'
    return classes, f"{chosen}; {note}" if note else chosen


def _positive_last(classes: tuple[Label, ...], positive: str) -> tuple[tuple[Label, ...], str]:
    texts = [cell_text(v) for v in classes]
    if len(classes) != 2:
        raise ParameterError(
            f'positive="{positive}" needs two classes', why=f"There are {len(classes)}", fix="Leave positive empty"
        )
    match = [i for i, t in enumerate(texts) if t == positive] or [
        i for i, t in enumerate(texts) if t.lower() == positive.lower()
    ]
    if not match:
        raise ParameterError(
            f'There is no class "{positive}"', why="It does not occur in the target", fix=near_miss(positive, texts)
        )
    last = match[0]
    return (classes[1 - last], classes[last]), f'"{texts[last]}" is the positive class, as asked'
