"""A job's specification becomes channels, a listener and a model in its folder."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from tarragon.data import read_ndarrays
from tarragon.errors import ParameterError, TarragonError
from tarragon.train.builtin import default_metrics, fit, learn, names, shares
from tarragon.train.builtin.teller import Teller
from tarragon.train.protocol import Pattern, Source, TrainingSpec

from .conftest import Heard, table


def test_a_job_trains_in_its_own_tree(tmp_path: Path) -> None:
    X, y = table(80)
    for name in ("input/data/train", "model"):
        (tmp_path / name).mkdir(parents=True)
    np.savetxt(tmp_path / "input/data/train/a.csv", np.column_stack([y, X]), delimiter=",")
    spec = TrainingSpec(
        arn="arn", region="us-east-1", image="xgboost:1", hyperparameters={"num_round": "3"},
        sources=(Source("train", "s3://b/train", content_type="csv"),), output_uri="s3://b/out",
        patterns=(Pattern("train:mae", "x"),),
    )  # fmt: skip
    heard = Heard()
    fit("xgboost", spec, tmp_path, heard)
    assert (tmp_path / "model" / "xgboost-model").is_file()
    assert set(heard.metrics) == {"train:rmse"}


def test_every_built_in_algorithm_knows_its_metrics() -> None:
    assert set(names()) >= {"xgboost", "linear-learner", "knn"}
    for name in names():
        assert default_metrics(name)
    assert default_metrics("mine") == ()


def test_an_algorithm_without_a_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="knm"):
        learn("knm", {}, {}, tmp_path, Teller(Heard()))


def test_shares_of_all_hosts_and_pipes_are_read(tmp_path: Path) -> None:
    X, y = table(90)
    for i in range(3):
        folder = tmp_path / f"algo-{i + 1}" / "ml" / "input" / "data" / "train"
        folder.mkdir(parents=True)
        np.savetxt(folder / f"{i}.csv", np.column_stack([y, X])[i::3], delimiter=",")
    root = tmp_path / "algo-1" / "ml"
    (root / "model").mkdir()
    pipe = root / "input" / "data" / "validation_0"
    os.mkfifo(pipe)
    text = "\n".join(",".join(map(str, row)) for row in np.column_stack([y, X]).tolist())
    threading.Thread(target=pipe.write_text, args=(text,), daemon=True).start()
    spec = TrainingSpec(
        arn="arn", region="us-east-1", image="xgboost:1",
        hyperparameters={"num_round": "1", "tree_method": "exact"},  # which one host does
        sources=(
            Source("train", "s3://b/train", content_type="text/csv", sharded=True),
            Source("validation", "s3://b/valid", mode="Pipe"),
        ),
        output_uri="s3://b/out", instances=3,
    )  # fmt: skip
    heard = Heard()
    fit("xgboost", spec, root, heard)
    assert "[INFO] Train matrix has 90 rows and 5 columns" in heard.lines
    assert "[INFO] Validation matrix has 90 rows and 5 columns" in heard.lines


def test_hosts_share_a_fit_and_only_the_first_tells(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(c, 0.1, (60, 2)) for c in (-3.0, 0.0, 3.0)])[rng.permutation(180)]
    for i in range(3):
        folder = tmp_path / f"algo-{i + 1}" / "ml" / "input" / "data" / "train"
        folder.mkdir(parents=True)
        np.savetxt(folder / f"{i}.csv", X[i::3], delimiter=",")
    spec = TrainingSpec(
        arn="arn", region="us-east-1", image="kmeans:1",
        hyperparameters={"k": "3", "feature_dim": "2", "mini_batch_size": "20", "init_method": "kmeans++"},
        sources=(Source("train", "s3://b/train", content_type="text/csv;label_size=0", sharded=True),),
        output_uri="s3://b/out", instances=3,
    )  # fmt: skip
    heard = Heard()
    fit("kmeans", spec, tmp_path / "algo-1" / "ml", heard)
    centres = read_ndarrays((tmp_path / "algo-1" / "ml" / "model" / "model_algo-1").read_bytes())["0"]
    np.testing.assert_allclose(np.sort(centres[:, 0]), [-3.0, 0.0, 3.0], atol=0.1)  # of all hosts' rows
    assert heard.epochs == [1]


def test_a_host_without_rows_ends_the_job_with_its_name(tmp_path: Path) -> None:
    for i in range(2):
        folder = tmp_path / f"algo-{i + 1}" / "ml" / "input" / "data" / "train"
        folder.mkdir(parents=True)
    (tmp_path / "algo-1" / "ml" / "input" / "data" / "train" / "a.csv").write_text("1,2\n3,4\n5,6\n")
    spec = TrainingSpec(
        arn="arn", region="us-east-1", image="kmeans:1", hyperparameters={"k": "2", "feature_dim": "2"},
        sources=(Source("train", "s3://b/train", content_type="text/csv;label_size=0", sharded=True),),
        output_uri="s3://b/out", instances=2,
    )  # fmt: skip
    with pytest.raises(TarragonError, match="algo-2"):
        fit("kmeans", spec, tmp_path / "algo-1" / "ml", Heard())


def test_a_job_knows_whose_hosts_share() -> None:
    assert shares("deepar")
    assert not shares("seq2seq")
    assert shares("xgboost")
    assert not shares("xgboost", hyperparameters={"tree_method": "exact"})
