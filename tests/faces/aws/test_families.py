"""The list of families is complete, and each function is an operation's."""

from pathlib import Path

from tarragon.faces import aws
from tarragon.faces.aws.families import FAMILIES, functions
from tarragon.faces.aws.wire.model import function_names


def test_every_function_answers_an_operation_of_its_service() -> None:
    for service, found in functions().items():
        assert set(found) <= set(function_names(service).values()), service


def test_every_file_that_declares_operations_is_listed() -> None:
    folder = Path(aws.__file__).parent
    declaring = {path.stem for path in folder.glob("*.py") if "\noperations = Operations(" in path.read_text()}
    assert declaring == set(FAMILIES)
