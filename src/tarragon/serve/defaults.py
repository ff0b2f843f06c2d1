"""What a framework's container does where a user's ``inference.py`` has no function of its own.

Source: the default handlers of SageMaker's scikit-learn, XGBoost, PyTorch and Hugging Face containers.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tarragon.errors import DataError, MissingExtraError
from tarragon.serve.codec import decode, encode, media, unsupported
from tarragon.serve.protocol import RefusalError

LIBSVM = ("text/libsvm", "text/x-libsvm")


def _no_model_fn(_: str) -> Any:
    raise DataError(
        "Please provide a model_fn implementation",
        why="this container has no default that loads a model",
        fix="Define model_fn(model_dir) in your entry point; see the documentation of the SageMaker Python SDK",
    )


def _decoded(body: Any, content_type: str) -> Any:
    return decode(body.encode() if isinstance(body, str) else body, content_type)


def _predicted(given: Any, model: Any) -> Any:
    return model.predict(given)


def _encoded(prediction: Any, accept: str) -> Any:
    return encode(prediction, accept)


@dataclass(frozen=True, slots=True)
class Defaults:
    """A framework's own functions."""

    model_fn: Callable[..., Any] = _no_model_fn
    input_fn: Callable[..., Any] = _decoded
    predict_fn: Callable[..., Any] = _predicted
    output_fn: Callable[..., Any] = _encoded


def _torch_model(model_dir: str) -> Any:
    torch = _module("torch", "PyTorch", "tarragon[deep]")
    path = Path(model_dir) / "model.pth"
    if not path.is_file():
        others = [*Path(model_dir).glob("*.pth"), *Path(model_dir).glob("*.pt")]
        if len(others) != 1:
            raise DataError(
                "Failed to load model.pth with the default model_fn",
                why=f"there is no model.pth in {model_dir}",
                fix="Save the model with torch.jit.save as model.pth, or define model_fn",
            )
        path = others[0]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        model = torch.jit.load(str(path), map_location=device)
    except RuntimeError as error:
        raise DataError(
            f"Failed to load {path.name} with the default model_fn",
            why="it is no TorchScript archive",
            fix="Save it with torch.jit.save, or define model_fn",
        ) from error
    return model.eval()


def _torch_input(body: Any, content_type: str) -> Any:
    import numpy as np
    import torch

    array = np.asarray(_decoded(body, content_type))
    return torch.from_numpy(array.astype(np.float32) if array.dtype.kind == "f" else array)


def _torch_predicted(given: Any, model: Any) -> Any:
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.no_grad():
        return model(given.to(device))


def _torch_encoded(prediction: Any, accept: str) -> Any:
    held = prediction.detach().cpu().numpy() if hasattr(prediction, "detach") else prediction
    return encode(held, accept)


def _boosted_input(body: Any, content_type: str) -> Any:
    import xgboost

    kind = media(content_type)
    if kind in LIBSVM:
        return xgboost.DMatrix(_sparse(body if isinstance(body, str) else body.decode()))
    if kind != "text/csv":
        raise unsupported(content_type)
    import numpy as np

    array = np.asarray(_decoded(body, content_type))
    return xgboost.DMatrix(array.reshape(1, -1) if array.ndim < 2 else array)


def _sparse(text: str) -> Any:
    from scipy.sparse import csr_matrix

    values: list[float] = []
    columns: list[int] = []
    ends = [0]
    for line in text.splitlines():
        for word in line.split():
            name, colon, value = word.partition(":")
            if colon:
                columns.append(int(name))
                values.append(float(value))
        ends.append(len(columns))
    return csr_matrix((values, columns, ends))


def _boosted_encoded(prediction: Any, accept: str) -> Any:
    return encode(prediction, "text/csv" if accept in ("", "*/*") else accept)


def _pipeline(model_dir: str) -> Any:
    task = os.environ.get("HF_TASK", "")
    if not task:
        raise DataError(
            "Task couldn't be inferenced from the model",
            why="HF_TASK is not set",
            fix='Set HF_TASK in the environment, for example "text-classification", or define model_fn',
        )
    transformers = _module("transformers", "Hugging Face transformers", "transformers")
    return transformers.pipeline(task, model=model_dir)


def _pipeline_input(body: Any, content_type: str) -> Any:
    kind = media(content_type)
    if kind == "application/json":
        try:
            return json.loads(body)
        except ValueError as error:
            raise RefusalError(400, f"The body is not JSON: {error}") from error
    if kind in ("text/plain", "text/csv"):
        return {"inputs": body if isinstance(body, str) else body.decode()}
    raise unsupported(content_type)


def _pipeline_predicted(given: Any, model: Any) -> Any:
    if not isinstance(given, Mapping) or "inputs" not in given:
        return model(given)
    parameters = given.get("parameters")
    return model(given["inputs"], **(parameters if isinstance(parameters, dict) else {}))


def _no_saved_model(_: str) -> Any:
    raise MissingExtraError(
        "A TensorFlow SavedModel cannot be served here",
        why="TensorFlow Serving is not part of Tarragon",
        fix="Give an inference.py with model_fn, or with handler(data, context)",
    )


def _module(name: str, title: str, extra: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(f"{title} is not installed", fix=f"pip install '{extra}'") from error


DEFAULTS: Mapping[str, Defaults] = {
    "": Defaults(),
    "sklearn": Defaults(),
    "xgboost": Defaults(input_fn=_boosted_input, output_fn=_boosted_encoded),
    "pytorch": Defaults(_torch_model, _torch_input, _torch_predicted, _torch_encoded),
    "huggingface": Defaults(_pipeline, _pipeline_input, _pipeline_predicted),
    "tensorflow": Defaults(_no_saved_model),
}
