"""The encoder: a table's columns as the three views learners take.

Every view starts from the same raw arrays (``inputs``): measures (numbers, and numbers made from dates, texts and
level counts), category codes, and texts. It learns from all rows at once and never looks at the target, so that all
folds may share it.

=======  ==========================================================================================================
codes    measures as they are · category codes · latent directions of texts
onehot   measures scaled, clipped, filled · marks of gaps · columns per level and per small whole number · TF-IDF
dense    measures scaled, softly clipped, filled · marks of gaps · columns per frequent level · latent directions
=======  ==========================================================================================================
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from tarragon.data import dates, inputs
from tarragon.data.align import Spec, align, recipe_of, specs_of
from tarragon.data.arrays import Tabular, Vector
from tarragon.data.categories import Codes, HotPlan, Levels, hot
from tarragon.data.inputs import Columns
from tarragon.data.kinds import pair_of
from tarragon.data.measures import Measures
from tarragon.data.recipe import Recipe
from tarragon.data.source import Source
from tarragon.data.table import Kind, Table
from tarragon.data.text import TextModel, counts, shares_tokens
from tarragon.errors import ParameterError, near_miss

View = Literal["codes", "onehot", "dense"]
VIEWS: tuple[View, ...] = ("codes", "onehot", "dense")
SMALL_TABLE, RARE, RARE_SMALL = 1_000, 5, 3  # rows of a small table; least rows of a level with its own column
DENSE_LEVELS = 32  # columns per categorical column in the dense view
TOKEN_LEVELS = 32  # more levels than this, and their pieces are looked at too
TEXT_LENGTH = 2.0  # of a TF-IDF row; measures have variance 1 each, and a penalty shared with them would mute words
SPARSE_FROM = 128  # columns; a narrower one-hot view is dense whatever it holds
SPARSE_SHARE = 0.3  # a one-hot view with a larger share of measures is dense


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """One frame's raw arrays."""

    measures: Vector
    codes: Codes
    texts: tuple[pl.Series, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Encoder:
    """Turns frames like the one it was fitted on into arrays. Make one with :meth:`fit` or :meth:`load`.

    Parameters
    ----------
    specs : tuple of Spec
        How each feature column is read, in the table's order.
    question : mapping
        Target, task, classes and weight column of the table, for streams.
    layout : Columns
    parts : tuple of Part
        What is made of the datetime columns.
    levels : tuple of Levels
        Per categorical column.
    measures : Measures
    phrases : tuple of (str, TextModel)
        Text columns, and categorical ones whose levels share pieces, with what was learned.
    """

    specs: tuple[Spec, ...]
    question: Mapping[str, Any]
    layout: Columns
    parts: tuple[dates.Part, ...]
    levels: tuple[Levels, ...]
    measures: Measures
    phrases: tuple[tuple[str, TextModel], ...]
    plans: Mapping[str, HotPlan]
    _names: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict, repr=False)

    @classmethod
    def fit(cls, table: Table, *, seed: int = 0) -> Self:
        """Learn statistics of all feature columns; the target is not looked at.

        O(n log n) per column; texts add a truncated singular value decomposition of at most 20,000 rows.

        Parameters
        ----------
        table : Table
            Its columns of role "feature" are used.
        seed : int
            Starts the decomposition of texts.
        """
        layout = _layout(table)
        frame = table.frame
        levels = tuple(Levels.fit(frame.get_column(c)) for c in layout.words)
        parts = dates.parts(inputs.seconds(frame, layout.moments))
        rare = RARE_SMALL if table.n_rows < SMALL_TABLE else RARE
        names = _measure_names(layout, parts, levels)
        values = _measure(frame, layout, parts, levels, inputs.codes(frame, layout.words, levels))
        n_plain = len(layout.plain)
        cyclic = [False] * n_plain + [p.cyclic for p in parts] + [False] * (len(names) - n_plain - len(parts))
        measures = Measures.fit(values, [n for n, _ in names], [o for _, o in names], cyclic=cyclic, rare=rare)
        plans = {
            "onehot": HotPlan.make(levels, least=rare, most=len(frame)),
            "dense": HotPlan.make(levels, least=rare, most=DENSE_LEVELS),
        }
        phrases = _phrases(frame, layout, levels, seed)
        weight = next((c.name for c in table.columns if c.role == "weight"), "")
        question = {
            "target": table.target, "task": table.task, "classes": list(table.classes), "weight": weight,
            "recipe": asdict(recipe_of(table, table.target) if table.target else Recipe("number")),
        }  # fmt: skip
        return cls(specs_of(table), question, layout, parts, levels, measures, phrases, plans)

    @property
    def columns(self) -> tuple[str, ...]:
        """Raw feature columns it reads, in the table's order."""
        return tuple(spec.name for spec in self.specs)

    def align(self, source: Source) -> tuple[pl.DataFrame, tuple[str, ...]]:
        """Make a path or frame look like the training frame: same columns, order and types.

        Missing columns are filled with nulls and named in the notes, extra ones left out; cells that do not fit their
        column become null; levels never seen stay as they are.

        Returns
        -------
        frame : polars.DataFrame
            One column per :attr:`columns`.
        notes : tuple of str
        """
        return align(source, self.specs)

    def transform(self, frame: pl.DataFrame, view: str) -> Tabular:
        """(n rows) -> (n, d) float32 in a view, without target; of the table's frame or one made by :meth:`align`."""
        chosen = _view(view)
        raw = self._inputs(frame)
        blocks = _BUILDERS[chosen](self, raw)
        X = _stack(blocks, sparse=chosen == "onehot" and self._sparse)
        start = len(self.measures.names)
        categorical = tuple(range(start, start + len(self.levels))) if chosen == "codes" else ()
        return Tabular(X, names=self.feature_names(chosen), categorical=categorical)

    def data(self, table: Table, view: str) -> Tabular:
        """All rows of a table in a view, with target and weights."""
        y = table.y if table.target else None
        return replace(self.transform(table.frame, view), y=y, weight=table.weight, n_classes=table.n_classes)

    def feature_names(self, view: str) -> tuple[str, ...]:
        """Name of each encoded column."""
        return self._described(_view(view))[0]

    def origin(self, view: str) -> tuple[str, ...]:
        """Raw column each encoded column comes from."""
        return self._described(_view(view))[1]

    def save(self, folder: Path) -> None:
        """Write ``encoder.json`` and ``encoder.npz``; equal encoders write equal bytes."""
        from tarragon.data.keep import save

        save(self, folder)

    @classmethod
    def load(cls, folder: Path) -> "Encoder":
        """Read what :meth:`save` wrote. Raises ``IntegrityError``."""
        from tarragon.data.keep import load

        return load(folder)

    @property
    def _sparse(self) -> bool:
        width = len(self.feature_names("onehot"))
        return width > SPARSE_FROM and len(self.measures.scaled_names()) < SPARSE_SHARE * width

    def _inputs(self, frame: pl.DataFrame) -> Inputs:
        inputs.check_columns(frame, self.layout.all)
        codes = inputs.codes(frame, self.layout.words, self.levels)
        values = _measure(frame, self.layout, self.parts, self.levels, codes)
        return Inputs(values, codes, tuple(frame.get_column(name) for name, _ in self.phrases))

    def _codes(self, raw: Inputs) -> list[Any]:
        folded = [levels.folded(raw.codes[:, j])[:, None] for j, levels in enumerate(self.levels)]
        latent = [model.latent(text, standard=False) for (_, model), text in zip(self.phrases, raw.texts, strict=True)]
        return [self.measures.codes(raw.measures), *folded, *latent]

    def _onehot(self, raw: Inputs) -> list[Any]:
        tfidf = [model.tfidf(text) for (_, model), text in zip(self.phrases, raw.texts, strict=True)]
        for (name, _), block in zip(self.phrases, tfidf, strict=True):
            if name in self.layout.texts:
                block.data *= TEXT_LENGTH
        return [self.measures.scaled(raw.measures, soft=False), self._hot(raw, "onehot", sparse=self._sparse), *tfidf]

    def _dense(self, raw: Inputs) -> list[Any]:
        latent = [model.latent(text, standard=True) for (_, model), text in zip(self.phrases, raw.texts, strict=True)]
        return [self.measures.scaled(raw.measures, soft=True), self._hot(raw, "dense", sparse=False), *latent]

    def _hot(self, raw: Inputs, view: str, *, sparse: bool) -> Any:
        plan = self.plans[view]
        whole = self.measures.hot_codes(raw.measures)
        width = np.array([len(v) for v in self.measures.levels], dtype=np.int32)
        positions = np.concatenate([whole, plan.positions(raw.codes)], axis=1) if len(plan.kept) else whole
        return hot(positions, np.concatenate([width, plan.width]), sparse=sparse)

    def _described(self, view: View) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if view not in self._names:
            made = self._describe(view)
            self._names[view] = (tuple(n for n, _ in made), tuple(o for _, o in made))
        return self._names[view]

    def _describe(self, view: View) -> list[tuple[str, str]]:
        latent = [(f"{name} ~ {k + 1}", name) for name, model in self.phrases for k in range(model.n_directions)]
        if view == "codes":
            plain = list(zip(self.measures.names, self.measures.origins, strict=True))
            return plain + [(name, name) for name in self.layout.words] + latent
        made = self.measures.scaled_names() + self.measures.hot_names()
        made += self.plans[view].names(self.layout.words, self.levels)
        if view == "dense":
            return made + latent
        return made + [(f"{name}: {word}", name) for name, model in self.phrases for word in model.feature_names()]


