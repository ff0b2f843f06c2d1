"""Which built-in algorithm a job means: by its image, or by the script that the model hub runs on a framework's image.

LightGBM, CatBoost, TabTransformer, AutoGluon and the TensorFlow ones have no image of their own. JumpStart trains them
as ``transfer_learning.py`` on a framework's image: the archive of the script names the method and the task, the channel
``model`` names the model to start from. Here the method's own recipe runs instead of the script. Whoever brings a
script of their own, even under that name, has it run: its archive lies elsewhere.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tarragon.train.image import Image, image
from tarragon.train.protocol import Source, TrainingSpec

SCRIPT = "transfer_learning.py"
PROGRAM, SUBMIT = "sagemaker_program", "sagemaker_submit_directory"
KINDS = r"(classification|regression)"
MODELS = (
    (rf"lightgbm-{KINDS}-model", "lightgbm"),
    (rf"catboost-{KINDS}-model", "catboost"),
    (rf"pytorch-tabtransformer{KINDS}-model", "tab-transformer"),
    (rf"autogluon-{KINDS}-ensemble", "autogluon"),
    (r"tensorflow-ic-[A-Za-z0-9.-]*[A-Za-z0-9]", "image-classification"),
    (r"tensorflow-od\d*-[A-Za-z0-9.-]*[A-Za-z0-9]", "object-detection"),
    (r"tensorflow-tc-[A-Za-z0-9.-]*[A-Za-z0-9]", "text-classification"),
)
"""Model ids of the hub, and the catalogue's name of what trains them."""
SCRIPTS = (
    (rf"/lightgbm/transfer_learning/{KINDS}/", "lightgbm", "lightgbm-{}-model"),
    (rf"/catboost/transfer_learning/{KINDS}/", "catboost", "catboost-{}-model"),
    (rf"/pytorch/transfer_learning/tabtransformer{KINDS}/", "tab-transformer", "pytorch-tabtransformer{}-model"),
    (rf"/autogluon/transfer_learning/{KINDS}/", "autogluon", "autogluon-{}-ensemble"),
    (r"/tensorflow/transfer_learning/(ic)/", "image-classification", ""),
    (r"/tensorflow/transfer_learning/(od\d*)/", "object-detection", ""),
    (r"/tensorflow/transfer_learning/(tc)/", "text-classification", ""),
)
"""How the hub's archives of scripts are named; the method; the model id that follows from it alone."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """A built-in algorithm: its name in the catalogue, and the hub's model id ("" for first-party images)."""

    algorithm: str
    model_id: str = ""


def built_in(spec: TrainingSpec) -> Meaning | None:
    """Say which built-in algorithm a job means; None for a script, a container of somebody's own, or a tool.

    Parameters
    ----------
    spec : TrainingSpec
    """
    seen = image(spec.image)
    if seen.framework and (meant := _hub(spec)) is not None:
        return meant
    if seen.kind != "algorithm" or spec.entrypoint or PROGRAM in spec.hyperparameters:
        return None
    return Meaning(seen.algorithm, seen.repository if model(seen.repository) else "")


def model(text: str) -> Meaning | None:
    """Find the hub's model id that a text holds, an archive's URI or a repository's name.

    Examples
    --------
    >>> model("s3://cache/lightgbm-training/train-lightgbm-regression-model.tar.gz")
    Meaning(algorithm='lightgbm', model_id='lightgbm-regression-model')
    """
    for pattern, algorithm in MODELS:
        if found := re.search(rf"(?<![A-Za-z0-9]){pattern}", re.sub(r"\.tar\.gz$", "", text)):
            return Meaning(algorithm, found[0])
    return None


def understood(spec: TrainingSpec) -> Image:
    """Read a job's image in the light of the script that comes with it."""
    seen, meant = image(spec.image), built_in(spec)
    if meant is not None:
        return replace(seen, kind="algorithm", algorithm=meant.algorithm)
    if spec.entrypoint or PROGRAM in spec.hyperparameters:
        return replace(seen, kind="framework" if seen.framework else "custom")
    return seen


def _hub(spec: TrainingSpec) -> Meaning | None:
    """Recognise the hub's script: named in the hyperparameters by older clients, a channel ``code`` of newer ones."""
    program = _text(spec.hyperparameters, PROGRAM)
    if program not in ("", SCRIPT):
        return None
    code = _text(spec.hyperparameters, SUBMIT) or _uri(spec.sources, "code")
    for pattern, algorithm, id_ in SCRIPTS:
        found = re.search(pattern, code)
        if found:
            start = model(_uri(spec.sources, "model"))
            fits = start is not None and start.algorithm == algorithm
            return start if fits else Meaning(algorithm, id_.format(found[1]) if id_ else f"tensorflow-{found[1]}")
    return None


def _uri(sources: tuple[Source, ...], name: str) -> str:
    return next((source.uri for source in sources if source.name == name), "")


def _text(hyperparameters: Mapping[str, str], name: str) -> str:
    """Read a hyperparameter that may stand in JSON's quotes."""
    raw = hyperparameters.get(name, "")
    try:
        return str(json.loads(raw))
    except ValueError:
        return raw
