"""How many rows of a file fit in memory, told from its size and its first lines."""

import gzip
import os
from contextlib import suppress
from pathlib import Path

GROWTH = 6.0  # bytes in memory per byte of text: the frame, its encoded views and the folds in flight
COLUMNAR_GROWTH = 20.0  # the same for Parquet and Arrow, which are packed on disk
SHARE = 0.5  # of the free memory is the most that a table may take
GZIP_RATIO = 6.0  # text shrinks about so much
SAMPLE_BYTES = 1 << 20
MEMINFO = Path("/proc/meminfo")  # Linux; elsewhere the free pages are asked for


def free_bytes() -> int:
    """Return the memory that is free, file pages the system would give back included; 8 GiB where it does not say."""
    with suppress(OSError, ValueError, StopIteration):
        lines = MEMINFO.read_text().splitlines()
        return 1024 * int(next(line.split()[1] for line in lines if line.startswith("MemAvailable:")))
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 8 << 30


def rows_that_fit(path: Path, free: int) -> int:
    """Return how many rows of a file can be taken, or 0 when all of them can.

    Parameters
    ----------
    path : Path
        CSV, JSON Lines (also gzipped), Parquet or Arrow. What cannot be read is left for the reader to refuse.
    free : int
        Bytes of memory.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "t.csv"
    ...     _ = path.write_text("a,b" + chr(10) + ("1,2" + chr(10)) * 1000)
    ...     rows_that_fit(path, 1 << 30), rows_that_fit(path, 24_000)
    (0, 500)
    """
    try:
        size = float(path.stat().st_size)
        packed = path.name.endswith(".gz")
        if path.suffix in {".parquet", ".arrow", ".feather", ".ipc"}:
            needed, rows = size * COLUMNAR_GROWTH, _columnar_rows(path)
        else:
            text = size * (GZIP_RATIO if packed else 1.0)
            needed, rows = text * GROWTH, text / _line_bytes(path, packed=packed)
    except (OSError, ValueError, EOFError):
        return 0
    allowed = SHARE * free
    return 0 if needed <= allowed else max(1, int(rows * allowed / needed))


def _line_bytes(path: Path, *, packed: bool) -> float:
    with gzip.open(path, "rb") if packed else path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
    return max(1, len(head)) / max(1, head.count(b"\n"))


def _columnar_rows(path: Path) -> float:
    import polars as pl
    from polars.exceptions import PolarsError

    try:
        scan = pl.scan_parquet(path) if path.suffix == ".parquet" else pl.scan_ipc(path)
        return float(scan.select(pl.len()).collect().item())
    except PolarsError as error:
        raise ValueError(str(error)) from error
