"""What each algorithm is measured against: one module per algorithm, see :mod:`benchmarks.algorithms`."""
