"""Which configuration next, once the portfolio is through: Optuna's TPE behind ask and tell.

One sampler per algorithm, told of every trial of that algorithm so far, the portfolio's included.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tarragon.algorithms import OneOf, Range, Value

Space = Mapping[str, Range | OneOf]


def distributions(space: Space) -> dict[str, Any]:
    """Say the space in Optuna's words; a range with two whole bounds is one of integers."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    said: dict[str, Any] = {}
    for name, rule in space.items():
        if isinstance(rule, OneOf):
            said[name] = CategoricalDistribution(rule.tune or rule.values)
        else:
            low, high = rule.tune or (rule.low, rule.high)
            if isinstance(low, int) and isinstance(high, int):
                said[name] = IntDistribution(low, high, log=rule.log)
            else:
                said[name] = FloatDistribution(low, high, log=rule.log)
    return said


@dataclass(slots=True)
class Sampler:
    """Ask for a configuration, tell what it scored (greater is better)."""

    space: Space
    seed: int
    _study: Any = field(default=None, init=False, repr=False)
    _asked: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def _open(self) -> Any:
        if self._study is None:
            import optuna

            optuna.logging.set_verbosity(optuna.logging.ERROR)
            sampler = optuna.samplers.TPESampler(
                seed=self.seed, n_startup_trials=6, multivariate=True, constant_liar=True
            )
            self._study = optuna.create_study(direction="maximize", sampler=sampler)
        return self._study

    def ask(self, name: str) -> dict[str, Value]:
        """Suggest a configuration; ``name`` is what :meth:`tell` will call it."""
        trial = self._open().ask(distributions(self.space))
        self._asked[name] = trial
        return dict(trial.params)

    def tell(self, name: str, utility: float) -> None:
        """Report the utility of a configuration that was asked for."""
        trial = self._asked.pop(name, None)
        if trial is not None:
            self._open().tell(trial, utility)

    def learn(self, params: Mapping[str, Value], utility: float) -> None:
        """Report a configuration that came from elsewhere, if it lies in the space."""
        from optuna.trial import create_trial

        known = distributions(self.space)
        inside = {k: params[k] for k in known if k in params}
        if len(inside) == len(known) and all(
            known[k]._contains(known[k].to_internal_repr(v)) for k, v in inside.items()
        ):
            self._open().add_trial(create_trial(params=inside, distributions=known, value=utility))
