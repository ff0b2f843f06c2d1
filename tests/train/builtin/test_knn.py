"""The container's nearest neighbours are scikit-learn's; its index is FAISS's; what it refuses, it refuses by name."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import pytest
from sklearn.metrics import f1_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from tarragon.algorithms.knn_index import KNNIndex
from tarragon.data import Tabular, write_rows
from tarragon.errors import DataError, JobError, ParameterError, TarragonError
from tarragon.train.builtin import Channel, Teller, default_metrics, fit, learn
from tarragon.train.builtin.run import compiled
from tarragon.train.protocol import Source, TrainingSpec

from .conftest import Heard, table

Train = Callable[..., Heard]
RECORDS = "application/x-recordio-protobuf"
ASKED = {"predictor_type": "classifier", "k": 5, "sample_size": 1000, "feature_dim": 5}


def test_a_classifier_votes_as_scikit_learns(train: Train) -> None:
    data, held = table(300, 3), table(100, 3, seed=1)
    heard = train("knn", ASKED, train=data, test=held)
    expected = KNeighborsClassifier(5).fit(*data)
    found = KNNIndex.load(heard.folder).predict(Tabular(held[0]))["predicted_label"]
    np.testing.assert_array_equal(found, expected.predict(held[0]))
    assert heard.metrics["test:accuracy"] == pytest.approx(expected.score(*held))
    assert heard.metrics["train:progress"] == 100
    score = next(line for line in heard.lines if "macro_f_1.000" in line)
    assert float(score.partition("<score>=")[2]) == pytest.approx(f1_score(held[1], found, average="macro"))
    assert re.search("Final configuration", "\n".join(heard.lines))


def test_a_regressor_averages_as_scikit_learns(train: Train) -> None:
    data, held = table(300), table(100, seed=1)
    heard = train("knn", {**ASKED, "predictor_type": "regressor", "k": 7}, train=data, test=held)
    expected = KNeighborsRegressor(7).fit(*data).predict(held[0])
    found = KNNIndex.load(heard.folder).predict(Tabular(held[0]))["predicted_label"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert heard.metrics["test:mse"] == pytest.approx(np.mean((expected - held[1]) ** 2), rel=1e-4)


@pytest.mark.parametrize(
    "more",
    [
        {"index_metric": "INNER_PRODUCT"}, {"index_metric": "COSINE", "index_type": "faiss.IVFFlat"},
        {"dimension_reduction_type": "sign", "dimension_reduction_target": 4},
        {"dimension_reduction_type": "fjlt", "dimension_reduction_target": 3},
        {"index_type": "faiss.IVFPQ", "faiss_index_pq_m": 2, "faiss_index_ivf_nlists": "auto"},
        {"index_type": "faiss.IVFFlat", "faiss_index_ivf_nlists": 4, "_faiss_index_nprobe": 2, "mini_batch_size": 9},
    ],
)  # fmt: skip
def test_every_index_is_trained_and_faiss_reads_it(train: Train, more: dict[str, object]) -> None:
    heard = train("knn", {**ASKED, **more}, train=table(300, 2), test=table(100, 2, seed=1))
    content = (heard.folder / "model_algo-1").read_bytes()
    assert faiss.deserialize_index(np.frombuffer(content, np.uint8)).ntotal == 300
    assert len(np.fromfile(heard.folder / "model_algo-1.labels", np.float32)) == 300
    facts = json.loads((heard.folder / "model_algo-1.json").read_text())
    assert (facts["k"], facts["predictor_type"]) == (5, "classifier")
    assert bool(facts["dimension_reduction"]) == ("dimension_reduction_type" in more)
    assert heard.metrics["test:accuracy"] > 0.6


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"k": 0}, "k:"), ({"index_type": "tree"}, "index_type"), ({"neighbours": 3}, "'neighbours' was unexpected"),
        ({"dimension_reduction_type": "sign"}, "dimension_reduction_target is required"),
        ({"dimension_reduction_type": "sign", "dimension_reduction_target": 5}, "dimension_reduction_target=5"),
        ({"index_type": "faiss.IVFPQ"}, "faiss_index_pq_m is required"), ({"faiss_index_pq_m": 5}, "faiss_index_pq_m"),
        ({"predictor_type": "ranker"}, "predictor_type"), ({"sample_size": 0}, "sample_size"),
    ],
)  # fmt: skip
def test_hyperparameters_are_refused_by_name(train: Train, more: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        train("knn", {**ASKED, **more}, train=table(20, 2))


@pytest.mark.parametrize("name", ["k", "predictor_type", "sample_size"])
def test_what_is_required_is_asked_for(train: Train, name: str) -> None:
    with pytest.raises(ParameterError, match=f"'{name}' is a required property"):
        train("knn", {key: value for key, value in ASKED.items() if key != name}, train=table(20, 2))


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (b"", "text/csv", "no rows"), (b"1,2,3\n" * 9, "text/csv", "2 features.*feature_dim is 5"),
        (b"0.5,1,2,3,4,5\n" * 9, "text/csv", "no classes"), (b"-1,1,2,3,4,5\n" * 9, "text/csv", "no classes"),
        (b"0,1,2,3,4,5\n", "text/csv", "cannot find k=5.*1 rows"), (b"0,1,nan,3,4,5\n" * 9, "text/csv", "missing"),
        (b",1,2,3,4,5\n" * 9, "text/csv", "labels"), (b"0,1,a,3,4,5\n", "text/csv", "not a number"),
        (b"1,2,3,4,5\n" * 9, "text/csv;label_size=0", "without one"), (b"0,1,2,3,4,5\n", "image/png", "image/png"),
        (write_rows(np.ones((9, 5), np.float32), np.zeros(9))[:-7], RECORDS, "not complete"),
        (write_rows(np.ones((9, 5), np.float32)), RECORDS, "without one"),
    ],
)  # fmt: skip
def test_channels_are_refused_with_a_reason(tmp_path: Path, content: bytes, kind: str, words: str) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "model").mkdir()
    (tmp_path / "train" / "part").write_bytes(content)
    given = {name: str(value) for name, value in ASKED.items()}
    with pytest.raises(TarragonError, match=words):
        learn("knn", given, {"train": Channel(tmp_path / "train", kind)}, tmp_path / "model", Teller(Heard()))


def hosts(root: Path, shares: list[tuple[np.ndarray, np.ndarray]]) -> tuple[TrainingSpec, Path]:
    """Lay out the folders of a job on several hosts."""
    for rank, (X, y) in enumerate(shares):
        own = root / f"algo-{rank + 1}" / "ml"
        folder = own / "input" / "data" / "train"
        folder.mkdir(parents=True)
        (folder / "part.pbr").write_bytes(write_rows(X, y))
        (own / "model").mkdir()
    spec = TrainingSpec(
        arn="arn", region="us-east-1", image="knn:1",
        hyperparameters={name: str(value) for name, value in ASKED.items()},
        sources=(Source("train", "s3://b/train", content_type=RECORDS, sharded=True),),
        output_uri="s3://b/out", instances=len(shares),
    )  # fmt: skip
    return spec, root / "algo-1" / "ml"


def test_four_hosts_share_a_sample(tmp_path: Path) -> None:
    X, y = table(2_000, 2)
    spec, root = hosts(tmp_path / "job", [(X[r::4], y[r::4]) for r in range(4)])
    fit("knn", spec, root, Heard())
    model = KNNIndex.load(root / "model")
    known = {row.tobytes(): i for i, row in enumerate(X)}
    where = np.array([known[row.tobytes()] for row in model.neighbours_.rows()])
    assert len(set(where.tolist())) == 1_000
    np.testing.assert_array_equal(model.labels_, y[where])
    assert np.bincount(where % 4).min() > 180  # each host brought about a quarter
    assert compiled(default_metrics("knn"))


def test_hosts_whose_shares_do_not_fit_are_named(tmp_path: Path) -> None:
    X, y = table(100, 2)
    spec, root = hosts(tmp_path / "columns", [(X, y), (X[:, :2], y)])
    with pytest.raises((DataError, JobError), match="algo-2"):
        fit("knn", spec, root, Heard())
