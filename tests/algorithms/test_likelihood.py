"""Densities are scipy's; draws have the moments that the densities say."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tarragon.algorithms.likelihood import LIKELIHOODS

torch = pytest.importorskip("torch")
SCALE = 3.0


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def frozen(name: str, raw: tuple[float, ...]) -> Any:
    a = raw[0]
    if name == "gaussian":
        return stats.norm(SCALE * a, SCALE * (softplus(raw[1]) + 1e-4))
    if name == "student-T":
        return stats.t(2 + softplus(raw[2]), SCALE * a, SCALE * (softplus(raw[1]) + 1e-4))
    if name == "beta":
        return stats.beta(softplus(a) + 1e-3, softplus(raw[1]) + 1e-3)
    mean, spread = SCALE * softplus(a) + 1e-6, softplus(raw[1]) / math.sqrt(SCALE) + 1e-6
    return stats.nbinom(1 / spread, 1 / (1 + spread * mean))


@pytest.mark.parametrize(
    ("name", "z"),
    [("gaussian", -1.5), ("student-T", 4.0), ("beta", 0.3), ("negative-binomial", 7.0), ("negative-binomial", 0.0)],
)
def test_density_and_draws(name: str, z: float) -> None:
    likelihood = LIKELIHOODS[name]
    raw = (0.7, 0.4, 2.5)[: likelihood.outputs]
    known = frozen(name, raw)
    tensor = torch.tensor(raw, dtype=torch.float64)
    found = float(
        likelihood.loss(tensor, torch.tensor(z, dtype=torch.float64), torch.tensor(SCALE, dtype=torch.float64))
    )
    log = known.logpmf(z) if name == "negative-binomial" else known.logpdf(z)
    assert found == pytest.approx(-float(log), rel=1e-5)
    many = torch.tensor(raw, dtype=torch.float32).repeat(40_000, 1)
    drawn = likelihood.draw(many, torch.full((40_000,), SCALE), torch.Generator().manual_seed(0)).numpy()
    for level in (0.1, 0.5, 0.9):
        if name == "negative-binomial":
            assert np.quantile(drawn, level) == known.ppf(level)
        else:
            assert known.cdf(np.quantile(drawn, level)) == pytest.approx(level, abs=0.01)
    assert drawn.mean() == pytest.approx(float(known.mean()), rel=0.03)


def test_the_point_is_its_own_draw() -> None:
    point = LIKELIHOODS["deterministic-L1"]
    raw, scale = torch.tensor([[2.0]]), torch.tensor([SCALE])
    assert float(point.draw(raw, scale, None)) == 6.0
    assert float(point.loss(raw, torch.tensor([3.0]), scale)) == pytest.approx(1.0)
