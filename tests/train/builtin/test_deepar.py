"""DeepAR's container: series in three dressings, its words in the log, and refusals that say what is wrong."""

import gzip
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tarragon.algorithms import get
from tarragon.errors import DataError, ParameterError, TarragonError
from tarragon.train.builtin import Channel, Teller, default_metrics, learn
from tarragon.train.builtin.run import compiled

from .conftest import Heard

ASKED = {
    "time_freq": "D", "prediction_length": "5", "context_length": "10", "epochs": "2", "num_cells": "8",
    "num_layers": "1", "mini_batch_size": "16", "num_eval_samples": "20", "test_quantiles": "[0.1, 0.5]",
}  # fmt: skip
Job = Callable[..., Heard]


def records(n: int = 6, length: int = 70) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    t = np.arange(length)
    return [
        {
            "start": "2024-01-01 00:00:00", "cat": [i % 2],
            "target": [None if rng.random() < 0.05 else float(v) for v in 10 + 3 * np.sin(2 * np.pi * t / 7)],
        }
        for i in range(n)
    ]  # fmt: skip


def lines(rows: list[dict[str, Any]]) -> bytes:
    return b"\n".join(json.dumps(row).encode() for row in rows)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """Train on channels of files by name."""

    def run(asked: Mapping[str, str], content_type: str = "", **channels: Mapping[str, bytes]) -> Heard:
        given = {}
        for name, parts in channels.items():
            for path, content in parts.items():
                place = tmp_path / "data" / name / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
            (tmp_path / "data" / name).mkdir(parents=True, exist_ok=True)
            given[name] = Channel(tmp_path / "data" / name, content_type)
        heard = Heard(folder=tmp_path / "model")
        heard.folder.mkdir()
        teller = Teller(heard, compiled(default_metrics("deepar")), tmp_path / "checkpoints", threads=1, every_s=0.0)
        learn("deepar", asked, given, heard.folder, teller)
        return heard

    return run


def test_it_trains_and_tells_what_the_container_tells(job: Job) -> None:
    rows = records()
    heard = job(ASKED, train={"a.json": lines(rows[:3]), "deep/b.json.gz": gzip.compress(lines(rows[3:]))},
                test={"t.json": lines(rows)})  # fmt: skip
    model = get("deepar").load(heard.folder)
    assert model.cardinality_ == (2,)
    for name in ("train:loss", "train:final_loss", "test:RMSE", "test:mean_wQuantileLoss", "train:progress"):
        assert np.isfinite(heard.metrics[name]), name
    said = "\n".join(heard.lines)
    for words in ("number of time series: 6", "#test_score (algo-1, RMSE): ",
                  "#test_score (algo-1, wQuantileLoss[0.5])",
                  "#quality_metric: host=algo-1, epoch=0, train loss <loss>=", "Final configuration"):  # fmt: skip
        assert words in said, words
    assert heard.epochs == [1, 2]
    assert "wQuantileLoss[0.9]" not in said


def test_every_fifth_batch_tells_the_epochs_mean_loss_so_far(job: Job) -> None:
    heard = job({**ASKED, "epochs": "2"}, train={"a.json": lines(records())})
    pattern = re.compile(r"#quality_metric: host=algo-1, epoch=(\d+), batch=(\d+) train loss <loss>=(\S+)")
    told = [found.groups() for line in heard.lines if (found := pattern.fullmatch(line))]
    assert [(epoch, batch) for epoch, batch, _ in told] == [("0", "0"), ("0", "5"), ("1", "0"), ("1", "5")]  # of ten
    assert heard.metrics["train:loss:batch"] == float(told[-1][2])
    assert len({value for _, _, value in told}) == 4
    assert any(re.fullmatch(r"Epoch\[0\] Batch\[5\] avg_epoch_loss=-?\d+\.\d{6}", line) for line in heard.lines)


def test_parquet_is_json_lines(job: Job, tmp_path: Path) -> None:
    rows = records()
    frame = pl.DataFrame({name: [row[name] for row in rows] for name in rows[0]})
    frame.write_parquet(tmp_path / "p")
    heard = job(ASKED, train={"p.parquet": (tmp_path / "p").read_bytes(), "_SUCCESS": b""})
    assert get("deepar").load(heard.folder).cardinality_ == (2,)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"time_freq": "fortnight"}, "time_freq"), ({"prediction_length": "0"}, "prediction_length"),
        ({"dropout_rate": "1"}, "dropout_rate"), ({"likelihood": "poisson"}, "likelihood"),
        ({"cells": "40"}, "Additional properties"), ({"cardinality": "many"}, "cardinality"),
        ({"test_quantiles": "[0.1, 2]"}, "quantiles"), ({"learning_rate": "nan"}, "learning_rate"),
        ({"epochs": None}, "'epochs' is a required property"),
    ],
)  # fmt: skip
def test_hyperparameters_out_of_range_are_refused(job: Job, more: dict[str, str | None], words: str) -> None:
    asked = {name: value for name, value in {**ASKED, **more}.items() if value is not None}
    with pytest.raises(ParameterError, match=words):
        job(asked, train={"a.json": lines(records())})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no series"), (b"1,2,3\n", "not JSON|not an object"), (b'{"start": "2024-01-01"}', "target"),
        (b'{"target": [1]}', "start"), (b'{"start": "2024-01-01T00:00:00Z", "target": [1]}', "zone"),
        (b'{"start": "yesterday", "target": [1]}', "yesterday"),
        (b'{"start": "2024-01-01", "target": [1, "x"]}', "target"),
        (b'{"start": "2024-01-01", "target": [1], "cat": [-1]}', "cat"),
        (b'{"start": "2024-01-01", "target": [1], "cat": [0.5]}', "cat"),
        (b'{"start": "2024-01-01", "target": [1, 2], "dynamic_feat": [[1, null]]}', "gaps"),
        (b'{"start": "2024-01-01", "target": [1, 2], "dynamic_feat": [[1], [1, 2]]}', "differ in length"),
        (b'{"start": "2024-01-01", "target": [1, Infinity]}', "infinity"), (b"PAR1 but no more", "Parquet"),
        (b"\x1f\x8b but no more", "gzip"), (b"\xff\xfe", "JSON"),
        (b'{"start": "2024-01-01", "target": [1, 2, 3, 4, 5, 6]}', "300 observations"),
        (b'{"start": "2024-01-01", "target": [1, 2]}', "prediction_length"),
    ],
)  # fmt: skip
def test_a_channel_that_holds_no_series_is_refused(job: Job, content: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        job(ASKED, train={"a.json": content})


def test_missing_empty_and_mistyped_channels_are_refused(job: Job) -> None:
    with pytest.raises(DataError, match="train"):
        job(ASKED)


def test_an_unknown_content_type_is_refused(job: Job) -> None:
    with pytest.raises(DataError, match="text/csv"):
        job(ASKED, content_type="text/csv", train={"a.json": lines(records())})


def test_a_test_channel_of_short_series_is_refused(job: Job) -> None:
    short = lines([{"start": "2024-01-01", "target": [1, 2], "cat": [0]}])
    with pytest.raises(TarragonError, match="test"):
        job(ASKED, train={"a.json": lines(records())}, test={"t.json": short})
