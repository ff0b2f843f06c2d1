"""The model hub's bucket, ``jumpstart-cache-prod-<region>``: what clients read before they train a model of the hub.

It comes to be when a client first asks for it: a manifest of the models that can be trained here, a specification of
each, and archives that hold nothing, for the recipe of :mod:`tarragon.train.dialect` runs instead of a script. Nothing
in it is copied from elsewhere. The bucket is an ordinary one from then on, so that jobs find what clients name.
"""

import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any

from tarragon.engine import Buckets

BUCKET = re.compile(r"jumpstart-cache-prod-([a-z]{2}(-[a-z]+)+-\d)")
VERSION, SINCE = "2.1.3", "2.75.0"  # of the models; of the client that may use them
MANIFEST, PROPRIETARY = "models_manifest.json", "proprietary-sdk-manifest.json"
PYTORCH, MXNET = ("pytorch", "1.12.0", "py38"), ("mxnet", "1.9.0", "py38")
TENSORFLOW, AUTOGLUON = ("tensorflow", "2.9", "py39"), ("autogluon", "0.4.3", "py38")
TABLES = ("classification", "regression")
INSTANCES = ["ml.m5.large", "ml.m5.xlarge", "ml.m5.2xlarge", "ml.m5.4xlarge", "ml.c5.2xlarge", "ml.g4dn.xlarge"]
PREDICTOR = {
    "default_content_type": "text/csv", "supported_content_types": ["text/csv"],
    "default_accept_type": "application/json",
    "supported_accept_types": ["application/json", "application/json;verbose"],
}  # fmt: skip
FAMILIES = ("m4", "m5", "m6i", "c4", "c5", "c6i", "r5", "t3", "p2", "p3", "g4dn", "g5")
REGISTRY = "763104351884.dkr.ecr.{}.amazonaws.com"  # of the frameworks' images
Specification = dict[str, Any]
_making = Lock()  # one request makes it, others of the moment wait until it is complete


def models() -> Iterator[tuple[str, str, str, tuple[str, str, str]]]:
    """List the models: id, algorithm, the folder of its script, and the framework of its image."""
    for kind in TABLES:
        yield f"lightgbm-{kind}-model", "lightgbm", f"lightgbm/transfer_learning/{kind}", PYTORCH
        yield f"catboost-{kind}-model", "catboost", f"catboost/transfer_learning/{kind}", MXNET
        script = f"pytorch/transfer_learning/tabtransformer{kind}"
        yield f"pytorch-tabtransformer{kind}-model", "tab-transformer", script, PYTORCH
        yield f"autogluon-{kind}-ensemble", "autogluon", f"autogluon/transfer_learning/{kind}", AUTOGLUON


def region_of(bucket: str) -> str:
    """Name the region a bucket of the hub is for; "" for any other bucket, all of which are the caller's own."""
    found = BUCKET.fullmatch(bucket)
    return found[1] if found else ""


def lay_out(buckets: Buckets, bucket: str) -> bool:
    """Make the hub's bucket if this is its name, or complete it if an earlier making was cut short.

    The manifest is kept last: where it is, all it names is there, and nothing else is looked at.

    Returns
    -------
    bool
        Whether anything was made.
    """
    if not BUCKET.fullmatch(bucket) or _complete(buckets, bucket):
        return False
    with _making:
        if _complete(buckets, bucket):  # meanwhile
            return False
        buckets.make(bucket)
        _fill(buckets, bucket)
    return True


def _complete(buckets: Buckets, bucket: str) -> bool:
    return buckets.exists(bucket) and buckets.find(bucket, MANIFEST) is not None


def _fill(buckets: Buckets, bucket: str) -> None:
    """Keep what is not there yet; the manifest last."""
    headers, empty = [], _archive()
    for id_, algorithm, script, image in models():
        spec = specification(id_, algorithm, script, image) | _images(image, region_of(bucket))
        key = f"community_models_specs/{id_}/specs_v{VERSION}.json"
        headers.append({"model_id": id_, "version": VERSION, "min_version": SINCE, "spec_key": key})
        _keep(buckets, bucket, key, json.dumps(spec).encode())
        for name in ("training_artifact_key", "training_script_key", "hosting_artifact_key", "hosting_script_key"):
            _keep(buckets, bucket, spec[name], empty)
    _keep(buckets, bucket, PROPRIETARY, b"[]")
    _keep(buckets, bucket, MANIFEST, json.dumps(headers).encode())


