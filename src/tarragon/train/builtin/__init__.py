"""SageMaker's built-in algorithms as a training job sees them: its hyperparameters, channels, log lines and metrics."""

from tarragon.train.builtin.run import Recipe, default_metrics, fit, learn, names, shares, taken
from tarragon.train.builtin.teller import Channel, Order, Teller

__all__ = ["Channel", "Order", "Recipe", "Teller", "default_metrics", "fit", "learn", "names", "shares", "taken"]
