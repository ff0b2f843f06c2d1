"""Which built-in algorithm a job means."""

import json
from dataclasses import replace

import pytest

from tarragon.train import Source, TrainingSpec
from tarragon.train.dialect import Meaning, built_in, model, understood

HOST = "763104351884.dkr.ecr.us-west-2.amazonaws.com"
CACHE = "s3://jumpstart-cache-prod-us-west-2"
PYTORCH = f"{HOST}/pytorch-training:2.0.0-cpu-py310"


def spec(
    image: str = PYTORCH, code: str = "", program: str = "transfer_learning.py", start: str = "", **more: object
) -> TrainingSpec:
    given = {"sagemaker_program": json.dumps(program), "sagemaker_submit_directory": json.dumps(code)} if code else {}
    sources = (Source("training", "s3://b/rows"), *((Source("model", start),) if start else ()))
    return replace(TrainingSpec("arn", "us-west-2", image, given, sources, "s3://b/out"), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "start", "expected"),
    [
        ("lightgbm/transfer_learning/classification/v2.0.0", "lightgbm-training/train-lightgbm-classification-model",
         ("lightgbm", "lightgbm-classification-model")),
        ("catboost/transfer_learning/regression/v2.0.0", "", ("catboost", "catboost-regression-model")),
        ("pytorch/transfer_learning/tabtransformerclassification/prepack/v1.0.0", "",
         ("tab-transformer", "pytorch-tabtransformerclassification-model")),
        ("autogluon/transfer_learning/regression/prepack/v1.0.1", "", ("autogluon", "autogluon-regression-ensemble")),
        ("tensorflow/transfer_learning/ic/prepack/v1.0.0",
         "tensorflow-training/train-tensorflow-ic-imagenet-mobilenet-v2-100-224-classification-4",
         ("image-classification", "tensorflow-ic-imagenet-mobilenet-v2-100-224-classification-4")),
        ("tensorflow/transfer_learning/od1/prepack/v1.0.0", "", ("object-detection", "tensorflow-od1")),
        ("tensorflow/transfer_learning/tc/v1.0.0", "", ("text-classification", "tensorflow-tc")),
        ("mine/transfer_learning", "", None),
    ],
)  # fmt: skip
def test_the_hubs_script_names_the_method(code: str, start: str, expected: tuple[str, str] | None) -> None:
    code = f"{CACHE}/source-directory-tarballs/{code}/sourcedir.tar.gz"
    found = built_in(spec(code=code, start=f"{CACHE}/{start}.tar.gz" if start else ""))
    assert found == (Meaning(*expected) if expected else None)


def test_a_script_of_ones_own_is_run() -> None:
    cached = f"{CACHE}/source-directory-tarballs/lightgbm/transfer_learning/classification/v2.0.0/sourcedir.tar.gz"
    start = f"{CACHE}/lightgbm-training/train-lightgbm-classification-model.tar.gz"
    assert built_in(spec(code="s3://mine/job/source/sourcedir.tar.gz", start=start)) is None
    assert built_in(spec(code=cached, program="mine.py")) is None
    assert built_in(spec(image=f"{HOST}/mine:1", code=cached)) is None
    assert understood(spec(code="s3://mine/code.tar.gz")).kind == "framework"
    assert understood(spec(code=cached)).kind == "algorithm"


def test_newer_clients_bring_the_script_as_a_channel() -> None:
    cached = f"{CACHE}/source-directory-tarballs/catboost/transfer_learning/classification/v2.0.0/sourcedir.tar.gz"
    asked = spec(entrypoint=("/bin/bash", "/opt/ml/input/data/sm_drivers/sm_train.sh"))
    asked = replace(asked, sources=(*asked.sources, Source("code", cached)))
    assert built_in(asked) == Meaning("catboost", "catboost-classification-model")


def test_first_party_images_say_it_themselves() -> None:
    assert built_in(spec(image=f"{HOST}/sagemaker-xgboost:1.7-1")) == Meaning("xgboost")
    assert built_in(spec(image=f"{HOST}/sagemaker-xgboost:1.7-1", code="s3://mine/x.tar.gz", program="t.py")) is None
    assert built_in(spec(image=f"{HOST}/lightgbm-regression-model:1")) == Meaning(
        "lightgbm", "lightgbm-regression-model"
    )
    assert built_in(spec()) is None


def test_a_model_id_ends_where_the_archives_suffix_begins() -> None:
    found = model(f"{CACHE}/tensorflow-training/train-tensorflow-tc-bert-en-uncased-L-2-H-128-A-2-2.tar.gz")
    assert found == Meaning("text-classification", "tensorflow-tc-bert-en-uncased-L-2-H-128-A-2-2")
    assert model("s3://mine/model.tar.gz") is None
