"""A training job as the server runs it: what :mod:`tarragon.train.job` does, and methods that take the whole loop."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tarragon.train import job
from tarragon.train.builtin import Order


class Ensemble:
    """The recipe of AutoGluon's interface; the loop is loaded when it trains."""

    METRICS: tuple[tuple[str, str], ...] = ()

    def train(self, order: Order) -> None:
        """Train and save."""
        from tarragon.develop import autogluon

        autogluon.train(order)


def run(argument: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Run a training job; a supervisor calls this in a forked process (see :mod:`tarragon.engine.supervisor`)."""
    return job.run(argument, folder, {"autogluon": Ensemble()})
