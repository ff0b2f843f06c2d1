from dataclasses import replace

import pytest
from tests.serve.conftest import DOUBLES, archive

from tarragon.errors import DataError
from tarragon.serve import Container
from tarragon.serve.place import command, prepare

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"


def test_a_model_is_unpacked_once(place):
    container = place.model("m", DOUBLES)
    start = prepare(container, place.home / "p", place.home)
    assert (start["framework"], start["program"], start["code"]) == ("sklearn", "inference.py", "/opt/ml/model/code")
    place.objects.delete(container.model)
    assert prepare(container, place.home / "p", place.home) == start
    made = command(start)
    assert made.argv[1:] == ("-m", "tarragon.serve.host", "sklearn")
    assert made.environment["PYTHONPATH"].startswith("/opt/ml/model/code")
    assert made.environment["SM_MODEL_DIR"] == "/opt/ml/model"


def test_code_may_come_apart_from_the_model(place):
    place.objects.put("s3://models/code.tar.gz", archive({"run.py": DOUBLES}))
    given = {"SAGEMAKER_PROGRAM": "run.py", "SAGEMAKER_SUBMIT_DIRECTORY": "s3://models/code.tar.gz"}
    container = replace(place.model("m", DOUBLES), environment=given)
    start = prepare(container, place.home / "p", place.home)
    assert (start["code"], start["program"]) == ("/opt/ml/code", "run.py")
    assert (place.home / "p" / "ml" / "code" / "run.py").is_file()


def test_files_need_no_archive(place):
    place.objects.put("s3://models/plain/xgboost-model", b"x")
    container = Container(XGBOOST, "s3://models/plain/", packed=False)
    start = prepare(container, place.home / "p", place.home)
    assert start["framework"] == ""
    assert (place.home / "p" / "ml" / "model" / "xgboost-model").read_bytes() == b"x"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"image": "1.dkr.ecr.eu-west-1.amazonaws.com/mine:1"}, "cannot be run here"),
        ({"model": "s3://models/none.tar.gz"}, "Failed to download model data"),
        ({"environment": {"SAGEMAKER_PROGRAM": "none.py"}}, "There is no script none.py"),
        ({"environment": {"SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/../../etc"}}, "not allowed"),
    ],
)
def test_what_cannot_be_served_is_said(place, changes, words):
    container = replace(place.model("m", DOUBLES), **changes)
    with pytest.raises((DataError, ValueError), match=words):
        prepare(container, place.home / "p", place.home)


def test_an_archive_cannot_leave_its_folder(place):
    place.objects.put("s3://models/bad.tar.gz", archive({"../../evil": "x"}))
    with pytest.raises(DataError, match="cannot be unpacked"):
        prepare(Container(XGBOOST, "s3://models/bad.tar.gz"), place.home / "p", place.home)
    assert not list(place.home.rglob("evil"))


def test_a_model_of_the_hub_answers_itself_on_a_frameworks_image(place):
    facts = '{"algorithm": "lightgbm", "model_id": "lightgbm-regression-model"}'
    place.objects.put("s3://models/hub.tar.gz", archive({".tarragon-serving.json": facts, "code/inference.py": ""}))
    pytorch = "763104351884.dkr.ecr.us-west-2.amazonaws.com/pytorch-inference:2.0.0-cpu-py310"
    container = Container(pytorch, "s3://models/hub.tar.gz", environment={"SAGEMAKER_PROGRAM": "inference.py"})
    assert prepare(container, place.home / "p", place.home)["framework"] == ""
    place.objects.put("s3://models/mine.tar.gz", archive({".tarragon-serving.json": facts, "code/mine.py": ""}))
    mine = Container(pytorch, "s3://models/mine.tar.gz", environment={"SAGEMAKER_PROGRAM": "mine.py"})
    assert prepare(mine, place.home / "q", place.home)["program"] == "mine.py"  # a script of one's own is asked
