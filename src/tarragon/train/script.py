"""Script mode: what a framework's container does around the user's script.

The code archive is unpacked, its requirements are installed, hyperparameters become arguments, and the surroundings are
told in ``SM_*`` variables. Source: the behaviour of SageMaker's training toolkit.
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tarragon.engine import Objects, contained, cores
from tarragon.errors import DataError, NotFoundError
from tarragon.train.transfer import parts, unpack

PROGRAM, SUBMIT = "sagemaker_program", "sagemaker_submit_directory"
HIDDEN = ("sagemaker_", "_tuning_objective_metric")
STANDINS = Path(__file__).with_name("standins")
CODE = "/opt/ml/code"
PORT = 7777  # where the first host of several listens for torch.distributed, unless the job found another port
TAIL = 40  # lines of a failed script's output that its failure repeats
ELSEWHERE = {
    "sagemaker_mpi_enabled": "MPI", "sagemaker_distributed_dataparallel_enabled": "SageMaker's data parallel library",
    "sagemaker_parameter_server_enabled": "a parameter server", "sagemaker_multi_worker_mirrored_strategy_enabled":
    "TensorFlow's multi-worker strategy",
}  # fmt: skip
TORCHRUN = ("sagemaker_torch_distributed_enabled", "sagemaker_pytorch_ddp_enabled")


def decoded(hyperparameters: Mapping[str, str]) -> dict[str, Any]:
    """Read hyperparameters: JSON where they are JSON, else text as it is.

    Examples
    --------
    >>> decoded({"lr": "0.1", "name": '"adam"', "plain": "adam", "on": "true"})
    {'lr': 0.1, 'name': 'adam', 'plain': 'adam', 'on': True}
    """
    found = {}
    for name, text in hyperparameters.items():
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


def own(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is the container's, not the script's."""
    return {name: value for name, value in hyperparameters.items() if not name.startswith(HIDDEN)}


def arguments(hyperparameters: Mapping[str, Any]) -> list[str]:
    """Write hyperparameters as a script's arguments, by name.

    Examples
    --------
    >>> arguments({"lr": 0.1, "k": [1], "on": True, "name": "a b"})
    ['-k', '[1]', '--lr', '0.1', '--name', 'a b', '--on', 'True']
    """
    found = []
    for name in sorted(hyperparameters):
        value = hyperparameters[name]
        found += [f"--{name}" if len(name) > 1 else f"-{name}"]
        found += [json.dumps(value) if isinstance(value, (dict, list)) else "" if value is None else str(value)]
    return found


@dataclass(frozen=True, slots=True)
class Host:
    """One host's place in a job.

    Parameters
    ----------
    rank, world : int
    instance_type : str
    channels : tuple of str
    settings : mapping
        ``inputdataconfig.json`` as it was written.
    groups : tuple of (str, str, int)
        Name, instance type and size of each instance group; none for a cluster of equals.
    port : int
        Where the first host listens for the others.
    """

    rank: int
    world: int
    instance_type: str
    channels: tuple[str, ...]
    settings: Mapping[str, Any]
    groups: tuple[tuple[str, str, int], ...] = ()
    port: int = PORT

    @property
    def name(self) -> str:
        """``algo-1``."""
        return f"algo-{self.rank + 1}"

    @property
    def names(self) -> list[str]:
        """Every host's name."""
        return [f"algo-{i + 1}" for i in range(self.world)]

    @property
    def instance_groups(self) -> list[dict[str, Any]]:
        """The groups, with their hosts."""
        names, found = iter(self.names), []
        for name, kind, size in self.groups or (("homogeneousCluster", self.instance_type, self.world),):
            hosts = [next(names) for _ in range(size)]
            found.append({"instance_group_name": name, "instance_type": kind, "hosts": hosts})
        return found

    @property
    def group(self) -> dict[str, Any]:
        """The host's own group."""
        return next(each for each in self.instance_groups if self.name in each["hosts"])

    @property
    def resources(self) -> dict[str, Any]:
        """``resourceconfig.json``."""
        return {
            "current_host": self.name, "current_instance_type": self.group["instance_type"],
            "current_group_name": self.group["instance_group_name"], "hosts": self.names,
            "instance_groups": self.instance_groups, "network_interface_name": "lo",
        }  # fmt: skip


