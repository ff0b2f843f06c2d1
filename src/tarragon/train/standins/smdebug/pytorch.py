"""The hook for pytorch: it records nothing."""

from . import CollectionConfig, Hook, ReductionConfig, SaveConfig, SaveConfigMode, create_hook, get_hook, modes

__all__ = [
    "CollectionConfig", "Hook", "ReductionConfig", "SaveConfig", "SaveConfigMode", "create_hook", "get_hook", "modes",
]  # fmt: skip
