import importlib.metadata as metadata
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tarragon.algorithms import catalogue
from tarragon.errors import MissingExtraError, NotFoundError

OURS = ("additive", "catboost", "extra-trees", "knn", "lightgbm", "linear", "linear-learner", "tabular-net", "xgboost")


class Package:
    """What importlib.metadata says of an installed package."""

    def __init__(self, name: str, requires: list[str]) -> None:
        self.name, self.requires = name, requires


def point(name: str, value: str, package: Package) -> metadata.EntryPoint:
    made = metadata.EntryPoint(name, value, catalogue.GROUP)
    vars(made)["dist"] = package
    return made


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[metadata.EntryPoint]]:
    """A list of entry points that stands in for the installed ones."""
    points: list[metadata.EntryPoint] = []
    monkeypatch.setattr(catalogue.metadata, "entry_points", lambda group: points)
    catalogue._entries.cache_clear()
    yield points
    catalogue._entries.cache_clear()


def test_ours_arrive_by_entry_point() -> None:
    assert set(OURS) <= set(catalogue.names())
    assert list(catalogue.names()) == sorted(catalogue.names())


def test_get_returns_the_class() -> None:
    assert catalogue.get("xgboost").card.name == "xgboost"
    assert catalogue.installed("lightgbm")


def test_unknown_name_names_what_was_meant() -> None:
    with pytest.raises(NotFoundError, match="lightgbm"):
        catalogue.get("lightbgm")
    assert not catalogue.installed("lightbgm")


def test_cards_by_name() -> None:
    cards = catalogue.cards()
    assert all(card.name == name for name, card in cards.items() if name in OURS)
    assert list(cards) == sorted(cards)


def test_missing_extra_is_named_with_the_command_that_installs_it(offered: list[metadata.EntryPoint]) -> None:
    requires = ["numpy>=2", 'no-such-thing>=1.2 ; extra == "catboost"', 'torch==2 ; extra == "deep"']
    offered.append(point("catboost", "tarragon.algorithms.catboost:CatBoost", Package("tarragon", requires)))
    with pytest.raises(MissingExtraError, match="no-such-thing") as caught:
        catalogue.get("catboost")
    assert caught.value.fix == 'pip install "tarragon[catboost]"'
    assert not catalogue.installed("catboost")
    assert catalogue.cards()["catboost"].extra == "catboost"


def test_a_strangers_algorithm_that_cannot_be_imported(offered: list[metadata.EntryPoint]) -> None:
    offered.append(point("theirs", "no_such_module_anywhere:Theirs", Package("stranger", [])))
    assert catalogue.names() == ("theirs",)
    assert not catalogue.installed("theirs")
    assert catalogue.cards() == {}
    with pytest.raises(MissingExtraError, match="no_such_module_anywhere"):
        catalogue.get("theirs")


def test_ours_wins_where_two_packages_offer_one_name(offered: list[metadata.EntryPoint]) -> None:
    theirs = point("xgboost", "tarragon.algorithms.lightgbm:LightGBM", Package("another", []))
    ours = point("xgboost", "tarragon.algorithms.xgboost:XGBoost", Package("tarragon", []))
    offered.extend([theirs, ours])
    assert catalogue.get("xgboost").card.name == "xgboost"


def test_listing_imports_no_learner() -> None:
    heavy = "{'lightgbm', 'xgboost', 'catboost', 'torch', 'sklearn', 'polars'}"
    program = (
        "import sys; from tarragon.algorithms import names, cards, installed; names(); before = set(sys.modules);"
        f"cards(); installed('catboost'); print(sorted((set(sys.modules) - before) & {heavy}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
