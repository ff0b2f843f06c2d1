"""Principal components: the few directions in which rows differ most.

Idea:   the leading eigenvectors of the rows' scatter about their mean span the plane that rows lie nearest to. Regular
        mode adds the scatter up; randomized mode adds up a random mixture of the rows, ℓ × d, whose leading right
        singular vectors are nearly the same, and sharpens them in two more passes.
Source: Pearson (1901), doi:10.1080/14786440109462720; randomized: Halko, Martinsson & Tropp (2011), Finding structure
        with randomness, SIAM Review 53, doi:10.1137/090771806; each further pass is the single-pass Nyström method of
        Tropp, Yurtsever, Udell & Cevher (2017), Fixed-rank approximation of a positive-semidefinite matrix from
        streaming data, NIPS 30, with the directions so far as its test matrix.
Cost:   regular O(n·d²) and 8·d² bytes; randomized O(n·d·ℓ) three times and 16·ℓ·d bytes, ℓ = num_components +
        extra_components. Memory does not grow with rows.

Decisions: rows are read in blocks of memory's size whatever ``mini_batch_size`` says, since the result does not depend
on it. Components stand smallest to largest, as in SageMaker's artifact; ``s`` are the singular values of the centred
rows. Of the two signs a component can have, the one that makes its entry of greatest size positive is taken. Weights
are not used. As many rows (one more, where the mean is taken off) as components are asked for, since fewer do not span
them.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
from scipy.linalg import eigh

from tarragon.algorithms.artifact import SEAL, fitted, opened, seal
from tarragon.algorithms.inputs import same_columns
from tarragon.algorithms.params import OneOf, Range, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.row_batches import dense_blocks, fitting_width
from tarragon.algorithms.threads import limited
from tarragon.algorithms.weights import Weights, broken
from tarragon.data import Data, Matrix, Prediction, Vector, read_ndarrays, write_ndarrays
from tarragon.errors import DataError, IntegrityError, ParameterError

TITLE = "Principal component analysis"
FILE = "model_algo-1"
LEAST_EXTRA = 10
SHARPER = 2  # passes: where variances fall as slowly as 1/i, one leaves 2 % of the variance behind and two 0.2 %
TINY = 1e-12  # of the greatest eigenvalue: below it a direction is rounding


@dataclass(eq=False, kw_only=True)
class PCA:
    """Describe rows by their places along the directions in which they differ most.

    Parameters
    ----------
    num_components : int
        Directions kept, at most as many as columns.
    feature_dim : int or None, default=None
        Columns that rows must have. None: those they have.
    mini_batch_size : int or None, default=None
        Rows that SageMaker's container reads at a time; the result does not depend on it.
    algorithm_mode : {"regular", "randomized"}, default="regular"
        randomized is for thousands of columns.
    extra_components : int, default=-1
        Directions followed beyond those kept in randomized mode; -1: max(10, num_components).
    subtract_mean : bool, default=True

    Attributes
    ----------
    mean_ : ndarray of shape (d,), float32
        Noughts where it is not taken off.
    components_ : ndarray of shape (d, num_components), float32
        Of length 1, smallest to largest: the last column is the direction of most variance.
    singular_values_ : ndarray of shape (num_components,), float32
        Their squares over (rows - 1) are variances.
    """

    card: ClassVar[Card] = Card(
        name="pca",
        title=TITLE,
        tasks=frozenset({"reduction"}),
        accepts="batches",
        view="dense",
        use="Many correlated numeric columns, before clustering, drawing or a method that wants few columns.",
        avoid="Curved structure, columns of unequal scale, or when each column must keep its meaning.",
        interpretability="medium",
        growth="regular rows × columns²; randomized rows × columns × components",
        source="Halko, Martinsson & Tropp (2011), doi:10.1137/090771806",
        images=("pca",),
        channels=("train", "test"),
        content_types=("text/csv", "application/x-recordio-protobuf"),
        answer=("projection",),
    )
    num_components: Annotated[int, Range(1, 1_000_000, log=True, about="Directions kept.")]
    feature_dim: Annotated[int | None, Range(1, 1_000_000, about="Columns of a row.")] = None
    mini_batch_size: Annotated[int | None, Range(1, 2**31 - 1, about="Rows read at a time; changes nothing else.")] = (
        None
    )
    algorithm_mode: Annotated[
        str, OneOf(("regular", "randomized"), about="Exact, or approximate for thousands of columns.")
    ] = "regular"
    extra_components: Annotated[
        int, Range(-1, 1_000_000, about="More make the randomized mode more accurate and slower.")
    ] = -1
    subtract_mean: Annotated[bool, OneOf((True, False), about="Whether directions are about the mean.")] = True

    mean_: Matrix | None = field(default=None, init=False, repr=False)
    components_: Matrix | None = field(default=None, init=False, repr=False)
    singular_values_: Matrix | None = field(default=None, init=False, repr=False)

    def fit(self, data: Data, *, valid: Data | None = None, context: Context | None = None) -> Self:
        """Find the directions; ``valid`` and weights are not used.

        Parameters
        ----------
        data : Tabular or Batches
            Every cell finite; sparse rows are taken as well. Hosts that share a fit bring rows of their own.

        Raises
        ------
        ParameterError
            More components are asked for than there are columns.
        DataError
            There are fewer rows than components, a cell is missing, or the columns are not ``feature_dim``.
        """
        check(self)
        context = context or Standalone()
        d = fitting_width(data, self.feature_dim, TITLE)
        if self.num_components > d:
            raise ParameterError(
                f"{TITLE}: num_components={self.num_components} is not allowed",
                why=f"The rows have {d} columns",
                fix=f"Ask for at most {d}",
            )
        with limited(context.threads):
            find = self._regular if self.algorithm_mode == "regular" else self._randomized
            found = find(data, context)
        self._keep(*found)
        return self

    def predict(self, data: Data) -> Prediction:
        """Return ``projection`` (n, num_components), in the order of the components.

        Raises
        ------
        NotFittedError
        DataError
            A cell is missing, or the columns are others than in fit.
        """
        same_columns(data, None if self.mean_ is None else len(self.mean_), TITLE)
        assert self.mean_ is not None
        assert self.components_ is not None
        parts: list[Matrix] = [np.empty((0, self.components_.shape[1]), np.float32)]
        for X, _ in dense_blocks(data, TITLE):
            parts.append(np.asarray((X - self.mean_) @ self.components_, np.float32))
        return {"projection": np.concatenate(parts)}

    def save(self, folder: Path) -> None:
        """Write ``model_algo-1``, arrays of MXNet's named mean, v and s, and the seal. Raises ``NotFittedError``."""
        fitted(None if self.mean_ is None else len(self.mean_), TITLE)
        assert self.mean_ is not None
        assert self.components_ is not None
        assert self.singular_values_ is not None
        mean = {"mean": self.mean_[None, :]} if self.subtract_mean else {}
        arrays = {**mean, "v": self.components_, "s": self.singular_values_}
        (folder / FILE).write_bytes(write_ndarrays(arrays))
        seal(folder, self, {})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote, or the ``model_algo-1`` of SageMaker. Raises ``IntegrityError``."""
        made = opened(folder, cls)[0] if (folder / SEAL).is_file() else None
        try:
            arrays = read_ndarrays((folder / FILE).read_bytes())
        except OSError as error:
            raise IntegrityError(
                f"The model of {TITLE} cannot be loaded", why=str(error), fix="Save it again"
            ) from error
        found = Weights(arrays)
        v = found.get("v", "f", (-1, -1))
        s = found.get("s", "f", (v.shape[1],))
        mean = arrays.get("mean", np.zeros(len(v), np.float32)).reshape(-1)
        if v.size == 0 or len(mean) != len(v) or not all(np.isfinite(a).all() for a in (v, s, mean)):
            raise broken("v, s and mean do not fit each other, or are not finite")
        if made is None:
            made = cls(num_components=v.shape[1], feature_dim=len(v), subtract_mean="mean" in arrays)
        elif v.shape[1] != made.num_components:
            raise broken(f"there are {v.shape[1]} components, and num_components is {made.num_components}")
        parts = (np.ascontiguousarray(a, dtype=np.float32) for a in (mean, v, s))
        made.mean_, made.components_, made.singular_values_ = parts
        return made

    def _keep(self, mean: Vector, v: Vector, s: Vector) -> None:
        """Take directions, (d, m) with the largest last, m at least ``num_components``, and fix their signs."""
        v, s = v[:, -self.num_components :], s[-self.num_components :]
        largest = np.abs(v).argmax(axis=0)
        v = v * np.where(v[largest, np.arange(v.shape[1])] < 0.0, -1.0, 1.0)
        parts = (np.ascontiguousarray(a, dtype=np.float32) for a in (mean, v, s))
        self.mean_, self.components_, self.singular_values_ = parts

    def _regular(self, data: Data, context: Context) -> tuple[Vector, Vector, Vector]:
        """Add up the scatter about a value near the mean, and move it to the mean of all hosts' rows."""
        d = data.n_features
        scatter, place = np.zeros((d, d)), _Place(d)
        for X, _ in dense_blocks(data, TITLE):
            near = place.near(X)
            scatter += near.T @ near
            if context.stop_asked():
                break
        mean, n = self._mean(place, context)
        own = place.total / max(place.n, 1)  # of what is left when the shift is taken off
        away = place.shift + own - mean
        scatter += place.n * (np.outer(away, away) - np.outer(own, own))
        scatter = np.asarray(context.reduce({"scatter": scatter})["scatter"])
        context.epoch(1, steps=place.steps, records=n, metrics={})
        k = self.num_components
        values, vectors = eigh(scatter, subset_by_index=[d - k, d - 1])
        return mean, vectors, np.sqrt(np.maximum(values, 0.0))

    def _randomized(self, data: Data, context: Context) -> tuple[Vector, Vector, Vector]:
        """Mix the rows at random, take the mixture's directions, and sharpen them against the rows."""
        d = data.n_features
        extra = max(LEAST_EXTRA, self.num_components) if self.extra_components < 0 else self.extra_components
        size = min(d, self.num_components + extra)
        rng = np.random.default_rng((context.seed, 79, context.rank))
        mixed, count, place = np.zeros((size, d)), np.zeros(size), _Place(d)
        for X, _ in dense_blocks(data, TITLE):
            near = place.near(X).astype(np.float32)
            signs = _signs(rng, size, len(near))
            mixed += signs @ near
            count += signs.sum(axis=1)
            if context.stop_asked():
                break
        mean, n = self._mean(place, context)
        stop = np.array([float(context.stop_asked())])
        told = context.reduce({"mixed": mixed - np.outer(count, mean - place.shift), "stop": stop})
        _, s, vt = np.linalg.svd(told["mixed"] / np.sqrt(size), full_matrices=False)
        v = vt.T[:, ::-1]
        for _ in range(0 if told["stop"][0] else SHARPER):
            v, s = self._sharpened(data, context, mean, v)
        context.epoch(1, steps=place.steps, records=n, metrics={})
        return mean, v, s[::-1]

    def _sharpened(self, data: Data, context: Context, mean: Vector, v: Vector) -> tuple[Vector, Vector]:
        """Approximate the scatter A by Z (vᵀZ)⁺ Zᵀ with Z = A v, and return its eigenvectors: (d, ℓ), (ℓ,)."""
        Z, centre, start = np.zeros(v.shape), mean.astype(np.float32), v.astype(np.float32)
        for X, _ in dense_blocks(data, TITLE):
            near = X - centre
            Z += near.T @ (near @ start)
        Z = np.asarray(context.reduce({"Z": Z})["Z"])
        core = v.T @ Z
        values, turn = np.linalg.eigh((core + core.T) / 2.0)
        kept = values > TINY * max(float(values[-1]), 0.0)
        half = np.zeros((len(values), len(values)))
        half[:, kept] = turn[:, kept] / np.sqrt(values[kept])
        u, s, _ = np.linalg.svd(Z @ half, full_matrices=False)
        return u[:, ::-1], s

    def _mean(self, place: "_Place", context: Context) -> tuple[Vector, int]:
        """Return what is taken off rows, (d,), and the number of rows of all hosts. Raises ``DataError``."""
        told = context.reduce({"total": place.total + place.n * place.shift, "n": np.array([place.n], np.int64)})
        n, least = int(told["n"][0]), self.num_components + self.subtract_mean
        if n < least:
            raise DataError(
                f"{TITLE} cannot find {self.num_components} components",
                why=f"There are {n} rows, and {least} are needed",
                fix="Give more rows, or ask for fewer components",
            )
        mean = np.asarray(told["total"]) / n
        return (mean if self.subtract_mean else np.zeros_like(mean)), n


class _Place:
    """Where rows lie, found as they pass: sums are of rows less a shift near their mean, so that digits are kept."""

    def __init__(self, d: int) -> None:
        self.n, self.steps = 0, 0
        self.shift: Vector = np.zeros(d)
        self.total: Vector = np.zeros(d)

    def near(self, X: Matrix) -> Vector:
        """Take note of rows, (b, d); return them less the shift."""
        if self.n == 0 and len(X):
            self.shift = X.mean(axis=0, dtype=np.float64)
        near = X - self.shift
        self.n, self.steps = self.n + len(X), self.steps + 1
        self.total += near.sum(axis=0)
        return np.asarray(near)


def _signs(rng: np.random.Generator, rows: int, columns: int) -> Matrix:
    """Draw (rows, columns) of 1 and -1."""
    bits = np.unpackbits(np.frombuffer(rng.bytes((rows * columns + 7) // 8), np.uint8), count=rows * columns)
    return bits.reshape(rows, columns).astype(np.float32) * 2.0 - 1.0
