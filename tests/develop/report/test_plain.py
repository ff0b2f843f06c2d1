"""The JSON file."""

import json
import math
from dataclasses import replace

import pytest

from tarragon.develop.report import read_json, render_html, to_json, write
from tarragon.errors import IntegrityError, NotFoundError


def _strict(text):
    def refuse(token):
        raise AssertionError(f"{token} is not JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("name", ["binary", "multiclass", "regression", "hostile", "minimal"])
def test_it_is_read_back_as_it_was(name, request, tmp_path):
    report = request.getfixturevalue(name)
    files = write(report, tmp_path)
    again = read_json(files.json)
    assert to_json(again) == to_json(report)  # in plain form, where nan equals nan
    assert type(again.analysis.score) is type(report.analysis.score)
    assert render_html(again) == files.html.read_text(encoding="utf-8")


def test_keys_are_stable(binary):
    assert list(to_json(binary)) == ["schema", "kind", "summary", "captions", "report"]
    assert to_json(binary)["schema"] == 1


def test_numbers_that_json_cannot_write_come_back(binary, tmp_path):
    odd = replace(binary, feasibility=replace(binary.feasibility, label_noise=math.nan, probe_score=math.inf))
    files = write(odd, tmp_path)
    _strict(files.json.read_text())
    again = read_json(files.json).feasibility
    assert math.isnan(again.label_noise)
    assert again.probe_score == math.inf
    assert "nan" not in files.html.read_text(encoding="utf-8").split("<main>")[1].split("<script>")[0].lower().replace(
        "finance", ""
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a Tarragon report"),
        ('{"kind": "tarragon.report", "schema": 99}', "schema 99"),
        ('{"kind": "tarragon.report", "schema": 1, "report": {}}', "does not fit"),
    ],
)
def test_a_strange_file_is_refused_with_words(content, words, tmp_path):
    path = tmp_path / "report.json"
    path.write_text(content)
    with pytest.raises(IntegrityError, match=words):
        read_json(path)


def test_a_missing_file_is_said_to_be(tmp_path):
    with pytest.raises(NotFoundError, match="no report"):
        read_json(tmp_path / "report.json")
