"""The job's surroundings as an object, read from the ``SM_*`` variables and ``/opt/ml``."""

import json
import os
from typing import Any

base_dir = "/opt/ml"
code_dir = f"{base_dir}/code"
input_dir = f"{base_dir}/input"
input_data_dir = f"{input_dir}/data"
input_config_dir = f"{input_dir}/config"
model_dir = os.environ.get("SM_MODEL_DIR", f"{base_dir}/model")
output_dir = f"{base_dir}/output"
output_data_dir = os.environ.get("SM_OUTPUT_DATA_DIR", f"{output_dir}/data")


def read_hyperparameters() -> dict[str, Any]:
    """Read the job's hyperparameters, decoded, the script's own only."""
    return dict(_read("HPS", {}))


def num_cpus() -> int:
    """Count the processors."""
    return int(_read("NUM_CPUS", os.cpu_count() or 1))


def num_gpus() -> int:
    """Count the graphics processors."""
    return int(_read("NUM_GPUS", 0))


class Environment:
    """The surroundings under the toolkit's names, ``channel_input_dirs`` and ``hosts`` among them."""

    def __init__(self, *_: object, **__: object) -> None:
        self._held: dict[str, Any] = dict(_read("TRAINING_ENV", {}))
        for name, value in {
            "model_dir": model_dir, "input_dir": input_dir, "input_config_dir": input_config_dir,
            "output_dir": output_dir, "output_data_dir": output_data_dir,
            "output_intermediate_dir": f"{output_dir}/intermediate", "hyperparameters": {}, "hosts": ["algo-1"],
            "current_host": "algo-1", "num_cpus": num_cpus(), "num_gpus": num_gpus(), "channel_input_dirs": {},
            "additional_framework_parameters": {}, "is_master": True, "job_name": "", "log_level": 20,
        }.items():  # fmt: skip
            self._held.setdefault(name, value)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_held"][name]
        except KeyError:
            raise AttributeError(f"the training environment has no {name}") from None

    def __getitem__(self, name: str) -> Any:
        return self._held[name]

    def to_env_vars(self) -> dict[str, str]:
        """Return the job's ``SM_*`` variables."""
        return {name: value for name, value in os.environ.items() if name.startswith("SM_")}


def _read(name: str, default: Any) -> Any:
    text = os.environ.get(f"SM_{name}")
    if not text:
        return default
    try:
        return json.loads(text)
    except ValueError:
        return text
