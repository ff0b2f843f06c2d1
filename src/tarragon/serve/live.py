"""An endpoint as it runs: its variants and their shares of the requests, what they did, what they print."""

import asyncio
import random
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

from tarragon.engine import Logs, Point
from tarragon.errors import NotFoundError
from tarragon.serve.fleet import Fleet
from tarragon.serve.meter import Meter
from tarragon.serve.tail import Tail

GROUP = "/aws/sagemaker/Endpoints"


@dataclass(slots=True, eq=False)
class Live:
    """An endpoint as it runs.

    Parameters
    ----------
    realm, name : str
    fleets : dict of str to Fleet
        By variant; empty before the first deployment is up.
    weights : tuple of (float, Fleet)
        Sums of weights so far.
    """

    realm: str
    name: str
    fleets: dict[str, Fleet] = field(default_factory=dict)
    weights: tuple[tuple[float, Fleet], ...] = ()
    meters: dict[str, Meter] = field(default_factory=dict)
    tails: dict[Path, Tail] = field(default_factory=dict)
    starting: list[Fleet] = field(default_factory=list)
    up: asyncio.Event = field(default_factory=asyncio.Event)
    coming: bool = False
    work: "asyncio.Task[None] | None" = None

    def choose(self, variant: str) -> Fleet:
        """Pick by weight, or by name. Raises ``NotFoundError``."""
        if variant:
            if variant not in self.fleets:
                raise NotFoundError(f"Variant {variant} not found in endpoint {self.name}")
            return self.fleets[variant]
        if len(self.weights) == 1:
            return self.weights[0][1]
        at = random.random() * self.weights[-1][0]
        return next(fleet for most, fleet in self.weights if at < most)

    def weigh(self) -> None:
        """Work the weights out again."""
        total, found = 0.0, []
        for fleet in self.fleets.values():
            if fleet.variant.weight > 0:
                total += fleet.variant.weight
                found.append((total, fleet))
        self.weights = tuple(found) or tuple((float(n), f) for n, f in enumerate(self.fleets.values(), 1))

    def meter(self, fleet: Fleet) -> Meter:
        """Find what counts a variant's requests."""
        meter = self.meters.get(fleet.variant.name)
        if meter is None:
            meter = self.meters[fleet.variant.name] = Meter(self.realm, self.name, fleet.variant.name)
        return meter

    def points(self) -> list[Point]:
        """Take out what was counted."""
        now = time.time()
        return [point for meter in list(self.meters.values()) for point in meter.points(now)]

    def follow(self, logs: Logs) -> None:
        """Write what workers printed to the log."""
        for fleet in (*self.fleets.values(), *self.starting):
            for group in fleet.groups:
                for worker in list(group.workers):
                    if worker.folder not in self.tails:
                        stream = f"{fleet.variant.name}/i-{secrets.token_hex(8)}"
                        self.tails[worker.folder] = Tail(worker.folder, stream)
        for folder, tail in list(self.tails.items()):
            tail.move(logs, self.realm, f"{GROUP}/{self.name}")
            if not folder.is_dir():
                self.tails.pop(folder, None)
