"""Answers to a text: probabilities, verbose ones with labels; other types in and out are refused."""

import json

import numpy as np
import pytest

from tarragon.serve.builtin import load
from tarragon.serve.protocol import Answerer, RefusalError
from tarragon.train.builtin import Channel, Teller, learn

from .conftest import Silent

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Answerer:
    folder, data = tmp_path_factory.mktemp("model"), tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    rows = [
        f"{c},{' '.join(f'{name}{rng.integers(4)}' for _ in range(4))}"
        for c, name in enumerate("abc")
        for _ in range(40)
    ]
    (data / "data.csv").write_text("\n".join(rows))
    asked = {"epochs": "6", "learning_rate": "0.01", "batch_size": "16", "validation_split_ratio": "0"}
    learn("text-classification", asked, {"training": Channel(data)}, folder, Teller(Silent(), threads=1))
    return load(folder, {})


def test_probabilities_of_one_text(model: Answerer) -> None:
    body, kind = model.answer(b"b1 b2 b0", "application/x-text", "application/json")
    found = json.loads(body)
    assert kind == "application/json"
    assert set(found) == {"probabilities"}
    assert sum(found["probabilities"]) == pytest.approx(1.0)
    assert int(np.argmax(found["probabilities"])) == 1


def test_a_verbose_answer_names_the_classes(model: Answerer) -> None:
    found = json.loads(model.answer(b"c1 c2", "application/x-text", "application/json;verbose")[0])
    assert found["labels"] == [0, 1, 2]
    assert found["predicted_label"] == 2


@pytest.mark.parametrize(
    ("body", "kind", "accept", "status"),
    [
        (b"a1", "text/csv", "*/*", 415), (b"a1", "application/x-text", "text/csv", 406),
        (b"", "application/x-text", "*/*", 400),
        (b"\xff\xfe", "application/x-text", "*/*", 400), (b"a1", "application/x-text", "image/png", 406),
    ],
)  # fmt: skip
def test_what_is_no_text_is_refused(model: Answerer, body: bytes, kind: str, accept: str, status: int) -> None:
    with pytest.raises(RefusalError) as told:
        model.answer(body, kind, accept)
    assert told.value.status == status
