"""Every line of the portfolio is a configuration its algorithm accepts, at a cost that grows with the table."""

import pytest

from tarragon.algorithms import catalogue
from tarragon.algorithms.params import OneOf, build, declared
from tarragon.choose.portfolio import PORTFOLIO, SPACES, Line, Shape

SMALL = Shape(rows=500, columns=8, wide=12, classes=2, text=False)
LARGE = Shape(rows=50_000, columns=20, wide=40, classes=2, text=False)


@pytest.mark.parametrize("line", PORTFOLIO, ids=lambda line: line.algorithm)
def test_a_line_can_be_built(line: Line) -> None:
    made = build(catalogue.get(line.algorithm), line.params)
    assert all(getattr(made, name) == value for name, value in line.params.items())


@pytest.mark.parametrize("line", PORTFOLIO, ids=lambda line: line.algorithm)
def test_cost_grows_with_rows_and_classes(line: Line) -> None:
    assert 0 < line.cost(SMALL) < line.cost(LARGE)
    many = Shape(LARGE.rows, LARGE.columns, LARGE.wide, 20, text=False)
    assert line.cost(many) >= line.cost(LARGE)


@pytest.mark.parametrize("shape", [SMALL, LARGE, Shape(2_000, 10, 300, 0, True)])
def test_unlike_learners_fit_every_table(shape: Shape) -> None:
    families = {line.algorithm for line in PORTFOLIO if line.fits(shape)}
    assert {"linear", "lightgbm", "extra-trees", "xgboost", "tabular-net"} <= families


def test_no_configuration_stands_twice() -> None:
    said = [(line.algorithm, tuple(sorted(line.params.items()))) for line in PORTFOLIO]
    assert len(said) == len(set(said))


@pytest.mark.parametrize("name", SPACES)
def test_spaces_lie_inside_what_is_declared(name: str) -> None:
    rules = {h.name: h.rule for h in declared(catalogue.get(name))}
    for parameter, rule in SPACES[name].items():
        ends = rule.values if isinstance(rule, OneOf) else (rule.low, rule.high)
        assert all(rules[parameter].allows(end) for end in ends), parameter
