"""Seq2Seq's container: three channels, its measures in the log, and refusals that say what is wrong."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tarragon.algorithms import get
from tarragon.data import write_token_records
from tarragon.errors import DataError, ParameterError
from tarragon.train.builtin import Channel, Teller, default_metrics, learn
from tarragon.train.builtin.run import compiled

from .conftest import Heard

ASKED = {
    "rnn_num_hidden": "8", "num_embed_source": "6", "num_embed_target": "6", "batch_size": "16", "max_num_epochs": "2",
    "checkpoint_frequency_num_batches": "2", "beam_size": "2", "bleu_sample_size": "5", "learning_rate": "0.01",
}  # fmt: skip
WORDS = {"<pad>": 0, "<unk>": 1, "<s>": 2, "</s>": 3, "a": 4, "b": 5, "c": 6}
VOCAB = {"vocab.src.json": json.dumps(WORDS).encode(), "vocab.trg.json": json.dumps(WORDS).encode()}
Job = Callable[..., Heard]


def records(n: int = 40, seed: int = 0) -> bytes:
    rng = np.random.default_rng(seed)
    source = [rng.integers(4, 7, rng.integers(1, 5)) for _ in range(n)]
    return write_token_records({"source": source, "target": [s[::-1] for s in source]})


@pytest.fixture
def job(tmp_path: Path) -> Job:
    def run(asked: Mapping[str, str], **channels: Mapping[str, bytes]) -> Heard:
        given = {}
        for name, parts in channels.items():
            place = tmp_path / "data" / name
            place.mkdir(parents=True)
            for path, content in parts.items():
                (place / path).write_bytes(content)
            given[name] = Channel(place)
        heard = Heard(folder=tmp_path / "model")
        heard.folder.mkdir()
        teller = Teller(heard, compiled(default_metrics("seq2seq")), tmp_path / "checkpoints", threads=1, every_s=0.0)
        learn("seq2seq", asked, given, heard.folder, teller)
        return heard

    return run


def channels(**other: Any) -> dict[str, Any]:
    return {"train": {"train.rec": records()}, "validation": {"val.rec": records(10, 1)}, "vocab": VOCAB} | other


def test_it_trains_and_tells_its_measures(job: Job) -> None:
    heard = job(ASKED, **channels())
    for name in ("validation:perplexity", "validation:accuracy", "validation:bleu", "train:perplexity:epoch"):
        assert np.isfinite(heard.metrics[name]), name
    assert heard.epochs == [1, 2]
    model = get("seq2seq").load(heard.folder)
    assert model.measures_["perplexity"] == heard.metrics["validation:perplexity"]
    assert {"vocab.src.json", "vocab.trg.json"} <= {path.name for path in heard.folder.iterdir()}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"rnn_num_hidden": "7"}, "rnn_num_hidden"), ({"encoder_type": "transformer"}, "encoder_type"),
        ({"hidden": "4"}, "Additional properties"), ({"embed_dropout_source": "1.5"}, "embed_dropout_source"),
        ({"rnn_residual_connections": "maybe"}, "rnn_residual_connections"), ({"beam_size": "0"}, "beam_size"),
        ({"learning_rate": "fast"}, "learning_rate"),
    ],
)  # fmt: skip
def test_hyperparameters_out_of_range_are_refused(job: Job, more: dict[str, str], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        job({**ASKED, **more}, **channels())


@pytest.mark.parametrize("missing", ["train", "validation", "vocab"])
def test_all_three_channels_are_needed(job: Job, missing: str) -> None:
    with pytest.raises(DataError, match=missing):
        job(ASKED, **{name: parts for name, parts in channels().items() if name != missing})


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"vocab": {"vocab.src.json": VOCAB["vocab.src.json"]}}, "vocab.trg.json"),
        ({"vocab": VOCAB | {"vocab.trg.json": b"[1]"}}, "object from token to number"),
        ({"vocab": VOCAB | {"vocab.trg.json": b"{"}}, "not JSON"),
        ({"vocab": VOCAB | {"vocab.trg.json": b'{"<pad>": 0, "a": 7}'}}, "without gaps"),
        ({"vocab": VOCAB | {"vocab.trg.json": b'{"a": 0, "b": 1, "c": 2, "d": 3, "e": 4}'}}, "begin with"),
        ({"train": {"train.rec": b""}}, "no records"), ({"train": {"train.rec": records()[:-5]}}, "not complete"),
        ({"train": {"train.rec": b"a,b,c\n"}}, "magic|complete"), ({"train": {"a.json": b"{}"}}, "no records"),
        ({"train": {"train.rec": write_token_records({"source": [np.array([4])]})}}, 'no "target"'),
        ({"train": {"train.rec": write_token_records({"source": [np.array([40])], "target": [np.array([4])]})}}, "40"),
        (
            {"train": {"train.rec": write_token_records({"source": [np.zeros(0, int)], "target": [np.array([4])]})}},
            "words",
        ),
    ],
)  # fmt: skip
def test_channels_that_cannot_be_read_are_refused(job: Job, other: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        job(ASKED, **channels(**other))


def test_one_record_is_learnt_by_heart(job: Job) -> None:
    one = {"one.rec": write_token_records({"source": [np.array([4, 5])], "target": [np.array([6])]})}
    heard = job({**ASKED, "max_num_epochs": "60", "checkpoint_threshold": "99"}, **channels(train=one, validation=one))
    assert get("seq2seq").load(heard.folder).translate((np.array([4, 5]),))[0][0].tolist() == [6]
