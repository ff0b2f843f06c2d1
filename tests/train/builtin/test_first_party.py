import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest

from tarragon.algorithms import Range
from tarragon.data import Batches, Tabular, write_rows
from tarragon.train.builtin import first_party
from tarragon.train.builtin.first_party import configured, narrated
from tarragon.train.builtin.teller import Channel, Order, Teller


@dataclass(kw_only=True)
class Method:
    k: Annotated[int, Range(1, 9)]
    tries: Annotated[int | None, Range(1, 9)] = None


@dataclass
class Heard:
    lines: list[str] = field(default_factory=list)
    metrics: list[tuple[str, float]] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.lines.append(text)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        self.metrics.append((name, value))

    def epoch(self, n: int, steps: int, records: int, seconds: float) -> None:
        pass

    def stop_asked(self) -> bool:
        return False


def test_the_configuration_is_said_as_the_containers_do():
    heard = Heard()
    configured(Order({"k": "3", "force_dense": "True"}, {}, Path(), Teller(heard)), Method(k=3))
    said = [json.loads(line.partition(": ")[2]) for line in heard.lines]
    assert said == [
        {"tries": "auto"},
        {"k": "3", "force_dense": "True"},
        {"k": "3", "force_dense": "True", "tries": "auto"},
    ]
    assert heard.lines[0].startswith("Reading default configuration from ")
    assert heard.lines[1].startswith("Merging with provided configuration from ")


def test_an_epoch_is_told_and_its_metrics_are_found():
    heard = Heard()
    pattern = re.compile(r"#quality_metric: host=\S+, epoch=\S+, validation auc <score>=(\S+)")
    told = narrated(Teller(heard, (("validation:auc", pattern),)), "AWS/KNN", 4)
    told.epoch(1, steps=5, records=100, metrics={"train:loss": 0.5, "validation:auc": 0.75})
    assert heard.metrics == [("validation:auc", 0.75)]
    assert "#quality_metric: host=algo-1, epoch=0, train loss <loss>=0.5" in heard.lines
    assert "#progress_metric: host=algo-1, completed 25 % of epochs" in heard.lines
    rate = re.search(r"train throughput=(\S+) records/second", heard.lines[-1])
    assert rate
    assert float(rate[1]) > 0
    seen = json.loads(next(line for line in heard.lines if line.startswith("#metrics "))[9:])
    assert seen["Dimensions"]["Algorithm"] == "AWS/KNN"
    assert seen["Metrics"]["Mean Batch Size"]["sum"] == 20


@pytest.mark.parametrize(
    ("kind", "most", "read"), [("recordio", 200, 0), ("recordio", 5_000, 1), ("csv", 50, 0), ("csv", 1_000, 1)]
)
def test_what_cannot_be_small_is_not_kept_in_vain(tmp_path, monkeypatch, kind, most, read):
    """Forty rows of three numbers are some 2,000 bytes as records with labels, and some 300 as text."""
    X = np.arange(120, dtype=np.float32).reshape(40, 3) % 7
    text = "\n".join(",".join(f"{v:g}" for v in (0.0, *row)) for row in X).encode()
    (tmp_path / "part").write_bytes(text if kind == "csv" else write_rows(X, np.zeros(40)))
    monkeypatch.setattr(first_party, "KEPT_BYTES", most)
    channel = Channel(tmp_path, {"csv": "text/csv", "recordio": "application/x-recordio-protobuf"}[kind])
    order = Order({}, {"train": channel}, tmp_path, Teller(Heard()))
    opened, times = order.batches("train"), []

    def blocks():
        times.append(1)
        return iter(opened)

    monkeypatch.setattr(Order, "batches", lambda *_, **__: Batches(blocks, 3))
    found = first_party.opened(order, "train")
    assert len(times) == read
    for again in range(2):
        rows = np.concatenate([block.X for block in ([found] if isinstance(found, Tabular) else found)])
        np.testing.assert_array_equal(rows, X)
        assert len(times) == (1 if read else 1 + again)  # what is kept is not read anew
