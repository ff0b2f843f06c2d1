"""A package that answers: batch scoring of tables."""

from tarragon.serve.score import Scored, load_model, predict

__all__ = ["Scored", "load_model", "predict"]
