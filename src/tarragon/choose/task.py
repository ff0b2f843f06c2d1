"""Which metric a run is judged by, and why that one."""

import numpy as np

from tarragon.data import Table
from tarragon.metrics import DEFAULT, metric

RARE = 0.1  # a class below this share makes the area under the ROC curve look kinder than the errors feel
_WHY = {
    "auc": "It judges how rows are ranked, so it needs no threshold and no costs to be fixed beforehand.",
    "log_loss": "It judges the probability of every class, so sure and wrong costs more than unsure.",
    "rmse": "It judges the typical error in units of the target and makes the mean the best answer.",
}


def objective(table: Table, asked: str = "") -> tuple[str, str]:
    """Name the objective.

    Parameters
    ----------
    table : Table
    asked : str
        What the user asked for; "" or "auto" leaves it to the task.

    Returns
    -------
    name : str
        A canonical name of ``tarragon.metrics``.
    why : str
        Plain sentences.

    Raises
    ------
    ParameterError
        If the metric does not exist or not for this task.
    """
    if asked and asked.strip().lower() != "auto":
        found = metric(asked, table.task)
        return found.name, f"You asked for {found.title}: {found.reading}."
    found = metric(DEFAULT[table.task], table.task)
    why = f"{found.title}, the default for a {table.task} target: {found.reading}. {_WHY[found.name]}"
    return found.name, why + _suggestion(table)


def _suggestion(table: Table) -> str:
    y = table.y
    if table.task == "regression":
        if y.min() > 0 and y.max() > 100 * np.median(y):
            return " The target spans orders of magnitude; if relative errors matter more to you, ask for rmsle."
        return ""
    share = np.bincount(y.astype(np.int64), minlength=table.n_classes) / len(y)
    if share.min() >= RARE:
        return ""
    rare = table.classes[int(share.argmin())]
    other = "average_precision" if table.task == "binary" else "macro_f1"
    return f" Class {rare!r} is only {share.min():.1%} of the rows; if finding it is the point, ask for {other}."