def specification(id_: str, algorithm: str, script: str, image: tuple[str, str, str]) -> Specification:
    """Describe a model as clients read it."""
    framework, version, python = image
    ecr = {"framework": framework, "framework_version": version, "py_version": python}
    hosted = script.replace("transfer_learning", "inference")
    variables = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    return {
        "model_id": id_, "url": "", "version": VERSION, "min_sdk_version": SINCE, "training_supported": True,
        "incremental_training_supported": False, "hosting_ecr_specs": ecr, "training_ecr_specs": ecr,
        "training_artifact_key": f"{framework}-training/v{VERSION}/train-{id_}.tar.gz",
        "training_script_key": f"source-directory-tarballs/{script}/v{VERSION}/sourcedir.tar.gz",
        "hosting_artifact_key": f"{framework}-infer/v{VERSION}/infer-{id_}.tar.gz",
        "hosting_script_key": f"source-directory-tarballs/{hosted}/v{VERSION}/sourcedir.tar.gz",
        "hyperparameters": hyperparameters(algorithm), "metrics": metrics(algorithm), "predictor_specs": PREDICTOR,
        "inference_environment_variables": [
            {"name": name, "type": "text", "default": value, "scope": "container", "required_for_model_class": True}
            for name, value in variables.items()
        ],
        "default_inference_instance_type": INSTANCES[0], "supported_inference_instance_types": INSTANCES,
        "default_training_instance_type": INSTANCES[1], "supported_training_instance_types": INSTANCES,
        "inference_vulnerable": False, "training_vulnerable": False, "deprecated": False,
        "inference_dependencies": [], "training_dependencies": [], "resource_name_base": id_[:40],
    }  # fmt: skip


def _images(image: tuple[str, str, str], region: str) -> Specification:
    """Name the images of a region by families of instances, as newer clients look them up."""
    framework, version, python = image
    found = {}
    for scope, purpose in (("training", "training"), ("hosting", "inference")):
        uri = f"{REGISTRY.format(region)}/{framework}-{purpose}:{version}-cpu-{python}"
        variants = {family: {"regional_properties": {"image_uri": "$image"}} for family in FAMILIES}
        found[f"{scope}_instance_type_variants"] = {"regional_aliases": {region: {"image": uri}}, "variants": variants}
    return found


def hyperparameters(algorithm: str) -> list[Specification]:
    """List an algorithm's hyperparameters with their defaults, as far as its script takes them."""
    from tarragon.algorithms import OneOf, Range, declared, get
    from tarragon.train.builtin import taken

    found, known = [], taken(algorithm)
    for each in declared(get(algorithm)):
        if each.required or (known and each.wire not in known):
            continue
        more: dict[str, Any] = {}
        if isinstance(each.rule, OneOf):
            more["options"] = [_word(value) for value in each.rule.values]
        elif isinstance(each.rule, Range) and each.default is not None:
            bounds = {"min": each.rule.low, "max": each.rule.high}
            more |= {name: each.type(bound) for name, bound in bounds.items() if abs(bound) < float("inf")}
        found.append(_hyperparameter(each.wire, each.type, each.default) | more)
    return found


def _hyperparameter(name: str, kind: type, default: object) -> Specification:
    words: Mapping[type, str] = {int: "int", float: "float"}
    shown = "text" if default is None else words.get(kind, "text")
    return {"name": name, "type": shown, "default": _word(default), "scope": "algorithm"}


def _word(value: object) -> object:
    return "auto" if value is None else str(value) if isinstance(value, bool) else value


def metrics(algorithm: str) -> list[Specification]:
    """List the metrics a job's log is searched for."""
    from tarragon.train.builtin import default_metrics

    return [{"Name": name, "Regex": regex} for name, regex in default_metrics(algorithm)]


def _archive() -> bytes:
    """Pack scripts that say that they are not run."""
    file, text = io.BytesIO(), b"# Not run: the algorithm of this name is built in.\n"
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name in ("transfer_learning.py", "inference.py"):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    return file.getvalue()


def _keep(buckets: Buckets, bucket: str, key: str, content: bytes) -> None:
    if buckets.find(bucket, key) is not None:
        return
    draft = buckets.draft()
    try:
        draft.write(content)
        buckets.keep(draft, (bucket, key), {"tag": draft.md5.hex()})
    finally:
        draft.discard()
