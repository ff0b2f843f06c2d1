"""Training jobs of k-means: channels, log lines, shares of several hosts, and what is refused."""

import os
import re
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans as Peer

from tarragon.algorithms import get
from tarragon.data import write_rows
from tarragon.errors import DataError, JobError, ParameterError, TarragonError
from tarragon.train.builtin import Channel, Teller, default_metrics, fit, learn
from tarragon.train.builtin.run import compiled
from tarragon.train.protocol import Source, TrainingSpec

from .conftest import Heard

NAME = "kmeans"
RECORDS = "application/x-recordio-protobuf"
ASKED = {"feature_dim": "3", "k": "4", "mini_batch_size": "200"}


def groups(n: int, seed: int = 0) -> np.ndarray:
    """Rows around four places."""
    rng = np.random.default_rng(seed)
    places = np.random.default_rng(9).normal(0, 8, (4, 3))
    return (places[rng.integers(0, 4, n)] + rng.normal(size=(n, 3))).astype(np.float32)


def csv(rows: np.ndarray) -> str:
    return "\n".join(",".join(f"{v:g}" for v in row) for row in rows.tolist()) + "\n"


def msd(rows: np.ndarray, centres: np.ndarray) -> float:
    return float(cdist(rows.astype(float), centres.astype(float), "sqeuclidean").min(axis=1).mean())


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Heard]:
    """Train on a channel's content; returns what was heard."""

    def trained(train: bytes | str, asked: Mapping[str, str] = ASKED, **more: str | bytes) -> Heard:
        heard, channels = Heard(), {}
        given = {"train": train, **({"test": more["test"]} if "test" in more else {})}
        for name, content in given.items():
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            (folder / "part").write_bytes(content.encode() if isinstance(content, str) else content)
            kind = RECORDS if isinstance(content, bytes) else "text/csv;label_size=0"
            channels[name] = Channel(folder, str(more.get("kind", kind)))
        heard.folder = tmp_path / f"model-{len(list(tmp_path.iterdir()))}"
        heard.folder.mkdir()
        learn(NAME, asked, channels, heard.folder, Teller(heard, compiled(default_metrics(NAME)), threads=1))
        return heard

    return trained


def test_a_job_finds_the_groups_and_says_so(run) -> None:
    X, held = groups(2_000), groups(500, 1)
    heard = run(write_rows(X), {**ASKED, "epochs": "2", "eval_metrics": '["msd", "ssd"]'}, test=write_rows(held))
    centres = get(NAME).load(heard.folder).centres_
    assert heard.metrics["test:msd"] == pytest.approx(msd(held, centres), rel=1e-5)
    assert heard.metrics["test:ssd"] == pytest.approx(500 * msd(held, centres), rel=1e-5)
    assert heard.metrics["train:msd"] == pytest.approx(msd(X, centres), rel=1e-4)
    assert heard.metrics["train:msd"] <= 1.03 * Peer(4, n_init=5, random_state=0).fit(X).inertia_ / 2_000
    assert heard.epochs == [1, 2]
    said = "\n".join(heard.lines)
    for pattern in (
        r"'extra_center_factor' was set to 'auto', evaluated to 10\.", r"shrinking 40 centers into 4",
        r"local kmeans attempt #0\. Current mean square distance \d+\.\d{6}", r"local kmeans attempt #9\.",
        r"finished shrinking process\. Mean Square Distance = \d", r"#progress_metric: host=algo-1, completed 100 % of",
        r"#quality_metric: host=algo-1, test msd <loss>=\d", r"#throughput_metric: host=algo-1, train throughput=\d",
        r"Final configuration: \{",
    ):  # fmt: skip
        assert re.search(pattern, said), pattern


def test_records_and_csv_are_the_same_model(run) -> None:
    X = groups(600)
    text = "\n".join(",".join(repr(v) for v in row) for row in X.tolist()) + "\n"
    first, second = (get(NAME).load(run(content).folder).centres_ for content in (text, write_rows(X)))
    np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-4)


def test_only_what_is_asked_for_is_measured(run) -> None:
    heard = run(csv(groups(100)), test=csv(groups(50)))
    assert {name for name in heard.metrics if name.startswith("test")} == {"test:msd"}
    assert "Test data is not provided." in run(csv(groups(100))).lines


