"""Training jobs of IP Insights: log lines, metrics, and what is refused."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tarragon.algorithms import get
from tarragon.algorithms.ip_encoder import ENTITY, Recipe, Run, begin
from tarragon.data import AddressPairs
from tarragon.errors import DataError, JobError, ParameterError, TarragonError
from tarragon.train.builtin import Channel, Teller, default_metrics, fit, learn
from tarragon.train.builtin.run import compiled
from tarragon.train.protocol import Source, TrainingSpec

from .conftest import Heard, together

pytest.importorskip("torch")
NAME = "ip-insights"
ASKED = {
    "num_entity_vectors": "100", "vector_dim": "8", "epochs": "6", "mini_batch_size": "100", "learning_rate": "0.03",
    "batch_metrics_publish_interval": "2",
}  # fmt: skip


def csv(n: int, seed: int = 0) -> str:
    """Forty users; each keeps to one of four networks."""
    rng = np.random.default_rng(seed)
    users = rng.integers(0, 40, n)
    return "".join(
        f"user_{u},{50 * (u % 4) + 10}.7.{u % 4}.{h}\n" for u, h in zip(users, rng.integers(1, 255, n), strict=True)
    )


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Heard]:
    """Train on channels of CSV; returns what was heard."""

    def trained(asked: Mapping[str, str] = ASKED, kind: str = "text/csv", **files: str) -> Heard:
        heard, channels = Heard(), {}
        for name, content in files.items():
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            (folder / "part.csv").write_text(content)
            channels[name] = Channel(folder, kind)
        heard.folder = tmp_path / "model"
        heard.folder.mkdir()
        learn(NAME, asked, channels, heard.folder, Teller(heard, compiled(default_metrics(NAME)), threads=1))
        return heard

    return trained


def test_a_job_learns_and_says_so(run) -> None:
    heard = run(train=csv(600), validation=csv(300, 1))
    assert heard.epochs == [1, 2, 3, 4, 5, 6]
    assert heard.metrics["validation:discriminator_auc"] > 0.85
    assert 0.5 < heard.metrics["train:binary_classification_accuracy:epoch"] <= 1
    assert heard.metrics["train:progress"] == 100
    lines = "\n".join(heard.lines)
    for form in (
        r"#quality_metric: host=\S+, epoch=5, validation discriminator_auc <score>=\d\.\d+",
        r"#quality_metric: host=\S+, epoch=0, batch=2 train binary_classification_accuracy <score>=\d\.\d+",
        r"#quality_metric: host=\S+, epoch=0, train binary_classification_cross_entropy <loss>=\d\.\d+",
        r"Final configuration: .*\"num_entity_vectors\": \"100\"",
    ):
        assert re.search(form, lines), form
    model = get(NAME).load(heard.folder)
    own, other = model.predict(AddressPairs.of([("user_0", "10.7.0.9"), ("user_0", "160.7.3.9")]))["dot_product"]
    assert own > 0 > other


def test_without_validation_there_is_no_auc(run) -> None:
    heard = run({**ASKED, "epochs": "1"}, train=csv(50))
    assert "validation:discriminator_auc" not in heard.metrics


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"vector_dim": "3"}, "vector_dim: '3' is not valid"), ({"epochs": "0"}, "epochs"),
        ({"learning_rate": "11"}, "learning_rate"), ({"vector_dims": "8"}, "'vector_dims' was unexpected"),
        ({"random_negative_sampling_rate": "0", "shuffled_negative_sampling_rate": "0"}, "together are 1 to 500"),
        ({"num_entity_vectors": "250000001"}, "num_entity_vectors"),
    ],
)  # fmt: skip
def test_hyperparameters_are_refused_by_name(run, more: dict[str, str], words: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(words)):
        run({**ASKED, **more}, train=csv(10))


@pytest.mark.parametrize("name", ["num_entity_vectors", "vector_dim"])
def test_what_has_no_default_is_required(run, name: str) -> None:
    with pytest.raises(ParameterError, match=f"'{name}' is a required property"):
        run({key: value for key, value in ASKED.items() if key != name}, train=csv(10))


@pytest.mark.parametrize(
    ("train", "kind", "words"),
    [
        ("", "text/csv", "no rows"), ("ann,10.0.0.1\nbob,::1\n", "text/csv", r"part\.csv: Row 2 .*IPv6"),
        ("ann,10.0.0\n", "text/csv", "Row 1"), ("ann,10.0.0.1,3\n", "text/csv", "two columns"),
        ("ann,10.0.0.1\n", "application/x-recordio-protobuf", "text/csv only"),
    ],
)  # fmt: skip
def test_channels_are_refused_with_a_reason(run, train: str, kind: str, words: str) -> None:
    with pytest.raises(TarragonError, match=words):
        run(ASKED, kind, train=train)


def test_the_train_channel_is_needed(run) -> None:
    with pytest.raises(DataError, match='"train" is missing'):
        run(validation=csv(10))


def test_one_pair_is_enough(run) -> None:
    assert run({**ASKED, "epochs": "1"}, train="ann,10.0.0.1\n", validation="ann,10.0.0.1\n").epochs == [1]


def hosts(root: Path, asked: Mapping[str, str], shares: list[str], **valid: str) -> tuple[TrainingSpec, Path]:
    """Lay out the folders of a job on several hosts; each has a share of train, the first all of validation."""
    for rank, content in enumerate(shares):
        for name, text in {"train": content, **({} if rank else valid)}.items():
            folder = root / f"algo-{rank + 1}" / "ml" / "input" / "data" / name
            folder.mkdir(parents=True)
            (folder / "part.csv").write_text(text)
    names = ("train", *valid)
    spec = TrainingSpec(
        arn="arn", region="us-east-1", image="ipinsights:1", hyperparameters=asked,
        sources=tuple(Source(name, f"s3://b/{name}", content_type="text/csv", sharded=True) for name in names),
        output_uri="s3://b/out", instances=len(shares),
    )  # fmt: skip
    return spec, root / "algo-1" / "ml"


def test_hosts_learn_each_others_users(tmp_path: Path) -> None:
    """Users of two networks are on either host, and one host has a third of the other's rows."""
    rows = csv(1_200).splitlines(keepends=True)
    even = [row for row in rows if int(row.split(",")[0].removeprefix("user_")) % 2 == 0]
    odd = [row for row in rows if row not in set(even)]
    spec, root = hosts(tmp_path, {**ASKED, "epochs": "12"}, ["".join(even[:200]), "".join(odd)], validation=csv(300, 1))
    fit(NAME, spec, root, (heard := Heard()))
    assert heard.epochs == list(range(1, 13))
    assert heard.metrics["validation:discriminator_auc"] > 0.85
    model = get(NAME).load(root / "model")
    own, other = model.predict(AddressPairs.of([("user_1", "60.7.1.9"), ("user_1", "160.7.3.9")]))["dot_product"]
    assert own > 0 > other  # the first host has never seen user_1