def accelerators() -> int:
    """Count this machine's graphics processors."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    there = sum(1 for each in Path("/dev").glob("nvidia[0-9]*"))
    return there if chosen is None else min(there, sum(1 for each in chosen.split(",") if each.strip(" -1")))


def environment(host: Host, hyperparameters: Mapping[str, Any], framework: str) -> dict[str, str]:
    """Tell a script its surroundings, in ``SM_*`` variables."""
    params = own(hyperparameters)
    program = str(hyperparameters.get(PROGRAM, ""))
    given = arguments(params)
    module = program.rpartition("/")[2].removesuffix(".py")
    resources = host.resources
    facts: dict[str, Any] = {
        "MODEL_DIR": "/opt/ml/model", "INPUT_DIR": "/opt/ml/input", "INPUT_CONFIG_DIR": "/opt/ml/input/config",
        "OUTPUT_DIR": "/opt/ml/output", "OUTPUT_DATA_DIR": "/opt/ml/output/data",
        "OUTPUT_INTERMEDIATE_DIR": "/opt/ml/output/intermediate", "CHANNELS": sorted(host.channels), "HPS": params,
        "CURRENT_HOST": host.name, "HOSTS": host.names, "NUM_CPUS": cores(), "NUM_GPUS": accelerators(),
        "NUM_NEURONS": 0, "NETWORK_INTERFACE_NAME": "lo", "CURRENT_INSTANCE_TYPE": host.group["instance_type"],
        "CURRENT_INSTANCE_GROUP": host.group["instance_group_name"],
        "CURRENT_INSTANCE_GROUP_HOSTS": host.group["hosts"],
        "INSTANCE_GROUPS": [each["instance_group_name"] for each in host.instance_groups],
        "DISTRIBUTION_INSTANCE_GROUPS": hyperparameters.get("sagemaker_distribution_instance_groups", []),
        "INSTANCE_GROUPS_DICT": {each["instance_group_name"]: each for each in host.instance_groups},
        "IS_HETERO": len(host.groups) > 1,
        "RESOURCE_CONFIG": resources, "INPUT_DATA_CONFIG": host.settings, "MODULE_NAME": module,
        "MODULE_DIR": str(hyperparameters.get(SUBMIT, CODE)), "USER_ENTRY_POINT": program, "USER_ARGS": given,
        "FRAMEWORK_MODULE": f"sagemaker_{framework}_container.training:main" if framework else "",
        "FRAMEWORK_PARAMS": {k: v for k, v in hyperparameters.items() if k.startswith("sagemaker_")},
        "LOG_LEVEL": int(hyperparameters.get("sagemaker_container_log_level", 20)),
    }  # fmt: skip
    facts |= {f"CHANNEL_{name.upper()}": f"/opt/ml/input/data/{name}" for name in host.channels}
    facts |= {f"HP_{name.upper()}": value for name, value in params.items()}
    found = {f"SM_{name}": value if isinstance(value, str) else json.dumps(value) for name, value in facts.items()}
    found["SM_TRAINING_ENV"] = json.dumps(_training_environment(host, hyperparameters, facts))
    return {
        **found, "MASTER_ADDR": "algo-1" if host.world > 1 else "127.0.0.1", "MASTER_PORT": str(host.port),
        "WORLD_SIZE": str(host.world), "RANK": str(host.rank), "LOCAL_RANK": "0",
    }  # fmt: skip


def _training_environment(host: Host, hyperparameters: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    lower = {name.lower(): value for name, value in facts.items() if not name.startswith(("CHANNEL_", "HP_"))}
    channels = {name: f"/opt/ml/input/data/{name}" for name in host.channels}
    return {
        **lower, "hyperparameters": facts["HPS"], "channel_input_dirs": channels, "is_master": host.rank == 0,
        "master_hostname": "algo-1", "job_name": hyperparameters.get("sagemaker_job_name", ""),
        "additional_framework_parameters": {}, "num_cpus": facts["NUM_CPUS"],
    }  # fmt: skip


def fetch_code(objects: Objects, location: str, root: Path) -> None:
    """Unpack the code archive a job names into ``<root>/code``. Raises ``DataError``."""
    code = root / "code"
    code.mkdir(parents=True, exist_ok=True)
    if location.startswith("s3://"):
        bucket, key = parts(location)
        archive = root / ".sourcedir.tar.gz"
        try:
            with objects.open(f"s3://{bucket}/{key}") as source, open(archive, "wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
        except NotFoundError as error:
            raise DataError(f"The code {location} cannot be fetched", why="it does not exist", fix=error.fix) from error
        unpack(archive, code)
        archive.unlink()
    elif location.rstrip("/").startswith("/opt/ml/"):
        there = contained(root, location.rstrip("/").removeprefix("/opt/ml/"))
        if there.is_dir() and there != code.resolve():
            shutil.copytree(there, code, dirs_exist_ok=True)
        elif there.is_file():
            unpack(there, code)


def requirements_of(channels: Path) -> Path | None:
    """Find the requirements file that SDK v3's driver will install, by what its ``sourcecode.json`` says."""
    told = channels / "sm_drivers" / "sourcecode.json"
    try:
        name = json.loads(told.read_text())["requirements"]
        return contained(channels / "code", "requirements.txt" if name == "auto" else str(name)) if name else None
    except (OSError, ValueError, KeyError, TypeError):  # no driver of that kind, or no requirements
        return None


