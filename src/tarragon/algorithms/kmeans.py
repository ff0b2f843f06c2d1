"""k-means for streams: more centres than asked for follow the rows in batches, then are clustered themselves.

Idea:   K = k · factor centres are seeded from a sample; every batch moves the centres it touches towards the mean of
        their new rows, the less the more rows they have seen. The K centres, weighted by their rows, are clustered into
        k by Lloyd's iteration from several starts, and the best of these is drawn to rest on the rows.
Source: Sculley (2010), Web-scale k-means clustering, WWW, doi:10.1145/1772690.1772862; Arthur & Vassilvitskii (2007),
        k-means++, SODA; the over-seeding as in Ailon, Jaiswal & Monteleoni (2009), Streaming k-means approximation,
        NIPS 22.
Cost:   O(n·d·K) a pass over n rows of d columns; memory K·d, a batch and the sample, however many rows there are.

Decisions where SageMaker's own is not published: ``extra_center_factor`` auto is 10 (a container's log says so for
k = 8) and falls to 4 as k rises, where ten times as many would cost more than they bring; ``local_lloyd_num_trials``
auto is 10, as in the logs. Seeds are drawn from a uniform sample of all rows, not from the first batch, which rows
sorted by kind would mislead. The result is improved by at most ``CLOSING`` passes of Lloyd's own step over all rows,
and the mean squared distance that training reports is the rows', where the container reports that of the weighted
centres. Hosts that share a fit add up each batch, so that theirs is the fit of one host with larger batches.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np

from tarragon.algorithms.artifact import SEAL, fitted, opened, seal
from tarragon.algorithms.inputs import same_columns
from tarragon.algorithms.lloyd import lloyd, moved, nearest, seeds, sums
from tarragon.algorithms.params import OneOf, Range, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.reservoir import Reservoir, gathered
from tarragon.algorithms.row_batches import batches_of, dense_blocks, fitting_width
from tarragon.algorithms.threads import limited
from tarragon.algorithms.weights import Weights, broken
from tarragon.data import Data, Matrix, Prediction, Vector, read_ndarrays, write_ndarrays
from tarragon.errors import DataError, IntegrityError

TITLE = "K-means"
FILE = "model_algo-1"
MOST_FACTOR, LEAST_FACTOR, PLENTY = 10, 4, 1_000  # centres from which fewer than ten times as many suffice
TRIALS = 10
CLOSING, GAIN = 10, 1e-3  # passes at most, and the share of the cost that one must bring for another to follow
SEEDED = 3  # sampled rows per seed at least


@dataclass(eq=False, kw_only=True)
class KMeans:
    """Find k centres that rows are near to.

    Parameters
    ----------
    k : int in [2, 100_000]
        Clusters.
    feature_dim : int or None, default=None
        Columns that rows must have. None: those they have.
    epochs : int, default=1
        Passes over the rows.
    mini_batch_size : int, default=5000
        Rows between two moves of the centres.
    extra_center_factor : int or None, default=None
        Centres followed for each one asked for. None: 10, fewer for many clusters.
    init_method : {"random", "kmeans++"}, default="random"
        How those centres are seeded.
    half_life_time_size : int, default=0
        Rows after which what a centre has seen counts half. 0: all counts alike.
    local_lloyd_init_method : {"random", "kmeans++"}, default="kmeans++"
    local_lloyd_max_iter : int, default=300
    local_lloyd_num_trials : int or None, default=None
        Starts of the last clustering. None: 10.
    local_lloyd_tol : float in [0, 1], default=0.0001
        It ends where the mean squared distance falls by a smaller share.

    Attributes
    ----------
    centres_ : ndarray of shape (k, d), float32
    msd_ : float
        Mean squared distance of the training rows to their centres.
    attempts_ : tuple of float
        Mean squared distance of the followed centres after each start of the last clustering.
    followed_ : int
        How many centres followed the rows.
    """

    card: ClassVar[Card] = Card(
        name="kmeans",
        title=TITLE,
        tasks=frozenset({"clustering"}),
        accepts="batches",
        view="dense",
        use="Roughly round groups of rows, a number of groups in mind, and any number of rows.",
        avoid="Columns of unequal scale, categories, groups of odd shapes or very unequal density.",
        interpretability="high",
        growth="rows × columns × clusters × extra_center_factor a pass; memory of the centres and a batch",
        source="Sculley (2010), WWW, doi:10.1145/1772690.1772862",
        images=("kmeans",),
        channels=("train", "test"),
        content_types=("text/csv", "application/x-recordio-protobuf"),
        metrics=("test:msd", "test:ssd"),
        answer=("closest_cluster", "distance_to_cluster"),
    )
    k: Annotated[int, Range(2, 100_000, log=True, about="Clusters: more are tighter and say less.")]
    feature_dim: Annotated[int | None, Range(1, 1_000_000, about="Columns of a row.")] = None
    epochs: Annotated[int, Range(1, 10_000, tune=(1, 10), about="More passes settle the centres.")] = 1
    mini_batch_size: Annotated[
        int, Range(1, 10_000_000, log=True, tune=(3_000, 15_000), about="Larger batches are steadier and slower.")
    ] = 5_000
    extra_center_factor: Annotated[
        int | None, Range(1, 1_000, tune=(4, 10), about="More miss fewer groups and take longer.")
    ] = None
    init_method: Annotated[
        str, OneOf(("random", "kmeans++"), tune=("random", "kmeans++"), about="How centres are seeded.")
    ] = "random"
    half_life_time_size: Annotated[
        int, Range(0, 2**31 - 1, about="Rows after which what was seen counts half; 0 never.")
    ] = 0
    local_lloyd_init_method: Annotated[
        str, OneOf(("random", "kmeans++"), about="How the last clustering is seeded.")
    ] = "kmeans++"
    local_lloyd_max_iter: Annotated[int, Range(1, 1_000_000, about="Iterations of the last clustering.")] = 300
    local_lloyd_num_trials: Annotated[
        int | None, Range(1, 10_000, about="More starts of the last clustering miss less.")
    ] = None
    local_lloyd_tol: Annotated[
        float, Range(0.0, 1.0, about="The last clustering ends where it gains a smaller share.")
    ] = 1e-4

    centres_: Matrix | None = field(default=None, init=False, repr=False)
    msd_: float = field(default=0.0, init=False, repr=False)
    attempts_: tuple[float, ...] = field(default=(), init=False, repr=False)
    followed_: int = field(default=0, init=False, repr=False)

    def fit(self, data: Data, *, valid: Data | None = None, context: Context | None = None) -> Self:
        """Find the centres; ``valid`` is not used.

        Parameters
        ----------
        data : Tabular or Batches
            Every cell finite; sparse rows are taken as well. Hosts that share a fit bring rows of their own.

        Raises
        ------
        ParameterError
        DataError
            There are fewer rows than clusters, a cell is missing, or the columns are not ``feature_dim``.
        """
        check(self)
        context = context or Standalone()
        fitting_width(data, self.feature_dim, TITLE)
        with limited(context.threads):
            state = self._seeded(data, context)
            for epoch in range(1, self.epochs + 1):
                steps, records, msd = self._follow(data, state, context)
                context.epoch(epoch, steps=max(steps, 1), records=records, metrics={"train:msd": msd})
                if _any_asked(context):
                    break
            self._shrink(state, np.random.default_rng((context.seed, 73)))
            self._close(data, state, context)
        return self

    def predict(self, data: Data) -> Prediction:
        """Return ``closest_cluster`` (n,), from 0, and ``distance_to_cluster`` (n,), Euclidean, both float64.

        Raises
        ------
        NotFittedError
        DataError
            A cell is missing, or the columns are others than in fit.
        """
        same_columns(data, None if self.centres_ is None else self.centres_.shape[1], TITLE)
        assert self.centres_ is not None
        shift = self.centres_.mean(axis=0)
        labels, gaps = [np.empty(0)], [np.empty(0)]
        for X, _ in dense_blocks(data, TITLE):
            label, _ = nearest(X - shift, self.centres_ - shift)
            labels.append(label.astype(np.float64))
            gaps.append(np.linalg.norm(X.astype(np.float64) - self.centres_[label], axis=1))
        return {"closest_cluster": np.concatenate(labels), "distance_to_cluster": np.concatenate(gaps)}

    def save(self, folder: Path) -> None:
        """Write ``model_algo-1``, a list of one array of MXNet's, and the seal. Raises ``NotFittedError``."""
        fitted(None if self.centres_ is None else len(self.centres_), TITLE)
        assert self.centres_ is not None
        (folder / FILE).write_bytes(write_ndarrays([self.centres_]))
        seal(folder, self, {"msd": self.msd_})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote, or the ``model_algo-1`` of SageMaker. Raises ``IntegrityError``."""
        made, facts = opened(folder, cls) if (folder / SEAL).is_file() else (None, {"msd": 0.0})
        try:
            content, msd = (folder / FILE).read_bytes(), float(facts["msd"])
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise IntegrityError(
                f"The model of {TITLE} cannot be loaded", why=str(error), fix="Save it again"
            ) from error
        arrays = read_ndarrays(content)
        if len(arrays) != 1:
            raise broken(f"it holds {len(arrays)} arrays, and centres are one")
        centres = Weights(arrays).get(next(iter(arrays)), "f", (-1, -1))
        if centres.size == 0 or not np.isfinite(centres).all():
            raise broken("a centre is missing, or not finite")
        if made is None:
            made = cls(k=len(centres), feature_dim=centres.shape[1])
        elif len(centres) != made.k:
            raise broken(f"there are {len(centres)} centres, and k is {made.k}")
        made.centres_, made.msd_ = np.ascontiguousarray(centres, dtype=np.float32), msd
        return made

    def _seeded(self, data: Data, context: Context) -> "_Following":
        factor = self.extra_center_factor or max(LEAST_FACTOR, min(MOST_FACTOR, PLENTY // self.k))
        wanted = self.k * factor
        sample = Reservoir(
            max(self.mini_batch_size, SEEDED * wanted), data.n_features, (context.seed, 67, context.rank)
        )
        for X, weight in dense_blocks(data, TITLE):
            sample.add(X[weight > 0.0])
        rows, _ = gathered(sample, context)
        if len(rows) < self.k:
            raise DataError(
                f"{TITLE} cannot find {self.k} clusters",
                why=f"There are {len(rows)} rows",
                fix="Give more rows, or set k to fewer",
            )
        shift = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        self.followed_ = min(wanted, len(rows))
        rng = np.random.default_rng((context.seed, 71))
        start = seeds(rows - shift, np.ones(len(rows)), self.followed_, self.init_method, rng)
        return _Following(shift, start.astype(np.float64), np.zeros(len(start)))

    def _follow(self, data: Data, state: "_Following", context: Context) -> tuple[int, int, float]:
        """Let the centres follow the rows once; return steps, rows of all hosts and their mean squared distance."""
        steps, records, ssd, mass = 0, 0, 0.0, 0.0
        stream = batches_of(data, self.mini_batch_size, TITLE)
        while True:
            told = context.reduce(_batch(next(stream, None), state, context))
            if not told["rows"]:
                break
            fresh = told["count"]
            if self.half_life_time_size:
                state.count *= 0.5 ** (float(told["rows"]) / self.half_life_time_size)
            state.count += fresh
            hit = fresh > 0.0
            state.centres[hit] += (told["sums"][hit] - fresh[hit, None] * state.centres[hit]) / state.count[hit, None]
            steps, records = steps + 1, records + int(told["rows"])
            ssd, mass = ssd + float(told["ssd"]), mass + float(fresh.sum())
            if told["stop"]:
                break
        return steps, records, ssd / max(mass, 1e-300)

    def _shrink(self, state: "_Following", rng: np.random.Generator) -> None:
        """Cluster the followed centres into k, from several starts."""
        there = np.flatnonzero(state.count > 0.0)
        if len(there) < self.k:
            there = np.arange(len(state.count))
        points = state.centres[there].astype(np.float32)
        weight = np.maximum(state.count[there], 1e-9)
        found, best = [], np.inf
        for _ in range(self.local_lloyd_num_trials or TRIALS):
            start = seeds(points, weight, self.k, self.local_lloyd_init_method, rng)
            centres, mean = lloyd(points, weight, start, self.local_lloyd_max_iter, self.local_lloyd_tol)
            found.append(mean)
            if mean < best:
                best, state.centres = mean, centres.astype(np.float64)
        self.attempts_ = tuple(found)

    def _close(self, data: Data, state: "_Following", context: Context) -> None:
        """Draw the centres to the means of their rows, and measure."""
        before = np.inf
        for turn in range(CLOSING + 1):
            total, count, ssd = np.zeros_like(state.centres), np.zeros(len(state.centres)), np.zeros(1)
            for batch in dense_blocks(data, TITLE):
                part = _batch(batch, state, context)
                total, count, ssd = total + part["sums"], count + part["count"], ssd + part["ssd"]
            told = context.reduce({"sums": total, "count": count, "ssd": ssd})
            self.msd_ = float(told["ssd"][0] / max(told["count"].sum(), 1e-300))
            if turn == CLOSING or before - self.msd_ <= GAIN * self.msd_:
                break
            before, state.centres = self.msd_, moved(state.centres, told["sums"], told["count"])
        self.centres_ = np.ascontiguousarray(state.centres + state.shift, dtype=np.float32)


@dataclass(slots=True, eq=False)
class _Following:
    """What follows the rows: centres (K, d) around ``shift`` (d,), and the rows each has seen (K,)."""

    shift: Matrix
    centres: Vector
    count: Vector


def _batch(batch: "tuple[Matrix, Vector] | None", state: _Following, context: Context) -> dict[str, Vector]:
    """Sum a batch by its nearest centres; nothing, where a host has come to the end of its rows."""
    K, d = state.centres.shape
    stop = np.array(float(context.stop_asked()))
    if batch is None:
        nothing = np.zeros(())
        return {"sums": np.zeros((K, d)), "count": np.zeros(K), "ssd": nothing, "rows": nothing, "stop": stop}
    X, weight = batch[0] - state.shift, batch[1]
    label, gap = nearest(X, state.centres.astype(np.float32))
    total, count = sums(X, weight, label, K)
    rows = np.array(float(len(X)))
    return {"sums": total, "count": count, "ssd": np.array(gap @ weight), "rows": rows, "stop": stop}


def _any_asked(context: Context) -> bool:
    """Whether any host is asked to stop: all must end together."""
    return bool(context.reduce({"stop": np.array([float(context.stop_asked())])})["stop"][0])
