"""Script mode: what a script is told and how it is run."""

import json
from pathlib import Path

import pytest

from tarragon.errors import DataError, ParameterError
from tarragon.train import script

from .conftest import Home

HOST = script.Host(0, 1, "ml.m5.large", ("train", "test-set"), {"train": {"TrainingInputMode": "File"}})
BOTH = script.Host(1, 2, "ml.m5.large", (), {}, port=4321)
LISTED = (
    "MODEL_DIR", "INPUT_DIR", "INPUT_CONFIG_DIR", "OUTPUT_DIR", "OUTPUT_DATA_DIR", "OUTPUT_INTERMEDIATE_DIR",
    "CHANNELS", "HPS", "CURRENT_HOST", "HOSTS", "NUM_CPUS", "NUM_GPUS", "NUM_NEURONS", "NETWORK_INTERFACE_NAME",
    "CURRENT_INSTANCE_TYPE", "CURRENT_INSTANCE_GROUP", "CURRENT_INSTANCE_GROUP_HOSTS", "INSTANCE_GROUPS",
    "INSTANCE_GROUPS_DICT", "DISTRIBUTION_INSTANCE_GROUPS", "IS_HETERO", "RESOURCE_CONFIG", "INPUT_DATA_CONFIG",
    "MODULE_NAME", "MODULE_DIR", "USER_ENTRY_POINT", "USER_ARGS", "FRAMEWORK_MODULE", "FRAMEWORK_PARAMS",
    "LOG_LEVEL", "TRAINING_ENV",
)  # fmt: skip


def test_every_variable_the_toolkit_sets_is_set() -> None:
    hyperparameters = script.decoded(
        {
            "sagemaker_program": '"deep/train.py"', "sagemaker_submit_directory": '"s3://b/k.tar.gz"', "lr": "0.1",
            "sagemaker_job_name": '"job"', "_tuning_objective_metric": "x", "opt": "adam",
        }
    )  # fmt: skip
    found = script.environment(HOST, hyperparameters, "sklearn")
    assert {f"SM_{name}" for name in LISTED} <= set(found)
    assert found["SM_CHANNEL_TRAIN"] == "/opt/ml/input/data/train"
    assert found["SM_CHANNEL_TEST-SET"] == "/opt/ml/input/data/test-set"
    assert json.loads(found["SM_CHANNELS"]) == ["test-set", "train"]
    assert json.loads(found["SM_HPS"]) == {"lr": 0.1, "opt": "adam"}
    assert (found["SM_HP_LR"], found["SM_HP_OPT"]) == ("0.1", "adam")
    assert json.loads(found["SM_USER_ARGS"]) == ["--lr", "0.1", "--opt", "adam"]
    assert found["SM_MODULE_NAME"] == "train"
    assert found["SM_USER_ENTRY_POINT"] == "deep/train.py"
    assert found["SM_FRAMEWORK_MODULE"] == "sagemaker_sklearn_container.training:main"
    whole = json.loads(found["SM_TRAINING_ENV"])
    assert whole["channel_input_dirs"]["train"] == "/opt/ml/input/data/train"
    assert whole["hyperparameters"] == {"lr": 0.1, "opt": "adam"}
    assert whole["job_name"] == "job"
    assert found["SM_IS_HETERO"] == "false"


def test_torch_is_told_where_the_others_are() -> None:
    found = script.environment(BOTH, {}, "pytorch")
    told = {name: found[name] for name in ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK", "LOCAL_RANK")}
    assert told == {"MASTER_ADDR": "algo-1", "MASTER_PORT": "4321", "WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "0"}


def test_groups_of_instances() -> None:
    host = script.Host(2, 3, "", (), {}, (("a", "ml.m5.large", 1), ("b", "ml.c5.large", 2)))
    assert host.resources["current_group_name"] == "b"
    assert host.resources["current_instance_type"] == "ml.c5.large"
    assert host.group["hosts"] == ["algo-2", "algo-3"]
    assert script.environment(host, {}, "")["SM_IS_HETERO"] == "true"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"b": 1, "a": True}, ["-a", "True", "-b", "1"]),
        ({"list": [1, "x"], "map": {"k": 0}}, ["--list", '[1, "x"]', "--map", '{"k": 0}']),
        ({"empty": "", "none": None}, ["--empty", "", "--none", ""]),
    ],
)
def test_hyperparameters_become_arguments(given: dict[str, object], expected: list[str]) -> None:
    assert script.arguments(given) == expected


def test_how_a_script_is_run() -> None:
    assert script.command("t.py", {"x": 1}, HOST) == ["python3", "t.py", "-x", "1"]
    shell = script.command("t.sh", {}, HOST)
    assert shell[0] == "/bin/sh"
    assert shell[-1] == "t.sh"
    torch = script.command("t.py", {"sagemaker_torch_distributed_enabled": True, "lr": 1}, BOTH)
    assert torch[1:6] == ["-m", "torch.distributed.run", "--nnodes=2", "--node_rank=1", torch[5]]
    assert torch[6:] == ["--master_addr=algo-1", "--master_port=4321", "t.py", "--lr", "1"]
    with pytest.raises(DataError, match="parameter server"):
        script.command("t.py", {"sagemaker_parameter_server_enabled": True}, HOST)


def test_accelerators_are_counted_not_supposed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert script.accelerators() == 0
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert script.accelerators() == len(list(Path("/dev").glob("nvidia[0-9]*")))


def test_code_may_lie_in_a_channel_but_not_outside(home: Home, tmp_path: Path) -> None:
    root = tmp_path / "ml"
    (root / "input" / "data" / "code").mkdir(parents=True)
    (root / "input" / "data" / "code" / "t.py").write_text("x")
    script.fetch_code(home.objects, "/opt/ml/input/data/code", root)
    assert (root / "code" / "t.py").read_text() == "x"
    with pytest.raises(ParameterError):
        script.fetch_code(home.objects, "/opt/ml/../../etc", root)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ('{"requirements": "auto"}', "requirements.txt"), ('{"requirements": "deep/r.txt"}', "deep/r.txt"),
        ('{"requirements": null}', None), ("{}", None), ("no json", None), ('{"requirements": "../../r.txt"}', None),
    ],
)  # fmt: skip
def test_the_requirements_a_v3_driver_names(tmp_path: Path, told: str, expected: str | None) -> None:
    assert script.requirements_of(tmp_path) is None
    (tmp_path / "sm_drivers").mkdir()
    (tmp_path / "sm_drivers" / "sourcecode.json").write_text(told)
    assert script.requirements_of(tmp_path) == (tmp_path / "code" / expected if expected else None)


def test_a_failure_is_the_traceback() -> None:
    lines = ["noise", "Traceback (most recent call last):", '  File "t.py"', "ValueError: no"]
    said = script.failure(1, ["python3", "t.py"], lines)
    assert said.startswith('ExecuteUserScriptError:\nExitCode 1\nErrorMessage "Traceback')
    assert "noise" not in said
    assert said.endswith('Command "python3 t.py"')
