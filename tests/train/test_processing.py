"""A processing job as its process runs it: inputs, a command, outputs, the message it leaves."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tarragon.train import Given, ProcessingSpec, Wanted, processing

from .conftest import SKLEARN, Home

Make = Callable[..., ProcessingSpec]
CODE = "/opt/ml/processing/input/code"


@pytest.fixture
def script(home: Home) -> Make:
    """``script("print(1)")`` is a script processor's job."""

    def make(text: str, **settings: Any) -> ProcessingSpec:
        home.objects.put("s3://data/code/main.py", text.encode())
        given = (Given("code", "s3://data/code/main.py", CODE), *settings.pop("inputs", ()))
        settings = {"outputs": (), "arguments": (), **settings}
        return ProcessingSpec("arn:p", "us-east-1", SKLEARN, ("python3", f"{CODE}/main.py"), inputs=given, **settings)

    return make


def test_inputs_come_outputs_go_and_the_message_is_kept(home: Home, script: Make) -> None:
    text = """
import json, os, shutil, sys
print(sys.argv[1:], json.load(open("/opt/ml/config/processingjobconfig.json")), os.environ["MINE"])
print(json.load(open("/opt/ml/config/resourceconfig.json")))
shutil.copytree("/opt/ml/processing/in", "/opt/ml/processing/out/copy")
open("/opt/ml/output/message", "w").write("all well")
"""
    spec = script(
        text,
        inputs=(Given("in", "s3://data/train/", "/opt/ml/processing/in"),),
        outputs=(
            Wanted("o", "s3://data/o/", "/opt/ml/processing/out"),
            Wanted("e", "s3://data/e", "/opt/ml/processing/empty"),
        ),
        arguments=("--n", "1"), environment={"MINE": "x"}, document={"ProcessingJobName": "j"},
    )  # fmt: skip
    result = home.run(spec)
    assert (result["state"], result["message"]) == ("Completed", "all well"), result
    assert home.objects.get("s3://data/o/copy/deep/b.csv") == b"1,4\n"
    assert home.lines("Processing") == [
        "['--n', '1'] {'ProcessingJobName': 'j'} x", "{'current_host': 'algo-1', 'hosts': ['algo-1']}",
    ]  # fmt: skip
    assert "/opt/ml" not in str(result)


def test_a_failure_is_the_message_or_the_last_lines(home: Home, script: Make) -> None:
    text = "import sys; open('/opt/ml/output/message', 'w').write('bad data'); sys.exit(4)"
    assert home.run(script(text))["reason"] == "AlgorithmError: bad data, exit code: 4"
    result = home.run(script("raise KeyError('x')"), "other")
    assert result["state"] == "Failed"
    assert "KeyError: 'x'" in result["reason"]
    assert result["reason"].endswith("exit code: 1")


def test_a_framework_processors_script_unpacks_and_installs_in_the_job(home: Home, script: Make) -> None:
    shell = 'cd /opt/ml/processing/input/code\nset -e\npip uninstall --yes typing\npython3 main.py "$@"\n'
    home.objects.put("s3://data/entry/runproc.sh", shell.encode())
    entry = "/opt/ml/processing/input/entrypoint"
    spec = script(
        "import sys; print(sys.argv[1], sys.prefix)", inputs=(Given("entrypoint", "s3://data/entry/", entry),)
    )
    spec = replace(spec, entrypoint=("/bin/bash", f"{entry}/runproc.sh"), arguments=("a b",))
    assert home.run(spec)["state"] == "Completed"
    folder = home.folder("processing")
    assert home.lines("Processing")[-1] == f"a b {folder / 'algo-1' / 'packages'}"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"inputs": (Given("x", "s3://data/none/", "/opt/ml/processing/x"),)}, "No S3 objects found"),
        ({"inputs": (Given("x", "s3://data/train/", "/etc"),)}, "/etc cannot be used"),
        ({"inputs": (Given("x", "s3://data/train/", "/opt/ml/../../x"),)}, "is not allowed"),
        ({"outputs": (Wanted("x", "s3://nowhere/", "/opt/ml/processing/x"),)}, "does not exist"),
        ({"outputs": (Wanted("x", "s3://data/x", "/tmp"),)}, "/tmp cannot be used"),
        ({"entrypoint": ()}, "needs an entry point|without an entry point"),
    ],
)
def test_what_cannot_be_is_the_clients_fault(home: Home, script: Make, change: dict[str, Any], words: str) -> None:
    result = home.run(replace(script("print(1)"), **change))
    assert result["state"] == "Failed"
    assert result["reason"].startswith("ClientError: ")
    assert any(word in result["reason"] for word in words.split("|")), result["reason"]


def test_clarify_is_refused_by_name(home: Home) -> None:
    uri = "205585389593.dkr.ecr.us-east-1.amazonaws.com/sagemaker-clarify-processing:1.0"
    result = home.run(ProcessingSpec("arn", "us-east-1", uri, (), (), (), ()))
    assert result["state"] == "Failed"
    assert result["reason"].startswith("ClientError: The image sagemaker-clarify-processing")


def test_somebodys_own_image_needs_an_engine(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tarragon.train.docker.container_engine", lambda: "")
    result = home.run(ProcessingSpec("arn", "us-east-1", "me/mine:1", (), (), (), ()))
    assert "Start Docker or Podman" in result["reason"]


def test_hosts_share_sharded_inputs(home: Home, script: Make) -> None:
    text = "import pathlib; print([p.name for p in pathlib.Path('/opt/ml/processing/in').rglob('*.csv')])"
    inputs = (Given("in", "s3://data/train/", "/opt/ml/processing/in", sharded=True),)
    assert home.run(script(text, inputs=inputs, instances=2))["state"] == "Completed"
    assert [home.lines("Processing", host=i) for i in (1, 2)] == [["['a.csv']"], ["['b.csv']"]]


def test_a_continuous_output_is_there_before_the_end(home: Home, script: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing, "SYNC_S", 0.05)
    text = (
        "import time, os\nopen('/opt/ml/processing/out/x', 'w').write('1')\n"
        "while not os.path.exists('/opt/ml/processing/go'): time.sleep(0.05)\n"
    )
    seen = []

    def look() -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end and not seen:
            if home.objects.exists("s3://data/c/x"):
                seen.append(True)
            time.sleep(0.05)
        (home.folder("processing") / "algo-1" / "ml" / "processing" / "go").touch()

    watcher = threading.Thread(target=look)
    watcher.start()
    home.run(script(text, outputs=(Wanted("o", "s3://data/c", "/opt/ml/processing/out", continuous=True),)))
    watcher.join()
    assert seen


def test_a_stop_and_a_limit(home: Home, script: Make) -> None:
    limited = home.run(script("import time; time.sleep(60)", max_runtime_s=1))
    assert limited["state"] == "Stopped"
    assert "MaxRuntime" in limited["reason"]
    folder = home.folder("processing", "stopped")
    folder.mkdir(parents=True)
    (folder / "stop").touch()
    assert home.run(script("import time; time.sleep(60)"), "stopped")["state"] == "Stopped"


def test_events_say_what_came(home: Home, script: Make) -> None:
    home.run(script("print(1)"))
    found = [payload for kind, payload in home.events("processing") if kind == "input"]
    assert json.loads(json.dumps(found[0])) == {"name": "code", "host": "algo-1", "objects": 1, "bytes": 8}