_BUILDERS: Mapping[View, Callable[[Encoder, Inputs], list[Any]]] = {
    "codes": Encoder._codes,
    "onehot": Encoder._onehot,
    "dense": Encoder._dense,
}


def _view(view: str) -> View:
    if view not in VIEWS:
        raise ParameterError(f'There is no view "{view}"', why="Learners take one of three", fix=near_miss(view, VIEWS))
    return view


def _stack(blocks: list[Any], *, sparse: bool) -> Any:
    if sparse:
        wide: list[Any] = [sp.csr_matrix(b) for b in blocks]
        return sp.hstack(wide, format="csr", dtype=np.float32)
    flat = [b.toarray() if isinstance(b, sp.csr_matrix) else b for b in blocks]
    return flat[0] if len(flat) == 1 else np.concatenate(flat, axis=1, dtype=np.float32)


def _layout(table: Table) -> Columns:
    """Sort the feature columns by how they are read."""
    found: dict[str, list[str]] = {k: [] for k in ("numbers", "flags", "pairs", "moments", "words", "texts")}
    answers = []
    for column in table.features:
        series = table.frame.get_column(column.name)
        if column.kind is Kind.DATETIME:
            found["moments"].append(column.name)
        elif column.kind is Kind.TEXT:
            found["texts"].append(column.name)
        elif series.dtype == pl.Boolean:
            found["flags"].append(column.name)
        elif series.dtype.is_numeric() and column.kind is not Kind.CATEGORICAL:
            found["numbers"].append(column.name)
        else:
            pair = pair_of(series.drop_nulls().unique().to_list()) if column.kind is Kind.BOOLEAN else None
            found["pairs" if pair else "words"].append(column.name)
            answers += [pair] if pair else []
    return Columns(**{k: tuple(v) for k, v in found.items()}, answers=tuple(answers))


