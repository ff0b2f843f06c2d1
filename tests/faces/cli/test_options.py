"""What a user types is read as meant, or refused with an example of what to type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarragon.errors import ParameterError
from tarragon.faces.cli.options import milliseconds, names, seconds, share, size


@pytest.mark.parametrize("text", ["", "soon", "-5s", "0", "0s", "5 parsecs", "1e3", "s", "1:30"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ParameterError, match="60s, 2m or 1h") as caught:
        seconds(text)
    assert caught.value.what.startswith("--time")


def test_units_may_be_spelt_any_way() -> None:
    assert seconds("1H") == 3600
    assert seconds(" 2 min ") == 120
    assert milliseconds("0.5s") == 500
    assert size("1GiB") == 2**30
    assert size("1.5kb") == 1500


@pytest.mark.parametrize("read", [milliseconds, size, share])
def test_refusals_name_their_option(read: object) -> None:
    with pytest.raises(ParameterError, match=r"^--(max-latency|max-size|holdout) cannot be 'x'"):
        read("x")


@given(st.floats(0.001, 1e6, allow_nan=False))
def test_seconds_and_milliseconds_agree(value: float) -> None:
    text = f"{value:.6f}"
    assert milliseconds(f"{text}s") == pytest.approx(seconds(text) * 1000)


@given(st.lists(st.text("abc", min_size=1, max_size=3)))
def test_names_are_read_alike_from_commas_and_repeats(given_names: list[str]) -> None:
    expected = tuple(dict.fromkeys(given_names))
    assert names(given_names) == names([",".join(given_names)]) == names([" , ".join(given_names) + ","]) == expected
