"""Semantic segmentation as its container trains it: pictures and masks in, mIOU and pixel accuracy per epoch out."""

from collections.abc import Iterator
from typing import Any

from tarragon.algorithms import build, get
from tarragon.data import LabelMap, Pictures, files, label_map, read_masked
from tarragon.train.builtin import first_party, setting, vision
from tarragon.train.builtin.teller import Order, Pass

NAME = "semantic-segmentation"
SAME = ("backbone", "algorithm", "num_classes")
METRICS = (
    ("validation:mIOU", r"validation mIOU: (\S+)"),
    ("validation:pixel_accuracy", r"pixel_accuracy: (\S+)"),
    ("train:loss", r"train loss: (\S+)"),
    ("train:throughput", r"train throughput: (\S+)"),
    ("validation:throughput", r"validation throughput: (\S+)"),
)


def train(order: Order) -> None:
    """Train and save. Raises ``ParameterError`` or ``DataError``."""
    kind: Any = get(NAME)
    given = setting.read(order.hyperparameters, setting.declarations(kind), {})
    model = build(kind, setting.values(kind, given))
    first_party.configured(order, model)
    data = _pictures(order, "train")
    valid = _pictures(order, "validation") if "validation" in order.channels else None
    vision.warned(order, len(data), model.num_training_samples)
    vision.begin(order, model, model.backbone, SAME, wanted=model.use_pretrained_model)
    judged = 0 if valid is None else len(valid)
    model.fit(data, valid=valid, context=vision.told(order.teller, lambda done: _lines(done, model.epochs, judged)))
    model.save(order.folder)
    order.serving(NAME)


def _pictures(order: Order, channel: str) -> Pictures:
    vision.typed(order, channel, get(NAME).card)
    masks = vision.places(order, f"{channel}_annotation")
    return read_masked(vision.required(order, channel), masks, _map(order, channel))


def _map(order: Order, channel: str) -> LabelMap:
    """Read a channel's label map, where there is one."""
    folders = vision.places(order, "label_map")
    found = [] if folders is None else [p for p in files(folders) if p.name == f"{channel}_label_map.json"]
    return label_map(found[0].read_bytes() if found else None)


def _lines(done: Pass, epochs: int, judged: int) -> Iterator[str]:
    found = done.metrics
    yield (
        f"#quality_metric. host=algo-1, epoch={done.n - 1}, train loss: {found['train:loss']:.6f} ."
        f" train throughput: {vision.rate(done):.3f} samples/sec"
    )
    if "validation:mIOU" in found:
        yield (
            f"#quality_metric. host=algo-1, epoch={done.n - 1}, validation mIOU: {found['validation:mIOU']:.6f} ,"
            f" validation pixel_accuracy: {found['validation:pixel_accuracy']:.6f} ,"
            f" validation throughput: {judged / max(done.seconds, 1e-9):.3f} samples/sec"
        )
    yield f"#progress_metric. host=algo-1, completed {100 * done.n / max(epochs, done.n):g} % of epochs"
