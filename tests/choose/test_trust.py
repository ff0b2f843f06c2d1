"""The trust gate on generated tables: a small part of benchmarks/trust.py, with its plants and its bars."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def trust() -> ModuleType:
    spec = importlib.util.spec_from_file_location("trust_benchmark", FOLDER / "trust.py")
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_planted_faults_are_found_and_clean_tables_are_quiet(trust: ModuleType) -> None:
    found, false, clean = trust.run(trust.generated(11, clean=7, each=2), 0)
    hits, planted = (sum(counts[i] for counts in found.values()) for i in (0, 1))
    assert planted == 14
    assert clean == 7
    assert hits >= planted - 1
    assert false == 0
