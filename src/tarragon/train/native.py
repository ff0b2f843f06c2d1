"""Any algorithm on its own: from a table, an array or files to a fitted model in a folder.

What runs is what a training job runs: the same algorithms, the same recipes where the data are files of a channel.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tarragon.algorithms import OneOf, build, declared, get
from tarragon.data import Batches, Encoder, ReadOptions, Source, Table, Tabular, batches, read_table
from tarragon.errors import ConflictError, DataError, ParameterError, near_miss
from tarragon.train.builtin import Channel, Teller, learn
from tarragon.train.trained import NUMBERS, Trained, matrix, numbered

STREAM_BYTES = 256 << 20  # a larger file is streamed, by methods that can
SAMPLE_ROWS = 200_000  # of such a file, to learn how its columns are read
LINE_S = 0.25  # between lines of a table's fit: a booster does hundreds of rounds a second
MOST = 2**31 - 1  # of a seed: what every library takes
LABEL = "label"  # the target of arrays, for methods that read tables
SUPERVISED = frozenset({"binary", "multiclass", "regression"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What is fitted to what: the algorithm's name, its data, those for early stopping, its hyperparameters."""

    algorithm: str
    data: Source
    validation: "Source | None"
    given: Mapping[str, Any]
    teller: Teller

    @property
    def kind(self) -> Any:
        """The algorithm's class."""
        return get(self.algorithm)


@dataclass(slots=True)
class Notes:
    """Keeps what a fit tells, and passes its lines on."""

    line: Callable[[str], None] = lambda text: None
    asked: Callable[[], bool] = lambda: False
    metrics: dict[str, float] = field(default_factory=dict)
    epochs: int = 0

    def say(self, text: str) -> None:
        """Pass a line on."""
        self.line(text)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Keep a metric's newest value."""
        self.metrics[name] = value

    def epoch(self, n: int, steps: int, records: int, seconds: float) -> None:
        """Count it."""
        self.epochs = n

    def stop_asked(self) -> bool:
        """Ask whoever may stop the fit."""
        return self.asked()


def train(  # noqa: PLR0913 — the public call names every option a user may give
    algorithm: str,
    data: Source,
    y: Any = None,
    *,
    target: str = "",
    validation: "Source | None" = None,
    channels: Mapping[str, str | Path] | None = None,
    content_type: str = "",
    drop: tuple[str, ...] = (),
    weight: str = "",
    task: str = "",
    seed: int = 0,
    threads: int | None = None,
    out: str | Path | None = None,
    on_line: Callable[[str], None] | None = None,
    stop: Callable[[], bool] | None = None,
    params: Mapping[str, Any] | None = None,
    **hyperparameters: Any,
) -> Trained:
    """Fit one algorithm of the catalogue.

    Parameters
    ----------
    algorithm : str
        "kmeans", "lightgbm", "deepar" …: see :func:`tarragon.algorithms.names`.
    data : path, frame, ndarray or sparse matrix
        A table with named columns (CSV, Parquet, JSON Lines, a pandas, polars or Arrow frame); an (n, d) array; or,
        with ``content_type`` and for algorithms that take no tables, the file or folder that a training job would find
        in its first channel.
    y : array-like of shape (n,), optional
        With an array: class labels or values.
    target : str
        With a table: the column to predict. "" for methods that predict none.
    validation : like ``data``, optional
        For early stopping only.
    channels : mapping of str to path, optional
        Further channels of files, of those that the algorithm's card names: "test", "auxiliary", "vocab", "model" …
    content_type : str
        Of the channels; given, a table is read as a job reads it: no header, the label first.
    drop, weight, task
        As in :func:`tarragon.develop`.
    seed : int
        0 to 2,147,483,647.
    threads : int, optional
        1 or more; all cores when left out.
    out : path, optional
        A folder that is not there yet; the model is kept in it. A fit of files that is killed goes on from its
        checkpoint when it is called again with the same arguments, where the algorithm keeps checkpoints.
    on_line : callable, optional
        Is handed each line of the log.
    stop : callable, optional
        Asked at least once an epoch whether to end with the best so far.
    params, **hyperparameters
        By SageMaker's names or the algorithm's own.

    Raises
    ------
    NotFoundError, MissingExtraError
        There is no such algorithm, or it needs an extra.
    ParameterError
        A hyperparameter is unknown or out of range, or an option has no meaning for the algorithm.
    DataError
        The data cannot be read or learned from.
    ConflictError
        ``out`` holds something already.
    """
    kind = get(algorithm)
    given = {**(params or {}), **hyperparameters}
    _counts(seed, threads)
    place = None if out is None else _free(Path(out).expanduser())
    notes = Notes(on_line or (lambda text: None), stop or (lambda: False))
    raw = kind.card.accepts == "table"
    if raw and (content_type or channels):
        raise ParameterError(
            f"{kind.card.title} takes a table with named columns",
            why="Channels and content types are a training job's",
            fix="Leave content_type and channels out, or train it from a job",
        )
    tables = raw or (kind.card.accepts in ("tabular", "batches") and not content_type and not channels)
    options = ReadOptions(drop=drop, weight=weight, task=task)
    kept = None
    if place is not None and y is None:
        said = [algorithm, sorted((k, str(v)) for k, v in given.items()), target, repr(options), seed, content_type]
        kept = _checkpoints(place, said, {**(channels or {}), "": data, "validation": validation})
    teller = Teller(notes, checkpoints=kept, seed=seed)
    teller = replace(teller, threads=threads or teller.threads)
    wish = Wish(algorithm, data, validation, given, teller)
    with nullcontext() if place is None else _arriving(place) as folder:
        if tables:
            made = _from_table(wish, y, target, options) if raw else _from_rows(wish, y, target, options)
        else:
            _no_columns(kind, {"target": target, "drop": drop, "weight": weight, "task": task, "y": y})
            made = _from_files(wish, channels or {}, content_type, folder)
        made.metrics = notes.metrics
        if folder is not None:
            made.save(folder) if tables else made.keep(folder, files=True)
    made.folder = place
    if kept is not None:
        shutil.rmtree(kept, ignore_errors=True)
    return made


