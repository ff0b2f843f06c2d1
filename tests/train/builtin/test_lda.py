"""Latent Dirichlet allocation as a job trains it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms import get
from tarragon.data import Tabular, write_rows
from tarragon.errors import DataError, ParameterError, TarragonError
from tarragon.train.builtin import Channel, Teller, default_metrics, learn
from tarragon.train.builtin.run import compiled

from .conftest import Heard

ASKED = {"num_topics": "2", "feature_dim": "20", "mini_batch_size": "300"}
RECORDS = "application/x-recordio-protobuf"


def corpus(documents: int = 300, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    beta = np.random.default_rng(5).dirichlet(np.full(20, 0.2), 2)
    return np.stack([rng.multinomial(30, h @ beta) for h in rng.dirichlet([0.3, 0.3], documents)]).astype(np.float32)


def csv(counts: np.ndarray) -> bytes:
    return "\n".join(",".join(str(int(v)) for v in row) for row in counts).encode()


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Heard]:
    def done(asked: dict[str, str], kind: str = "text/csv;label_size=0", **channels: bytes) -> Heard:
        given = {}
        for name, content in channels.items():
            folder = tmp_path / "data" / name
            folder.mkdir(parents=True)
            (folder / "part").write_bytes(content)
            given[name] = Channel(folder, kind)
        heard = Heard(folder=tmp_path / "model")
        heard.folder.mkdir()
        learn("lda", asked, given, heard.folder, Teller(heard, compiled(default_metrics("lda")), threads=1))
        return heard

    return done


def test_the_test_channel_is_scored_by_its_likelihood_per_word(run: Callable[..., Heard]) -> None:
    held = corpus(100, 1)
    heard = run({**ASKED, "alpha0": "0.6"}, train=csv(corpus()), test=csv(held))
    model = get("lda").load(heard.folder)
    assert model.alpha0 == 0.6
    assert heard.metrics["test:pwll"] == pytest.approx(model.pwll(Tabular(held)))
    assert -np.log(20) < heard.metrics["test:pwll"] < 0
    assert any(line.startswith("Final configuration: ") for line in heard.lines)
    assert heard.epochs == [1]


def test_sparse_records_and_csv_make_one_model(tmp_path: Path, run: Callable[..., Heard]) -> None:
    counts = corpus()
    counts[:, 19] = 0  # the last word occurs nowhere
    heard = run(ASKED, RECORDS, train=write_rows(sp.csr_matrix(counts)))
    folder, again = tmp_path / "again", Heard()
    folder.mkdir()
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "a.csv").write_bytes(csv(counts))
    learn("lda", ASKED, {"train": Channel(tmp_path / "csv", "text/csv")}, folder, Teller(again, threads=1))
    assert (folder / "model_algo-1").read_bytes() == (heard.folder / "model_algo-1").read_bytes()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"num_topics": "0"}, "num_topics"), ({"alpha0": "0"}, "alpha0"), ({"topics": "2"}, "'topics' was unexpected"),
        ({"feature_dim": "21"}, "feature_dim=21"), ({"tol": "small"}, "'small' is not valid"),
    ],
)  # fmt: skip
def test_hyperparameters_are_held_against_the_table(
    run: Callable[..., Heard], more: dict[str, str], words: str
) -> None:
    with pytest.raises(ParameterError, match=words):
        run({**ASKED, **more}, train=csv(corpus(30)))


@pytest.mark.parametrize("name", list(ASKED))
def test_required_hyperparameters_are_missed(run: Callable[..., Heard], name: str) -> None:
    with pytest.raises(ParameterError, match=f"'{name}' is a required property"):
        run({key: value for key, value in ASKED.items() if key != name}, train=csv(corpus(30)))


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("text/csv;label_size=0", b""), ("text/csv;label_size=0", csv(corpus(1))),
        ("text/csv;label_size=0", b"1,2,3\n1,2\n"), ("text/csv;label_size=0", csv(-corpus(30))),
        ("text/csv;label_size=0", csv(corpus(30)).replace(b"\n", b",nan\n")), ("image/png", b"PNG"),
        (RECORDS, write_rows(corpus(30))[:-7]), (RECORDS, b"not records at all"),
    ],
)  # fmt: skip
def test_bad_channels_are_refused(run: Callable[..., Heard], kind: str, content: bytes) -> None:
    with pytest.raises(TarragonError):
        run(ASKED, kind, train=content)


def test_without_a_channel_there_is_no_job(run: Callable[..., Heard]) -> None:
    with pytest.raises(DataError, match="train"):
        run(ASKED, test=csv(corpus(30)))
