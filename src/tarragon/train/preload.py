"""Loaded by the process that jobs are forked from, so that no job waits for it: the runners, the list of algorithms."""

from tarragon.algorithms import cards
from tarragon.train import builtin, job, processing

KNOWN = tuple(cards())
__all__ = ["KNOWN", "builtin", "job", "processing"]
