"""Training jobs of principal components: channels, log lines, shares of several hosts, and what is refused."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import subspace_angles

from tarragon.algorithms import get
from tarragon.data import read_ndarrays, write_rows
from tarragon.errors import DataError, JobError, ParameterError, TarragonError
from tarragon.train.builtin import Channel, Teller, default_metrics, fit, learn
from tarragon.train.builtin.run import compiled
from tarragon.train.protocol import Source, TrainingSpec

from .conftest import Heard

NAME = "pca"
RECORDS = "application/x-recordio-protobuf"
ASKED = {"feature_dim": "5", "num_components": "2", "mini_batch_size": "50"}


def plane(n: int, seed: int = 0) -> np.ndarray:
    """Rows near a plane."""
    rng = np.random.default_rng(seed)
    axes = np.random.default_rng(9).normal(size=(2, 5))
    return (rng.normal(size=(n, 2)) * (1, 3) @ axes + rng.normal(0, 0.1, (n, 5)) + 7).astype(np.float32)


def csv(rows: np.ndarray) -> str:
    return "\n".join(",".join(f"{v:g}" for v in row) for row in rows.tolist()) + "\n"


def exact(X: np.ndarray) -> np.ndarray:
    return np.linalg.svd(X - X.mean(axis=0), full_matrices=False)[2][:2].T


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


@pytest.mark.parametrize("mode", ["regular", "randomized"])
def test_a_job_finds_the_plane_and_says_how_far_it_is(run, mode: str) -> None:
    X = plane(800)
    heard = run(write_rows(X), {**ASKED, "algorithm_mode": mode}, test=write_rows(X[:30]))
    arrays = read_ndarrays((heard.folder / "model_algo-1").read_bytes())
    assert subspace_angles(arrays["v"], exact(X)).max() < 1e-4
    assert arrays["s"][0] < arrays["s"][1]
    np.testing.assert_allclose(arrays["mean"][0], X.mean(axis=0), rtol=1e-4)
    assert heard.epochs == [1]
    assert heard.metrics["train:progress"] == 100
    assert heard.metrics["train:throughput"] > 0
    assert "processed a total of 30 examples" in heard.lines


def test_the_sdks_own_words_are_taken(run) -> None:
    """As ``sagemaker.PCA`` sends them."""
    more = {
        "algorithm_mode": "randomized", "subtract_mean": "False", "extra_components": "3", "force_dense": "True",
    }  # fmt: skip
    heard = run(write_rows(plane(300)), {**ASKED, **more})
    assert set(read_ndarrays((heard.folder / "model_algo-1").read_bytes())) == {"v", "s"}
    assert "Test data is not provided." in heard.lines
    assert len(run(csv(plane(300)), {**ASKED, "extra_components": "-1"}).lines)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"num_components": "0"}, "num_components: '0' is not valid"), ({"components": "4"}, "'components' was unexp"),
        ({"algorithm_mode": "exact"}, "algorithm_mode"), ({"extra_components": "-2"}, "extra_components"),
        ({"subtract_mean": "maybe"}, "subtract_mean"), ({"mini_batch_size": "0"}, "mini_batch_size"),
        ({"num_components": "6"}, "num_components=6 is not allowed"),
    ],
)  # fmt: skip
def test_hyperparameters_are_refused_by_name(run, more: dict[str, str], words: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(words)):
        run(csv(plane(10)), {**ASKED, **more})


@pytest.mark.parametrize("name", list(ASKED))
def test_what_is_required_is_asked_for(run, name: str) -> None:
    with pytest.raises(ParameterError, match=f"'{name}' is a required property"):
        run(csv(plane(10)), {key: value for key, value in ASKED.items() if key != name})


@pytest.mark.parametrize(
    ("train", "more", "words"),
    [
        ("", {}, "no rows"), ("1,2\n" * 9, {}, "2 features.*feature_dim is 5"), ("1,2,3\n4,5\n", {}, "not all rows"),
        ("1,nan,3,4,5\n" * 9, {}, "missing"), ("1,a,3,4,5\n", {}, "not a number"),
        ("1,2,3,4,5\n", {}, "There are 1 rows"), ("1,2,3,4,5\n", {"kind": "image/png"}, "image/png"),
        (write_rows(np.ones((5, 5), np.float32))[:-7], {}, "not complete"),
        (csv(plane(9)), {"test": "1,2\n"}, "2 columns"),
    ],
)  # fmt: skip
def test_channels_are_refused_with_a_reason(run, train: bytes | str, more: dict[str, str], words: str) -> None:
    with pytest.raises(TarragonError, match=words):
        run(train, **more)


def test_the_train_channel_is_needed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='"train" is missing'):
        learn(NAME, ASKED, {}, tmp_path, Teller(Heard()))


def hosts(root: Path, shares: list[np.ndarray]) -> tuple[TrainingSpec, Path]:
    """Lay out the folders of a job on several hosts."""
    for rank, rows in enumerate(shares):
        own = root / f"algo-{rank + 1}" / "ml"
        folder = own / "input" / "data" / "train"
        folder.mkdir(parents=True)
        (folder / "part.pbr").write_bytes(write_rows(rows))
        (own / "model").mkdir()
    spec = TrainingSpec(
        arn="arn", region="us-east-1", image="pca:1", hyperparameters=ASKED,
        sources=(Source("train", "s3://b/train", content_type=RECORDS, sharded=True),),
        output_uri="s3://b/out", instances=len(shares),
    )  # fmt: skip
    return spec, root / "algo-1" / "ml"


def test_four_hosts_share_a_fit(tmp_path: Path) -> None:
    X = plane(2_000)
    spec, root = hosts(tmp_path / "job", [X[:100], X[100:500], X[500:900], X[900:]])
    fit(NAME, spec, root, (heard := Heard()))
    assert subspace_angles(get(NAME).load(root / "model").components_, exact(X)).max() < 1e-4
    assert heard.metrics["train:progress"] == 100


def test_hosts_whose_shares_do_not_fit_are_named(tmp_path: Path) -> None:
    X = plane(100)
    spec, root = hosts(tmp_path / "columns", [X, X[:, :3]])
    with pytest.raises((DataError, JobError), match="algo-2"):
        fit(NAME, spec, root, Heard())
