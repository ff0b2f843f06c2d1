"""IP Insights answers dot products, and vectors when they are asked for, in every format of its container."""

import json
from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms import get
from tarragon.data import AddressPairs
from tarragon.serve.builtin import load
from tarragon.serve.protocol import RefusalError
from tarragon.train.builtin import Channel, Teller, learn

from .conftest import Silent

pytest.importorskip("torch")
ROWS = [["ann", "192.0.2.1"], ["bob", "10.0.0.7"], ["ann", "10.0.0.7"]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data, made = tmp_path / "train", tmp_path / "model"
    data.mkdir()
    made.mkdir()
    (data / "a.csv").write_text("\n".join(map(",".join, ROWS[:2] * 20)))
    asked = {"num_entity_vectors": "50", "vector_dim": "4", "epochs": "3", "learning_rate": "0.1"}
    learn("ip-insights", asked, {"train": Channel(data, "text/csv")}, made, Teller(Silent(), threads=1))
    return made


@pytest.fixture
def expected(folder: Path) -> list[float]:
    return get("ip-insights").load(folder).predict(AddressPairs.of(ROWS))["dot_product"].tolist()


def bodies() -> dict[str, tuple[bytes, str]]:
    features = [{"features": row} for row in ROWS]
    nested = [{"data": {"features": {"values": row}}} for row in ROWS]
    return {
        "csv": ("\n".join(map(",".join, ROWS)).encode(), "text/csv"),
        "json": (json.dumps({"instances": features}).encode(), "application/json"),
        "nested": (json.dumps({"instances": nested}).encode(), "application/json"),
        "lines": ("\n".join(map(json.dumps, nested)).encode(), "application/jsonlines"),
    }


@pytest.mark.parametrize("kind", list(bodies()))
def test_requests_of_every_kind_are_answered(folder: Path, expected: list[float], kind: str) -> None:
    answer, media = load(folder, {}).answer(*bodies()[kind], "*/*")
    assert media == "application/json"
    assert json.loads(answer) == {"predictions": [{"dot_product": pytest.approx(each)} for each in expected]}


def test_answers_come_in_every_kind(folder: Path, expected: list[float]) -> None:
    model, asked = load(folder, {}), bodies()["csv"]
    lines, _ = model.answer(*asked, "application/jsonlines")
    assert [json.loads(line)["dot_product"] for line in lines.splitlines()] == pytest.approx(expected)
    table, _ = model.answer(*asked, "text/csv")
    assert [float(line) for line in table.split()] == pytest.approx(expected)


@pytest.mark.parametrize("accept", ["application/json; verbose=True", "application/jsonlines;verbose=true"])
def test_vectors_are_shown_when_asked_for(folder: Path, expected: list[float], accept: str) -> None:
    answer, _ = load(folder, {}).answer(*bodies()["csv"], accept)
    found = json.loads(answer)["predictions"] if "lines" not in accept else list(map(json.loads, answer.splitlines()))
    for row, score in zip(found, expected, strict=True):
        assert set(row) == {"dot_product", "entity_embedding", "ip_embedding"}
        assert len(row["entity_embedding"]) == len(row["ip_embedding"]) == 4
        assert np.dot(row["entity_embedding"], row["ip_embedding"]) == pytest.approx(score, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    ("body", "kind", "accept", "status"),
    [
        (b"ann,::1", "text/csv", "", 400), (b"ann", "text/csv", "", 400), (b"", "text/csv", "", 400),
        (b"{", "application/json", "", 400), (b"ann,10.0.0.1", "image/png", "", 415),
        (b"ann,10.0.0.1", "application/x-recordio-protobuf", "", 415), (b"ann,10.0.0.1", "text/csv", "image/png", 406),
    ],
)  # fmt: skip
def test_refusals_have_a_status(folder: Path, body: bytes, kind: str, accept: str, status: int) -> None:
    with pytest.raises(RefusalError) as refused:
        load(folder, {}).answer(body, kind, accept)
    assert refused.value.status == status
