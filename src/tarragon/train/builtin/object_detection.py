"""Object detection as its container trains it: image records, JSON annotations or manifests in, mAP per epoch out.

A job of the model hub's TensorFlow dialect, known by its model id, goes on to that dialect's recipe.
"""

from collections.abc import Iterator
from typing import Any

from tarragon.algorithms import build, get
from tarragon.data import Pictures, read_boxed
from tarragon.train.builtin import first_party, object_detection_tf, quality, setting, vision
from tarragon.train.builtin.setting import count
from tarragon.train.builtin.teller import Order, Pass

NAME = "object-detection"
SHARED = True
LEAST_SIDE = 300  # the container's; the method itself goes lower
SAME = ("base_network", "image_shape", "num_classes")
METRICS = (
    ("validation:mAP", quality.HOST + r"epoch=\S+, validation mAP <score>=\((\S+)\)"),
    ("train:cross_entropy", quality.HOST + r"epoch=\S+, train cross_entropy <loss>=\((\S+)\)"),
    ("train:smooth_l1", quality.HOST + r"epoch=\S+, train smooth_l1 <loss>=\((\S+)\)"),
    ("train:progress", r"#progress_metric: host=\S+, completed (\S+) %"),
    ("train:throughput", r"#throughput_metric: host=\S+, train throughput=(\S+) records/second"),
    *object_detection_tf.METRICS,
)


def train(order: Order) -> None:
    """Train and save. Raises ``ParameterError`` or ``DataError``."""
    if order.model_id.startswith("tensorflow-"):
        object_detection_tf.train(order)
        return
    kind: Any = get(NAME)
    wires = {**setting.declarations(kind), "image_shape": count(LEAST_SIDE, 4_096)}
    given = setting.read(order.hyperparameters, wires, {})
    model = build(kind, setting.values(kind, given))
    first_party.configured(order, model)
    data = _pictures(order, "train")
    valid = _pictures(order, "validation") if "validation" in order.channels else None
    vision.warned(order, len(data), model.num_training_samples if order.teller.world == 1 else None)
    vision.begin(order, model, model.base_network, SAME, wanted=bool(model.use_pretrained_model))
    model.fit(data, valid=valid, context=vision.told(order.teller, lambda done: _lines(done, model.epochs)))
    model.save(order.folder)
    order.serving(NAME)


def _pictures(order: Order, channel: str) -> Pictures:
    vision.typed(order, channel, get(NAME).card)
    found = read_boxed(vision.required(order, channel), vision.places(order, f"{channel}_annotation"))
    return vision.share(order, channel, found)


def _lines(done: Pass, epochs: int) -> Iterator[str]:
    n = done.n - 1
    for name, value in done.metrics.items():
        channel, _, metric = name.partition(":")
        kind = "score" if metric == "mAP" else "loss"
        yield f"#quality_metric: host=algo-1, epoch={n}, {channel} {metric} <{kind}>=({value})"
    yield f"#progress_metric: host=algo-1, completed {100 * done.n / max(epochs, done.n):g} % of epochs"
    yield f"#throughput_metric: host=algo-1, train throughput={vision.rate(done)} records/second"
