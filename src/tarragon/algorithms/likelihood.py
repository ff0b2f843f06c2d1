"""Distributions a recurrent forecaster emits: from raw outputs to parameters, densities and draws.

Notation: z observation, ν its series' scale. A network answers in units of ν; here the units of z come back.
Source: Salinas, Flunkert, Gasthaus & Januschowski (2020), IJF 36, §3.1, doi:10.1016/j.ijforecast.2019.07.001.
"""

import math
from collections.abc import Mapping
from typing import Any, Protocol

TINY = 1e-6
LEAST_SPREAD = 1e-4  # of the scale: a constant series must not make the density grow without bound
MOST_RATE = 1e9  # of a Poisson draw


class Likelihood(Protocol):
    """A family of distributions; tensors are torch's, of any one shape, ``raw`` with one more axis of ``outputs``."""

    outputs: int

    def loss(self, raw: Any, z: Any, scale: Any) -> Any:
        """Return the negative logarithm of the density at ``z``."""

    def draw(self, raw: Any, scale: Any, generator: Any) -> Any:
        """Draw one value per distribution."""


def _softplus(x: Any) -> Any:
    import torch

    return torch.nn.functional.softplus(x)


def _gamma(shape: Any, generator: Any) -> Any:
    import torch

    return torch._standard_gamma(shape, generator=generator).clamp_min(1e-30)


def _normal(like: Any, generator: Any) -> Any:
    import torch

    return torch.randn(like.shape, generator=generator, dtype=like.dtype, device=like.device)


class Gaussian:
    """μ = ν·m, σ = ν·softplus(s)."""

    outputs = 2

    def loss(self, raw: Any, z: Any, scale: Any) -> Any:
        """Negative log density."""
        spread = _softplus(raw[..., 1]) + LEAST_SPREAD
        away = (z / scale - raw[..., 0]) / spread
        return 0.5 * away * away + spread.log() + scale.log() + 0.5 * math.log(2 * math.pi)

    def draw(self, raw: Any, scale: Any, generator: Any) -> Any:
        """Draw."""
        spread = _softplus(raw[..., 1]) + LEAST_SPREAD
        return scale * (raw[..., 0] + spread * _normal(spread, generator))


class StudentT:
    """Location and spread as the Gaussian's; degrees of freedom 2 + softplus(d), so that the variance exists."""

    outputs = 3

    def loss(self, raw: Any, z: Any, scale: Any) -> Any:
        """Negative log density."""
        spread = _softplus(raw[..., 1]) + LEAST_SPREAD
        freedom = 2 + _softplus(raw[..., 2])
        away = (z / scale - raw[..., 0]) / spread
        shape = ((freedom + 1) / 2).lgamma() - (freedom / 2).lgamma()
        tail = (freedom + 1) / 2 * (away * away / freedom).log1p()
        return tail - shape + 0.5 * (math.pi * freedom).log() + spread.log() + scale.log()

    def draw(self, raw: Any, scale: Any, generator: Any) -> Any:
        """Draw: a normal over the root of a χ² per degree of freedom."""
        spread = _softplus(raw[..., 1]) + LEAST_SPREAD
        half = (2 + _softplus(raw[..., 2])) / 2
        wide = (half / _gamma(half, generator)).sqrt()
        return scale * (raw[..., 0] + spread * wide * _normal(spread, generator))


class NegativeBinomial:
    """Counts with mean μ = ν·softplus(m) and variance μ + αμ², α = softplus(a)/√ν."""

    outputs = 2

    def _parameters(self, raw: Any, scale: Any) -> tuple[Any, Any]:
        return scale * _softplus(raw[..., 0]) + TINY, _softplus(raw[..., 1]) / scale.sqrt() + TINY

    def loss(self, raw: Any, z: Any, scale: Any) -> Any:
        """Negative log probability."""
        mean, spread = self._parameters(raw, scale)
        r, grown = 1 / spread, (spread * mean).log1p()
        chance = (z + r).lgamma() - (z + 1).lgamma() - r.lgamma() - r * grown
        return -(chance + z * ((spread * mean).log() - grown))

    def draw(self, raw: Any, scale: Any, generator: Any) -> Any:
        """Draw a Poisson count whose rate is a gamma's."""
        import torch

        mean, spread = self._parameters(raw, scale)
        rate = _gamma(1 / spread, generator) * spread * mean
        return torch.poisson(rate.clamp_max(MOST_RATE), generator=generator)


class Beta:
    """Shares between 0 and 1; both shape parameters are softplus. Scale-free."""

    outputs = 2

    def _parameters(self, raw: Any) -> tuple[Any, Any]:
        return _softplus(raw[..., 0]) + 1e-3, _softplus(raw[..., 1]) + 1e-3

    def loss(self, raw: Any, z: Any, scale: Any) -> Any:
        """Negative log density; 0 and 1 count as just beside."""
        a, b = self._parameters(raw)
        inside = z.clamp(1e-4, 1 - 1e-4)
        return a.lgamma() + b.lgamma() - (a + b).lgamma() - (a - 1) * inside.log() - (b - 1) * (-inside).log1p()

    def draw(self, raw: Any, scale: Any, generator: Any) -> Any:
        """Draw: one gamma's share of two."""
        a, b = self._parameters(raw)
        first, second = _gamma(a, generator), _gamma(b, generator)
        return first / (first + second)


class DeterministicL1:
    """A point, fitted by absolute error: the median, without spread."""

    outputs = 1

    def loss(self, raw: Any, z: Any, scale: Any) -> Any:
        """Absolute error in units of the scale."""
        return (z / scale - raw[..., 0]).abs()

    def draw(self, raw: Any, scale: Any, generator: Any) -> Any:
        """Return the point."""
        return scale * raw[..., 0]


LIKELIHOODS: Mapping[str, Likelihood] = {
    "gaussian": Gaussian(),
    "beta": Beta(),
    "negative-binomial": NegativeBinomial(),
    "student-T": StudentT(),
    "deterministic-L1": DeterministicL1(),
}
