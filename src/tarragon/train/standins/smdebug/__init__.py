"""Stand-in for Debugger's library: scripts that import it run, and nothing is recorded.

The hooks take every call and keep nothing, which each says once, on standard error: a script's tensors are not saved
here.
"""

import enum
import sys
from typing import Any


class modes(enum.Enum):
    """What a model is doing."""

    TRAIN = 1
    EVAL = 2
    PREDICT = 3
    GLOBAL = 4


class _Config:
    """Settings, kept and not acted upon."""

    def __init__(self, *values: object, **settings: object) -> None:
        self.values, self.settings = values, settings


class CollectionConfig(_Config):
    """Which tensors to save."""


class SaveConfig(_Config):
    """When to save."""


class SaveConfigMode(_Config):
    """When to save, in one mode."""


class ReductionConfig(_Config):
    """What to save instead of a tensor."""


class Hook:
    """A hook that records nothing."""

    _told = False

    def __init__(self, out_dir: str = "", *_: object, **__: object) -> None:
        self.out_dir, self.mode = out_dir, modes.GLOBAL
        if not Hook._told:
            sys.stderr.write("smdebug: Tarragon's stand-in records no tensors; the script runs as without a hook\n")
            Hook._told = True

    @classmethod
    def create_from_json_file(cls, json_file_path: str | None = None) -> "Hook":
        """Make one; the file's settings are not acted upon."""
        return cls()

    @classmethod
    def hook_from_config(cls, *_: object, **__: object) -> "Hook":
        """Make one."""
        return cls()

    def set_mode(self, mode: modes) -> None:
        """Remember what the model is doing."""
        self.mode = mode

    def register_hook(self, module: Any) -> None:
        """Leave the module as it is."""

    def register_module(self, module: Any) -> None:
        """Leave the module as it is."""

    def register_loss(self, loss_module: Any) -> None:
        """Leave the loss as it is."""

    def add_collection(self, collection: Any) -> None:
        """Keep nothing."""

    def save_scalar(self, name: str, value: Any, sm_metric: bool = False) -> None:
        """Keep nothing."""

    def save_tensor(self, tensor_name: str, tensor_value: Any, collections_to_write: Any = "default") -> None:
        """Keep nothing."""

    def wrap_optimizer(self, optimizer: Any) -> Any:
        """Return the optimizer as it is."""
        return optimizer

    def close(self) -> None:
        """Do nothing."""


def get_hook(*_: object, **__: object) -> Hook | None:
    """Return no hook, which scripts check for: the job has none."""
    return None


def create_hook(*_: object, **__: object) -> Hook:
    """Make a hook that records nothing."""
    return Hook()
