"""k-nearest neighbours as SageMaker's container keeps them: a sample of the rows in a FAISS index, k as it is given.

Idea:   a class is what most of the k nearest sampled rows are, a value is their mean. Rows may be projected at random
        into fewer columns first, and the index may look into a few of its lists only, or keep codes instead of rows.
Source: Cover & Hart (1967), Nearest neighbor pattern classification, doi:10.1109/TIT.1967.1053964; the indexes are of
        Douze et al. (2024), The Faiss library, arXiv:2401.08281; product quantisation by Jégou, Douze & Schmid (2011),
        doi:10.1109/TPAMI.2010.57.
Cost:   one pass over the rows; the sample is 4 bytes a cell in memory (codes: ``faiss_index_pq_m`` bytes a row). A
        query costs O(sample·d), with lists nprobe of nlists of that, in up to 10 columns about the log of the sample.

The method for tables, which chooses k, weights and the space itself, is ``knn``; this one does what it is told.

Decisions where SageMaker's own is not published: labels of classes tied for most go to the smallest. Distances are
squared L2, 1 - cosine, or the inner product's negative, so that nearest is always first and smallest. Lists are
searched ``_faiss_index_nprobe`` = 5 at a time, as container logs say; a query that finds fewer than k rows there
searches them all. nlists "auto" is the root of the rows kept. Rows are projected, then scaled for COSINE. Columns are
filled up with noughts to a multiple of ``faiss_index_pq_m``. With a projection, a model is answered here only if it was
trained here: the container's random numbers are not known.

``model_algo-1.json`` is not under the seal: ``k`` and ``predictor_type`` may be edited in it and hold from the next
load on, as with the container. The index and the labels are sealed, and read without a seal where SageMaker wrote them.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.artifact import SEAL, fitted, opened, seal
from tarragon.algorithms.faiss_file import Kind, Shape, restored
from tarragon.algorithms.inputs import dense, same_columns
from tarragon.algorithms.neighbour_index import Neighbourhood, built
from tarragon.algorithms.params import OneOf, Range, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.random_projection import Projection
from tarragon.algorithms.reservoir import Reservoir, gathered
from tarragon.algorithms.row_batches import fitting_width
from tarragon.algorithms.rows import finite
from tarragon.algorithms.threads import limited
from tarragon.algorithms.weights import broken
from tarragon.data import Batches, Data, Matrix, Prediction, Tabular, Vector
from tarragon.errors import DataError, ParameterError

TITLE = "k-nearest neighbours"
FILE = "model_algo-1"
OURS = "tarragon"  # in the file of facts: whose random numbers a projection was drawn with
MOST_LABEL = 1 << 24  # whole numbers below it are exact in float32, as which labels are kept
BLOCK_CELLS = 1 << 20
PARTS = (1, 2, 3, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 96)


@dataclass(eq=False, kw_only=True)
class KNNIndex:
    """Vote or average over the k nearest sampled rows.

    Parameters
    ----------
    k : int
        Neighbours.
    predictor_type : {"classifier", "regressor"}
    sample_size : int
        Rows kept, drawn uniformly.
    feature_dim : int or None, default=None
        Columns that rows must have. None: those they have.
    dimension_reduction_type : {"sign", "fjlt"} or None, default=None
    dimension_reduction_target : int or None, default=None
        Columns after a projection, fewer than before.
    index_type : {"faiss.Flat", "faiss.IVFFlat", "faiss.IVFPQ"}, default="faiss.Flat"
        Exact, or a few lists of rows, or a few lists of codes.
    index_metric : {"L2", "INNER_PRODUCT", "COSINE"}, default="L2"
    faiss_index_ivf_nlists : int or None, default=None
        Lists. None: the root of the rows kept.
    faiss_index_pq_m : int or None, default=None
        Parts of a code.
    faiss_index_nprobe : int, default=5
        Lists looked into.
    mini_batch_size : int, default=5000
        Rows that SageMaker's container reads at a time; the result does not depend on it.

    Attributes
    ----------
    neighbours_ : Neighbourhood
    labels_ : ndarray of shape (n,), float32
        Of the rows in the index.
    """

    card: ClassVar[Card] = Card(
        name="knn",
        title=TITLE,
        tasks=frozenset({"binary", "multiclass", "regression"}),
        accepts="batches",
        view="dense",
        use="Few columns, irregular boundaries, answers explained by examples, more rows than memory.",
        avoid="Many columns without reduction, unequal scales, or tight latency on large samples.",
        interpretability="medium",
        growth="memory 4 bytes per cell of the sample; each query O(sample × columns)",
        source="doi:10.1109/TIT.1967.1053964",
        images=("knn",),
        channels=("train", "test"),
        content_types=("text/csv", "application/x-recordio-protobuf"),
        metrics=("test:accuracy", "test:mse"),
        answer=("predicted_label",),
    )
    k: Annotated[int, Range(1, 100_000, log=True, tune=(1, 1_024), about="Few follow noise, many blur edges.")]
    predictor_type: Annotated[str, OneOf(("classifier", "regressor"), about="Whether labels are classes or values.")]
    sample_size: Annotated[
        int, Range(1, 2**31 - 1, log=True, tune=(256, 20_000_000), about="Fewer rows answer faster and coarser.")
    ]
    feature_dim: Annotated[int | None, Range(1, 1_000_000, about="Columns of a row.")] = None
    dimension_reduction_type: Annotated[
        str | None, OneOf(("sign", "fjlt"), about="Random projection: sign for small targets, fjlt for large ones.")
    ] = None
    dimension_reduction_target: Annotated[
        int | None, Range(1, 1_000_000, about="Columns after projection: fewer are faster and coarser.")
    ] = None
    index_type: Annotated[
        str, OneOf(("faiss.Flat", "faiss.IVFFlat", "faiss.IVFPQ"), about="Exact, or faster, or smaller.")
    ] = "faiss.Flat"
    index_metric: Annotated[str, OneOf(("L2", "INNER_PRODUCT", "COSINE"), about="What near means.")] = "L2"
    faiss_index_ivf_nlists: Annotated[int | None, Range(1, 1 << 24, about="More lists are faster and miss more.")] = (
        None
    )
    faiss_index_pq_m: Annotated[int | None, OneOf(PARTS, about="More parts of a code are finer.")] = None
    faiss_index_nprobe: Annotated[
        int, Range(1, 1 << 24, wire="_faiss_index_nprobe", about="More lists looked into miss less.")
    ] = 5
    mini_batch_size: Annotated[int, Range(1, 2**31 - 1, about="Rows read at a time; changes nothing else.")] = 5_000

    neighbours_: Neighbourhood | None = field(default=None, init=False, repr=False)
    labels_: Matrix | None = field(default=None, init=False, repr=False)
    _width: int = field(default=0, init=False, repr=False)
    _projection: Projection | None = field(default=None, init=False, repr=False)

    def fit(self, data: Data, *, valid: Data | None = None, context: Context | None = None) -> Self:
        """Draw the sample and build the index; ``valid`` and weights are not used.

        Parameters
        ----------
        data : Tabular or Batches
            With ``y``: whole numbers from 0 for a classifier. Hosts that share a fit bring rows of their own.

        Raises
        ------
        ParameterError
            Settings that do not go together.
        DataError
            Fewer rows than k, a missing cell or label, labels that are no classes, or other columns.
        """
        check(self)
        context = context or Standalone()
        width = fitting_width(data, self.feature_dim, TITLE)
        self._agree(width)
        sample = Reservoir(self.sample_size, width + 1, (context.seed, 83, context.rank))
        steps = 0
        for block in data if isinstance(data, Batches) else (data,):
            self._show(block, width, sample)
            steps += 1
            if context.stop_asked():
                break
        rows, seen = gathered(sample, context)
        if len(rows) < self.k:
            raise DataError(
                f"{TITLE} cannot find k={self.k} neighbours",
                why=f"{len(rows)} rows are kept",
                fix=f"Give more rows, or set k to {max(1, len(rows))} or less and sample_size to k or more",
            )
        self._width, self.labels_ = width, np.ascontiguousarray(rows[:, -1])
        self._projection = self._projected(context.seed)
        with limited(context.threads):
            self._build(rows[:, :-1])
        context.epoch(1, steps=max(steps, 1), records=seen, metrics={})
        return self

    def predict(self, data: Data) -> Prediction:
        """Return ``predicted_label`` (n,), float64: a class or a value. Raises ``NotFittedError`` or ``DataError``."""
        if isinstance(data, Batches):
            same_columns(data, self._width, TITLE)
            return {"predicted_label": np.concatenate([self.predict(b)["predicted_label"] for b in data])}
        return {"predicted_label": self.decided(self.nearest(data)[1])}

    def nearest(self, data: Tabular) -> tuple[Vector, Vector]:
        """Return distances to and labels of the k nearest rows, (n, k) float64 each, nearest first.

        Raises
        ------
        NotFittedError
        DataError
            A cell is missing, or the columns are others than in fit.
        """
        same_columns(data, self._width, TITLE)
        finite(data, TITLE)
        assert self.neighbours_ is not None
        assert self.labels_ is not None
        distances, labels = [np.empty((0, self.k))], [np.empty((0, self.k))]
        size = max(1, BLOCK_CELLS // self._width)
        for start in range(0, data.n_rows, size):
            X = self._placed(dense(Tabular(data.X[start : start + size])))
            gap, near = self.neighbours_.search(X, self.k)
            distances.append(gap)
            labels.append(self.labels_[near].astype(np.float64))
        return np.concatenate(distances), np.concatenate(labels)

    def decided(self, labels: Vector) -> Vector:
        """Return what neighbours' labels, (n, k), amount to, (n,)."""
        if self.predictor_type == "regressor":
            return np.asarray(labels.mean(axis=1))
        return voted(labels)

    def save(self, folder: Path) -> None:
        """Write the index, the labels, the facts that may be edited, and the seal. Raises ``NotFittedError``."""
        fitted(self._width, TITLE)
        assert self.neighbours_ is not None
        assert self.labels_ is not None
        (folder / FILE).write_bytes(self.neighbours_.content())
        (folder / f"{FILE}.labels").write_bytes(self.labels_.astype("<f4").tobytes())
        p = self._projection
        reduction = p and {
            "type": p.kind, "seed": p.seed, "target_dim": p.target, "input_dim": p.width, "drawn_by": OURS,
        }  # fmt: skip
        facts = {
            "k": self.k,
            "predictor_type": self.predictor_type,
            "dimension_reduction": reduction,
            "normalize": self.index_metric == "COSINE",
            "version": "1.0",
        }
        seal(folder, self, {"columns": self._width})  # before the file that stays open to edits
        (folder / f"{FILE}.json").write_text(json.dumps(facts), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote, or what SageMaker did. Raises ``IntegrityError``."""
        ours = opened(folder, cls) if (folder / SEAL).is_file() else None
        try:
            index, shape = restored((folder / FILE).read_bytes())
            labels = np.frombuffer((folder / f"{FILE}.labels").read_bytes(), "<f4")
            facts = json.loads((folder / f"{FILE}.json").read_text(encoding="utf-8"))
            reduction, normal = facts.get("dimension_reduction") or {}, bool(facts.get("normalize", False))
            made, sealed = ours or (cls._foreign(shape, facts, normalize=normal), {})
            made.k, made.predictor_type = facts["k"], facts["predictor_type"]
            made._projection = _read_projection(reduction)
            made._width = int(sealed.get("columns", made._projection.width if made._projection else shape.d))
            check(made)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise broken(str(error)) from error
        made._hold(shape, labels, normalize=normal)
        made.feature_dim = made.feature_dim if sealed else made._width
        made.neighbours_ = Neighbourhood(index, shape, cosine=normal)
        made.labels_ = labels
        return made

    @classmethod
    def _foreign(cls, shape: Shape, facts: Any, *, normalize: bool) -> Self:
        """Make an instance for a model that SageMaker trained, of what its files say."""
        return cls(
            k=facts["k"],
            predictor_type=facts["predictor_type"],
            sample_size=max(1, shape.n),
            index_type=shape.kind,
            index_metric="COSINE" if normalize else "INNER_PRODUCT" if shape.inner else "L2",
            faiss_index_pq_m=shape.parts if shape.parts in PARTS else None,
            faiss_index_nprobe=max(1, shape.probes),
        )

    def _agree(self, width: int) -> None:
        """Refuse settings that do not go together. Raises ``ParameterError``."""
        target, kind = self.dimension_reduction_target, self.dimension_reduction_type
        for wrong, what, why, fix in (
            (kind and target is None, "dimension_reduction_target is required", f"The type is {kind}", "Set it"),
            (target and not kind, "dimension_reduction_type is required", f"The target is {target}", "Set it"),
            (target and target >= width, f"dimension_reduction_target={target} is not allowed",
             f"The rows have {width} columns", "Set it to fewer"),
            (self.index_type == "faiss.IVFPQ" and not self.faiss_index_pq_m, "faiss_index_pq_m is required",
             "index_type is faiss.IVFPQ", f"Set it to one of {PARTS}"),
            (self.index_type == "faiss.IVFPQ" and self.index_metric != "L2",
             f"index_metric={self.index_metric} is not allowed", "index_type is faiss.IVFPQ", "Use L2"),
        ):  # fmt: skip
            if wrong:
                raise ParameterError(f"{TITLE}: {what}", why=why, fix=fix)

    def _show(self, block: Tabular, width: int, sample: Reservoir) -> None:
        """Check a block's rows and labels, and let the sample see them."""
        finite(block, TITLE)
        y = block.y
        if y is None:
            raise DataError(f"{TITLE} learns from labels", why="The rows came without one", fix="Give y")
        if block.n_features != width or y.shape != (block.n_rows,) or not np.isfinite(y).all():
            raise DataError(
                f"{TITLE}: rows and labels do not fit",
                why=f"{block.n_rows} rows of {block.n_features} columns, {len(y)} labels, some perhaps missing",
                fix=f"Give {width} columns and one finite label a row",
            )
        if self.predictor_type == "classifier" and ((y < 0) | (y >= MOST_LABEL) | (y != np.floor(y))).any():
            raise DataError(
                f"{TITLE}: the labels are no classes",
                why=f"They run from {y.min():g} to {y.max():g}, and classes are whole numbers from 0",
                fix="Code them so, or set predictor_type to regressor",
            )
        size = max(1, BLOCK_CELLS // width)
        for start in range(0, block.n_rows, size):
            X = dense(Tabular(block.X[start : start + size]))
            sample.add(np.column_stack([X, y[start : start + size].astype(np.float32)]))

    def _projected(self, seed: int) -> Projection | None:
        kind, target = self.dimension_reduction_type, self.dimension_reduction_target
        if kind is None or target is None:
            return None
        return Projection("sign" if kind == "sign" else "fjlt", seed, self._width, target)

    def _placed(self, X: Matrix) -> Matrix:
        """Bring rows to where distances are measured: projected."""
        return X if self._projection is None else self._projection.apply(np.asarray(X, np.float32))

    def _build(self, rows: Matrix) -> None:
        size = max(1, BLOCK_CELLS // self._width)
        placed = np.concatenate([self._placed(rows[i : i + size]) for i in range(0, len(rows), size)])
        lists = min(self.faiss_index_ivf_nlists or int(len(rows) ** 0.5), len(rows))
        shape = Shape(
            cast("Kind", self.index_type),
            placed.shape[1], len(rows), self.index_metric != "L2", lists, min(self.faiss_index_nprobe, lists),
            self.faiss_index_pq_m or 0,
        )  # fmt: skip
        self.neighbours_ = built(placed, shape, cosine=self.index_metric == "COSINE")

    def _hold(self, shape: Shape, labels: NDArray[Any], *, normalize: bool) -> None:
        """Hold a model's parts against each other. Raises ``IntegrityError``."""
        p = self._projection
        placed = p.target if p else self._width
        if shape.n < 1 or labels.shape != (shape.n,) or not np.isfinite(labels).all():
            raise broken(f"there are {shape.n} rows and {len(labels)} labels, or a label is not finite")
        if self._width < 1 or (p and p.width != self._width) or not placed <= shape.d < placed + max(shape.parts, 1):
            raise broken(f"the index has {shape.d} columns, and rows of {placed} are asked for")
        if self.k > shape.n:
            raise broken(f"k is {self.k}, and {shape.n} rows are kept")
        if normalize and not shape.inner:
            raise broken("rows are scaled for an index that measures L2")


def voted(labels: Vector) -> Vector:
    """Return the most frequent of each row's labels, (n, k) -> (n,); the smallest of those tied.

    Examples
    --------
    >>> voted(np.array([[2.0, 1.0, 2.0], [3.0, 1.0, 2.0]])).tolist()
    [2.0, 1.0]
    """
    ordered = np.sort(labels, axis=1)
    n, k = ordered.shape
    runs = np.ones((n, k), np.int64)  # the length of the run of equal labels that ends here
    for j in range(1, k):
        runs[:, j] = np.where(ordered[:, j] == ordered[:, j - 1], runs[:, j - 1] + 1, 1)
    return np.asarray(ordered[np.arange(n), runs.argmax(axis=1)])


def _read_projection(facts: Any) -> Projection | None:
    """Read the projection; raises one of Python's errors where the facts are not of its form."""
    if not facts or not facts.get("type"):
        return None
    if facts.get("drawn_by") != OURS:
        raise ValueError("its rows were projected with random numbers that are not known here")
    kind, seed, width, target = facts["type"], facts["seed"], facts["input_dim"], facts["target_dim"]
    numbers = all(isinstance(x, int) and not isinstance(x, bool) for x in (seed, width, target))
    if kind not in ("sign", "fjlt") or not numbers or not 0 <= seed < 1 << 63 or not 1 <= target < width <= 1_000_000:
        raise ValueError("its projection is out of range")
    return Projection(kind, seed, width, target)
