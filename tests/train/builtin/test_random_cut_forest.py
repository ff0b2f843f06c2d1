"""Training jobs of random cut forests: channels, log lines, shares of several hosts, and what is refused."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from tarragon.algorithms import get
from tarragon.data import Tabular, write_rows
from tarragon.errors import DataError, JobError, ParameterError, TarragonError
from tarragon.train.builtin import Channel, Teller, default_metrics, fit, learn
from tarragon.train.builtin import random_cut_forest as recipe
from tarragon.train.builtin.run import compiled
from tarragon.train.protocol import Source, TrainingSpec

from .conftest import Heard

NAME = "random-cut-forest"
RECORDS = "application/x-recordio-protobuf"
ASKED = {"feature_dim": "3", "num_trees": "50", "num_samples_per_tree": "64"}


def crowd(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows around nought and labels: every fiftieth is far away."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)).astype(np.float32)
    y = np.zeros(n)
    X[::50] += 9
    y[::50] = 1
    return X, y


def csv(*columns: np.ndarray) -> str:
    return "\n".join(",".join(map(repr, row)) for row in np.column_stack(columns).tolist()) + "\n"


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Heard]:
    """Train on a channel's content; returns what was heard."""

    def trained(train: bytes | str, asked: Mapping[str, str] = ASKED, **more: object) -> Heard:
        heard, channels = Heard(), {}
        given = {"train": train, **({"test": more["test"]} if "test" in more else {})}
        for name, content in given.items():
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            raw = content.encode() if isinstance(content, str) else content
            (folder / "part").write_bytes(raw)
            kind = RECORDS if isinstance(content, bytes) else f"text/csv;label_size={int(name == 'test')}"
            channels[name] = Channel(folder, str(more.get("kind", kind)), sharded=more.get("sharded"))
        heard.folder = tmp_path / f"model-{len(list(tmp_path.iterdir()))}"
        heard.folder.mkdir()
        learn(NAME, asked, channels, heard.folder, Teller(heard, compiled(default_metrics(NAME)), threads=1))
        return heard

    return trained


def test_a_job_finds_the_odd_rows_and_says_so(run) -> None:
    X, y = crowd(2_000)
    heard = run(csv(X), test=csv(y, X))
    model = get(NAME).load(heard.folder)
    score = model.predict(Tabular(X))["score"]
    flagged = score > score.mean() + 3 * score.std()
    precision, recall = y[flagged].mean(), flagged[y == 1].mean()
    expected = {"accuracy": (flagged == y).mean(), "precision": precision, "recall": recall}
    expected["f1"] = 2 * precision * recall / (precision + recall)
    assert expected["f1"] > 0.8
    assert {name: heard.metrics[f"test:{name}"] for name in expected} == pytest.approx(expected)
    assert f"#quality_metric: host=algo-1, test f1 <score>={expected['f1']}" in heard.lines
    assert any(line.startswith("#progress_metric: host=algo-1, completed 100 %") for line in heard.lines)
    assert heard.epochs == [1]


def test_records_and_csv_are_the_same_forest(run) -> None:
    X, _ = crowd(500)
    first, second = (get(NAME).load(run(content).folder) for content in (csv(X), write_rows(np.float32(X))))
    np.testing.assert_array_equal(first.predict(Tabular(X))["score"], second.predict(Tabular(X))["score"])


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ('["accuracy"]', {"accuracy"}), ("precision_recall_fscore", {"f1", "precision", "recall"}),
        ("accuracy, precision_recall_fscore", {"accuracy", "f1", "precision", "recall"}),
    ],
)  # fmt: skip
def test_only_the_measures_asked_for_are_said(run, asked: str, names: set[str]) -> None:
    X, y = crowd(200)
    heard = run(csv(X), {**ASKED, "eval_metrics": asked}, test=csv(y, X))
    assert {name.removeprefix("test:") for name in heard.metrics if name.startswith("test:")} == names


def test_flags_are_beyond_three_deviations() -> None:
    score = np.concatenate([np.ones(98), [9.0, 1.0]])
    labels = np.concatenate([np.zeros(97), [1.0, 1.0, 0.0]])
    found = recipe.tested(score, labels, ("accuracy", "precision_recall_fscore"))
    assert found == {"accuracy": 0.99, "precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3)}
    nothing = recipe.tested(np.ones(4), np.zeros(4), ("accuracy", "precision_recall_fscore"))
    assert nothing == {"accuracy": 1.0, "precision": 0.0, "recall": 0.0, "f1": 0.0}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"num_trees": "49"}, "num_trees: '49' is not valid"),
        ({"num_samples_per_tree": "2049"}, "num_samples_per_tree"),
        ({"num_tree": "60"}, "'num_tree' was unexpected"), ({"eval_metrics": "f1"}, "eval_metrics: 'f1' is not valid"),
        ({"eval_metrics": "[1"}, "eval_metrics"), ({"feature_dim": "x"}, "feature_dim: 'x' is not valid"),
    ],
)  # fmt: skip
def test_hyperparameters_are_refused_by_name(run, more: dict[str, str], words: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(words)):
        run(csv(crowd(10)[0]), {**ASKED, **more})


