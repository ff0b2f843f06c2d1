"""A user's ``inference.py``: which of its functions there are, and what each framework's container does for the others.

::

    model_fn(model_dir[, context])                       load
    input_fn(request_body, content_type[, context])      bytes → input          ┐
    predict_fn(input, model[, context])                  input → prediction     ├ or transform_fn(model, data,
    output_fn(prediction, accept[, context])             prediction → bytes     ┘    content_type, accept[, context])

TensorFlow's ``input_handler(data, context)`` and ``output_handler(response, context)``, or ``handler(data, context)``,
are known too. This runs in the script's own process. Source: the behaviour of SageMaker's framework containers.
"""

import importlib.util
import inspect
import io
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from tarragon.errors import DataError
from tarragon.serve.defaults import DEFAULTS, Defaults
from tarragon.serve.protocol import RefusalError

THREE = ("input_fn", "predict_fn", "output_fn")
Answer = tuple[bytes | Iterable[bytes], dict[str, Any]]


@dataclass(slots=True)
class Context:
    """What a handler may ask about the request, under the names the containers use.

    Parameters
    ----------
    request_content_type, accept_header, custom_attributes : str
    model_dir : str
    system_properties : dict
        ``model_dir`` and ``gpu_id``.
    """

    request_content_type: str = ""
    accept_header: str = ""
    custom_attributes: str = ""
    model_dir: str = ""
    system_properties: dict[str, Any] = field(default_factory=dict)
    rest_uri: str = ""
    request_id: str = ""
    response_headers: dict[str, str] = field(default_factory=dict)

    def get_request_header(self, _: int, name: str) -> str | None:
        """Read a request's header, as MMS and TorchServe have it."""
        known = {"content-type": self.request_content_type, "accept": self.accept_header}
        return {**known, "x-amzn-sagemaker-custom-attributes": self.custom_attributes}.get(name.lower())

    def set_response_content_type(self, _: int, value: str) -> None:
        """Choose the answer's type."""
        self.response_headers["content-type"] = value

    def set_response_header(self, _: int, name: str, value: str) -> None:
        """Set a header of the answer."""
        self.response_headers[name.lower()] = value


class Handlers:
    """A loaded script and its model.

    Parameters
    ----------
    module : module or None
    defaults : Defaults
    context : Context
    """

    def __init__(self, module: ModuleType | None, defaults: Defaults, context: Context) -> None:
        self._context = context
        self._default_type = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "")
        found = {name: getattr(module, name, None) for name in ("model_fn", "transform_fn", *THREE)}
        if found["transform_fn"] and any(found[name] for name in THREE):
            raise DataError(
                "Cannot use transform_fn implementation in conjunction with input_fn, predict_fn, and/or output_fn",
                fix="Define one or the others",
            )
        self._handler = _of_tensorflow(module)
        self._transform = _fitted(found["transform_fn"], 4) if found["transform_fn"] else None
        self._input = _fitted(found["input_fn"] or defaults.input_fn, 2)
        self._predict = _fitted(found["predict_fn"] or defaults.predict_fn, 2)
        self._output = _fitted(found["output_fn"] or defaults.output_fn, 2)
        load = found["model_fn"] or defaults.model_fn
        self._model = None if self._handler else _fitted(load, 1)(context, context.model_dir)

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Answer one request, whole."""
        answered, head = self.respond({"type": content_type, "accept": accept}, body)
        return answered if isinstance(answered, bytes) else b"".join(answered), str(head["type"])

    def respond(self, head: Mapping[str, Any], body: bytes) -> Answer:
        """Answer one request; what a script yields is handed on piece by piece."""
        accept = str(head["accept"])
        if accept in ("", "*/*"):
            accept = self._default_type or "application/json"
        asked = Context(
            str(head["type"]), accept, str(head.get("custom", "")), self._context.model_dir,
            self._context.system_properties, request_id=str(head.get("id", "")),
        )  # fmt: skip
        made = self._made(body, asked)
        content_type = asked.response_headers.get("content-type", accept)
        if isinstance(made, tuple) and len(made) == 2:
            made, content_type = made[0], str(made[1])
        answer: dict[str, Any] = {"type": content_type}
        if custom := asked.response_headers.get("x-amzn-sagemaker-custom-attributes"):
            answer["custom"] = custom
        return _bytes(made), answer

    def _made(self, body: bytes, asked: Context) -> Any:
        if self._handler is not None:
            return self._handler(io.BytesIO(body), asked)  # TensorFlow's container gives a file
        data = _text(body, asked.request_content_type)
        if self._transform is not None:
            return self._transform(asked, self._model, data, asked.request_content_type, asked.accept_header)
        given = self._input(asked, data, asked.request_content_type)
        return self._output(asked, self._predict(asked, given, self._model), asked.accept_header)


def load(framework: str, environment: Mapping[str, str]) -> Handlers:
    """Load the script and its model, as the container of a framework does. Raises whatever they raise."""
    model_dir = environment.get("SM_MODEL_DIR", "/opt/ml/model")
    program = environment.get("SAGEMAKER_PROGRAM", "")
    code = os.getcwd()
    if code not in sys.path:
        sys.path.insert(0, code)
    module = _module(Path(code) / program) if program else None
    defaults = DEFAULTS.get(framework, DEFAULTS[""])
    context = Context(model_dir=model_dir, system_properties={"model_dir": model_dir, "gpu_id": None})
    return Handlers(module, defaults, context)


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise DataError(f"{path.name} is no Python module", fix="Give a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # so that what it pickles or imports finds it under its own name
    spec.loader.exec_module(module)
    return module


def _fitted(function: Callable[..., Any], count: int) -> Callable[..., Any]:
    """Call a function with the context first known: handed on as its last argument if it has room for one."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return lambda context, *given: function(*given)
    plain = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(plain) > count or any(p.name == "context" for p in parameters):
        return lambda context, *given: function(*given, context)
    return lambda context, *given: function(*given)


def _of_tensorflow(module: ModuleType | None) -> Callable[[Any, Context], Any] | None:
    handler = getattr(module, "handler", None)
    return handler if callable(handler) and not hasattr(module, "model_fn") else None


def _text(body: bytes, content_type: str) -> Any:
    """Give a script text where the containers do, bytes elsewhere."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith("text/") or kind == "application/json":
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise RefusalError(400, f"The body is not {kind}: {error}") from error
    return body


def _bytes(made: Any) -> bytes | Iterable[bytes]:
    if isinstance(made, bytes | bytearray | memoryview):
        return bytes(made)
    if isinstance(made, str):
        return made.encode()
    if made is None:
        return b""
    if inspect.isgenerator(made) or (hasattr(made, "__next__") and hasattr(made, "__iter__")):
        return (bytes(_bytes(each)) if not isinstance(each, str) else each.encode() for each in made)  # type: ignore[arg-type]
    from tarragon.serve.codec import JSON, encode

    return encode(made, JSON)[0]
