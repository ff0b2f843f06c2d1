"""Several hosts grow XGBoost's trees together: each bins its own rows, and the library adds up their histograms.

The library's own collective does it: a tracker in the first host's process, a ring of sockets between all of them. The
rows' cuts are sketched together, each split is chosen by the sum of the hosts' histograms, and all end with the same
trees. What is not a sum is the library's approximation: auc and aucpr are the hosts' own, weighted; leaves of
reg:absoluteerror the mean of the hosts' medians. Metrics that the library lacks are measured on all hosts' answers.

The ring is begun when every host has its rows, so that a bad channel is told before anybody waits. Whoever dies closes
its sockets, and the others leave the ring at once: no round waits for a time to pass. The library binds the ring to
every network interface and trusts whoever calls; where the system allows it (Linux), it is shut to all but this machine
as soon as it stands.
"""

import os
import socket
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tarragon.data import Tabular
from tarragon.errors import DataError, JobError
from tarragon.train.builtin.teller import Listener, Teller

HERE = "127.0.0.1"
BEGIN_S = 60  # for hosts that have their rows already to find each other
LONGEST_S = 1_000_000  # a round may take as long as it takes: hosts that die are noticed without
RING = "/src/collective/"  # where the library's errors come from when a host is gone
BIND_TO_DEVICE = getattr(socket, "SO_BINDTODEVICE", None)
Measure = Callable[[NDArray[Any], NDArray[Any]], float]  # answers and labels -> a score


def alone(hyperparameters: Mapping[str, str]) -> bool:
    """Whether one host must see every row: the library has no such sums, or folds are drawn from all rows."""
    given = {name: value.strip(' "') for name, value in hyperparameters.items()}
    updaters = {each.strip() for each in given.get("updater", "").split(",")}
    return (
        given.get("tree_method") == "exact"
        or given.get("booster") == "gblinear"
        or given.get("objective") == "survival:cox"  # the rows at risk are those of all hosts
        or bool(updaters & {"grow_colmaker", "distcol", "shotgun", "coord_descent"})
        or "_kfold" in given
    )


@dataclass(frozen=True, slots=True)
class Agreed:
    """A listener for a fit of several hosts: rows are counted over all, and all stop when the first is asked to."""

    listener: Listener
    teller: Teller
    rows: int

    def say(self, text: str) -> None:
        """Pass it on."""
        self.listener.say(text)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Pass it on."""
        self.listener.metric(name, value, step)

    def epoch(self, n: int, steps: int, records: int, seconds: float) -> None:
        """Pass on that all hosts' rows were seen."""
        self.listener.epoch(n, steps, self.rows, seconds)

    def stop_asked(self) -> bool:
        """Ask every host's; each is asked equally often."""
        asked = np.array([self.listener.stop_asked()], np.int64)
        return bool(self.teller.reduce({"stop": asked})["stop"][0])