def _counts(seed: int, threads: int | None) -> None:
    """Check what every fit takes. Raises ``ParameterError``."""
    if not 0 <= seed <= MOST:
        raise ParameterError(
            f"The seed {seed} cannot be used", why=f"It is none of 0 to {MOST}", fix="Give one of them"
        )
    if threads is not None and threads < 1:
        raise ParameterError(
            f"{threads} threads fit nothing", why="There must be 1 or more", fix="Leave threads out to use all cores"
        )


def _checkpoints(place: Path, said: list[Any], files: Mapping[str, Any]) -> Path | None:
    """Name a fit's folder of checkpoints by all that it depends on, so that none is ever taken for another's.

    None where that cannot be told in time: data that are no files.
    """
    for name, source in sorted(files.items()):
        if source is None:
            continue
        if not isinstance(source, (str, Path)):
            return None
        path = Path(source).expanduser().resolve()
        inner = sorted(path.rglob("*")) if path.is_dir() else [path] if path.exists() else []
        said.append([name, *([str(p), p.stat().st_mtime_ns, p.stat().st_size] for p in inner)])
    return place.with_name(f".{place.name}.{hashlib.sha256(json.dumps(said).encode()).hexdigest()[:8]}")


def _free(place: Path) -> Path:
    """Return where a model may be put. Raises ``ConflictError`` where something is."""
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise ConflictError(f"{place} is there already", why="A model is never overwritten", fix="Name another folder")
    return place if place.name not in ("", "..") else place.resolve()


@contextmanager
def _arriving(place: Path) -> Iterator[Path]:
    """Give a folder beside the model's that is moved there whole at the end, and is gone when anything fails."""
    arriving = place.with_name(f".{place.name}.part")
    shutil.rmtree(arriving, ignore_errors=True)
    arriving.mkdir(parents=True)
    try:
        yield arriving
        if place.is_dir():
            place.rmdir()  # empty: checked at the start
        arriving.rename(place)
    finally:
        shutil.rmtree(arriving, ignore_errors=True)


# --- tables and arrays -----------------------------------------------------------------------------------------------


