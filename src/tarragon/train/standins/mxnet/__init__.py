"""Stand-in for MXNet, which is retired: reads the arrays that SageMaker's algorithms keep in ``model_algo-1``.

``mxnet.ndarray.load`` is all there is; code that does more needs the real library, which is found first where it is
installed. Nothing but NumPy is needed, so that it serves clients in environments of their own.
"""

from . import ndarray

nd = ndarray
__all__ = ["nd", "ndarray"]
__version__ = "1.9.1"