def gathered(teller: Teller, train: Tabular, valid: Tabular | None) -> tuple[Tabular, Tabular | None, Teller]:
    """Wait until every host has its rows, and make them go together.

    Parameters
    ----------
    teller : Teller
    train, valid : Tabular
        This host's rows.

    Returns
    -------
    train, valid : Tabular
        With as many columns as the widest host's, where they are sparse.
    teller : Teller
        Which counts all rows, and agrees with the others on when to stop.

    Raises
    ------
    DataError
        Dense rows have other columns than another host's.
    JobError
        Another host has failed.
    """
    mine = np.zeros((teller.world, 3), np.int64)
    mine[teller.rank] = train.n_features, train.n_rows, not train.is_sparse
    whole = teller.reduce({"rows": mine})["rows"]
    width = int(whole[:, 0].max())
    for rank, (columns, _, dense) in enumerate(whole.tolist(), 1):
        if columns < width and dense:
            raise DataError(
                "The hosts' channels do not fit together",
                why=f"algo-{rank} has {columns} feature columns and another host {width}",
                fix="Give every host rows of the same columns",
            )
    listener = Agreed(teller.listener, teller, int(whole[:, 1].sum()))
    threads = max(1, teller.threads // teller.world)  # the hosts share this machine
    wide = None if valid is None else widened(valid, width)
    return widened(train, width), wide, replace(teller, listener=listener, threads=threads)


def widened(rows: Tabular, width: int) -> Tabular:
    """Give sparse rows more columns."""
    X = rows.X
    if isinstance(X, np.ndarray):
        return rows
    return replace(rows, X=sp.csr_matrix((X.data, X.indices, X.indptr), shape=(rows.n_rows, width)))


def over_all(measure: Measure, teller: Teller) -> Measure:
    """Measure the answers and labels of every host, (n,) or (n, K) and (n,) on each; they all learn the score."""

    def score(answer: NDArray[Any], labels: NDArray[Any]) -> float:
        table = np.column_stack([answer, labels]).astype(np.float64)
        sizes = np.zeros(teller.world, np.int64)
        sizes[teller.rank] = len(table)
        sizes = teller.reduce({"sizes": sizes})["sizes"]
        start = int(sizes[: teller.rank].sum())
        whole = np.zeros((int(sizes.sum()), table.shape[1]))
        whole[start : start + len(table)] = table
        whole = teller.reduce({"answers": whole})["answers"]
        return measure(whole[:, 0] if answer.ndim == 1 else whole[:, :-1], whole[:, -1])

    return score


@contextmanager
def ring(teller: Teller) -> Iterator[None]:
    """Join the hosts' processes, each in its own ``with``; what the library sums in it is summed over all of them.

    Raises
    ------
    JobError
        Another host failed or was killed: its words where it had some.
    """
    from xgboost import collective, config_context
    from xgboost.tracker import RabitTracker

    tracker, port = None, 0
    if not teller.rank:
        tracker = RabitTracker(n_workers=teller.world, host_ip=HERE, sortby="task", timeout=BEGIN_S)
        tracker.start()
        port = int(tracker.worker_args()["dmlc_tracker_port"])
    try:
        port = int(teller.reduce({"port": np.array([port], np.int64)})["port"][0])
        before = _listening()
        with config_context(verbosity=0):
            collective.init(
                dmlc_tracker_uri=HERE, dmlc_tracker_port=port, dmlc_task_id=f"{teller.rank:06}",
                dmlc_timeout=LONGEST_S,
            )  # fmt: skip
            _shut(_listening() - before)
            yield
    except Exception as error:
        if not _lost(error):
            raise
        _leave(collective.finalize)  # before anything else: it frees those who wait for this host
        raise _blamed(teller) from error
    finally:
        _leave(collective.finalize)
        if tracker is not None:
            _leave(tracker.free)


def _lost(error: BaseException | None) -> bool:
    """Whether the library could not reach the other hosts, and found no fault with these rows."""
    while error is not None:
        if RING in str(error):
            return True
        error = error.__cause__
    return False


def _leave(how: Callable[[], None]) -> None:
    from xgboost.core import XGBoostError

    with suppress(XGBoostError):  # the others may be gone
        how()


def _blamed(teller: Teller) -> JobError:
    """Find out which host failed; the first does, and the others wait for their end."""
    assert teller.peers is not None
    if teller.rank:
        teller.peers.sum({})
    return teller.peers.failure() or JobError(
        "The hosts of the job have lost each other", why="Their connection broke", fix="Run the job again"
    )


def _listening() -> set[int]:
    """List this process's sockets that take calls; none where the system does not list its files."""
    try:
        files = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        return set()
    found = set()
    for number in files:
        with suppress(OSError):  # some other thread's file, closed since
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                with socket.socket(fileno=os.dup(number)) as each:
                    calls = each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                    if calls and each.family in (socket.AF_INET, socket.AF_INET6):
                        found.add(number)
    return found


def _shut(sockets: set[int]) -> None:
    """Let only this machine call."""
    if BIND_TO_DEVICE is None:
        return
    for number in sockets:
        with suppress(OSError), socket.socket(fileno=os.dup(number)) as each:
            each.setsockopt(socket.SOL_SOCKET, BIND_TO_DEVICE, b"lo")
