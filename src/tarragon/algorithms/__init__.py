"""Published methods, one file each: declared hyperparameters, fit, predict, save, load."""

from tarragon.algorithms.artifact import opened, seal
from tarragon.algorithms.catalogue import cards, get, installed, kind_of, names
from tarragon.algorithms.knn_index import KNNIndex
from tarragon.algorithms.params import (
    Hyperparameter,
    OneOf,
    Range,
    Text,
    build,
    check,
    chosen,
    declared,
    space,
)
from tarragon.algorithms.protocol import Algorithm, Card, Context, Standalone, Value, View
from tarragon.algorithms.rounds import Watch
from tarragon.algorithms.shapes import Shape

__all__ = [
    "Algorithm",
    "Card",
    "Context",
    "Hyperparameter",
    "KNNIndex",
    "OneOf",
    "Range",
    "Shape",
    "Standalone",
    "Text",
    "Value",
    "View",
    "Watch",
    "build",
    "cards",
    "check",
    "chosen",
    "declared",
    "get",
    "installed",
    "kind_of",
    "names",
    "opened",
    "seal",
    "space",
]
