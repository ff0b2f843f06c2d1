"""The handler that users' handlers are made from."""

from typing import Any

from . import decoder, encoder


class DefaultInferenceHandler:
    """Decodes what comes, needs a ``default_predict_fn`` of its heir's, encodes what it answers."""

    def default_model_fn(self, model_dir: str, context: object = None) -> Any:
        """Must be the heir's: there is no model every framework could load."""
        raise NotImplementedError("Please provide a model_fn implementation.")

    def default_input_fn(self, input_data: Any, content_type: str, context: object = None) -> Any:
        """Decode a request."""
        return decoder.decode(input_data, content_type)

    def default_predict_fn(self, data: Any, model: Any, context: object = None) -> Any:
        """Must be the heir's."""
        raise NotImplementedError("Please provide a predict_fn implementation.")

    def default_output_fn(self, prediction: Any, accept: str, context: object = None) -> Any:
        """Encode an answer; with its type, as the toolkit's workers take both."""
        return encoder.encode(prediction, accept), accept
