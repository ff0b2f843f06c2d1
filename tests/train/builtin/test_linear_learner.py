"""The container's linear learner: its hyperparameters, its lines, its refusals, hosts that share a fit."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression, Ridge

from tarragon.algorithms import get
from tarragon.data import Tabular, write_rows
from tarragon.errors import DataError, ParameterError, TarragonError
from tarragon.train.builtin import Channel, Teller, default_metrics, learn
from tarragon.train.builtin.linear_learner import measured
from tarragon.train.builtin.run import compiled
from tarragon.train.builtin.teller import SIDECAR

from .conftest import Heard, table, together

Train = Callable[..., Heard]
NAME = "linear-learner"


def model_of(heard: Heard) -> Any:
    return get(NAME).load(heard.folder)


def test_a_regressor_approaches_ridge_regression(train: Train) -> None:
    data = table(600)
    asked = {"predictor_type": "regressor", "feature_dim": 5, "mini_batch_size": 50}
    heard = train(NAME, asked, train=data, validation=table(100, seed=1))
    expected = Ridge(alpha=1e-3).fit(*data)
    found = model_of(heard).predict(Tabular(data[0]))["score"]
    assert np.corrcoef(found, expected.predict(data[0]))[0, 1] > 0.999
    mse = float(np.mean((found - data[1]) ** 2))
    assert heard.metrics["train:objective_loss:final"] == pytest.approx(mse, rel=1e-4)
    assert {"validation:mse", "validation:objective_loss", "validation:objective_loss:final"} <= set(heard.metrics)
    assert {"train:objective_loss", "train:throughput", "train:progress"} <= set(heard.metrics)
    best = next(line for line in heard.lines if line.startswith("Best model found for hyperparameters: "))
    assert set(json.loads(best.partition(": ")[2])) == {
        "optimizer", "learning_rate", "l1", "wd", "lr_scheduler_step", "lr_scheduler_factor", "lr_scheduler_minimum_lr",
    }  # fmt: skip


def test_a_binary_classifier_is_logistic_regression_with_a_threshold(train: Train) -> None:
    data, held = table(800, 2), table(400, 2, seed=1)
    asked = {"predictor_type": "binary_classifier", "mini_batch_size": 50}
    heard = train(NAME, asked, train=data, validation=held, test=held)
    expected = LogisticRegression(C=100).fit(*data).score(*held)
    assert heard.metrics["validation:binary_classification_accuracy"] > expected - 0.005
    facts = json.loads((heard.folder / SIDECAR).read_text())
    assert facts["predictor_type"] == "binary_classifier"
    assert 0.1 < facts["threshold"] < 0.9
    assert heard.metrics["test:binary_classification_accuracy"] == pytest.approx(
        heard.metrics["validation:binary_classification_accuracy"]
    )
    assert {"test:roc_auc_score", "test:binary_f_beta", "test:precision", "test:recall", "test:objective_loss"} <= set(
        heard.metrics
    )


def test_several_classes_and_a_test_channel(train: Train) -> None:
    asked = {
        "predictor_type": "multiclass_classifier", "num_classes": 3, "balance_multiclass_weights": "true",
        "mini_batch_size": 50, "accuracy_top_k": 2,
    }  # fmt: skip
    heard = train(NAME, asked, train=table(600, 3), test=table(100, 3, seed=1))
    assert heard.metrics["test:multiclass_accuracy"] > 0.75
    assert any("multiclass_top_k_accuracy_2 <score>" in line for line in heard.lines)
    assert "train:objective_loss" in heard.metrics


@pytest.mark.parametrize(
    ("asked", "objective"),
    [
        ({"predictor_type": "binary_classifier", "loss": "hinge_loss"}, "hinge_objective"),
        ({"predictor_type": "regressor", "loss": "quantile_loss", "quantile": 0.9}, "quantile_loss_objective"),
        ({"predictor_type": "regressor", "loss": "eps_insensitive_squared_loss"}, "eps_insensitive_squared_loss_obj"),
        ({"predictor_type": "regressor", "l1": 0.01, "use_bias": "False", "optimizer": "sgd"}, "mse_objective"),
    ],
)
def test_every_loss_is_logged_by_its_name(train: Train, asked: Any, objective: str) -> None:
    heard = train(NAME, {**asked, "mini_batch_size": 50}, train=table(300, 2 if "binary" in str(asked) else 0))
    assert any(f"train {'binary_classification_' if 'hinge' in objective else ''}{objective}" in x for x in heard.lines)
    assert np.isfinite(heard.metrics["train:objective_loss:final"])


def test_one_model_is_trained_under_a_tuning_job(train: Train) -> None:
    asked = {"predictor_type": "regressor", "_tuning_objective_metric": "validation:mse", "learning_rate": 0.03}
    heard = train(NAME, asked, train=table(100), validation=table(50, seed=1))
    assert model_of(heard).num_models == 1
    assert any('"learning_rate": 0.03' in line for line in heard.lines)


def test_training_ends_when_asked(train: Train) -> None:
    heard = train(NAME, {"predictor_type": "regressor"}, Heard(stop=True), train=table(100))
    assert heard.epochs == [1]
    assert model_of(heard).n_features == 5


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "predictor_type"),
        ({"predictor_type": "regressor", "loss": "hinge_loss"}, "does not suit"),
        ({"predictor_type": "multiclass_classifier"}, "num_classes"),
        ({"predictor_type": "regressor", "epochs": 0}, "epochs"),
        ({"predictor_type": "regressor", "learning_rate": "inf"}, "learning_rate"),
        ({"predictor_type": "regressor", "quantile": 1}, "quantile"),
        ({"predictor_type": "binary_classifier", "positive_example_weight_mult": "much"}, "positive_example"),
        ({"predictor_type": "regressor", "x": 0}, "unexpected"),
    ],
)
def test_hyperparameters_that_cannot_be_are_refused(train: Train, asked: Any, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        train(NAME, asked, train=table(30))


def test_auto_and_hidden_words_are_taken(train: Train) -> None:
    asked = {
        "predictor_type": "regressor", "feature_dim": "auto", "learning_rate": "auto", "wd": "auto", "l1": "auto",
        "num_models": "auto", "normalize_label": "auto", "unbias_data": "auto", "bias_wd_mult": "auto", "epochs": 1,
        "lr_scheduler_step": "auto", "_num_gpus": "auto", "_kvstore": "device", "force_dense": "True",
    }  # fmt: skip
    assert model_of(train(NAME, asked, train=table(30))).num_models is None


def put(folder: Path, content: bytes, content_type: str) -> dict[str, Channel]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "part").write_bytes(content)
    return {"train": Channel(folder, content_type)}


def run(folder: Path, channels: dict[str, Channel], **asked: object) -> Heard:
    heard = Heard(folder=folder / f"model-{len(list(folder.iterdir()))}")
    heard.folder.mkdir()
    given = {name: str(value) for name, value in asked.items()}
    learn(NAME, given, channels, heard.folder, Teller(heard, compiled(default_metrics(NAME)), threads=1))
    return heard


@pytest.mark.parametrize(
    ("content", "content_type", "words"),
    [
        (b"1,2,3\n4,5\n", "text/csv", "cannot be read"),
        (b"1,2,3\n4,,5\n", "text/csv", "missing values"),
        (b"1\n2\n", "text/csv", "feature columns"),
        (b"", "text/csv", "no rows"),
        (b"1,2\n", "text/plain", "text/plain"),
        (write_rows(np.ones((3, 2), np.float32), np.ones(3))[:-5], "application/x-recordio-protobuf", "not complete"),
        (write_rows(np.ones((3, 2), np.float32)), "application/x-recordio-protobuf", "label"),
    ],
)
def test_data_that_cannot_be_read_are_refused(tmp_path: Path, content: bytes, content_type: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        run(tmp_path, put(tmp_path / "train", content, content_type), predictor_type="regressor")


def test_data_that_do_not_fit_are_refused(train: Train) -> None:
    with pytest.raises(DataError, match="feature_dim is 9"):
        train(NAME, {"predictor_type": "regressor", "feature_dim": 9}, train=table(30))
    with pytest.raises(DataError, match="labels that are no classes"):
        train(NAME, {"predictor_type": "binary_classifier"}, train=table(30, 3))
    with pytest.raises(DataError, match="labels that are no classes"):
        train(NAME, {"predictor_type": "binary_classifier", "epochs": 1}, train=table(30, 2), test=table(30, 3))


def test_sparse_records_and_one_row(tmp_path: Path) -> None:
    X = sp.csr_matrix(np.eye(4, 7, dtype=np.float32))
    channels = put(tmp_path / "a", write_rows(X, np.array([0.0, 1, 0, 1])), "application/x-recordio-protobuf")
    assert model_of(run(tmp_path, channels, predictor_type="binary_classifier", epochs=2)).n_features == 7
    one = put(tmp_path / "b", b"3,1,2\n", "text/csv")
    answer = model_of(run(tmp_path, one, predictor_type="regressor")).predict(Tabular(np.ones((1, 2), np.float32)))
    assert np.isfinite(answer["score"]).all()


def test_hosts_share_a_fit_and_mismatched_shards_end_it(tmp_path: Path) -> None:
    X, y = table(400, 2)
    shards = []
    for rank, part in enumerate((slice(0, 150), slice(150, 400))):
        folder = tmp_path / f"shard-{rank}"
        shards.append(put(folder, write_rows(X[part], y[part]), "application/x-recordio-protobuf"))
    heard = Heard(folder=tmp_path / "model")
    heard.folder.mkdir()

    def work(rank: int, peers: Any) -> None:
        teller = Teller(heard, compiled(default_metrics(NAME)), threads=1, rank=rank, world=2, peers=peers)
        asked = {"predictor_type": "binary_classifier", "mini_batch_size": "40", "epochs": "5"}
        learn(NAME, asked, shards[rank], heard.folder, teller)

    together(2, work)
    model = model_of(heard)
    accuracy = np.mean((model.predict(Tabular(X))["probability"][:, 1] >= model.threshold_) == y)
    assert accuracy > 0.9
    shards[1] = put(tmp_path / "odd", write_rows(X[:, :3], y), "application/x-recordio-protobuf")
    with pytest.raises(TarragonError):
        together(2, work)


def test_margins_are_measured_as_scores() -> None:
    X, y = table(200, 2)
    kind: Any = get(NAME)
    data = Tabular(X, y=y, n_classes=2)
    model = kind(predictor_type="binary_classifier", loss="hinge_loss", mini_batch_size=20).fit(data)
    scores = measured(model, data, 0)
    assert next(iter(scores)) == "binary_classification_hinge_objective"
    assert scores["binary_classification_accuracy"] > 0.9
    assert scores["roc_auc_score"] > 0.95
