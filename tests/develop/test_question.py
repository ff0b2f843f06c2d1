import subprocess
import sys

from tarragon.develop import AutomlSpec
from tarragon.engine import from_plain, to_plain
from tarragon.train import Source


def test_a_question_goes_through_the_record_unchanged() -> None:
    spec = AutomlSpec(Source("training", "s3://bucket/in", "prefix"), "y", "s3://bucket/out", algorithms=("lightgbm",))
    assert from_plain(to_plain(spec), AutomlSpec) == spec


def test_asking_loads_no_numerical_library() -> None:
    code = "import sys; from tarragon.develop import AutomlSpec; print({'numpy', 'polars'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
