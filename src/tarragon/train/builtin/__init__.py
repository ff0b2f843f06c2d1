"""SageMaker's built-in algorithms as a training job sees them: its hyperparameters, channels, log lines and metrics."""

from tarragon.train.builtin.run import default_metrics, fit, learn, names
from tarragon.train.builtin.teller import Channel, Teller

__all__ = ["Channel", "Teller", "default_metrics", "fit", "learn", "names"]
