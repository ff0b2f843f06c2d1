"""The hook for xgboost: it records nothing."""

from . import CollectionConfig, Hook, ReductionConfig, SaveConfig, SaveConfigMode, create_hook, get_hook, modes


class XGBoostHook(Hook):
    """Called by XGBoost after each round."""

    def __call__(self, *_: object) -> bool:
        """Let the training go on."""
        return False


Hook = XGBoostHook  # type: ignore[misc]

__all__ = [
    "CollectionConfig", "Hook", "ReductionConfig", "SaveConfig", "SaveConfigMode", "create_hook", "get_hook", "modes",
]  # fmt: skip
