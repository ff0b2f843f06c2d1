"""AutoGluon's interface: a job of the hub runs the loop, and its model answers raw rows."""

import json
from pathlib import Path

import numpy as np
import pytest

from tarragon.develop import autogluon
from tarragon.errors import ParameterError
from tarragon.serve.builtin import load
from tarragon.train.builtin import Channel, Order, Teller


class Heard:
    """A job that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def metric(self, name: str, value: float, step: int | None = None) -> None: ...

    def epoch(self, n: int, steps: int, records: int, seconds: float) -> None: ...

    def stop_asked(self) -> bool:
        return False


def rows(n: int, seed: int, *, classes: bool) -> str:
    rng = np.random.default_rng(seed)
    x, colour = rng.normal(size=n), rng.choice(["red", "green", "blue"], n)
    value = 2 * x + (colour == "red") + 0.1 * rng.normal(size=n)
    labels = np.where(value > 0.3, "yes", "no") if classes else value.round(4)
    return "\n".join(f"{label},{c},{v:.4f}" for label, c, v in zip(labels, colour, x, strict=True))


def trained(folder: Path, model_id: str, given: dict[str, str], *, classes: bool) -> Heard:
    for name, seed in (("training", 0), ("validation", 1)):
        (folder / name).mkdir()
        (folder / name / "data.csv").write_text(rows(300 if name == "training" else 100, seed, classes=classes))
    (folder / "training" / "categorical_index.json").write_text('{"cat_index_list": [1]}')
    (folder / "model").mkdir()
    heard = Heard()
    channels = {name: Channel(folder / name) for name in ("training", "validation")}
    autogluon.train(Order(given, channels, folder / "model", Teller(heard, threads=1), model_id))
    return heard


@pytest.mark.parametrize("classes", [True, False])
def test_a_job_of_the_hub_runs_the_loop(tmp_path: Path, classes: bool) -> None:
    kind = "classification" if classes else "regression"
    given = {"presets": '"medium_quality"', "time_limit": '"6"', "num_bag_folds": "5", "auto_stack": "True"}
    heard = trained(tmp_path, f"autogluon-{kind}-ensemble", given, classes=classes)
    score = next(float(line.rpartition(" ")[2]) for line in heard.lines if line.startswith("validation "))
    assert score > 0.95 if classes else score < 0.6
    assert any(line.startswith("Best model:") for line in heard.lines)
    model = load(tmp_path / "model", {})
    body = b"red,2.0\nblue,-2.0\nviolet,\n"
    found = json.loads(model.answer(body, "text/csv", "application/json;verbose")[0])
    if not classes:
        assert found["prediction"][:2] == pytest.approx([5, -4], abs=0.8)
        return
    assert found["labels"] == ["no", "yes"]
    assert found["predicted_label"][:2] == ["yes", "no"]
    assert np.sum(found["probabilities"], axis=1) == pytest.approx([1, 1, 1])


@pytest.mark.parametrize(
    ("given", "words"),
    [({"presets": "superb"}, "presets"), ({"num_bag_folds": "11"}, "num_bag_folds"), ({"eval_metric": "x"}, "metric")],
)
def test_hyperparameters_out_of_range_are_refused(tmp_path: Path, given: dict[str, str], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        trained(tmp_path, "autogluon-regression-ensemble", given, classes=False)
