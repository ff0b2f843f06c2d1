import pytest

from tarragon.metrics import number


@pytest.mark.parametrize(
    ("value", "digits", "said"),
    [
        (0.0, 3, "0"),
        (-0.123456, 3, "-0.123"),
        (0.123456, 4, "0.1235"),
        (99.99, 4, "99.99"),
        (123.0, 2, "123"),
        (999.96, 3, "1000"),
        (47_351.2, 2, "47,351"),
        (1.2e8, 3, "120,000,000"),
        (0.0000999, 3, "9.99e-05"),
        (float("nan"), 3, "n/a"),
        (float("-inf"), 3, "-inf"),
    ],
)
def test_figures_read_well_at_any_size(value, digits, said):
    assert number(value, digits) == said


def test_a_reader_gets_the_value_back_to_the_digits_shown():
    for exponent in range(-8, 9):
        value = 1.2345678 * 10.0**exponent
        assert float(number(value).replace(",", "")) == pytest.approx(value, rel=6e-3)
