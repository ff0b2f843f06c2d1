"""Script mode: what a framework's container does around the user's script.

The code archive is unpacked, its requirements are installed, hyperparameters become arguments, and the surroundings are
told in ``SM_*`` variables. Source: the behaviour of SageMaker's training toolkit.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tarragon.engine import Objects, cores
from tarragon.errors import DataError, JobError
from tarragon.train.transfer import parts, unpack

PROGRAM, SUBMIT = "sagemaker_program", "sagemaker_submit_directory"
HIDDEN = ("sagemaker_", "_tuning_objective_metric")
STANDINS = Path(__file__).with_name("standins")
CODE = "/opt/ml/code"
PORT = 7777  # where the first host of several listens for torch.distributed
TAIL = 40  # lines of a failed script's output that its failure repeats


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
    """

    rank: int
    world: int
    instance_type: str
    channels: tuple[str, ...]
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        """``algo-1``."""
        return f"algo-{self.rank + 1}"

    @property
    def names(self) -> list[str]:
        """Every host's name."""
        return [f"algo-{i + 1}" for i in range(self.world)]

    @property
    def resources(self) -> dict[str, Any]:
        """``resourceconfig.json``."""
        group = {"instance_group_name": "homogeneousCluster", "instance_type": self.instance_type, "hosts": self.names}
        return {
            "current_host": self.name, "current_instance_type": self.instance_type,
            "current_group_name": "homogeneousCluster", "hosts": self.names, "instance_groups": [group],
            "network_interface_name": "lo",
        }  # fmt: skip


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
        "CURRENT_HOST": host.name, "HOSTS": host.names, "NUM_CPUS": cores(), "NUM_GPUS": 0, "NUM_NEURONS": 0,
        "NETWORK_INTERFACE_NAME": "lo", "CURRENT_INSTANCE_TYPE": host.instance_type,
        "CURRENT_INSTANCE_GROUP": "homogeneousCluster", "CURRENT_INSTANCE_GROUP_HOSTS": host.names,
        "INSTANCE_GROUPS": ["homogeneousCluster"], "DISTRIBUTION_INSTANCE_GROUPS": [],
        "INSTANCE_GROUPS_DICT": {"homogeneousCluster": resources["instance_groups"][0]}, "IS_HETERO": False,
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
        **found, "MASTER_ADDR": "algo-1" if host.world > 1 else "127.0.0.1", "MASTER_PORT": str(PORT),
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
        with objects.open(f"s3://{bucket}/{key}") as source, open(archive, "wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        unpack(archive, code)
        archive.unlink()
    elif location.startswith("/opt/ml/"):
        there = root / location.removeprefix("/opt/ml/")
        if there.is_dir() and there != code:
            shutil.copytree(there, code, dirs_exist_ok=True)
        elif there.is_file():
            unpack(there, code)


def command(program: str, hyperparameters: Mapping[str, Any]) -> list[str]:
    """Write how a script is run: Python for ``.py``, a shell for the rest."""
    given = arguments(own(hyperparameters))
    if program.endswith(".py"):
        return [sys.executable, program, *given]
    return ["/bin/sh", "-c", f'exec /bin/sh "./{program}" "$@"', program, *given]


def environment_for(requirements: Path, home: Path, say: Callable[[str], None] = lambda _: None) -> Path | None:
    """Install a requirements file once; return the folder to put on PYTHONPATH, None when it asks for nothing.

    What this Python has already is not installed again. Installed folders are kept under the home by the file's hash.

    Raises
    ------
    JobError
        When pip fails, with what it said.
    """
    text = requirements.read_text(encoding="utf-8", errors="replace")
    wanted = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    if not wanted:
        return None
    digest = hashlib.sha256("\n".join([sys.version, sys.prefix, *wanted]).encode()).hexdigest()[:16]
    folder = home / "environments" / digest
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".installed").exists():
            _install(requirements, folder, say)
    return folder


def _install(requirements: Path, folder: Path, say: Callable[[str], None]) -> None:
    making = folder.with_suffix(".making")
    shutil.rmtree(making, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    argv = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    # A user site of its own: pip sees what this Python has, and adds only what is missing or too old.
    env = {**os.environ, "PYTHONUSERBASE": str(making)}
    missing = subprocess.run(
        [*argv, "--dry-run", "--report", "-", "-r", requirements.name],
        cwd=requirements.parent, capture_output=True, text=True, env=env, check=False,
    )  # fmt: skip
    making.mkdir(parents=True)
    if missing.returncode == 0:
        report = json.loads(missing.stdout[missing.stdout.index("{") :])
        needed = [f"{each['metadata']['name']}=={each['metadata']['version']}" for each in report["install"]]
        if needed:
            say(f"Installing {', '.join(needed)}")
            missing = subprocess.run(
                [*argv, "--no-deps", "--target", str(making), *needed], capture_output=True, text=True, check=False
            )
    if missing.returncode:
        shutil.rmtree(making, ignore_errors=True)
        said = " | ".join(missing.stderr.strip().splitlines()[-3:])
        raise JobError(f"The packages in {requirements.name} could not be installed", why=said, fix="Correct the file")
    (making / ".installed").touch()
    os.replace(making, folder)


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
    if not (root / "code" / program).is_file():
        there = ", ".join(sorted(each.name for each in (root / "code").iterdir())[:10]) or "nothing"
        raise DataError(
            f"There is no script {program}", why=f"the code holds {there}", fix="Check entry_point and source_dir"
        )
    return program
