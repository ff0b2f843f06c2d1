"""A booster of the XGBoost library in its own process: one row in tens of microseconds, answers as the container's.

Any file that the library's ``save_model`` wrote is served, whoever trained it. A pickled booster is refused: reading it
would run what is in it.
"""

import ctypes
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.errors import DataError
from tarragon.serve.builtin import reply
from tarragon.serve.builtin.selection import selected
from tarragon.serve.protocol import RefusalError

VOTES = ("multi:softmax", "binary:hinge")
Numbers = NDArray[np.float32]


class Booster:
    """Answers requests with one or several boosters.

    Parameters
    ----------
    paths : list of Path
        Several are an ensemble: the mean of their answers, or the majority where answers are classes.
    environment : mapping of str to str
        SAGEMAKER_INFERENCE_OUTPUT names what to answer, SAGEMAKER_BATCH puts every answer on a line of its own,
        SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT is the content type when a request leaves it open.
    """

    def __init__(self, paths: list[Path], environment: Mapping[str, str]) -> None:
        whole = environment.get("SAGEMAKER_INFERENCE_ENSEMBLE", "true").lower() == "true"
        self._boosters = [opened(path) for path in (paths if whole else paths[:1])]
        learner = json.loads(self._boosters[0].save_config())["learner"]
        self.objective = str(learner["objective"]["name"])
        self.n_classes = int(learner["learner_model_param"]["num_class"])
        self.n_features = int(self._boosters[0].num_features())
        self._range = _trees(self._boosters[0])
        self._linear = learner["gradient_booster"]["name"] == "gblinear"
        alone = len(self._boosters) == 1 and not self._linear
        self._quick = quick(self._boosters[0], self.n_features, self._range) if alone else None
        self._outputs = tuple(
            part.strip() for part in environment.get("SAGEMAKER_INFERENCE_OUTPUT", "").split(",") if part.strip()
        )
        self._default = environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", reply.CSV)
        batch = environment.get("SAGEMAKER_BATCH", "").lower() not in ("", "false", "0")
        self._between, self._after = ("\n", "\n") if batch else (",", "")

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Answer one request. Raises ``RefusalError``: 415 unreadable, 400 other columns, 406 unknown answer type."""
        kind, _ = reply.wanted(accept, self._default)
        if not body.strip():
            return b"", kind
        scores = self.predict(reply.rows_of(body, content_type))
        if self._outputs:
            return reply.written(selected(scores, self.objective, self.n_classes, self._outputs), kind), kind
        if kind == reply.CSV:
            return (self._between.join(map(str, scores.tolist())) + self._after).encode(), kind
        return reply.written({"score": scores.tolist()}, kind), kind

    def predict(self, X: Any) -> Numbers:
        """(n, d) dense or sparse -> (n,) or (n, K), as the objective has it. Raises ``RefusalError`` 400."""
        X = reply.fitting(counted_from_0(X, self.n_features), self.n_features)
        if self._quick is not None and X.shape[0] == 1 and isinstance(X, np.ndarray):
            return self._quick(X)
        answers = [self._answer(booster, X) for booster in self._boosters]
        if len(answers) == 1:
            return answers[0]
        if self.objective in VOTES:
            votes = np.stack(answers).astype(np.int64)
            return np.array([np.bincount(column).argmax() for column in votes.T], dtype=np.float32)
        return np.asarray(np.mean(answers, axis=0), dtype=np.float32)

    def _answer(self, booster: Any, X: Any) -> Numbers:
        if not self._linear:
            found = booster.inplace_predict(X, iteration_range=self._range, validate_features=False)
            return np.asarray(found)
        import xgboost

        return np.asarray(booster.predict(xgboost.DMatrix(X, nthread=1)))  # a linear model reads no plain arrays


def counted_from_0(X: Any, width: int) -> Any:
    """Shift sparse rows whose columns are counted from 1: they are one wider than the model, and their first is empty.

    SageMaker's container shifts whatever rows name no column 0, and so also those that have only gaps there.
    """
    if isinstance(X, np.ndarray) or X.shape[1] != width + 1 or (X.indices == 0).any():
        return X
    return X[:, 1:]


def opened(path: Path) -> Any:
    """Read a booster's file. Raises ``DataError`` for a pickle, or what the library cannot read."""
    import xgboost

    content = path.read_bytes()
    if content[:1] == b"\x80":
        raise DataError(
            f"{path.name} is a pickle and was not opened",
            why="Reading a pickle runs the code in it",
            fix="Where you trust it: pickle.load(open('xgboost-model', 'rb')).save_model('model.ubj'), then pack that"
            " as xgboost-model",
        )
    if content[:1] != b"{":
        raise _unread(path, "It is neither JSON nor universal binary JSON")
    try:
        with xgboost.config_context(verbosity=0):
            booster = xgboost.Booster(model_file=bytearray(content))
            booster.set_param({"nthread": 1})
    except xgboost.core.XGBoostError as error:
        raise _unread(path, str(error).strip().splitlines()[0][:200]) from error
    return booster


