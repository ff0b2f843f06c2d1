"""Object2Vec as a job trains it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms import get
from tarragon.data import read_pair_lines
from tarragon.errors import TarragonError
from tarragon.train.builtin import Channel, Teller, default_metrics, learn
from tarragon.train.builtin.run import compiled

from .conftest import Heard

pytest.importorskip("torch")
ASKED = {
    "enc0_max_seq_len": "5", "enc0_vocab_size": "20", "enc0_network": "pooled_embedding", "epochs": "3",
    "enc0_token_embedding_dim": "4", "enc_dim": "8", "mlp_dim": "8", "learning_rate": "0.01",
}  # fmt: skip


def lines(n: int = 60, seed: int = 0) -> bytes:
    rng = np.random.default_rng(seed)
    rows = [[rng.integers(1, 20, 3).tolist() for _ in range(2)] for _ in range(n)]
    return "\n".join(json.dumps({"label": int(a[0] > b[0]), "in0": a, "in1": b}) for a, b in rows).encode()


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Heard]:
    def done(
        asked: dict[str, str], kind: str = "application/jsonlines", auxiliary: dict[str, str] | None = None,
        **channels: bytes,
    ) -> Heard:  # fmt: skip
        given = {}
        for name, content in channels.items():
            folder = tmp_path / name
            folder.mkdir()
            (folder / "part.jsonl").write_bytes(content)
            given[name] = Channel(folder, kind)
        if auxiliary:
            folder = tmp_path / "auxiliary"
            folder.mkdir()
            for name, text in auxiliary.items():
                (folder / name).write_text(text)
            given["auxiliary"] = Channel(folder)
        heard = Heard(folder=tmp_path / "model")
        heard.folder.mkdir()
        teller = Teller(heard, compiled(default_metrics("object2vec")), threads=1)
        learn("object2vec", asked, given, heard.folder, teller)
        return heard

    return done


def test_every_channel_is_measured(run: Callable[..., Heard], tmp_path: Path) -> None:
    heard = run(ASKED, train=lines(), validation=lines(30, 1), test=lines(30, 2))
    model = get("object2vec").load(heard.folder)
    expected = model.measured(read_pair_lines([tmp_path / "test" / "part.jsonl"]))
    for name, value in expected.items():
        assert heard.metrics[f"test:{name}"] == pytest.approx(value)
    assert {"validation:accuracy", "validation:cross_entropy", "train:cross_entropy"} <= set(heard.metrics)
    assert any("epoch=0, validation accuracy <score>=" in line for line in heard.lines)


def test_numbers_are_measured_by_squares(run: Callable[..., Heard]) -> None:
    heard = run({**ASKED, "output_layer": "mean_squared_error"}, train=lines(), test=lines(30, 2))
    assert heard.metrics["test:mean_squared_error"] > 0


def test_given_vectors_are_taken_by_their_numbers(run: Callable[..., Heard]) -> None:
    asked = {**ASKED, "enc0_pretrained_embedding_file": "v.txt", "enc0_vocab_file": "vocab.json"}
    files = {"v.txt": "cat 1 2 3 4\ndog 5 6 7 8\n", "vocab.json": '{"cat": 3, "dog": 1, "cow": 2}'}
    model = get("object2vec").load(run(asked, auxiliary=files, train=lines()).folder)
    np.testing.assert_array_equal(model.weights_["table0"][[3, 1]], [[1, 2, 3, 4], [5, 6, 7, 8]])


@pytest.mark.parametrize(
    ("more", "files", "words"),
    [
        ({"enc0_pretrained_embedding_file": "v.txt"}, {"v.txt": "a 1"}, "enc0_vocab_file"),
        ({"enc0_pretrained_embedding_file": "v.txt", "enc0_vocab_file": "w"}, {"v.txt": "a 1"}, "no file w"),
        ({"enc0_pretrained_embedding_file": "v", "enc0_vocab_file": "w"}, {"v": "a 1", "w": '{"a": 99}'}, "99"),
        ({"enc0_pretrained_embedding_file": "v", "enc0_vocab_file": "w"}, {"v": "a 1", "w": '{"a": 1}'}, "do not fit"),
        ({"enc0_pretrained_embedding_file": "v", "enc0_vocab_file": "w"}, {"v": "a 1", "w": "["}, "cannot be read"),
        ({"epochs": "0"}, None, "epochs"), ({"comparator_list": "cosine"}, None, "comparator_list"),
        ({"mlp_layer": "1"}, None, "unexpected"), ({"num_classes": "31"}, None, "num_classes"),
        ({"enc0_vocab_size": "5"}, None, "vocab_size"), ({"enc1_network": "bilstm"}, None, "enc1_max_seq_len"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(
    run: Callable[..., Heard], more: dict[str, str], files: dict[str, str] | None, words: str
) -> None:
    with pytest.raises(TarragonError, match=words):
        run({**ASKED, **more}, auxiliary=files, train=lines())


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("text/csv", lines()), ("application/jsonlines", b""), ("application/jsonlines", b"not json"),
        ("application/jsonlines", b'{"label": 1, "in0": [1]}'), ("application/jsonlines", b'{"in0": [1], "in1": [2]}'),
        ("application/jsonlines", b'{"label": 7, "in0": [1], "in1": [2]}'),
        ("application/jsonlines", b'{"label": NaN, "in0": [1], "in1": [2]}'),
        ("application/jsonlines", b'{"label": 1, "in0": [-1], "in1": [2]}'),
        ("application/jsonlines", b'{"label": 1, "in0": [], "in1": [2]}'), ("application/jsonlines", lines()[:-5]),
    ],
)  # fmt: skip
def test_bad_channels_are_refused(run: Callable[..., Heard], kind: str, content: bytes) -> None:
    with pytest.raises(TarragonError):
        run(ASKED, kind, train=content)


def test_one_pair_is_learnt_from(run: Callable[..., Heard]) -> None:
    assert run(ASKED, train=lines(1)).epochs


@pytest.mark.parametrize("name", ["enc0_max_seq_len", "enc0_vocab_size"])
def test_required_hyperparameters_are_missed(run: Callable[..., Heard], name: str) -> None:
    with pytest.raises(TarragonError, match=f"'{name}' is a required property"):
        run({key: value for key, value in ASKED.items() if key != name}, train=lines())
