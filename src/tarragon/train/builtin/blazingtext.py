"""BlazingText as its container trains it: word vectors held against people's judgements, or labels and their accuracy.

Judgements of how alike words are do not come with this package: a channel ``evaluation`` gives them, a file for each
set, a line "word word score" each (WordSim-353's form). Without that channel ``evaluation=True`` does nothing.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tarragon.algorithms import build, get
from tarragon.data import Lines, files, stream_lines
from tarragon.errors import DataError, ParameterError
from tarragon.train.builtin import first_party, setting
from tarragon.train.builtin.teller import Order, Pass

SHARED = True
METRICS = (
    ("train:mean_rho", r"#mean_rho: (\S+)"),
    ("train:accuracy", r"#train_accuracy: (\S+)"),
    ("validation:accuracy", r"#validation_accuracy: (\S+)"),
)
TYPES = ("application/jsonlines", "application/x-recordio", "application/json")
EVAL = "eval.json"
ENDS = (".txt", ".csv", ".tsv")


def train(order: Order) -> None:
    """Train and save. Raises ``ParameterError`` or ``DataError``."""
    BlazingText: Any = get("blazingtext")
    given = setting.read(order.hyperparameters, setting.declarations(BlazingText, required=("mode",)), {})
    model = build(BlazingText, setting.values(BlazingText, given))
    teller = order.teller
    if teller.world > 1 and model.mode != "batch_skipgram":
        raise ParameterError(
            f"Mode {model.mode} trains on one instance",
            why=f"The job has {teller.world}, and only batch_skipgram shares its work",
            fix="Set InstanceCount to 1",
        )
    valid = _lines(order, "validation") if model.supervised and "validation" in order.channels else None
    if model.early_stopping and valid is None:
        raise DataError(
            "early_stopping needs a validation channel", why=f"The job has {sorted(order.channels)}", fix="Add it"
        )
    first_party.configured(order, model)
    lines = _lines(order, "train")
    kind = "distributed" if teller.world > 1 else "single machine"
    teller.say(f"Running {kind} CPU BlazingText training using {model.mode} mode.")
    told = _Told(teller.say, model)
    began = time.monotonic()
    model.fit(lines, valid=valid, context=replace(teller, round=told))
    told.finished(time.monotonic() - began)
    if model.supervised:
        _accuracy(order, model, "train", lines)
        if valid is not None:
            _accuracy(order, model, "validation", valid)
    if teller.rank:
        return
    model.save(order.folder)
    if not model.supervised and model.evaluation and "evaluation" in order.channels:
        _evaluated(order, model)
    order.serving("blazingtext", mode=model.mode)


def _lines(order: Order, name: str) -> Lines:
    """Open a channel of text. Raises ``DataError``."""
    channel = order.channel(name)
    kind = channel.content_type.partition(";")[0].strip().lower()
    if kind and not kind.startswith("text/") and kind not in TYPES:
        raise DataError(
            f'The channel "{name}" is not text',
            why=f"Its content type is {kind}",
            fix="Give text/plain, or leave it out",
        )
    for path in order.files(name):
        if path.is_file():
            order.teller.say(f"Processing {path} . File size: {path.stat().st_size / 2**20:g} MB")
    return stream_lines((channel.folder, *channel.others))


@dataclass(slots=True)
class _Told:
    """Says the lines of a pass."""

    say: Callable[[str], None]
    model: Any
    words: float = 0.0
    best: float = -1.0
    best_epoch: int = 0

    def __call__(self, done: Pass) -> None:
        count, self.words = done.metrics["train:words"], self.words + done.metrics["train:words"]
        self.say(f"-------------- End of epoch: {done.n}")
        rate = count / max(done.seconds, 1e-9) / 1e6
        share = 100 * done.n / max(self.model.epochs, done.n)
        alpha = done.metrics["train:alpha"]
        self.say(f"##### Alpha: {alpha:.4f}  Progress: {share:.2f}%  Million Words/sec: {rate:.2f} #####")
        if "validation:accuracy" in done.metrics:
            self._validated(done.metrics["validation:accuracy"], done.n)

    def _validated(self, accuracy: float, epoch: int) -> None:
        self.say(f"Validation accuracy: {accuracy:.6g}")
        if not self.model.early_stopping:
            return
        if accuracy > self.best:
            self.best, self.best_epoch = accuracy, epoch
            self.say("Validation accuracy improved! Storing best weights...")
            return
        waited = epoch - self.best_epoch
        self.say(f"Validation accuracy has not improved for last {waited} epochs.")
        if epoch >= self.model.min_epochs and waited >= self.model.patience:
            self.say("Reached patience. Terminating training.")
            self.say(f"Best epoch: {self.best_epoch}")
            self.say(f"Best validation accuracy: {self.best:.6g}")

    def finished(self, seconds: float) -> None:
        """Say what the whole training was."""
        known = self.model.vocabulary_
        self.say(f"Read {known.tokens / 1e6:g}M words")
        self.say(f"Number of words:  {known.n_words}")
        self.say("Training finished.")
        self.say(f"Average throughput in Million words/sec: {self.words / max(seconds, 1e-9) / 1e6:.2f}")
        self.say(f"Total training time in seconds: {seconds:.2f}")


def _accuracy(order: Order, model: Any, name: str, lines: Lines) -> None:
    accuracy, examples = model.accuracy(lines)
    order.teller.say(f"#{name}_accuracy: {accuracy:.4f}")
    order.teller.say(f"Number of {name} examples: {examples}")


def _evaluated(order: Order, model: Any) -> None:
    """Write ``eval.json`` and say it: per file of judgements how well vectors agree with it, and the mean."""
    channel = order.channel("evaluation")
    found: dict[str, Any] = {}
    vectors = model.asked()
    for path in files((channel.folder, *channel.others)):
        if path.suffix.lower() in ENDS or not path.suffix:
            found[path.name] = vectors.agreement(_pairs(path))
    if not found:
        raise DataError("The channel evaluation has no sets", why=f"None ends in {', '.join(ENDS)}", fix="Add one")
    mean = sum(entry["spearmans_rho"] for entry in found.values()) / len(found)
    text = json.dumps({**found, "mean_rho": mean}, indent=4, sort_keys=True)
    (order.folder / EVAL).write_text(text + "\n", encoding="utf-8")
    order.teller.say("Evaluating word embeddings....")
    for line in text.splitlines():
        order.teller.say(line)
    order.teller.say(f"#mean_rho: {mean}")


def _pairs(path: Path) -> list[tuple[str, str, float]]:
    """Read "word word score" lines, parted by tabs, commas or blanks; a first line without a number is a header."""
    pairs = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines()):
        cells = line.replace("\t", " ").replace(",", " ").split()
        if not cells or cells[0].startswith("#"):
            continue
        try:
            pairs.append((cells[0].lower(), cells[1].lower(), float(cells[2])))
        except (IndexError, ValueError) as error:
            if number == 0:
                continue
            raise DataError(
                f"{path.name}: line {number + 1} is no judgement", why=repr(line[:60]), fix="Write: word word score"
            ) from error
    return pairs
