import gzip
import json
import multiprocessing
from pathlib import Path

import pytest

from tarragon.engine import to_plain
from tarragon.serve.records import Cut
from tarragon.serve.transform import TransformSpec, run

SUMS = """
import json

def model_fn(model_dir):
    return 10

def transform_fn(model, data, content_type, accept):
    if content_type == "text/csv":
        rows = [[float(x) for x in line.split(",")] for line in data.splitlines()]
        return "\\n".join(str(sum(row) * model) for row in rows), "text/csv"
    rows = [json.loads(line) for line in data.splitlines()]
    return "\\n".join(json.dumps({"sum": sum(row["x"])}) for row in rows), accept
"""
FAILS = "def model_fn(d): return 1\n\ndef transform_fn(model, data, content_type, accept): raise ValueError('odd row')"


def transformed(place, script=SUMS, name="job", **settings):
    """Run a job as a supervisor would, in a process of its own."""
    given = {"source": "s3://models/in/", "output": "s3://models/out", "content_type": "text/csv", "retries": 0}
    spec = TransformSpec((place.model(name, script),), **{**given, **settings})
    folder = place.home / "jobs" / "transform" / name
    folder.mkdir(parents=True, exist_ok=True)
    argument = {
        "kind": "transform", "name": name, "spec": {"transform": to_plain(spec)}, "job_folder": str(folder),
        "home": str(place.home), "attempt": 1,
    }  # fmt: skip
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(run, (argument, folder / "work" / "1"))


def output(place, name="a.csv"):
    return place.objects.get(f"s3://models/out/{name}.out").decode()


def test_each_object_is_transformed_in_order(place):
    rows = "".join(f"{i},1\n" for i in range(500))
    place.objects.put("s3://models/in/a.csv", rows.encode())
    place.objects.put("s3://models/in/sub/b.csv.gz", gzip.compress(b"1,2\n"))
    place.objects.put("s3://models/in/sub/empty.csv", b"")
    ended = transformed(place, source="s3://models/in/a.csv", cut=Cut("Line", True, 100), lines=True, concurrency=4)
    assert (ended["state"], ended["reason"], ended["objects"]) == ("Completed", "", 1)
    assert ended["requests"] > 20
    assert output(place).split() == [str((i + 1) * 10.0) for i in range(500)]
    assert not list((place.home / "jobs/transform/job/work").rglob("model.tar.gz"))
    ended = transformed(place, source="s3://models/in/sub/b", gzip=True, name="zip")
    assert (ended["state"], output(place, "b.csv.gz")) == ("Completed", "30.0")


def test_filters_choose_what_the_model_sees_and_what_is_kept(place):
    place.objects.put("s3://models/in/a.csv", b"id1,1,2\nid2,3,4\n")
    settings = {"input_filter": "$[1:]", "joined": True, "output_filter": "$[0,-1]", "cut": Cut("Line"), "lines": True}
    assert transformed(place, accept="text/csv", **settings)["state"] == "Completed"
    assert output(place) == "id1,30.0\nid2,70.0\n"


def test_json_lines_are_joined_under_a_name(place):
    place.objects.put("s3://models/in/a.jsonl", b'{"id": 1, "x": [1, 2]}\n{"id": 2, "x": [3]}\n')
    kind = "application/jsonlines"
    ended = transformed(place, content_type=kind, accept=kind, joined=True, cut=Cut("Line", False), lines=True)
    assert ended["state"] == "Completed", ended
    found = [json.loads(line) for line in output(place, "a.jsonl").splitlines()]
    assert [each["SageMakerOutput"] for each in found] == [{"sum": 3}, {"sum": 3}]
    assert found[1] == {"id": 2, "x": [3], "SageMakerOutput": {"sum": 3}}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"source": "s3://models/none/"}, "No S3 objects found"),
        ({"output": "s3://nowhere/out"}, "NoSuchBucket"),
        ({"script": FAILS}, "AlgorithmError: Bad HTTP status received from algorithm: 500 (ValueError: odd row)"),
        ({"script": "raise OSError('no weights')"}, "no weights"),
        ({"cut": Cut("Line", True, 3)}, "MaxPayloadInMB"),
        ({"joined": True, "cut": Cut("None")}, "answered 2 records to a request of 1"),
    ],
)
def test_what_goes_wrong_is_said(place, settings, words):
    place.objects.put("s3://models/in/a.csv", b"1,2\n3,4\n")
    ended = transformed(place, **settings)
    assert ended["state"] == "Failed"
    assert words in ended["reason"]


def test_a_job_that_is_asked_to_stop_stops(place):
    place.objects.put("s3://models/in/a.csv", b"1,2\n")
    folder = place.home / "jobs" / "transform" / "job"
    folder.mkdir(parents=True)
    Path(folder / "stop").touch()
    assert transformed(place)["state"] == "Stopped"
