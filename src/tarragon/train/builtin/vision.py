"""What the recipes of vision share: where weights to begin from come from, what is warned of, how channels are found.

Published weights are never fetched. They are read from the job's ``model`` channel or from the folder that the
environment variable ``TARRAGON_PRETRAINED`` names: ``<network>.safetensors``, ``.npz`` or ``.params``, for example
``resnet-50.safetensors`` or ``vgg-16.npz``, with the names that torchvision gives them.
"""

import logging
import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms import Card, chosen
from tarragon.data import Pictures, read_ndarrays
from tarragon.errors import DataError, IntegrityError, ParameterError
from tarragon.train.builtin.teller import Order, Pass, Teller

PRETRAINED = "TARRAGON_PRETRAINED"
SEAL = ".tarragon.json"  # beside a model that was trained here
SUFFIXES = (".safetensors", ".npz", ".params")
Arrays = Mapping[str, NDArray[Any]]
logger = logging.getLogger(__name__)


def begin(order: Order, model: Any, network: str, same: Sequence[str], *, wanted: bool) -> None:
    """Give a model the weights it begins from: a former model's, published ones, or none with a warning.

    Parameters
    ----------
    order : Order
    model : Algorithm
        Its ``start`` or ``pretrained`` is set.
    network : str
        Under which published weights are looked for: "resnet-50".
    same : sequence of str
        Settings that a former model must share.
    wanted : bool
        Whether published weights are asked for.

    Raises
    ------
    ParameterError
        A former model has other settings.
    IntegrityError
        A file of weights is damaged.
    """
    with order.previous() as folder:
        if folder is not None:
            if (folder / SEAL).is_file():
                _go_on(model, type(model).load(folder), same)
                order.teller.say("Incremental training: weights of the model channel loaded")
                return
            model.pretrained = _weights(folder, network, alone=True)
            if model.pretrained is not None:
                order.teller.say(f"Weights of {network} loaded from the model channel")
                return
            _warn(order, "The model channel holds no weights that can be read here: the network begins at random")
            return
    if wanted:
        place = os.environ.get(PRETRAINED, "")
        model.pretrained = _weights(Path(place), network) if place else None
        if model.pretrained is None:
            _warn(
                order,
                f"There are no pretrained weights of {network}: the network begins at random. Give them on the model"
                f" channel, or as {network}.safetensors in the folder that {PRETRAINED} names",
            )
        else:
            order.teller.say(f"Pretrained weights of {network} loaded")


def warned(order: Order, count: int, samples: int | None = None) -> None:
    """Warn where training is slow, or the data are not as many as was said."""
    if order.teller.device == "cpu":
        _warn(order, "There is no GPU: training on the processor, which takes longer")
    if samples is not None and samples != count:
        _warn(order, f"num_training_samples is {samples}, and the train channel has {count} pictures")


def places(order: Order, *names: str) -> tuple[Path, ...] | None:
    """Return the folders of the first channel there is of several names; None without any."""
    for name in names:
        if name in order.channels:
            channel = order.channels[name]
            return (channel.folder, *channel.others)
    return None


def required(order: Order, *names: str) -> tuple[Path, ...]:
    """Return the folders of a channel. Raises ``DataError`` when the job has none of these names."""
    found = places(order, *names)
    if found is None:
        order.channel(names[0])
        raise AssertionError("a missing channel is refused")
    return found


def share(order: Order, channel: str, data: Pictures) -> Pictures:
    """Take this host's part of pictures that every host was given; a sharded channel is a part already."""
    teller = order.teller
    if teller.world == 1 or order.channel(channel).sharded:
        return data
    return data.part(range(min(teller.rank, len(data) - 1), len(data), teller.world))


def typed(order: Order, name: str, card: Card, *more: str) -> dict[str, str]:
    """Hold a channel's content type against the card; return its parameters ("label-format").

    Raises
    ------
    DataError
    """
    if name not in order.channels:
        return {}
    kind, *parts = (part.strip() for part in order.channels[name].content_type.split(";"))
    if kind and kind.lower() not in (*card.content_types, *more, "application/x-directory"):
        raise DataError(
            f"The channel {name} is {kind}, which {card.title.lower()} does not read",
            why=f"It reads {', '.join(card.content_types)}",
            fix="Correct ContentType",
        )
    return dict(part.lower().split("=", 1) for part in parts if "=" in part)


def recoded(valid: Pictures, data: Pictures) -> NDArray[np.int64]:
    """Say which code each of the validation pictures' classes has among the training pictures' own.

    Raises
    ------
    DataError
        Training knows no class of that name.
    """
    strange = sorted(set(valid.names) - set(data.names))
    if strange:
        raise DataError(
            f"The validation channel has a class {strange[0]!r}", why="The training channel has not", fix="Add it"
        )
    return np.array([data.names.index(name) for name in valid.names], np.int64)


def told(teller: Teller, lines: Any) -> Teller:
    """Return a context that says the lines a function makes of each epoch."""

    def say(done: Pass) -> None:
        for line in lines(done):
            teller.say(line)

    return replace(teller, round=say)


def rate(done: Pass) -> float:
    """Pictures per second of an epoch."""
    return done.records / max(done.seconds, 1e-9)


def _go_on(model: Any, former: Any, same: Sequence[str]) -> None:
    ours, theirs = chosen(model), chosen(former)
    for name in same:
        if ours.get(name, getattr(model, name, None)) != theirs.get(name, getattr(former, name, None)):
            raise ParameterError(
                f"{name}={getattr(model, name)!r} does not fit the model channel",
                why=f"That model was trained with {getattr(former, name)!r}",
                fix="Give both the same",
            )
    model.start, model.width = former.weights_, former.width


def _weights(folder: Path, network: str, *, alone: bool = False) -> Arrays | None:
    """Read the file of a network's weights; with ``alone``, whatever its name, where there is one such file."""
    if not folder.is_dir():
        return None
    found = [path for suffix in SUFFIXES if (path := folder / f"{network}{suffix}").is_file()]
    others = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
    if not found and alone and len(others) == 1:
        found = others
    if not found:
        return None
    path = found[0]
    try:
        if path.suffix == ".safetensors":
            from safetensors.numpy import load_file

            return dict(load_file(path))
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        arrays = read_ndarrays(path.read_bytes())
        return {name.removeprefix("arg:").removeprefix("aux:"): a for name, a in arrays.items()}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, _spoilt()) as error:
        raise IntegrityError(f"{path.name} cannot be read", why=str(error)[:200], fix="Write it again") from error


def _spoilt() -> type[Exception]:
    with suppress(ImportError):
        from safetensors import SafetensorError

        kind: type[Exception] = SafetensorError
        return kind
    return OSError


def _warn(order: Order, text: str) -> None:
    logger.warning("%s", text)
    order.teller.say(f"[WARNING] {text}")
