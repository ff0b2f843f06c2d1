"""IP Insights as its container trains it: pairs as CSV, a line for batches and epochs, the AUC of validation pairs.

Several hosts share a fit: each steps on pairs of its own share of ``train``. ``validation`` is measured by the first
host on the files it has, so it should be whole there.
"""

from typing import Any

from tarragon.algorithms import build, get
from tarragon.data import AddressPairs, media, read_pair_files
from tarragon.errors import DataError
from tarragon.train.builtin import first_party, quality, setting
from tarragon.train.builtin.teller import Order

SHARED = True
METRICS = (
    ("validation:discriminator_auc", quality.HOST + r"epoch=\S+, validation discriminator_auc <score>=(\S+)"),
    (
        "train:binary_classification_accuracy:epoch",
        quality.HOST + r"epoch=\S+, train binary_classification_accuracy <score>=(\S+)",
    ),
    (
        "train:binary_classification_cross_entropy:epoch",
        quality.HOST + r"epoch=\S+, train binary_classification_cross_entropy <loss>=(\S+)",
    ),
    *(pair for pair in quality.METRICS if pair[0] in ("train:progress", "train:throughput")),
)


def train(order: Order) -> None:
    """Train and save. Raises ``ParameterError`` or ``DataError``."""
    IPInsights: Any = get("ip-insights")
    given = setting.read(order.hyperparameters, setting.declarations(IPInsights), {})
    model = build(IPInsights, setting.values(IPInsights, given))
    first_party.configured(order, model)
    pairs = _pairs(order, "train")
    teller = order.teller
    valid = _pairs(order, "validation") if "validation" in order.channels and not teller.rank else None

    def told(epoch: int, batch: int, accuracy: float, entropy: float) -> None:
        head = f"#quality_metric: host=algo-1, epoch={epoch}, batch={batch} train binary_classification"
        teller.say(f"{head}_accuracy <score>={accuracy}")
        teller.say(f"{head}_cross_entropy <loss>={entropy}")

    model.told = told
    model.fit(pairs, valid=valid, context=first_party.narrated(teller, "IPInsights", model.epochs))
    if teller.rank:  # every host has found the same vectors
        return
    model.save(order.folder)
    order.serving("ip-insights")


def _pairs(order: Order, name: str) -> AddressPairs:
    channel = order.channel(name)
    if channel.content_type and media(channel.content_type).kind != "csv":
        raise DataError(
            f"The channel {name} has the content type {channel.content_type}",
            why="IP Insights trains from text/csv only",
            fix="Give CSV of two columns, the entity and then its address",
        )
    return read_pair_files((channel.folder, *channel.others), channel.content_type)
