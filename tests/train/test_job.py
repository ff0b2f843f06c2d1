"""A training job as its process runs it: phases, data, scripts, failures, stops, checkpoints, several hosts."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tarragon.train import Pattern, Source, TrainingSpec

from .conftest import Home

Script = Callable[..., TrainingSpec]
TRAIN = Source("train", "s3://data/train")


def test_a_script_trains_and_everything_is_told(home: Home, script: Script) -> None:
    text = """
import json, os, sys
print(sys.argv[1:], os.listdir(os.environ["SM_CHANNEL_TRAIN"]), os.environ["SM_HP_LR"], os.environ["TRAINING_JOB_NAME"])
print("loss=0.5;"); print("loss=0.25; loss=nan;")
for name in ("hyperparameters", "inputdataconfig", "resourceconfig", "debughookconfig"):
    print(json.dumps(json.load(open(f"/opt/ml/input/config/{name}.json"))))
open("/opt/ml/model/sub.txt", "w").write("model")
open(os.environ["SM_OUTPUT_DATA_DIR"] + "/more.txt", "w").write("more")
"""
    spec = script(
        text, hyperparameters={"lr": "0.1", "name": '"a b"'}, sources=(TRAIN,),
        patterns=(Pattern("loss", "loss=([0-9.a-z]+);"),), documents={"debughookconfig": {"S3OutputPath": "s3://x"}},
    )  # fmt: skip
    result = home.run(spec)
    assert result["state"] == "Completed", result
    assert home.unpacked("s3://data/out/j/output/model.tar.gz") == {"sub.txt": b"model"}
    assert home.unpacked("s3://data/out/j/output/output.tar.gz") == {"more.txt": b"more"}
    assert [(each["name"], each["value"]) for each in result["metrics"]] == [("loss", 0.25)]
    phases = [payload["status"] for kind, payload in home.events() if kind == "phase"]
    assert phases == ["Starting", "Downloading", "Training", "Uploading"]
    assert [payload["value"] for kind, payload in home.events() if kind == "metric"] == [0.5, 0.25]
    lines = home.lines()
    assert lines[0] == "['--lr', '0.1', '--name', 'a b'] ['a.csv', 'deep'] 0.1 j"
    told = [json.loads(line) for line in lines[3:]]
    assert told[0]["name"] == '"a b"'
    assert told[1]["train"] == {
        "TrainingInputMode": "File", "RecordWrapperType": "None", "S3DistributionType": "FullyReplicated",
    }  # fmt: skip
    assert told[2]["current_host"] == "algo-1"
    assert told[3] == {"S3OutputPath": "s3://x"}


def test_equal_models_are_equal_bytes(home: Home, script: Script) -> None:
    spec = script("open('/opt/ml/model/m', 'w').write('x')")
    home.run(spec, "a")
    time.sleep(1.1)
    home.run(spec, "b")
    first, second = (home.objects.get(f"s3://data/out/{name}/output/model.tar.gz") for name in "ab")
    assert first == second


def test_a_model_may_be_stored_file_by_file(home: Home, script: Script) -> None:
    result = home.run(replace(script("open('/opt/ml/model/m', 'w').write('x')"), packed=False))
    assert result["model_uri"] == "s3://data/out/j/output/model/"
    assert home.objects.get("s3://data/out/j/output/model/m") == b"x"


def test_a_script_that_fails_says_why(home: Home, script: Script) -> None:
    result = home.run(
        script("def f():\n    raise ValueError('no luck')\nprint('before')\nf()", hyperparameters={"k": "1"})
    )
    assert result["state"] == "Failed"
    reason = result["reason"]
    assert reason.startswith('AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "Traceback')
    assert "ValueError: no luck" in reason
    assert 'Command "python3 train.py -k 1"' in reason
    assert reason.endswith("exit code: 1")
    assert not home.objects.exists("s3://data/out/j/output/model.tar.gz")


def test_its_own_words_come_first_and_output_is_kept(home: Home, script: Script) -> None:
    text = (
        "open('/opt/ml/output/failure', 'w').write('CapacityError: no room')\n"
        "open('/opt/ml/output/data/x', 'w')\nraise SystemExit(3)"
    )
    result = home.run(script(text))
    assert result["reason"] == "AlgorithmError: CapacityError: no room, exit code: 3"
    assert home.unpacked("s3://data/out/j/output/output.tar.gz") == {"x": b""}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sources": (Source("train", "s3://data/none"),)}, 'ClientError: No S3 objects found under S3 URL "s3://data/none"'),
        ({"sources": (Source("train", "s3://missing/x"),)}, "ClientError: No S3 objects found"),
        ({"sources": (Source("..", "s3://data/train"),)}, "ClientError: '..' is not allowed"),
        ({"output_uri": "s3://nowhere/x"}, "ClientError: The bucket of s3://nowhere/x does not exist"),
        ({"hyperparameters": {"sagemaker_program": "other.py"}}, "ClientError: There is no script other.py"),
        ({"hyperparameters": {"sagemaker_program": "../../../x"}}, "ClientError: '../../../x' is not allowed"),
        ({"hyperparameters": {"sagemaker_submit_directory": "s3://data/no.tar.gz"}}, "ClientError: The code s3://data/no"),
        ({"hyperparameters": {"sagemaker_submit_directory": "s3://data/train/a.csv"}}, "ClientError: .sourcedir"),
        ({"hyperparameters": {"sagemaker_mpi_enabled": "true"}}, "ClientError: The script cannot be distributed"),
        ({"checkpoint_uri": "s3://data/c", "checkpoint_path": "/etc"}, "ClientError: Checkpoints cannot be in /etc"),
        ({"checkpoint_uri": "s3://data/c", "checkpoint_path": "/opt/ml/../../x"}, "ClientError: '../../x' is not"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_the_clients_fault(home: Home, script: Script, settings: dict[str, Any], words: str) -> None:
    result = home.run(script("print(1)", **settings))
    assert result["state"] == "Failed"
    assert result["reason"].startswith(words), result["reason"]


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3", "needs a script"),
        ("205585389593.dkr.ecr.us-east-1.amazonaws.com/sagemaker-clarify-processing:1.0", "does not train"),
        ("1.dkr.ecr.us-east-1.amazonaws.com/mine:1", "Start Docker or Podman"),
    ],
)
def test_an_image_that_cannot_train_says_what_to_do(home: Home, uri: str, words: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("tarragon.train.docker.container_engine", lambda: "")
    result = home.run(TrainingSpec("arn", "us-east-1", uri, {}, (), "s3://data/out"))
    assert result["state"] == "Failed"
    assert result["reason"].startswith("ClientError: ")
    assert words in result["reason"]


def test_a_stop_keeps_what_there_is(home: Home, script: Script) -> None:
    text = "import time\nopen('/opt/ml/model/m', 'w').write('half')\nprint('up')\ntime.sleep(60)"
    spec = script(text)

    def stop() -> None:
        until(lambda: (home.folder() / "algo-1" / "ml" / "model" / "m").exists())
        (home.folder() / "stop").touch()

    threading.Thread(target=stop).start()
    begun = time.monotonic()
    result = home.run(spec)
    assert (result["state"], result["exceeded"]) == ("Stopped", False)
    assert time.monotonic() - begun < 40
    assert home.unpacked("s3://data/out/j/output/model.tar.gz") == {"m": b"half"}


def test_the_time_is_limited(home: Home, script: Script) -> None:
    result = home.run(script("import time; time.sleep(60)", max_runtime_s=2))
    assert (result["state"], result["exceeded"]) == ("Stopped", True)
    assert "MaxRuntime" in result["reason"]


def test_checkpoints_are_stored_and_found_again(home: Home, script: Script) -> None:
    home.objects.put("s3://data/check/old", b"1")
    text = "import os; print(os.listdir('/opt/ml/ck')); open('/opt/ml/ck/new', 'w').write('2')"
    spec = script(text, checkpoint_uri="s3://data/check", checkpoint_path="/opt/ml/ck/")
    assert home.run(spec)["state"] == "Completed"
    assert home.objects.get("s3://data/check/new") == b"2"
    home.run(spec, "again")
    assert home.lines() == ["['old']"]
    assert sorted(json.loads(home.lines(name="again")[0].replace("'", '"'))) == ["new", "old"]


def test_a_second_attempt_begins_clean_but_for_checkpoints(home: Home, script: Script) -> None:
    spec = script("import os; print(os.listdir('/opt/ml/model'), os.listdir('/opt/ml/checkpoints'))")
    root = home.folder() / "algo-1" / "ml"
    for name in ("model/half", "checkpoints/kept"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    home.run(spec, attempt=2)
    assert home.lines() == ["[] ['kept']"]


def test_several_hosts_share_the_data_and_the_model(home: Home, script: Script) -> None:
    text = """