def _unread(path: Path, why: str) -> DataError:
    return DataError(
        f"{path.name} is no model that XGBoost reads here",
        why=why,
        fix="Save it with Booster.save_model as .ubj or .json; older binary files with the version that wrote them",
    )


def _trees(booster: Any) -> tuple[int, int]:
    """Return the rounds to use: up to the best, where training noted it."""
    best = booster.attr("best_iteration")
    return (0, int(best) + 1) if best and best.isdecimal() else (0, 0)


def quick(booster: Any, width: int, rounds: tuple[int, int]) -> Callable[[Numbers], Numbers] | None:
    """Make a predictor of single rows that spares what the library's Python does around each call.

    The row goes into one buffer that the library was told about once; the call is that of its C interface
    (``XGBoosterPredictFromDense``). Returns None where that does not answer as the library itself does.
    """
    from xgboost import core

    buffer = np.zeros((1, width), np.float32)
    place = {
        "data": [buffer.ctypes.data, True], "shape": [1, width], "strides": [4 * width, 4], "typestr": "<f4",
        "version": 3,
    }  # fmt: skip
    setting = {
        "type": 0, "training": False, "iteration_begin": rounds[0], "iteration_end": rounds[1],
        "missing": float("nan"), "strict_shape": False, "cache_id": 0,
    }  # fmt: skip
    shape, answers = ctypes.POINTER(ctypes.c_uint64)(), ctypes.POINTER(ctypes.c_float)()
    dimensions, proxy = ctypes.c_uint64(), ctypes.c_void_p()
    try:
        call = core._LIB.XGBoosterPredictFromDense
        if core._LIB.XGProxyDMatrixCreate(ctypes.byref(proxy)):
            return None
    except AttributeError:
        return None
    arguments = (
        booster.handle, json.dumps(place).encode(), json.dumps(setting).encode(), proxy, ctypes.byref(shape),
        ctypes.byref(dimensions), ctypes.byref(answers),
    )  # fmt: skip

    def predict(X: Numbers) -> Numbers:
        buffer[:] = X
        if call(*arguments):
            raise RefusalError(400, "Unable to evaluate payload provided")
        count = shape[dimensions.value - 1] if dimensions.value > 1 else 1
        row = np.array(answers[:count], np.float32)
        return row[None] if dimensions.value > 1 else row

    return predict if _agrees(predict, booster, width, rounds) else None


def _agrees(predict: Callable[[Numbers], Numbers], booster: Any, width: int, rounds: tuple[int, int]) -> bool:
    rng = np.random.default_rng(0)
    for row in (np.zeros((1, width)), rng.normal(size=(1, width)), np.full((1, width), np.nan)):
        X = row.astype(np.float32)
        expected = booster.inplace_predict(X, iteration_range=rounds, validate_features=False)
        found = predict(X)
        if found.shape != expected.shape or not np.array_equal(found, expected):
            return False
    return True