def _from_rows(wish: Wish, y: Any, target: str, options: ReadOptions) -> Trained:
    kind, teller = wish.kind, wish.teller
    supervised = bool(kind.card.tasks & SUPERVISED)
    given = _typed(kind, wish.given)
    encoder: Encoder | None = None
    rows: Tabular | Batches
    if isinstance(wish.data, NUMBERS):
        rows, valid, classes = _arrays(wish.data, y, wish.validation)
        target = ""
    else:
        if supervised and not target:
            raise _no_target(kind)
        if target and not supervised:
            raise ParameterError(
                f"{kind.card.title} predicts no column",
                why=f"A target was named: {target}",
                fix="Leave target out, and name the column with drop if it is not to be learned from",
            )
        streamed = _is_large(wish)
        table = read_table(wish.data, target, options=replace(options, max_rows=SAMPLE_ROWS) if streamed else options)
        encoder = Encoder.fit(table, seed=teller.seed)
        view, classes = kind.card.view, table.classes
        rows = batches(Path(str(wish.data)), encoder, view) if streamed else encoder.data(table, view)
        valid = None if wish.validation is None else _held(wish, table, encoder, options)
    if supervised and isinstance(rows, Tabular) and rows.y is None:
        raise ParameterError(f"{kind.card.title} needs labels", why="It learns to predict", fix="Give y")
    model = build(kind, {**_said_by(rows, kind), **given})
    began = last = time.monotonic()

    def told(done: Any) -> None:
        nonlocal last
        for name, value in done.metrics.items():
            teller.listener.metric(name, value)
        if done.n > 1 and time.monotonic() - last < LINE_S:
            return
        last = time.monotonic()
        values = [f"{name} {value:.6g}" for name, value in done.metrics.items()]
        teller.say("  ".join([f"epoch {done.n}", *values, f"{done.records / max(done.seconds, 1e-9):,.0f} rows/s"]))

    many = f"{rows.n_rows:,}" if isinstance(rows, Tabular) else "streamed"
    teller.say(f"{kind.card.title}: {many} rows, {rows.n_features:,} columns")
    threads = teller.threads_for(rows) if isinstance(rows, Tabular) else teller.threads
    context = replace(teller, threads=threads, round=told)
    model.fit(rows, valid=valid, context=context)
    teller.say(f"fitted in {time.monotonic() - began:.2f} s")
    return Trained(wish.algorithm, model, encoder, target, tuple(classes))


def _from_table(wish: Wish, y: Any, target: str, options: ReadOptions) -> Trained:
    """Fit a method that reads raw columns itself."""
    kind, source = wish.kind, wish.data
    if isinstance(source, NUMBERS):
        if y is None:
            raise ParameterError(f"{kind.card.title} needs labels", why="It learns to predict", fix="Give y")
        labels = np.asarray(y)
        _one_each(labels, source)
        source, target = numbered(source).with_columns(pl.Series(LABEL, labels)), LABEL
    if not target:
        raise _no_target(kind)
    table = read_table(source, target, options=options)
    model = build(kind, _typed(kind, wish.given))
    wish.teller.say(f"{kind.card.title}: {table.n_rows:,} rows, {len(table.columns) - 1:,} columns")
    model.fit(table, context=wish.teller)
    return Trained(wish.algorithm, model, None, target, tuple(table.classes))


def _no_target(kind: Any) -> ParameterError:
    return ParameterError(
        f"{kind.card.title} needs a target",
        why="It learns to predict a column",
        fix="Name it: target, or --target on the command line",
    )


def _said_by(rows: Tabular | Batches, kind: type) -> dict[str, Any]:
    """Return hyperparameters that a job must be given and a table says itself: its columns, and what is predicted."""
    words = ("regressor", "classifier", "binary_classifier", "multiclass_classifier")
    meant = words[:1] if not rows.n_classes else (words[1], words[2 if rows.n_classes == 2 else 3])
    found: dict[str, Any] = {}
    for h in declared(kind):
        if h.name == "feature_dim" and h.required:
            found[h.name] = rows.n_features
        elif h.name == "predictor_type" and h.required and isinstance(h.rule, OneOf):
            found[h.name] = next((word for word in meant if word in h.rule.values), h.rule.values[0])
        elif h.name == "num_classes" and rows.n_classes > 2:
            found[h.name] = rows.n_classes
    return found


def _is_large(wish: Wish) -> bool:
    """Whether a table is streamed instead of read whole."""
    path = Path(str(wish.data)).expanduser() if isinstance(wish.data, (str, Path)) else None
    return (
        wish.kind.card.accepts == "batches"
        and path is not None
        and path.is_file()
        and (path.stat().st_size > STREAM_BYTES)
    )


def _held(wish: Wish, table: Table, encoder: Encoder, options: ReadOptions) -> Tabular:
    """Read the rows for early stopping as the table was. Raises ``DataError``."""
    assert wish.validation is not None
    held = read_table(wish.validation, table.target, options=options)
    if held.classes != table.classes:
        raise DataError(
            "The validation table has other classes",
            why=f"{held.classes[:5]}, not {table.classes[:5]}",
            fix="Give it rows of every class",
        )
    frame, _ = encoder.align(held.frame)
    y = held.y if table.target else None
    return replace(encoder.transform(frame, wish.kind.card.view), y=y, weight=held.weight, n_classes=held.n_classes)