import json, os, pathlib
found = sorted(p.name for p in pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).rglob("*.csv"))
host = os.environ["SM_CURRENT_HOST"]
print(found, host, json.loads(os.environ["SM_HOSTS"]), os.environ["RANK"], os.environ["WORLD_SIZE"])
open(f"/opt/ml/model/{host}", "w").write(host)
"""
    source = replace(TRAIN, sharded=True)
    result = home.run(script(text, instances=2, sources=(source,)))
    assert result["state"] == "Completed", result
    assert home.lines(host=1) == ["['a.csv'] algo-1 ['algo-1', 'algo-2'] 0 2"]
    assert home.lines(host=2) == ["['b.csv'] algo-2 ['algo-1', 'algo-2'] 1 2"]
    assert home.unpacked("s3://data/out/j/output/model.tar.gz") == {"algo-1": b"algo-1", "algo-2": b"algo-2"}


def test_the_host_that_failed_first_is_the_reason(home: Home, script: Script) -> None:
    text = "import os, sys, time\nif os.environ['RANK'] == '1':\n    sys.exit(5)\ntime.sleep(60)"
    result = home.run(script(text, instances=2))
    assert result["reason"].endswith("exit code: 5")


def test_instance_groups_get_their_own_channels(home: Home, script: Script) -> None:
    text = "import os; print(os.environ['SM_CURRENT_INSTANCE_GROUP'], os.listdir('/opt/ml/input/data'))"
    groups = (("big", "ml.m5.large", 1), ("small", "ml.c5.large", 1))
    home.run(script(text, instances=2, groups=groups, sources=(replace(TRAIN, hosts=("small",)),)))
    assert (home.lines(host=1), home.lines(host=2)) == (["big []"], ["small ['train']"])


def test_an_entry_point_runs_as_it_is(home: Home, script: Script) -> None:
    spec = script(
        "print('no')", entrypoint=("/bin/bash",), arguments=("-c", "command -v python3 && echo $TRAINING_JOB_ARN")
    )
    home.run(spec)
    lines = home.lines()
    assert lines[0] == str(home.folder() / "algo-1" / "packages" / "bin" / "python3")
    assert lines[1].startswith("arn:aws:sagemaker")


def test_what_pip_installs_in_a_job_stays_in_the_job(home: Home, script: Script) -> None:
    pytest.importorskip("setuptools")
    setup = "from setuptools import setup; setup(name='mine', version='1', py_modules=['mine'])"
    text = "import mine, sys; print(mine.__file__.startswith('/opt/ml/code') or sys.prefix in mine.__file__)"
    result = home.run(script(text, {"setup.py": setup, "mine.py": "x = 1"}))
    assert result["state"] == "Completed", result
    assert home.lines()[-1] == "True"


def test_a_built_in_algorithm_trains_in_this_process(home: Home) -> None:
    rows = "".join(f"{i % 2},{i % 2 + i / 1000},{i % 7}\n" for i in range(200))
    home.objects.put("s3://data/xgb/rows.csv", rows.encode())
    uri = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    parameters = {"num_round": "3", "objective": "binary:logistic", "eval_metric": "error"}
    spec = TrainingSpec(
        "arn",
        "us-east-1",
        uri,
        parameters,
        (Source("train", "s3://data/xgb/", content_type="text/csv"),),
        "s3://data/out",
    )
    result = home.run(spec)
    assert result["state"] == "Completed", result
    assert "xgboost-model" in home.unpacked("s3://data/out/j/output/model.tar.gz")
    assert result["metrics"][0]["name"] == "train:error"
    wrong = home.run(replace(spec, hyperparameters={**parameters, "eta": "7"}), "wrong")
    assert wrong["reason"].startswith("ClientError: ")


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
