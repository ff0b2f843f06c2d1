"""BlazingText's container: hyperparameters, words of its log, judgements of people, what is refused."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms import get
from tarragon.data import Lines
from tarragon.errors import DataError, ParameterError, TarragonError
from tarragon.train.builtin import Channel, Teller, default_metrics, learn
from tarragon.train.builtin.run import compiled
from tarragon.train.channel import framed

from .conftest import Heard

Train = Callable[..., Heard]
SMALL = {"vector_dim": 8, "buckets": 500, "epochs": 4, "min_count": 1, "learning_rate": 0.3}


def lines(count: int, *, labels: bool, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        topic = rng.integers(2)
        text = " ".join(f"{'ab'[topic]}{rng.integers(5)}" for _ in range(6))
        found.append(f"__label__{topic + 1} {text}" if labels else text)
    return found


@pytest.fixture
def run(tmp_path: Path) -> Train:
    """Train on channels of bytes, by file name; returns what was heard."""

    def made(hyperparameters: dict[str, object], content_type: str = "", **channels: dict[str, bytes]) -> Heard:
        given = {}
        for name, contents in channels.items():
            folder = tmp_path / "data" / name
            folder.mkdir(parents=True, exist_ok=True)
            for file, content in contents.items():
                (folder / file).write_bytes(content)
            given[name] = Channel(folder, content_type)
        heard = Heard(folder=tmp_path / f"model-{len(list(tmp_path.iterdir()))}")
        heard.folder.mkdir()
        teller = Teller(heard, compiled(default_metrics("blazingtext")), tmp_path / "checkpoints", threads=1)
        learn("blazingtext", {k: str(v) for k, v in hyperparameters.items()}, given, heard.folder, teller)
        return heard

    return made


def text(rows: list[str]) -> dict[str, bytes]:
    return {"text.txt": "\n".join(rows).encode() + b"\n"}


def test_labels_are_trained_and_told_in_the_containers_words(run: Train) -> None:
    heard = run(
        {"mode": "supervised", **SMALL, "epochs": 8}, train=text(lines(80, labels=True)),
        validation=text(lines(40, labels=True, seed=1)),
    )  # fmt: skip
    log = "\n".join(heard.lines)
    assert "Running single machine CPU BlazingText training using supervised mode." in log
    assert len(re.findall(r"##### Alpha: [\d.]+  Progress: [\d.]+%  Million Words/sec: [\d.]+ #####", log)) == 8
    assert re.search(r"Average throughput in Million words/sec: [\d.]+", log)
    assert re.search(r"Total training time in seconds: [\d.]+", log)
    assert "Number of train examples: 80" in log
    assert "Number of validation examples: 40" in log
    assert heard.epochs == list(range(1, 9))
    assert heard.metrics["train:accuracy"] == 1.0
    assert heard.metrics["validation:accuracy"] > 0.9
    assert {path.name for path in heard.folder.iterdir()} == {"model.bin", ".tarragon.json", ".tarragon-serving.json"}


def test_word_vectors_are_held_against_peoples_judgements(run: Train) -> None:
    header = b"Word 1\tWord 2\tHuman (mean)\n"
    judged = header + b"a0\ta1\t9.5\na1\ta3\t9.0\na0\tb1\t1.5\nb0\ta4\t1.0\nb1\tB4\t8.8\nunknown\ta1\t3\n"
    heard = run(
        {"mode": "batch_skipgram", **SMALL, "epochs": 30}, train=text(lines(200, labels=False)),
        evaluation={"EN-WS-353-ALL.txt": judged, "EN-WS-353-SIM.txt": judged},
    )  # fmt: skip
    found = json.loads((heard.folder / "eval.json").read_text())
    assert set(found) == {"EN-WS-353-ALL.txt", "EN-WS-353-SIM.txt", "mean_rho"}
    assert found["EN-WS-353-ALL.txt"]["total_pairs"] == 6
    assert found["EN-WS-353-ALL.txt"]["not_found"] == 1
    assert found["mean_rho"] > 0.6
    assert heard.metrics["train:mean_rho"] == pytest.approx(found["mean_rho"])
    first, *rest = (heard.folder / "vectors.txt").read_text().splitlines()
    assert first == f"{len(rest)} 8"
    assert get("blazingtext").load(heard.folder).predict(Lines.of(["a1"]))["vector"].shape == (1, 8)


def test_without_judgements_nothing_is_evaluated(run: Train) -> None:
    heard = run({"mode": "cbow", **SMALL}, train=text(lines(50, labels=False)))
    assert not (heard.folder / "eval.json").exists()
    assert "train:mean_rho" not in heard.metrics


def test_early_stopping_tells_its_best_epoch(run: Train) -> None:
    asked = {"mode": "supervised", **SMALL, "epochs": 40, "early_stopping": "True", "patience": 2, "min_epochs": 3}
    rows = lines(60, labels=True)
    heard = run(asked, train=text(rows), validation=text(rows))
    log = "\n".join(heard.lines)
    assert "Validation accuracy improved! Storing best weights..." in log
    assert "Reached patience. Terminating training." in log
    best = re.search(r"Best epoch: (\d+)\nBest validation accuracy: (\S+)", log)
    assert best
    assert max(heard.epochs) == max(3, int(best[1]) + 2)
    assert heard.metrics["validation:accuracy"] == pytest.approx(float(best[2]), abs=1e-3)


def test_manifests_are_learnt_in_both_forms(run: Train) -> None:
    rows = [line.split(" ", 1) for line in lines(60, labels=True)]
    entries = [{"source": words, "label": int(label[-1])} for label, words in rows]
    as_lines = {"train.jsonl": "\n".join(map(json.dumps, entries)).encode()}
    records = b"".join(framed(e["source"].encode()) + framed(str(e["label"]).encode()) for e in entries)
    first = run({"mode": "supervised", **SMALL}, "application/jsonlines", train=as_lines)
    second = run({"mode": "supervised", **SMALL}, "application/x-recordio", train={"train.jsonl": records})
    assert (first.folder / "model.bin").read_bytes() == (second.folder / "model.bin").read_bytes()
    assert first.metrics["train:accuracy"] == 1.0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "'mode' is a required property"), ({"mode": "glove"}, "not valid under any"),
        ({"mode": "cbow", "dimensions": 3}, "'dimensions' was unexpected"), ({"mode": "cbow", "epochs": 0}, "epochs"),
        ({"mode": "cbow", "vector_dim": "many"}, "vector_dim"),
        ({"mode": "cbow", "sampling_threshold": 0.01}, "sampling"),
        ({"mode": "batch_skipgram", "subwords": "True"}, "batch_skipgram"),
        ({"mode": "cbow", "window_size": -1}, "window_size"), ({"mode": "cbow", "subwords": "perhaps"}, "subwords"),
    ],
)  # fmt: skip
def test_hyperparameters_are_held_against_their_ranges(run: Train, more: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(words)):
        run(more, train=text(lines(50, labels=False)))


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"", ""), (b"\n\n\n", ""), (b"one record\n", ""), (b"no labels here\n" * 20, ""),
        (b"__label__1 only one label\n" * 20, ""), (b"\x00\x01\x02\xff" * 50, ""),
        (framed(b"a text") + framed(b"1") + framed(b"another"), ""), (framed(b"a text")[:-4], ""),
        (b'{"source": "a", "label": 1}\n{"source": "b"\n', "application/jsonlines"),
        (b"__label__1 a\n__label__2 b\n", "image/png"),
    ],
)  # fmt: skip
def test_no_model_is_made_of_what_cannot_be_learnt(run: Train, content: bytes, content_type: str) -> None:
    with pytest.raises(DataError) as told:
        run({"mode": "supervised", **SMALL, "min_count": 2}, content_type, train={"text": content})
    assert told.value.why
    assert told.value.fix


def test_channels_that_are_missing_are_named(run: Train) -> None:
    with pytest.raises(DataError, match="train"):
        run({"mode": "cbow", **SMALL}, validation=text(["a b"]))
    with pytest.raises(DataError, match="early_stopping needs a validation channel"):
        run({"mode": "supervised", "early_stopping": "True", **SMALL}, train=text(lines(50, labels=True)))
    with pytest.raises(TarragonError, match="is no judgement"):
        run({"mode": "cbow", **SMALL}, train=text(lines(50, labels=False)), evaluation={"a.txt": b"a b 1\na b\n"})


def test_only_shared_negatives_are_for_several_hosts(tmp_path: Path) -> None:
    teller = Teller(Heard(), world=2, threads=1)
    with pytest.raises(ParameterError, match="one instance"):
        learn("blazingtext", {"mode": "supervised"}, {"train": Channel(tmp_path)}, tmp_path, teller)
