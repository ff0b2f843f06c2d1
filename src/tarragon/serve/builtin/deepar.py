"""DeepAR as its container answers: JSON with a configuration, or one series a line with the configuration aside."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tarragon.algorithms import get
from tarragon.data import SeriesSet, series_of
from tarragon.errors import DataError
from tarragon.serve.builtin import reply
from tarragon.serve.protocol import RefusalError

VARIABLE = "DEEPAR_INFERENCE_CONFIG"  # for lines of a batch, which have no room for a configuration
KINDS = ("mean", "quantiles", "samples")
MOST_SAMPLES = 10_000
NINE = tuple(f"0.{n}" for n in range(1, 10))


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer should hold: draws, which outputs, and the quantiles by the names they were asked by."""

    draws: int = 100
    kinds: tuple[str, ...] = ("mean", "quantiles")
    quantiles: tuple[str, ...] = NINE

    @classmethod
    def of(cls, raw: object) -> "Asked":
        """Read a configuration. Raises ``RefusalError`` 400."""
        if not isinstance(raw, Mapping):
            raise RefusalError(400, "configuration is not an object")
        unknown = sorted(set(map(str, raw)) - {"num_samples", "output_types", "quantiles"})
        if unknown:
            raise RefusalError(400, f"configuration has no {unknown[0]!r}: use num_samples, output_types, quantiles")
        draws, kinds, levels = (
            raw.get("num_samples", 100),
            raw.get("output_types", KINDS[:2]),
            raw.get("quantiles", NINE),
        )
        if isinstance(draws, bool) or not isinstance(draws, int) or not 1 <= draws <= MOST_SAMPLES:
            raise RefusalError(400, f"num_samples={draws!r} is not a whole number from 1 to {MOST_SAMPLES}")
        if not isinstance(kinds, list | tuple) or not kinds or any(kind not in KINDS for kind in kinds):
            raise RefusalError(400, f"output_types={kinds!r} is not a list of {', '.join(KINDS)}")
        if not isinstance(levels, list | tuple) or not all(_level(level) for level in levels):
            raise RefusalError(400, f"quantiles={levels!r} is not a list of numbers between 0 and 1")
        return cls(draws, tuple(kinds), tuple(str(level) for level in levels))


def _level(raw: object) -> bool:
    try:
        return not isinstance(raw, bool) and 0 < float(str(raw)) < 1
    except ValueError:
        return False


class Forecaster:
    """Answers with forecasts.

    Parameters
    ----------
    model : DeepAR
    environment : mapping of str to str
    """

    def __init__(self, model: Any, environment: Mapping[str, str]) -> None:
        self._model = model
        try:
            self._batch = Asked.of(json.loads(environment.get(VARIABLE) or "{}"))
        except (ValueError, RecursionError) as error:
            raise DataError(f"{VARIABLE} cannot be read", why=str(error), fix="Set it to a JSON object") from error
        except RefusalError as error:
            raise DataError(f"{VARIABLE} cannot be used", why=str(error), fix='Write {"num_samples": 100}') from error

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Answer a request. Raises ``RefusalError``: 415 content type, 400 series or configuration, 406 answer type."""
        kind = content_type.partition(";")[0].strip().lower() or reply.JSON
        kind = reply.SHORT.get(kind, kind)
        if kind not in (reply.JSON, reply.LINES):
            raise RefusalError(415, f"Content type {content_type[:80]} is not supported: use {reply.JSON}")
        wanted, _ = reply.wanted(accept, kind)
        if wanted not in (reply.JSON, reply.LINES):
            raise RefusalError(406, f"Accept type {accept[:80]} is not supported: use {reply.JSON} or {reply.LINES}")
        lines = [line for line in body.splitlines() if line.strip()] if kind == reply.LINES else [body]
        records = [_decoded(line, n) for n, line in enumerate(lines, 1)]
        asked = self._batch
        if kind == reply.JSON or (len(records) == 1 and isinstance(records[0], dict) and "instances" in records[0]):
            records, asked = _wrapped(records[0], self._batch)
        answers = self._forecasts(records, asked)
        if wanted == reply.JSON:
            return json.dumps({"predictions": answers}).encode(), reply.JSON
        return b"".join(json.dumps(answer).encode() + b"\n" for answer in answers), reply.LINES

    def _forecasts(self, records: list[Any], asked: Asked) -> list[dict[str, Any]]:
        try:
            series = SeriesSet(tuple(series_of(record, f"instance {n}") for n, record in enumerate(records)))
            drawn = self._model.sample(series, asked.draws).astype(np.float64)
        except DataError as error:
            raise RefusalError(400, str(error)) from error
        levels = [float(level) for level in asked.quantiles]
        cuts = np.quantile(drawn, levels, axis=1) if levels and len(drawn) else np.zeros((0, len(drawn), 0))
        found = []
        for n, draws in enumerate(drawn):
            made: dict[str, Any] = {}
            for kind in asked.kinds:
                if kind == "mean":
                    made[kind] = draws.mean(axis=0).tolist()
                elif kind == "quantiles":
                    made[kind] = {name: cut[n].tolist() for name, cut in zip(asked.quantiles, cuts, strict=True)}
                else:
                    made[kind] = draws.tolist()
            found.append(made)
        return found


def _decoded(line: bytes, n: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RefusalError(400, f"line {n} is not JSON: {str(error)[:100]}") from error


def _wrapped(found: Any, batch: Asked) -> tuple[list[Any], Asked]:
    """Take instances and configuration out of a request."""
    if not isinstance(found, dict) or not isinstance(found.get("instances"), list) or not found["instances"]:
        raise RefusalError(400, 'The request has no list "instances" of at least one series')
    return found["instances"], Asked.of(found["configuration"]) if "configuration" in found else batch


def load(folder: Path, facts: Mapping[str, object], environment: Mapping[str, str]) -> Forecaster:
    """Load a model. Raises ``IntegrityError``, or ``DataError`` where the environment's configuration is none."""
    kind: Any = get("deepar")
    return Forecaster(kind.load(folder), environment)
