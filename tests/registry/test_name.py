"""Names of versions, with and without a realm."""

import pytest

from tarragon.errors import ParameterError
from tarragon.registry.name import parts, qualified, unqualified


def test_a_name_says_group_version_and_approval() -> None:
    assert parts("churn/0") == ("churn", 0, False)
    assert parts("churn") == ("churn", None, False)
    assert parts("eu-west-1.churn/12") == ("eu-west-1.churn", 12, False)
    assert parts("churn@approved") == ("churn", None, True)


@pytest.mark.parametrize("name", ["churn/", "churn/x", "churn@", "churn@latest", "churn/1@approved", "churn/²"])
def test_what_names_no_version_is_refused(name: str) -> None:
    with pytest.raises(ParameterError, match="names no version"):
        parts(name)


def test_a_realm_comes_off_as_it_was_put_on() -> None:
    for group in ("churn", "a", "1"):
        for realm in ("", "eu-west-1"):
            assert unqualified(qualified(group, realm)) == (realm, group)


@pytest.mark.parametrize(("group", "realm"), [("a.b", ""), ("../x", ""), ("a", "../x"), ("", ""), ("a" * 64, "")])
def test_what_could_be_a_path_is_no_name(group: str, realm: str) -> None:
    with pytest.raises(ParameterError):
        qualified(group, realm)
