"""Keep linear algebra libraries to the threads a method was given."""

from contextlib import AbstractContextManager


def limited(threads: int) -> AbstractContextManager[object]:
    """Limit BLAS and OpenMP to ``threads`` while the block runs."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

    limit: AbstractContextManager[object] = threadpool_limits(max(1, threads))
    return limit
