"""The AutoML job's runner, called as a supervisor calls it."""

import json
import random
import tarfile
import threading
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tarragon.develop import AutomlSpec
from tarragon.develop.automl import COLUMNS, STOP, header, join, run
from tarragon.engine import Objects, object_root, to_plain
from tarragon.errors import DataError
from tarragon.refine import TableModel
from tarragon.train import Source

BUCKET = "s3://bucket"


def rows(n: int) -> list[str]:
    """A table whose target follows from two columns, with an id that says nothing."""
    draw = random.Random(0)
    found = ["id,age,plan,churn"]
    for i in range(n):
        age, plan = draw.uniform(0, 60), draw.choice("abc")
        gone = age + 15 * (plan == "a") + draw.uniform(0, 20) > 45
        found.append(f"{i},{age:.1f},{plan},{'yes' if gone else 'no'}")
    return found


class Home:
    """A home with a table in its object store and the folder of one job."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.job = folder, folder / "jobs" / "automl" / "j"
        self.job.mkdir(parents=True)
        root = object_root(folder)
        assert isinstance(root, Path)
        (root / "bucket").mkdir(parents=True)
        self.objects = Objects(root)

    def run(self, **settings: Any) -> dict[str, Any]:
        """Run the job."""
        asked = {
            "source": Source("training", f"{BUCKET}/in/", "prefix"),
            "target": "churn",
            "output_uri": f"{BUCKET}/out",
        }
        spec = AutomlSpec(**{**asked, "budget_s": 5.0, **settings})
        argument = {
            "kind": "automl", "name": "j", "attempt": 1, "spec": {"automl": to_plain(spec)},
            "job_folder": str(self.job), "home": str(self.folder),
        }  # fmt: skip
        return dict(run(argument, self.job))

    def phases(self) -> list[str]:
        """Name the phases that were told."""
        lines = (self.job / "events.jsonl").read_text().splitlines()
        return [each["payload"]["status"] for each in map(json.loads, lines) if each["kind"] == "phase"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made, table = Home(tmp_path), rows(240)
    made.objects.put(f"{BUCKET}/in/a.csv", "\n".join(table[:120]).encode())
    made.objects.put(f"{BUCKET}/in/b.csv", "\n".join([table[0], *table[120:]]).encode())
    return made


def test_a_table_becomes_candidates_with_models_that_answer(home: Home, tmp_path: Path) -> None:
    home.objects.put(f"{BUCKET}/features.json", json.dumps({"FeatureAttributeNames": ["age", "plan"]}).encode())
    home.objects.put(f"{BUCKET}/valid.csv", "\n".join(rows(400)[:1] + rows(400)[300:]).encode())
    validation = Source("validation", f"{BUCKET}/valid.csv", "prefix")
    found = home.run(features_uri=f"{BUCKET}/features.json", validation=validation, budget_s=8.0)
    assert found["state"] == "Completed", found
    assert (found["task"], found["metric"]) == ("binary", "f1")
    best = found["candidates"][0]
    assert best["score"] == pytest.approx(best["metrics"]["f1"], abs=1e-9)
    assert best["score"] > 0.8
    assert best["held_out"]["accuracy"] > 0.7
    assert set(best["held_out"]) == set(best["metrics"])
    (tmp_path / "model.tar.gz").write_bytes(home.objects.get(best["model_uri"]))
    with tarfile.open(tmp_path / "model.tar.gz") as tar:
        tar.extractall(tmp_path / "model", filter="data")
    model = TableModel.load(tmp_path / "model")
    assert set(model.columns) <= {"age", "plan"}
    assert json.loads((tmp_path / "model" / COLUMNS).read_text()) == ["id", "age", "plan"]
    assert model.predict(pl.DataFrame({"age": [1.0, 59.0], "plan": ["b", "a"]})).tolist() == ["no", "yes"]
    assert home.objects.get(f"{found['insights_uri']}/report.html").startswith(b"<!doctype html")
    assert isinstance(json.loads(home.objects.get(f"{found['explainability_uri']}/importance.json")), list)
    assert home.phases()[:2] == ["starting", "profile"]
    assert home.phases()[-1] == "report"


def test_a_job_that_is_stopped_keeps_what_it_has(home: Home) -> None:
    threading.Thread(target=lambda: (time.sleep(1.5), (home.job / STOP).touch())).start()
    began = time.monotonic()
    found = home.run(budget_s=300.0)
    assert found["state"] == "Stopped"
    assert time.monotonic() - began < 120
    assert found["candidates"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"target": "none"}, "none"), ({"output_uri": "s3://nowhere/out"}, "bucket"), ({"metric": "rmse"}, "rmse"),
        ({"source": Source("training", f"{BUCKET}/empty/", "prefix")}, "No S3 objects found"),
        ({"features_uri": f"{BUCKET}/no.json"}, "feature specification"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_fails_with_the_reason(home: Home, settings: dict[str, Any], words: str) -> None:
    found = home.run(**settings)
    assert found["state"] == "Failed"
    assert words in found["reason"]


def test_files_of_one_input_have_one_header(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x,y\n1,2")
    (tmp_path / "b").write_text("x,y\n3,4\n")
    (tmp_path / "c").write_text("y,x\n3,4\n")
    assert join([tmp_path / "a", tmp_path / "b"], tmp_path / "t").read_text() == "x,y\n1,2\n3,4\n"
    assert header(tmp_path / "a") == ["x", "y"]
    with pytest.raises(DataError, match="other columns"):
        join([tmp_path / "a", tmp_path / "c"], tmp_path / "t")
