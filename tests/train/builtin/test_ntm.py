"""The neural topic model as a job trains it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms import get
from tarragon.data import Tabular, write_rows
from tarragon.errors import DataError, ParameterError, TarragonError
from tarragon.train.builtin import Channel, Order, Teller, default_metrics, learn
from tarragon.train.builtin.ntm import train
from tarragon.train.builtin.peers import Peers
from tarragon.train.builtin.run import compiled

from .conftest import Heard, together
from .test_lda import corpus, csv

pytest.importorskip("torch")
ASKED = {"num_topics": "2", "feature_dim": "20", "epochs": "2", "mini_batch_size": "64"}
COUNTS = "text/csv;label_size=0"
RECORDS = "application/x-recordio-protobuf"
WORDS = "\n".join(f"word{i}" for i in range(20))


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Heard]:
    """Train on channels of one file each; ``auxiliary`` maps names to texts."""

    def done(
        asked: dict[str, str], kind: str = COUNTS, auxiliary: dict[str, str] | None = None, **channels: bytes
    ) -> Heard:
        given = {}
        for name, content in channels.items():
            folder = tmp_path / "data" / name
            folder.mkdir(parents=True)
            (folder / "part").write_bytes(content)
            given[name] = Channel(folder, kind)
        if auxiliary is not None:
            folder = tmp_path / "data" / "auxiliary"
            folder.mkdir()
            for name, text in auxiliary.items():
                (folder / name).write_text(text)
            given["auxiliary"] = Channel(folder, "text/plain")
        heard = Heard(folder=tmp_path / "model")
        heard.folder.mkdir()
        learn("ntm", asked, given, heard.folder, Teller(heard, compiled(default_metrics("ntm")), threads=1))
        return heard

    return done


def test_losses_of_every_channel_are_told(run: Callable[..., Heard]) -> None:
    held = corpus(50, 1)
    heard = run(ASKED, train=csv(corpus(200)), validation=csv(held), test=csv(held))
    assert heard.epochs == [1, 2]
    model = get("ntm").load(heard.folder)
    assert heard.metrics["test:total_loss"] == pytest.approx(model.loss(Tabular(held)))
    assert {"train:total_loss", "train:kld_loss", "validation:total_loss"} <= set(heard.metrics)
    assert any("epoch=1, validation total_loss <loss>=" in line for line in heard.lines)
    assert any(line.startswith("#progress_metric: host=algo-1, completed 100 %") for line in heard.lines)


def test_topics_are_shown_in_words(run: Callable[..., Heard]) -> None:
    heard = run(ASKED, train=csv(corpus(200)), auxiliary={"vocab.txt": WORDS})
    start = next(i for i, line in enumerate(heard.lines) if line.startswith("Topics from epoch:final (num_topics:2)"))
    assert "[npmi " in heard.lines[start]
    for line in heard.lines[start + 1 : start + 3]:
        numbers, words = line[1:].split("] ")
        assert len(numbers.split(", ")) == 2
        assert set(words.split()) <= set(WORDS.split())
    assert (heard.folder / "vocab.txt").read_text().split() == WORDS.split()


def test_vectors_of_the_user_judge_topics(run: Callable[..., Heard]) -> None:
    vectors = "\n".join(f"word{i} {i} 1" for i in range(20))
    heard = run(ASKED, train=csv(corpus(200)), auxiliary={"vocab.txt": WORDS, "vectors.txt": vectors})
    assert any("[wetc " in line for line in heard.lines)


@pytest.mark.parametrize(
    ("auxiliary", "words"),
    [
        ({"words.txt": WORDS}, "vocab.txt"), ({"vocab.txt": "only\ntwo"}, "2 words"),
        ({"vocab.txt": WORDS, "glove.txt": "other 1 2"}, "no vector"),
    ],
)  # fmt: skip
def test_a_vocabulary_that_does_not_fit_is_refused(
    run: Callable[..., Heard], auxiliary: dict[str, str], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        run(ASKED, train=csv(corpus(100)), auxiliary=auxiliary)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"num_topics": "1"}, "num_topics"), ({"encoder_layers": "[0]"}, "encoder_layers"),
        ({"optimizer": "lion"}, "optimizer"), ({"topics": "2"}, "'topics' was unexpected"),
        ({"feature_dim": "21"}, "feature_dim=21|21 were expected|20 columns"), ({"sub_sample": "0"}, "sub_sample"),
        ({"batch_norm": "maybe"}, "batch_norm"),
    ],
)  # fmt: skip
def test_hyperparameters_are_held_against_the_table(
    run: Callable[..., Heard], more: dict[str, str], words: str
) -> None:
    with pytest.raises(TarragonError, match=words):
        run({**ASKED, **more}, train=csv(corpus(30)))


@pytest.mark.parametrize("name", ["num_topics", "feature_dim"])
def test_required_hyperparameters_are_missed(run: Callable[..., Heard], name: str) -> None:
    with pytest.raises(ParameterError, match=f"'{name}' is a required property"):
        run({key: value for key, value in ASKED.items() if key != name}, train=csv(corpus(30)))


def test_every_hyperparameter_of_the_table_is_read(run: Callable[..., Heard]) -> None:
    asked = {
        **ASKED, "encoder_layers": "[8, 4]", "encoder_layers_activation": "relu", "optimizer": "adam",
        "learning_rate": "0.01", "num_patience_epochs": "1", "tolerance": "0.1", "batch_norm": "true",
        "clip_gradient": "1.0", "rescale_gradient": "0.5", "sub_sample": "0.9", "weight_decay": "0.001",
    }  # fmt: skip
    model = get("ntm").load(run(asked, train=csv(corpus(200))).folder)
    assert (model.encoder_layers, model.batch_norm, model.sub_sample) == ("[8, 4]", True, 0.9)


@pytest.mark.parametrize("text", ["inf", "auto"])
def test_gradients_may_go_without_a_bound(run: Callable[..., Heard], text: str) -> None:
    layers = {"encoder_layers": "auto"} if text == "auto" else {}
    model = get("ntm").load(run({**ASKED, **layers, "clip_gradient": text}, train=csv(corpus(100))).folder)
    assert model.clip_gradient in (None, float("inf"))


def test_sparse_records_that_end_early_are_widened(run: Callable[..., Heard]) -> None:
    counts = corpus(100)[:, :18]
    heard = run(ASKED, RECORDS, train=write_rows(sp.csr_matrix(counts)))
    assert get("ntm").load(heard.folder).topics().shape == (2, 20)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (COUNTS, b""), (COUNTS, b"1,2,3\n1,2\n"), (COUNTS, csv(-corpus(30))), (COUNTS, csv(corpus(30) * 0)),
        (COUNTS, csv(corpus(30)).replace(b"\n0,", b"\nnan,")), ("image/png", b"PNG"),
        (RECORDS, write_rows(corpus(30))[:-7]), (RECORDS, b"not records at all"),
    ],
)  # fmt: skip
def test_bad_channels_are_refused(run: Callable[..., Heard], kind: str, content: bytes) -> None:
    with pytest.raises(TarragonError):
        run(ASKED, kind, train=content)


def test_one_document_is_learnt_from(run: Callable[..., Heard]) -> None:
    model = get("ntm").load(run(ASKED, train=csv(corpus(1))).folder)
    assert model.predict(Tabular(corpus(1)))["topic_weights"].shape == (1, 2)


def test_several_hosts_share_the_documents(tmp_path: Path) -> None:
    heard = Heard()
    for rank in range(2):
        (tmp_path / f"{rank}" / "data").mkdir(parents=True)
        (tmp_path / f"{rank}" / "model").mkdir()
        (tmp_path / f"{rank}" / "data" / "part").write_bytes(csv(corpus(60 + 80 * rank, rank)))

    def work(rank: int, peers: Peers) -> None:
        place = tmp_path / f"{rank}"
        channels = {"train": Channel(place / "data", COUNTS)}
        teller = Teller(Heard() if rank else heard, threads=1, rank=rank, world=2, peers=peers)
        train(Order(ASKED, channels, place / "model", teller))

    together(2, work)
    assert heard.epochs == [1, 2]
    first, other = (get("ntm").load(tmp_path / f"{rank}" / "model").topics() for rank in range(2))
    np.testing.assert_array_equal(first, other)
