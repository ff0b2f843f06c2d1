import subprocess
import sys

import pytest

import tarragon.engine


def test_every_name_at_the_door_opens():
    for name in tarragon.engine.__all__:
        assert getattr(tarragon.engine, name) is not None
    assert sorted(tarragon.engine.__all__) == sorted(tarragon.engine._MODULES)


def test_no_name_at_the_door_is_also_a_module():
    """``from tarragon.engine import home`` must give the function whatever was imported before."""
    import pkgutil

    modules = {each.name for each in pkgutil.iter_modules(tarragon.engine.__path__)}
    assert not modules & set(tarragon.engine.__all__)


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        tarragon.engine.nonsense  # noqa: B018


def test_a_worker_pays_for_no_database():
    code = (
        "import sys, tarragon.engine as e; e.append_event, e.dump, e.Task, e.home, e.LocalExecutor\n"
        "assert not {'sqlalchemy', 'alembic', 'numpy', 'fsspec'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_opening_a_home_runs_no_migration(tmp_path):
    code = (
        "import sys; from pathlib import Path; from tarragon.engine import Workspace\n"
        "Workspace.open(Path(sys.argv[1])).close()\n"
        "assert not {'alembic', 'numpy', 'fsspec'} & set(sys.modules)"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code, tmp_path], check=True)
