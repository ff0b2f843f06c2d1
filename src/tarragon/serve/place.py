"""Where a container's model is put, and what its worker is started with.

::

    <folder>/ml/model/     the model, unpacked: what the container sees as /opt/ml/model
    <folder>/ml/code/      a script that came apart from the model
    <folder>/ready.json    all of it is there
"""

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tarragon.engine import Command, Objects, base_environment, contained, object_root, remove, write_json
from tarragon.errors import DataError, NotFoundError, TarragonError
from tarragon.serve.protocol import Container
from tarragon.train import download, environment_for, fetch_code, found, image, python_path, unpack

READY = "ready.json"
PROGRAM, SUBMIT = "SAGEMAKER_PROGRAM", "SAGEMAKER_SUBMIT_DIRECTORY"
WITHIN = "/opt/ml/model/code"  # where a repacked model has its script
APART = "/opt/ml/code"
DEFAULT = "inference.py"
SIDECAR = ".tarragon-serving.json"  # written by tarragon.train.builtin, whose libraries a server does not load
Start = dict[str, Any]


def prepare(container: Container, folder: Path, home: Path) -> Start:
    """Fetch a container's model and code, and say how a worker is started; quick when all is there already.

    Returns
    -------
    dict
        "root", "framework", "environment", "program", "code" and "packages": see :func:`command`.

    Raises
    ------
    DataError
        When the image cannot be run here, or the model is not there or no archive.
    """
    kept = folder / READY
    if kept.is_file():
        loaded: Start = json.loads(kept.read_bytes())
        return loaded
    framework = framework_of(container)
    root = folder / "ml"
    remove(root)
    (root / "model").mkdir(parents=True)
    objects = Objects(object_root(home))
    fetch(objects, container, root / "model")
    if framework and answers_itself(root / "model", container):
        framework = ""
    start: Start = {
        "root": str(root), "framework": framework, "environment": dict(container.environment), "program": "",
        "code": "", "packages": "", "algorithm": image(container.image).algorithm,
    }  # fmt: skip
    if framework:
        start |= _script(objects, container, root, home)
    write_json(start, kept)
    return start


def framework_of(container: Container) -> str:
    """Say whose handlers a container's model is served by: "" for a built-in algorithm's. Raises ``DataError``."""
    seen = image(container.image)
    scripted = bool(container.environment.get(PROGRAM))
    if seen.kind == "framework" or (seen.framework and scripted):
        return seen.framework
    if seen.kind == "algorithm" or seen.algorithm == "automl":
        return ""
    raise DataError(
        f"The image {container.image} cannot be run here",
        why="it is neither a built-in algorithm's nor a framework's that Tarragon knows",
        fix="Use a framework image with an inference.py, or an image docs/aws.md lists",
    )


def answers_itself(folder: Path, container: Container) -> bool:
    """Whether a model on a framework's image was trained here for the model hub, and the hub's own script would answer.

    The script that such a model is deployed with, ``inference.py``, reads files that only its twin in training writes.
    """
    program = container.environment.get(PROGRAM, "").rpartition("/")[2]
    try:
        facts = json.loads((folder / SIDECAR).read_bytes())
    except (OSError, ValueError):
        return False
    return program in ("", DEFAULT) and isinstance(facts, dict) and bool(facts.get("model_id"))


def fetch(objects: Objects, container: Container, folder: Path) -> None:
    """Put a container's model into a folder. Raises ``DataError`` in SageMaker's words."""
    if not container.model or container.several:
        return
    uri = container.model
    try:
        if not container.packed:
            base = uri if uri.endswith("/") else uri + "/"
            pairs = tuple((each, each.uri.removeprefix(base)) for each in found(objects, base))
            download(objects, pairs, folder)
            return
        archive = folder.parent / ".model"
        with objects.open(uri) as source, open(archive, "wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
    except (NotFoundError, DataError) as error:
        raise DataError(
            f'Failed to download model data from URL "{uri}"',
            why=error.what if isinstance(error, TarragonError) else "",
            fix="Please ensure that there is an object located at the URL",
        ) from error
    unpack(archive, folder)
    archive.unlink()


def _script(objects: Objects, container: Container, root: Path, home: Path) -> Start:
    told = container.environment.get(SUBMIT, "").removeprefix("file://").rstrip("/")
    code, seen = root / "model" / "code", WITHIN
    if told.startswith("s3://"):
        fetch_code(objects, told, root)
        code, seen = root / "code", APART
    elif told.startswith("/opt/ml/") and told != WITHIN:
        code, seen = contained(root, told.removeprefix("/opt/ml/")), told
    program = container.environment.get(PROGRAM, "").rpartition("/")[2]
    if program and not (code / program).is_file():
        there = ", ".join(sorted(each.name for each in code.iterdir())[:10]) if code.is_dir() else "nothing"
        raise DataError(f"There is no script {program}", why=f"the code holds {there}", fix=f"Check {PROGRAM}")
    if not program and (code / DEFAULT).is_file():
        program = DEFAULT
    wanted = code / "requirements.txt"
    packages = environment_for(wanted, home) if wanted.is_file() else None
    return {"program": program, "code": seen if code.is_dir() else "", "packages": str(packages or "")}


def command(start: Mapping[str, Any]) -> Command:
    """Write the command of a script's worker."""
    code = str(start["code"])
    environment = {
        **base_environment(), "SAGEMAKER_BIND_TO_PORT": "8080", "SM_MODEL_DIR": "/opt/ml/model",
        **start["environment"], PROGRAM: str(start["program"]),
        "PYTHONPATH": python_path(code, start["packages"]),
    }  # fmt: skip
    argv = (sys.executable, "-m", "tarragon.serve.host", str(start["framework"]))
    return Command(argv, Path(start["root"]), environment, code or "/opt/ml/model")
