"""The hub's TabTransformer: its tasks, its lines, what it refuses."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tarragon.algorithms import get
from tarragon.data import Tabular
from tarragon.errors import DataError, ParameterError

from .conftest import Heard, csv, table

pytest.importorskip("torch")
Hub = Callable[..., Heard]
QUICK = {"n_epochs": 8, "learning_rate": 0.01, "batch_size": 64, "input_dim": 16, "n_blocks": 1}


@pytest.mark.parametrize(("task", "classes", "metric"), [
    ("regression", 0, "r2"), ("classification", 2, "f1_score"), ("classification", 4, "accuracy_score"),
])  # fmt: skip
def test_each_task_has_its_metric(hub: Hub, task: str, classes: int, metric: str) -> None:
    train, valid = table(400, classes), table(150, classes, seed=1)
    files = {"training__a": csv(*train), "validation__a": csv(*valid)}
    heard = hub(f"pytorch-tabtransformer{task}-model", QUICK, **files)
    assert set(heard.metrics) == {metric}
    assert heard.metrics[metric] > 0.5
    lines = [line for line in heard.lines if line.startswith("valid:")]
    assert len(lines) == 8
    assert re.search(r"metrics=\{'\w+': [\d.]+\}$", lines[-1])


def test_categories_of_text_are_coded_as_answers_will_be(hub: Hub) -> None:
    rng = np.random.default_rng(0)
    names = rng.choice(["red", "green", "blue"], 300)
    rows = "\n".join(f"{int(n == 'red')},{n},{x:.3f}" for n, x in zip(names, rng.normal(size=300), strict=True))
    index = '{"cat_index_list": [1]}'
    asked = {**QUICK, "n_epochs": 15}
    heard = hub(
        "pytorch-tabtransformerclassification-model", asked, training__a=rows, training__categorical_index=index
    )
    model = get("tab-transformer").load(heard.folder)
    p = model.predict(Tabular(np.array([[2.0, 0.0], [0.0, 0.0]], np.float32)))["probability"]
    assert p[0, 1] > 0.7 > 0.3 > p[1, 1]


@pytest.mark.parametrize(
    ("asked", "words"), [({"input_dim": 20}, "input_dim"), ({"patience": 1}, "patience"), ({"epochs": 2}, "epochs")]
)
def test_hyperparameters_out_of_range_are_refused(hub: Hub, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        hub("pytorch-tabtransformerregression-model", asked, training__a=csv(*table(60)))


def test_rows_held_out_whose_labels_are_all_unknown_judge_nothing(hub: Hub) -> None:
    rows = csv(table(4)[0], np.arange(4.0))  # the one that is held out is its class's only one
    heard = hub("pytorch-tabtransformerclassification-model", {**QUICK, "n_epochs": 2}, training__a=rows)
    assert [line for line in heard.lines if line.startswith("epoch")]
    assert not [line for line in heard.lines if line.startswith("valid")]


def test_an_empty_channel_is_refused(hub: Hub) -> None:
    with pytest.raises(DataError, match="no rows"):
        hub("pytorch-tabtransformerregression-model", {}, training__a="")
