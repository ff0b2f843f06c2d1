import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarragon.errors import ParameterError
from tarragon.serve.jsonpath import JsonPath


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("$", [1], [1]),
        ("", {"a": 1}, {"a": 1}),
        ("$[1:]", [1, 2, 3], [2, 3]),
        ("$[:-1]", [1, 2, 3], [1, 2]),
        ("$[0,2]", [1, 2, 3], [1, 3]),
        ("$[-1]", [1, 2, 3], 3),
        ("$.a.b", {"a": {"b": 5}}, 5),
        ("$['SageMakerOutput']", {"SageMakerOutput": 7}, 7),
        ("$.a['b c'][0]", {"a": {"b c": [1]}}, 1),
        ("$.a[*]", {"a": [1, 2]}, [1, 2]),
        ('$["a"]', {"a": 1}, 1),
    ],
)
def test_paths_lead_where_they_should(path, value, found):
    assert JsonPath(path).of(value) == found


@pytest.mark.parametrize("path", ["a", "$..a", "$[?(@.x)]", "$[", "$.a.", "$[a]", "$[0,]", "x$"])
def test_other_paths_are_refused(path):
    with pytest.raises(ParameterError):
        JsonPath(path)


@pytest.mark.parametrize(("path", "value"), [("$.a", [1]), ("$[3]", [1]), ("$[0]", {"a": 1}), ("$.a", {"b": 1})])
def test_nothing_there_is_an_error(path, value):
    with pytest.raises(ParameterError, match="finds nothing"):
        JsonPath(path).of(value)


@given(st.text(max_size=30))
def test_no_text_breaks_it(text):
    try:
        JsonPath("$" + text)
    except ParameterError:
        return
