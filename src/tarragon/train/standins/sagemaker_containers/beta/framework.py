"""``encoders``, ``content_types``, ``worker``, ``env`` … as scripts of scikit-learn's older examples import them."""

import os
from types import SimpleNamespace
from typing import Any

from sagemaker_inference import content_types, decoder, encoder, errors
from sagemaker_training.environment import Environment


class Response(tuple):  # type: ignore[type-arg]
    """An answer with its type: a pair, which is what an ``output_fn`` may return."""

    __slots__ = ()

    def __new__(cls, response: Any = None, accept: str = "", status: int = 200, mimetype: str = "") -> "Response":
        """Make it from a body."""
        return super().__new__(cls, (response, mimetype or accept))

    @property
    def response(self) -> Any:
        """The body."""
        return self[0]

    @property
    def mimetype(self) -> str:
        """The type."""
        return str(self[1])


def training_env(**_: object) -> Environment:
    """Read the job's surroundings."""
    return Environment()


def get_logger() -> Any:
    """Make the logger of the framework."""
    import logging

    return logging.getLogger("sagemaker-containers")


worker = SimpleNamespace(Response=Response)
encoders = SimpleNamespace(encode=encoder.encode, decode=decoder.decode)
env = SimpleNamespace(
    TrainingEnv=Environment, ServingEnv=Environment, model_dir=os.environ.get("SM_MODEL_DIR", "/opt/ml/model")
)
modules = SimpleNamespace()
transformer = SimpleNamespace()
__all__ = [
    "Response", "content_types", "encoders", "env", "errors", "get_logger", "modules", "training_env", "transformer",
    "worker",
]  # fmt: skip
