"""Torch, as every method that needs it finds and leaves it: imported late, few threads, repeatable, nothing changed."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from tarragon.algorithms.threads import limited
from tarragon.errors import MissingExtraError


def torch_for(title: str) -> Any:
    """Import torch for a method. Raises ``MissingExtraError``."""
    try:
        import torch
    except ImportError as error:
        fix = "pip install 'tarragon[deep]'"
        raise MissingExtraError(f"{title} is an optional part", why=str(error), fix=fix) from error
    return torch


@contextmanager
def steady(torch: Any, threads: int, seed: int | None = None) -> Iterator[None]:
    """Give torch so many threads and only repeatable operations, and put both back.

    Parameters
    ----------
    torch : module
    threads : int
        Also for NumPy's and SciPy's linear algebra.
    seed : int, optional
        Of torch's generator, which is put back as well; None leaves the generator alone.
    """
    before, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    fills = torch.utils.deterministic.fill_uninitialized_memory
    import scipy.linalg  # noqa: F401 - compiled steps multiply with its library, which must be there to be limited

    torch.set_num_threads(max(1, threads))
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # what is allocated here is written before it is read
    try:
        with limited(threads), nullcontext() if seed is None else torch.random.fork_rng():
            if seed is not None:
                torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(strict)
        torch.utils.deterministic.fill_uninitialized_memory = fills