def test_a_host_without_pairs_ends_the_job_with_its_name(tmp_path: Path) -> None:
    spec, root = hosts(tmp_path, ASKED, [csv(50), ""])
    with pytest.raises(JobError, match=r"algo-2: .*no rows"):
        fit(NAME, spec, root, Heard())


def trained(rank: int, asked: Recipe, rows: AddressPairs, peers: Any = None, world: int = 1) -> dict[str, Any]:
    context = Teller(Heard(), threads=1, rank=rank, world=world, peers=peers)
    start = begin(asked, 0)
    start[ENTITY] = np.random.default_rng(0).normal(size=start[ENTITY].shape).astype(np.float32)
    run = Run(asked, rows, context, start)
    run.train(None)
    return run.weights


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_hosts_that_share_a_fit_take_the_steps_of_one(cut: int) -> None:
    """All rows have one address, so that neither order nor shuffling makes a difference; hosts have unlike shares."""
    address = np.full(6, 0x0A070009, np.uint32)
    rows = AddressPairs(np.array([1, 2, 3, 1, 4, 11], np.uint64), address)  # 1 and 11 share a row of the table
    parts = [AddressPairs(rows.entity[part], address[part]) for part in (slice(cut), slice(cut, 6))]
    asked = Recipe(10, 4, 2, 4, 12, 0.01, 0.1, 0, 1, 1)  # two layers, four epochs of one batch, shuffled noise only
    found: dict[int, dict[str, Any]] = {}
    together(2, lambda rank, peers: found.update({rank: trained(rank, asked, parts[rank], peers, 2)}))
    one = trained(0, asked, rows)
    for name, array in one.items():
        np.testing.assert_array_equal(found[0][name], found[1][name])
        np.testing.assert_allclose(found[0][name], array, rtol=2e-4, atol=2e-6)
        assert np.abs(array - trained(0, replace(asked, epochs=2), rows)[name]).max() > 1e-3, name
