"""Linear learner: for now the exact solver of :mod:`tarragon.algorithms.linear` under its SageMaker name."""

from dataclasses import dataclass, replace
from typing import ClassVar

from tarragon.algorithms.linear import Linear
from tarragon.algorithms.protocol import Card


@dataclass(eq=False)
class LinearLearner(Linear):
    """Predict with one weight per column (see ``Linear``)."""

    card: ClassVar[Card] = replace(
        Linear.card,
        name="linear-learner",
        title="Linear learner",
        images=("linear-learner",),
        channels=("train", "validation", "test"),
        content_types=("text/csv", "application/x-recordio-protobuf"),
        metrics=("validation:objective_loss", "validation:mse", "validation:binary_classification_accuracy"),
        answer=("score", "predicted_label"),
    )
