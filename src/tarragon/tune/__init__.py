"""Which trial next, and who leads."""

from tarragon.tune.board import judged, order, rank
from tarragon.tune.protocol import Leaderboard, Standing, Trial
from tarragon.tune.run import Ground, Outcome, Race, Tick

__all__ = ["Ground", "Leaderboard", "Outcome", "Race", "Standing", "Tick", "Trial", "judged", "order", "rank"]
