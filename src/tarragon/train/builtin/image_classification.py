"""Image classification as its container trains it: image records, lists or manifests in, an epoch's accuracy out.

A job of the model hub's TensorFlow dialect, known by its model id, goes on to that dialect's recipe.
"""

from collections.abc import Iterator
from typing import Any

from tarragon.algorithms import build, get
from tarragon.data import Pictures, read_labelled
from tarragon.train.builtin import first_party, image_classification_tf, setting, vision
from tarragon.train.builtin.teller import Order, Pass

NAME = "image-classification"
SHARED = True
SAME = ("num_layers", "image_shape", "num_classes", "multi_label")
METRICS = (
    ("train:accuracy", r"Epoch\S* Train-accuracy=(\S*)"),
    ("validation:accuracy", r"Epoch\S* Validation-accuracy=(\S*)"),
    *image_classification_tf.METRICS,
)


def train(order: Order) -> None:
    """Train and save. Raises ``ParameterError`` or ``DataError``."""
    if order.model_id.startswith("tensorflow-"):
        image_classification_tf.train(order)
        return
    kind: Any = get(NAME)
    given = setting.read(order.hyperparameters, setting.declarations(kind), {})
    model = build(kind, setting.values(kind, given))
    first_party.configured(order, model)
    data = _pictures(order, "train", model)
    valid = _pictures(order, "validation", model) if "validation" in order.channels else None
    vision.warned(order, len(data), model.num_training_samples if order.teller.world == 1 else None)
    vision.begin(order, model, f"resnet-{model.num_layers}", SAME, wanted=bool(model.use_pretrained_model))
    model.fit(data, valid=valid, context=vision.told(order.teller, _lines))
    order.teller.say(f'Saved checkpoint to "/opt/ml/model/{NAME}-{model.epoch_:04d}.params"')
    model.save(order.folder)
    order.serving(NAME)


def _pictures(order: Order, channel: str, model: Any) -> Pictures:
    kind = get(NAME)
    form = vision.typed(order, channel, kind.card).get("label-format", "")
    several = bool(model.multi_label)
    lists = vision.places(order, f"{channel}_lst")
    folders = vision.required(order, channel)
    found = read_labelled(folders, lists, classes=model.num_classes, several=several, form=form)
    return vision.share(order, channel, found)


def _lines(done: Pass) -> Iterator[str]:
    n = done.n - 1
    yield f"Epoch[{n}] Speed: {vision.rate(done):.2f} samples/sec"
    for name, value in done.metrics.items():
        channel, _, metric = name.partition(":")
        word = "cross-entropy" if metric == "loss" else metric
        yield f"Epoch[{n}] {channel.capitalize()}-{word}={value:.6f}"
    yield f"Epoch[{n}] Time cost={done.seconds:.3f}"
