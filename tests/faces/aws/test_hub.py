"""The hub's bucket: what its manifest promises is there, and what its specifications say can be trained."""

import io
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tarragon.algorithms import get
from tarragon.engine import Buckets, buckets_in
from tarragon.engine.buckets import Wanted
from tarragon.faces.aws import hub
from tarragon.train import Source, TrainingSpec
from tarragon.train.builtin import Channel, Order, Teller, setting
from tarragon.train.builtin.run import known
from tarragon.train.dialect import Meaning, built_in

BUCKET = "jumpstart-cache-prod-eu-west-1"


class Silent:
    """A job nobody watches."""

    def say(self, text: str) -> None: ...

    def metric(self, name: str, value: float, step: int | None = None) -> None: ...

    def epoch(self, n: int, steps: int, records: int, seconds: float) -> None: ...

    def stop_asked(self) -> bool:
        return False


@pytest.fixture
def buckets(tmp_path: Path) -> Buckets:
    found = buckets_in(tmp_path / "objects")
    assert hub.lay_out(found, BUCKET)
    return found


def read(buckets: Buckets, key: str) -> bytes:
    file, _ = buckets.open(BUCKET, key)
    with file:
        return file.read()


def test_it_comes_to_be_once_and_by_its_name_only(buckets: Buckets) -> None:
    assert not hub.lay_out(buckets, BUCKET)
    assert not hub.lay_out(buckets, "mine")
    assert hub.region_of(BUCKET) == "eu-west-1"
    assert hub.region_of("jumpstart-cache-prod-evil") == ""
    assert not buckets.exists("mine")


@pytest.mark.parametrize("kept", [0, 1, 7])
def test_a_making_that_was_cut_short_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    found, left = buckets_in(tmp_path / "objects"), [None] * kept
    keep = found.keep

    def fails(*given: Any) -> Any:
        if not left:
            raise OSError("no space left")
        left.pop()
        return keep(*given)

    with monkeypatch.context() as patched:
        patched.setattr(found, "keep", fails)
        with pytest.raises(OSError, match="no space"):
            hub.lay_out(found, BUCKET)
    assert found.exists(BUCKET)
    assert found.find(BUCKET, hub.MANIFEST) is None
    before = {each.key: each.modified for each in found.page(BUCKET, Wanted()).objects}
    assert len(before) == kept
    assert hub.lay_out(found, BUCKET)
    test_what_the_manifest_names_is_there_and_means_the_method(found)
    after = {each.key: each.modified for each in found.page(BUCKET, Wanted()).objects}
    assert {key: after[key] for key in before} == before  # what was there is left


def test_a_complete_one_is_only_looked_at(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    find = buckets.find
    monkeypatch.setattr(buckets, "find", lambda bucket, key: looked.append(key) or find(bucket, key))
    monkeypatch.setattr(hub, "_fill", lambda *_: pytest.fail("made again"))
    assert not hub.lay_out(buckets, BUCKET)
    assert looked == [hub.MANIFEST]


def test_requests_of_the_same_moment_all_find_it_complete(tmp_path: Path) -> None:
    found = buckets_in(tmp_path / "objects")

    def asked(_: int) -> bool:
        hub.lay_out(found, BUCKET)
        return found.find(BUCKET, hub.MANIFEST) is not None

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(asked, range(4)))


def test_what_the_manifest_names_is_there_and_means_the_method(buckets: Buckets) -> None:
    headers = json.loads(read(buckets, hub.MANIFEST))
    methods = {id_: algorithm for id_, algorithm, _, _ in hub.models()}
    assert {header["model_id"] for header in headers} == set(methods)
    for header in headers:
        spec = json.loads(read(buckets, header["spec_key"]))
        for key in ("training_artifact_key", "training_script_key", "hosting_script_key", "hosting_artifact_key"):
            with tarfile.open(fileobj=io.BytesIO(read(buckets, spec[key]))) as archive:
                assert set(archive.getnames()) == {"transfer_learning.py", "inference.py"}
        given = {
            "sagemaker_program": '"transfer_learning.py"',
            "sagemaker_submit_directory": json.dumps(f"s3://{BUCKET}/{spec['training_script_key']}"),
        }
        start = Source("model", f"s3://{BUCKET}/{spec['training_artifact_key']}")
        asked = TrainingSpec(
            "arn", "eu-west-1", f"{spec['training_ecr_specs']['framework']}-training:1", given, (start,), ""
        )
        assert built_in(asked) == Meaning(methods[header["model_id"]], header["model_id"])


@pytest.mark.parametrize(
    ("model_id", "quick"),
    [
        ("lightgbm-classification-model", {"num_boost_round": 2}), ("catboost-regression-model", {"iterations": 2}),
        ("pytorch-tabtransformerclassification-model", {"n_epochs": 1, "n_blocks": 1}),
    ],
)  # fmt: skip
def test_defaults_are_what_the_recipe_takes(tmp_path: Path, model_id: str, quick: dict[str, Any]) -> None:
    algorithm = next(name for id_, name, _, _ in hub.models() if id_ == model_id)
    if algorithm != "lightgbm":
        pytest.importorskip({"catboost": "catboost"}.get(algorithm, "torch"))
    defaults = {each["name"]: each["default"] for each in hub.hyperparameters(algorithm)}
    X = np.random.default_rng(0).normal(size=(60, 3))
    (tmp_path / "training").mkdir()
    (tmp_path / "model").mkdir()
    np.savetxt(tmp_path / "training" / "a.csv", np.column_stack([X[:, 0] > 0, X]), delimiter=",", fmt="%.6g")
    given = {
        name: json.dumps(value) if isinstance(value, str) else str(value)
        for name, value in {**defaults, **quick}.items()
    }
    channels = {"training": Channel(tmp_path / "training")}
    known(algorithm).train(Order(given, channels, tmp_path / "model", Teller(Silent(), threads=1), model_id))
    assert any((tmp_path / "model").iterdir())


def test_the_loops_defaults_are_what_it_declares() -> None:
    given = {each["name"]: str(each["default"]) for each in hub.hyperparameters("autogluon")}
    read_back = setting.read(given, setting.declarations(get("autogluon")), {})
    assert read_back["presets"] == "medium_quality"
    assert set(given) - set(read_back) == {"time_limit"}  # auto