def test_the_sdks_own_words_are_taken(run) -> None:
    """As ``sagemaker.KMeans`` sends them."""
    more = {
        "init_method": "kmeans++", "local_lloyd_max_iter": "50", "local_lloyd_tol": "0.01",
        "local_lloyd_num_trials": "3", "local_lloyd_init_method": "random", "half_life_time_size": "1000",
        "extra_center_factor": "5", "eval_metrics": '["ssd"]', "force_dense": "True", "_tuning_objective_metric": "",
    }  # fmt: skip
    heard = run(write_rows(groups(300)), {**ASKED, **more}, test=write_rows(groups(50)))
    assert "shrinking 20 centers into 4" in heard.lines
    assert sum(line.startswith("local kmeans attempt") for line in heard.lines) == 3
    assert "test:ssd" in heard.metrics


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"k": "1"}, "k: '1' is not valid"), ({"k": "x"}, "k: 'x'"), ({"clusters": "4"}, "'clusters' was unexpected"),
        ({"eval_metrics": '["mse"]'}, "eval_metrics"), ({"eval_metrics": "msd"}, "eval_metrics"),
        ({"init_method": "best"}, "init_method"), ({"local_lloyd_tol": "2"}, "local_lloyd_tol"),
        ({"half_life_time_size": "-1"}, "half_life_time_size"), ({"epochs": "0"}, "epochs"),
        ({"extra_center_factor": "0"}, "extra_center_factor"),
    ],
)  # fmt: skip
def test_hyperparameters_are_refused_by_name(run, more: dict[str, str], words: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(words)):
        run(csv(groups(10)), {**ASKED, **more})


@pytest.mark.parametrize("name", ["k", "feature_dim"])
def test_what_is_required_is_asked_for(run, name: str) -> None:
    with pytest.raises(ParameterError, match=f"'{name}' is a required property"):
        run(csv(groups(10)), {key: value for key, value in ASKED.items() if key != name})


@pytest.mark.parametrize(
    ("train", "more", "words"),
    [
        ("", {}, "no rows"), ("1,2\n" * 9, {}, "2 features.*feature_dim is 3"), ("1,2,3\n4,5\n", {}, "not all rows"),
        ("1,nan,3\n" * 9, {}, "missing"), ("1,a,3\n", {}, "not a number"), ("1,2,3\n", {}, "There are 1 rows"),
        ("1,2,3\n", {"kind": "image/png"}, "image/png"),
        (write_rows(np.ones((5, 3), np.float32))[:-7], {}, "not complete"),
        ("1,2,3\n" * 9, {"test": "1,2\n"}, "2 columns"), ("1,2,3\n" * 9, {"test": ""}, "no rows"),
    ],
)  # fmt: skip
def test_channels_are_refused_with_a_reason(run, train: bytes | str, more: dict[str, str], words: str) -> None:
    with pytest.raises(TarragonError, match=words):
        run(train, **more)


def test_the_train_channel_is_needed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='"train" is missing'):
        learn(NAME, ASKED, {}, tmp_path, Teller(Heard()))


def test_a_pipe_is_read(tmp_path: Path) -> None:
    pipe, model, X = tmp_path / "train_0", tmp_path / "model", groups(400)
    os.mkfifo(pipe)
    model.mkdir()
    writer = threading.Thread(target=lambda: pipe.write_bytes(write_rows(X)))
    writer.start()
    learn(NAME, ASKED, {"train": Channel(pipe, RECORDS)}, model, Teller(Heard(), threads=1))
    writer.join(10)
    found = get(NAME).load(model)
    assert found.msd_ == pytest.approx(msd(X, found.centres_), rel=1e-4)


def hosts(root: Path, shares: list[np.ndarray]) -> tuple[TrainingSpec, Path]:
    """Lay out the folders of a job on several hosts."""
    for rank, rows in enumerate(shares):
        own = root / f"algo-{rank + 1}" / "ml"
        folder = own / "input" / "data" / "train"
        folder.mkdir(parents=True)
        (folder / "part.pbr").write_bytes(write_rows(rows) if len(rows) else b"")
        (own / "model").mkdir()
    spec = TrainingSpec(
        arn="arn", region="us-east-1", image="kmeans:1", hyperparameters=ASKED,
        sources=(Source("train", "s3://b/train", content_type=RECORDS, sharded=True),),
        output_uri="s3://b/out", instances=len(shares),
    )  # fmt: skip
    return spec, root / "algo-1" / "ml"


def test_four_hosts_share_a_fit(tmp_path: Path) -> None:
    X = groups(4_000)
    spec, root = hosts(tmp_path / "job", [X[:200], X[200:900], X[900:2_000], X[2_000:]])
    fit(NAME, spec, root, (heard := Heard()))
    centres = get(NAME).load(root / "model").centres_
    assert heard.metrics["train:msd"] == pytest.approx(msd(X, centres), rel=1e-4)
    assert msd(X, centres) <= 1.03 * Peer(4, n_init=5, random_state=0).fit(X).inertia_ / len(X)


def test_hosts_whose_shares_do_not_fit_are_named(tmp_path: Path) -> None:
    X = groups(100)
    spec, root = hosts(tmp_path / "columns", [X, X[:, :2]])
    with pytest.raises((DataError, JobError), match="algo-2"):
        fit(NAME, spec, root, Heard())
    spec, root = hosts(tmp_path / "empty", [X, X[:0]])
    with pytest.raises(JobError, match=r"algo-2: .*no rows"):
        fit(NAME, spec, root, Heard())
