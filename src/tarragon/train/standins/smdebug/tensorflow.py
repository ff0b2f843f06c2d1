"""The hook for tensorflow: it records nothing."""

from . import CollectionConfig, Hook, ReductionConfig, SaveConfig, SaveConfigMode, create_hook, get_hook, modes

KerasHook = SessionHook = EstimatorHook = Hook

__all__ = [
    "CollectionConfig", "EstimatorHook", "Hook", "KerasHook", "ReductionConfig", "SaveConfig", "SaveConfigMode",
    "SessionHook", "create_hook", "get_hook", "modes",
]  # fmt: skip
