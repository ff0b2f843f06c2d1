"""The container's factorization machines: hyperparameters, lines, refusals, hosts that share a fit."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms import get
from tarragon.data import Tabular, write_rows
from tarragon.errors import DataError, ParameterError
from tarragon.train.builtin import Channel, Teller, default_metrics, learn
from tarragon.train.builtin.run import compiled

from .conftest import Heard, together

NAME, RECORDS = "factorization-machines", "application/x-recordio-protobuf"
ASKED = {
    "feature_dim": 40, "num_factors": 3, "epochs": 30, "mini_batch_size": 100, "factors_lr": 0.02, "linear_lr": 0.02,
    "factors_init_sigma": 0.1,
}  # fmt: skip


def ratings(n: int, seed: int = 0, *, classes: bool = False) -> tuple[Any, np.ndarray]:
    rng = np.random.default_rng(seed)
    u, i = rng.integers(0, 25, n), rng.integers(0, 15, n)
    y = 3 + 2 * np.sin(u) * np.cos(i)
    columns = np.column_stack([u, 25 + i]).ravel()
    X = sp.csr_matrix((np.ones(2 * n, np.float32), columns, np.arange(0, 2 * n + 1, 2)), shape=(n, 40))
    return X, (y > 3).astype(float) if classes else y


def channel(folder: Path, content: bytes, content_type: str = RECORDS) -> Channel:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "part").write_bytes(content)
    return Channel(folder, content_type)


def run(place: Path, asked: dict[str, Any], heard: Heard | None = None, **channels: Channel) -> Heard:
    heard = heard or Heard()
    heard.folder = place / f"model-{len(list(place.iterdir()))}"
    heard.folder.mkdir()
    given = {name: str(value) for name, value in asked.items()}
    learn(NAME, given, channels, heard.folder, Teller(heard, compiled(default_metrics(NAME)), threads=1))
    return heard


def test_a_regressor_and_its_lines(tmp_path: Path) -> None:
    train = channel(tmp_path / "train", write_rows(*ratings(1500)))
    test = channel(tmp_path / "test", write_rows(*ratings(300, 1)))
    heard = run(tmp_path, {**ASKED, "predictor_type": "regressor"}, train=train, test=test)
    assert heard.metrics["test:rmse"] < 0.4
    assert {"train:rmse:batch", "train:rmse:epoch", "train:mse:epoch", "train:absolute_loss:epoch"} <= set(
        heard.metrics
    )
    assert {"train:progress", "train:throughput"} <= set(heard.metrics)
    assert heard.epochs == list(range(1, 31))
    assert any("epoch=0, batch=0 train rmse <loss>=" in line for line in heard.lines)
    model: Any = get(NAME).load(heard.folder)
    X, y = ratings(300, 1)
    error = model.predict(Tabular(X))["score"] - y
    assert heard.metrics["test:rmse"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-6)


def test_a_binary_classifier_and_its_lines(tmp_path: Path) -> None:
    train = channel(tmp_path / "train", write_rows(*ratings(1500, classes=True)), "")
    test = channel(tmp_path / "test", write_rows(*ratings(300, 1, classes=True)))
    heard = run(tmp_path, {**ASKED, "predictor_type": "binary_classifier"}, train=train, test=test)
    assert heard.metrics["test:binary_classification_accuracy"] > 0.9
    assert heard.metrics["test:binary_f_beta"] > 0.9
    assert heard.metrics["test:binary_classification_cross_entropy"] < 0.4
    assert "train:binary_f_beta:epoch" in heard.metrics


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"num_factors": 3, "predictor_type": "regressor"}, "feature_dim"),
        ({"feature_dim": 40, "predictor_type": "regressor"}, "num_factors"),
        ({"feature_dim": 40, "num_factors": 3}, "predictor_type"),
        ({"feature_dim": 40, "num_factors": 3, "predictor_type": "multiclass_classifier"}, "predictor_type"),
        ({**ASKED, "predictor_type": "regressor", "factors_lr": -1}, "factors_lr"),
        ({**ASKED, "predictor_type": "regressor", "epoch": 3}, "unexpected"),
        ({**ASKED, "predictor_type": "regressor", "bias_init_method": "zeros"}, "bias_init_method"),
    ],
)
def test_hyperparameters_that_cannot_be_are_refused(tmp_path: Path, asked: Any, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        run(tmp_path, asked, train=channel(tmp_path / "train", write_rows(*ratings(30))))


def test_hidden_words_are_taken(tmp_path: Path) -> None:
    hidden = {"_optimizer": "adam", "_learning_rate": "1.0", "use_bias": "true", "batch_metrics_publish_interval": 500}
    asked = {**ASKED, **hidden, "predictor_type": "regressor", "epochs": 1, "_kvstore": "dist_sync"}
    assert run(tmp_path, asked, train=channel(tmp_path / "train", write_rows(*ratings(30)))).epochs == [1]


@pytest.mark.parametrize(("every", "expected"), [("1", range(10)), ("4", (0, 4, 8)), ("500", (0,)), (None, (0,))])
def test_batches_are_told_as_often_as_asked(tmp_path: Path, every: str | None, expected: Sequence[int]) -> None:
    asked = {**ASKED, "predictor_type": "regressor", "epochs": 2, "mini_batch_size": 30}
    asked |= {} if every is None else {"batch_metrics_publish_interval": every}
    heard = run(tmp_path, asked, train=channel(tmp_path / "train", write_rows(*ratings(300))))
    said = re.findall(r"epoch=(\d), batch=(\d+) train rmse <loss>", "\n".join(heard.lines))
    assert said == [(epoch, str(batch)) for epoch in "01" for batch in expected]


@pytest.mark.parametrize(
    ("content", "content_type", "words"),
    [
        (b"1,2,3\n", "text/csv", "do not read"),
        (b"1,2,3\n", "", "do not read"),
        (b"", RECORDS, "no rows"),
        (write_rows(*ratings(20))[:-3], RECORDS, "not complete"),
        (write_rows(ratings(20)[0]), RECORDS, "label"),
        (write_rows(ratings(20)[0][:, :30].toarray(), np.ones(20)), RECORDS, "30 columns"),
        (write_rows(sp.csr_matrix(np.ones((2, 50), np.float32)), np.ones(2)), RECORDS, "50 columns"),
        (write_rows(np.full((2, 40), np.nan, np.float32), np.ones(2)), RECORDS, "missing values"),
        (write_rows(ratings(20)[0], np.full(20, 2.0)), RECORDS, "no classes"),
    ],
)
def test_data_that_cannot_be_learnt_from_are_refused(
    tmp_path: Path, content: bytes, content_type: str, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        run(
            tmp_path,
            {**ASKED, "predictor_type": "binary_classifier"},
            train=channel(tmp_path / "train", content, content_type),
        )


def test_one_record_and_an_early_end(tmp_path: Path) -> None:
    train = channel(tmp_path / "train", write_rows(*ratings(1)))
    heard = run(tmp_path, {**ASKED, "predictor_type": "regressor"}, Heard(stop=True), train=train)
    assert heard.epochs == [1]


def test_hosts_share_a_fit(tmp_path: Path) -> None:
    X, y = ratings(1500)
    shards = [
        {"train": channel(tmp_path / f"shard-{r}", write_rows(X[part], y[part]))}
        for r, part in enumerate((slice(0, 600), slice(600, 1500)))
    ]
    heard = Heard(folder=tmp_path / "model")
    heard.folder.mkdir()
    given = {name: str(value) for name, value in {**ASKED, "predictor_type": "regressor"}.items()}

    def work(rank: int, peers: Any) -> None:
        teller = Teller(heard, compiled(default_metrics(NAME)), threads=1, rank=rank, world=2, peers=peers)
        learn(NAME, given, shards[rank], heard.folder, teller)

    together(2, work)
    model: Any = get(NAME).load(heard.folder)
    assert np.sqrt(np.mean((model.predict(Tabular(X))["score"] - y) ** 2)) < 0.3
