"""The hub's tabular models answer as their scripts do."""

import json
from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms import get
from tarragon.data import Tabular
from tarragon.errors import IntegrityError
from tarragon.serve.builtin import load
from tarragon.serve.builtin.load import SIDECAR
from tarragon.serve.protocol import Answerer, RefusalError

COLOURS = ("blue", "green", "red")


def made(folder: Path, classes: tuple[object, ...], levels: dict[str, list[str]] | None = None) -> Answerer:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2)).astype(np.float32)
    X[:, 0] = rng.integers(0, 3, 200)
    y = X[:, 0] + 0.1 * X[:, 1] if not classes else np.minimum(X[:, 0], len(classes) - 1)
    rows = Tabular(X, y=np.asarray(y, np.float64), n_classes=len(classes), categorical=(0,))
    get("lightgbm")(num_boost_round=30).fit(rows).save(folder)
    facts = {
        "algorithm": "lightgbm", "model_id": "lightgbm-model", "feature_dim": 2, "classes": list(classes),
        "levels": levels or {},
    }  # fmt: skip
    (folder / SIDECAR).write_text(json.dumps(facts))
    return load(folder, {})


def test_values(tmp_path: Path) -> None:
    model = made(tmp_path, ())
    body, kind = model.answer(b"2,0\n0,0\n", "text/csv", "*/*")
    assert kind == "application/json"
    found = json.loads(body)
    assert list(found) == ["prediction"]
    assert found["prediction"] == pytest.approx([2, 0], abs=0.2)
    lines, _ = model.answer(b"2,0\n0,0\n", "text/csv", "application/jsonlines")
    assert [json.loads(line)["prediction"] for line in lines.splitlines()] == found["prediction"]
    table, _ = model.answer(b"2,0\n0,0\n", "text/csv", "text/csv")
    assert [float(line) for line in table.split()] == found["prediction"]


def test_probabilities_and_what_verbose_adds(tmp_path: Path) -> None:
    model = made(tmp_path, ("a", "b", "c"))
    found = json.loads(model.answer(b"0,0\n1,0\n2,0\n", "text/csv", "application/json")[0])
    assert list(found) == ["probabilities"]
    assert np.argmax(found["probabilities"], axis=1).tolist() == [0, 1, 2]
    assert np.sum(found["probabilities"], axis=1) == pytest.approx([1, 1, 1])
    more = json.loads(model.answer(b"0,0\n1,0\n2,0\n", "text/csv", "application/json;verbose")[0])
    assert more == {**found, "labels": ["a", "b", "c"], "predicted_label": ["a", "b", "c"]}
    line = json.loads(model.answer(b"1,0\n", "text/csv", "application/jsonlines;verbose")[0])
    assert (line["labels"], line["predicted_label"]) == (["a", "b", "c"], "b")


def test_categories_arrive_as_text(tmp_path: Path) -> None:
    model = made(tmp_path, (), {"0": list(COLOURS)})
    found = json.loads(model.answer(b"red,0\nblue,0\nunheard,\n", "text/csv", "application/json")[0])
    assert found["prediction"][:2] == pytest.approx([2, 0], abs=0.2)
    assert np.isfinite(found["prediction"][2])


@pytest.mark.parametrize("levels", [None, {"0": list(COLOURS)}])
@pytest.mark.parametrize(
    ("body", "content_type", "accept", "status"),
    [
        (b"1,2,3\n", "text/csv", "application/json", 400),
        (b"1,x\n", "text/csv", "application/json", None),
        (b"1,2\n", "image/png", "application/json", 415),
        (b"1,2\n", "text/csv", "image/png", 406),
        (b"", "text/csv", "application/json", 415),
    ],
)
def test_what_cannot_be_answered(tmp_path, levels, body, content_type, accept, status) -> None:  # type: ignore[no-untyped-def]
    model = made(tmp_path, (0, 1), levels)
    with pytest.raises(RefusalError) as refused:
        model.answer(body, content_type, accept)
    assert refused.value.status == (status or (400 if levels else 415))


def test_damaged_facts_are_refused(tmp_path: Path) -> None:
    made(tmp_path, ())
    for facts in ({"algorithm": "lightgbm"}, {"algorithm": "lightgbm", "feature_dim": 2, "classes": [], "levels": 3}):
        (tmp_path / SIDECAR).write_text(json.dumps(facts))
        with pytest.raises(IntegrityError):
            load(tmp_path, {})
