"""Generated inputs are what the models allow; a generator that cheats would test nothing."""

import re

import pytest
from tests.faces.aws.generate import Generator, from_pattern

from tarragon.faces.aws.families import functions
from tarragon.faces.aws.wire.model import function_names, operation_model
from tarragon.faces.aws.wire.validate import check


def operations():
    """Every operation that is answered, as (service, name)."""
    for service, found in sorted(functions().items()):
        for name, function in sorted(function_names(service).items()):
            if function in found:
                yield service, name


@pytest.mark.parametrize(
    ("pattern", "low", "high"),
    [
        ("[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", 1, 63),
        (r"arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+", 20, 2048),
        (r"([a-zA-Z0-9]([a-zA-Z0-9-]){0,62})(?<!-)(\/[0-9]{1,9})?", 1, 176),
        (r"[^\x00-\x1f]*", 3, 9),
        (r"(https|s3)://([^/]+)/?(.*)", 0, 1024),
    ],
)
def test_a_text_matches_its_pattern(pattern, low, high):
    for long in (False, True):
        for seed in range(4):
            text = from_pattern(pattern, seed, low, high, long=long)
            assert low <= len(text) <= high
            assert re.fullmatch(pattern, text)


@pytest.mark.parametrize("full", [False, True])
def test_every_operation_s_input_is_valid_for_the_model(full):
    made = 0
    for service, name in operations():
        shape = operation_model(service, name).input_shape
        check(service, shape, Generator(1, full=full).input(shape))
        made += 1
    assert made > 200