def _measure_names(layout: Columns, parts: tuple[dates.Part, ...], levels: tuple[Levels, ...]) -> list[tuple[str, str]]:
    """(name, origin) of each measure; the order :func:`_measure` fills."""
    made = [(c, c) for c in layout.plain]
    made += [(dates.name(p, layout.moments), layout.moments[max(p.column, p.other)]) for p in parts]
    made += [(f"{c} (frequency)", c) for c, known in zip(layout.words, levels, strict=True) if known.many]
    return made + [(f"{c} ({what})", c) for c in layout.texts for what in ("characters", "words")]


def _measure(
    frame: pl.DataFrame, layout: Columns, parts: tuple[dates.Part, ...], levels: tuple[Levels, ...], codes: Codes
) -> Vector:
    made: list[NDArray[np.float64]] = [inputs.plain(frame, layout)]
    if parts:
        made.append(dates.measure(inputs.seconds(frame, layout.moments), parts))
    made += [known.frequency(codes[:, j])[:, None] for j, known in enumerate(levels) if known.many]
    made += [counts(frame.get_column(c)) for c in layout.texts]
    return made[0] if len(made) == 1 else np.concatenate(made, axis=1)


def _phrases(
    frame: pl.DataFrame, layout: Columns, levels: tuple[Levels, ...], seed: int
) -> tuple[tuple[str, TextModel], ...]:
    made = [(name, TextModel.fit(frame.get_column(name), short=False, seed=seed)) for name in layout.texts]
    for name, known in zip(layout.words, levels, strict=True):
        if known.n_distinct > TOKEN_LEVELS and shares_tokens(frame.get_column(name)):
            made.append((name, TextModel.fit(frame.get_column(name), short=True, seed=seed)))
    return tuple((name, model) for name, model in made if model is not None)
