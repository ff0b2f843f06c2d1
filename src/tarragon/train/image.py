"""What a container image's name says: a built-in algorithm, a framework to run a script in, or somebody's own image.

The repository's name decides; account and region mean nothing here. Source: the images SageMaker publishes.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Kind = Literal["algorithm", "framework", "tool", "custom"]
FRAMEWORKS = {
    "sagemaker-scikit-learn": "sklearn", "sagemaker-xgboost": "xgboost", "xgboost": "xgboost",
    "pytorch": "pytorch", "tensorflow": "tensorflow", "huggingface-pytorch": "huggingface",
    "huggingface-tensorflow": "huggingface", "mxnet": "mxnet", "autogluon": "autogluon",
}  # fmt: skip
TOOLS = {
    "sagemaker-clarify-processing": "clarify", "sagemaker-debugger-rules": "debugger",
    "detailed-profiler-processing": "profiler", "sagemaker-model-monitor-analyzer": "monitor",
    "sagemaker-spark-processing": "spark", "sagemaker-sklearn-automl": "automl",
}  # fmt: skip
NAME = re.compile(r"(?:[^/]+/)*([^/:@]+)(?::([^@]+))?(?:@.+)?")


@dataclass(frozen=True, slots=True)
class Image:
    """An image, understood.

    Parameters
    ----------
    uri, repository, tag : str
    kind : {"algorithm", "framework", "tool", "custom"}
        An XGBoost image is an algorithm until a script comes with it; ``framework`` is set all the same.
    framework : str
        "sklearn", "pytorch"; "" when no script can run in it.
    algorithm : str
        The catalogue's name of the built-in algorithm; "".
    """

    uri: str
    repository: str
    tag: str
    kind: Kind
    framework: str = ""
    algorithm: str = ""


@lru_cache(maxsize=512)
def image(uri: str) -> Image:
    """Read an image's URI.

    Examples
    --------
    >>> found = image("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3")
    >>> found.kind, found.framework, found.tag
    ('framework', 'sklearn', '1.2-1-cpu-py3')
    >>> image("123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:2").kind
    'custom'
    """
    matched = NAME.fullmatch(uri)
    repository, tag = (matched[1], matched[2] or "latest") if matched else (uri, "")
    if repository in TOOLS:
        return Image(uri, repository, tag, "tool", algorithm=TOOLS[repository])
    framework = FRAMEWORKS.get(repository) or FRAMEWORKS.get(
        re.sub(r"-(training|inference)(-.*)?$", "", repository), ""
    )
    if algorithm := _built_in(repository):
        return Image(uri, repository, tag, "algorithm", framework, algorithm)
    return Image(uri, repository, tag, "framework" if framework else "custom", framework)


def _built_in(repository: str) -> str:
    from tarragon.algorithms import cards

    return next((card.name for card in cards().values() if repository in card.images), "")