def _arrays(data: Any, y: Any, validation: Any) -> tuple[Tabular, Tabular | None, tuple[Any, ...]]:
    """Make blocks of arrays; labels that are not amounts become class codes in their sorted order."""
    if y is None:
        if validation is not None and not isinstance(validation, NUMBERS):
            raise ParameterError("validation must be an array", why="The rows are one", fix="Give one like it")
        held = None if validation is None else Tabular(matrix(validation))
        return Tabular(matrix(data)), held, ()
    labels = np.asarray(y)
    _one_each(labels, data)
    classes = tuple(np.unique(labels).tolist()) if labels.dtype.kind in "biuOUS" else ()

    def block(X: Any, given: Any) -> Tabular:
        if not classes:
            return Tabular(matrix(X), y=np.asarray(given, np.float64))
        codes = np.searchsorted(np.asarray(classes), given)
        if (np.asarray(classes)[np.minimum(codes, len(classes) - 1)] != given).any():
            raise DataError("The validation labels are others", why="Some are in no row", fix="Leave them out")
        return Tabular(matrix(X), y=codes.astype(np.float64), n_classes=len(classes))

    held = None if validation is None else block(validation[0], np.asarray(validation[1]))
    return block(data, labels), held, classes


def _one_each(labels: Any, rows: Any) -> None:
    if labels.shape != (rows.shape[0],):
        raise DataError(
            f"y has shape {labels.shape}", why=f"There are {rows.shape[0]} rows", fix="Give one label for each row"
        )


def _typed(kind: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Take values by either name; texts, as a command line has them, are read as the declaration says."""
    from tarragon.train.builtin import setting

    wires = setting.declarations(kind)
    names = setting.by_wire(kind)
    own = {name: wire for wire, name in names.items()}
    texts = {own.get(k, k): v for k, v in given.items() if isinstance(v, str)}
    plain = {names.get(k, k): v for k, v in given.items() if not isinstance(v, str)}
    read = setting.read(texts, {k: replace(w, required=False) for k, w in wires.items()}, {}) if texts else {}
    return {**plain, **{names[wire]: value for wire, value in read.items()}}


# --- files, as a training job finds them -----------------------------------------------------------------------------


def _no_columns(kind: Any, given: Mapping[str, Any]) -> None:
    """Refuse what is about named columns, where there are none. Raises ``ParameterError``."""
    for name, value in given.items():
        if value is not None and len(value):
            raise ParameterError(
                f"{name} means nothing to files of a channel",
                why=f"{kind.card.title} reads them as a training job does, without names of columns",
                fix=f"Leave {name} out" + (", or content_type" if kind.card.accepts in ("tabular", "batches") else ""),
            )


def _from_files(wish: Wish, channels: Mapping[str, str | Path], content_type: str, folder: Path | None) -> Trained:
    """Train in a folder, as a job does, and read what lies there then."""
    kind, card = wish.kind, wish.kind.card
    if folder is None:
        raise ParameterError(f"{card.title} is trained into a folder", why="Its data are files", fix='Give out="model"')
    named: dict[str, Any] = {**channels, card.channels[0]: wish.data}
    if wish.validation is not None:
        named["validation"] = wish.validation
    opened = {}
    for name, source in named.items():
        if name not in card.channels:
            raise ParameterError(
                f'{card.title} has no channel "{name}"',
                why="It reads none of that name",
                fix=near_miss(name, card.channels),
            )
        if not isinstance(source, (str, Path)):
            raise DataError(
                f"{card.title} is trained on files",
                why=f"{type(source).__name__} was given",
                fix=f"Write {' or '.join(card.content_types)} and give the path",
            )
        opened[name] = Channel(_there(source), content_type)
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in wish.given.items()}
    learn(wish.algorithm, texts, opened, folder, replace(wish.teller, patterns=_patterns(wish.algorithm)))
    return Trained(wish.algorithm, kind.load(folder))


def _patterns(algorithm: str) -> Any:
    from tarragon.train.builtin import default_metrics
    from tarragon.train.builtin.run import compiled

    return compiled(default_metrics(algorithm))


def _there(path: str | Path) -> Path:
    found = Path(path).expanduser()
    if not found.exists():
        raise DataError(f"There is no file or folder {found}", why="The path leads nowhere", fix="Check the path")
    return found
