"""Models that answer without a script: SageMaker's built-in algorithms, foreign boosters, native table models."""

from tarragon.serve.builtin.load import load

__all__ = ["load"]
