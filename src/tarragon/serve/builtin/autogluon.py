"""A table model as AutoGluon's script on the model hub answers: CSV rows in, probabilities or predictions out."""

from collections.abc import Mapping
from pathlib import Path

from tarragon.serve.builtin import reply
from tarragon.serve.builtin.labelled import Facts, written
from tarragon.serve.builtin.table import Tabled


class Ensemble(Tabled):
    """Answers requests with a table model, in the words of the hub's tabular scripts."""

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Answer one request. Raises ``RefusalError``: 415 unreadable, 400 other columns, 406 unknown answer type."""
        kind, verbose = reply.wanted(accept, reply.JSON)
        frame, _ = self._model.encoder.align(self._frame(body, content_type))
        response = self._model.respond(frame)
        if self._model.task == "regression":
            return written({"prediction": response.tolist()}, kind), kind
        fields = {"probabilities": response.tolist()}
        if verbose:
            fields["labels"] = list(self._model.classes)
            fields["predicted_label"] = self._model.decide(response).tolist()
        return written(fields, kind), kind


def load(folder: Path, facts: Facts, environment: Mapping[str, str]) -> Ensemble:
    """Load what the recipe saved. Raises ``IntegrityError``."""
    return Ensemble(folder, environment)