def test_feature_dim_is_required(run) -> None:
    with pytest.raises(ParameterError, match="'feature_dim' is a required property"):
        run(csv(crowd(10)[0]), {"num_trees": "50"})


@pytest.mark.parametrize(
    ("train", "more", "words"),
    [
        ("", {}, "no rows"),
        ("1,2\n", {}, "2 features.*feature_dim is 3"),
        ("1,2,3\n4,5\n", {}, "not all rows"),
        ("1,nan,3\n", {}, "missing"),
        ("1,a,3\n", {}, "not a number"),
        ("1,2,3\n", {"kind": "text/csv;label_size=1"}, "no labels"),
        ("1,2,3\n", {"kind": "image/png"}, "image/png"),
        ("1,2,3\n", {"sharded": False}, "ShardedByS3Key"),
        (write_rows(np.ones((5, 3), np.float32))[:-7], {}, "not complete"),
        ("1,2,3\n", {"test": "2,1,2,3\n"}, "neither 0 nor 1"),
        ("1,2,3\n", {"test": write_rows(np.ones((2, 3), np.float32))}, "A row has none"),
        ("1,2,3\n", {"test": "0,1,2\n"}, "2 columns"),
    ],
)  # fmt: skip
def test_channels_are_refused_with_a_reason(run, train: bytes | str, more: dict[str, object], words: str) -> None:
    with pytest.raises(TarragonError, match=words):
        run(train, **more)


def test_one_row_is_enough(run) -> None:
    heard = run("1,2,3\n", test="1,1,2,3\n")
    assert heard.metrics["test:accuracy"] == 0.0


def test_the_train_channel_is_needed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='"train" is missing'):
        learn(NAME, ASKED, {}, tmp_path, Teller(Heard()))


def hosts(root: Path, shares: list[np.ndarray], test: bytes = b"") -> tuple[TrainingSpec, Path]:
    """Lay out the folders of a job on several hosts. Records: the reader of CSV has threads, which forks lose."""
    for rank, rows in enumerate(shares):
        own = root / f"algo-{rank + 1}" / "ml"
        for name, content in (("train", write_rows(rows) if len(rows) else b""), ("test", test)):
            folder = own / "input" / "data" / name
            folder.mkdir(parents=True)
            (folder / "part.pbr").write_bytes(content)
        (own / "model").mkdir()
    spec = TrainingSpec(
        arn="arn", region="us-east-1", image="randomcutforest:1", hyperparameters=ASKED,
        sources=(
            Source("train", "s3://b/train", content_type=RECORDS, sharded=True),
            *([Source("test", "s3://b/test", content_type=RECORDS)] if test else []),
        ),
        output_uri="s3://b/out", instances=len(shares),
    )  # fmt: skip
    return spec, root / "algo-1" / "ml"


def test_hosts_share_a_fit(tmp_path: Path, run) -> None:
    X, y = crowd(8_000)
    spec, root = hosts(tmp_path / "job", [X[rank::3] for rank in range(3)], write_rows(X, y))
    heard = Heard()
    fit(NAME, spec, root, heard)
    assert heard.metrics["test:f1"] > 0.8
    asked = Tabular(crowd(500, 3)[0])
    shared = get(NAME).load(root / "model").predict(asked)["score"]
    alone = get(NAME).load(run(write_rows(X)).folder).predict(asked)["score"]
    assert spearmanr(shared, alone)[0] > 0.9
    np.testing.assert_allclose(shared, alone, rtol=0.25)


def test_hosts_whose_shares_do_not_fit_are_named(tmp_path: Path) -> None:
    X, _ = crowd(100)
    spec, root = hosts(tmp_path / "columns", [X, X[:, :2]])
    with pytest.raises((DataError, JobError), match="algo-2"):
        fit(NAME, spec, root, Heard())
    spec, root = hosts(tmp_path / "empty", [X, X[:0]])
    with pytest.raises(JobError, match=r"algo-2: .*no rows"):
        fit(NAME, spec, root, Heard())


@pytest.mark.parametrize(("name", "sharded", "words"), [("train", False, "ShardedByS3Key"), ("test", True, "whole")])
def test_channels_must_be_shared_out_as_the_container_wants(tmp_path: Path, name, sharded, words) -> None:
    X, y = crowd(100)
    spec, root = hosts(tmp_path, [X, X], write_rows(X, y))
    sources = tuple(replace(each, sharded=sharded) if each.name == name else each for each in spec.sources)
    with pytest.raises(DataError, match=words):
        fit(NAME, replace(spec, sources=sources), root, Heard())