def command(program: str, hyperparameters: Mapping[str, Any], host: Host) -> list[str]:
    """Write how a script is run: Python for ``.py``, torch's launcher if that is asked for, a shell for the rest.

    Raises
    ------
    DataError
        For a way of distribution that is not to be had here.
    """
    given = arguments(own(hyperparameters))
    for name, what in ELSEWHERE.items():
        if hyperparameters.get(name) is True:
            raise DataError(
                f"The script cannot be distributed by {what}", why="that is not to be had here",
                fix="Use torch_distributed, or a single instance",
            )  # fmt: skip
    if not program.endswith(".py"):
        return ["/bin/sh", "-c", 'chmod +x "$0" && exec "./$0" "$@"', program, *given]
    if any(hyperparameters.get(name) is True for name in TORCHRUN):
        return [
            "python3", "-m", "torch.distributed.run", f"--nnodes={host.world}", f"--node_rank={host.rank}",
            f"--nproc_per_node={max(1, accelerators())}", f"--master_addr={host.names[0]}",
            f"--master_port={host.port}", program, *given,
        ]  # fmt: skip
    return ["python3", program, *given]


def python_path(*folders: Path | str | None) -> str:
    """Join a job's import path: its own folders, then the stand-ins for packages only SageMaker's images have."""
    return os.pathsep.join([*(str(each) for each in folders if each), str(STANDINS)])


def failure(code: int, argv: Sequence[str], output: Sequence[str]) -> str:
    """Write a failed script's failure text as SageMaker's toolkit does."""
    tail = list(output[-TAIL:])
    start = next((i for i in range(len(tail) - 1, -1, -1) if tail[i].startswith("Traceback")), None)
    said = "\n".join(tail if start is None else tail[start:])[-800:]
    shown = " ".join(argv)
    return f'ExecuteUserScriptError:\nExitCode {code}\nErrorMessage "{said}"\nCommand "{shown}"'


def program_of(hyperparameters: Mapping[str, Any], root: Path) -> str:
    """Name the script, which must be there. Raises ``DataError``."""
    program = str(hyperparameters[PROGRAM])
    if not contained(root / "code", program.removeprefix("./")).is_file():
        there = ", ".join(sorted(each.name for each in (root / "code").iterdir())[:10]) or "nothing"
        raise DataError(
            f"There is no script {program}", why=f"the code holds {there}", fix="Check entry_point and source_dir"
        )
    return program
