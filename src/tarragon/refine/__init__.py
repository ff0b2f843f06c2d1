"""Better or smaller from models already fitted: blend, calibrate, threshold, compress."""

from tarragon.refine.blend import Blend, Selection, blend, greedy, mix, selection
from tarragon.refine.calibrate import Calibration, calibrate
from tarragon.refine.compress import Compressed, compress, latency_ms
from tarragon.refine.model import Member, TableModel, bag, is_glass_box
from tarragon.refine.threshold import choose_threshold

__all__ = [
    "Blend",
    "Calibration",
    "Compressed",
    "Member",
    "Selection",
    "TableModel",
    "bag",
    "blend",
    "calibrate",
    "choose_threshold",
    "compress",
    "greedy",
    "is_glass_box",
    "latency_ms",
    "mix",
    "selection",
]
