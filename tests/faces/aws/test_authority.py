"""The authority's key stays at home, and it signs for AWS's names alone."""

import ssl
from pathlib import Path

from cryptography import x509

from tarragon.faces.aws.authority import NAMES, Authority


def test_made_once_and_kept_to_its_owner(tmp_path: Path) -> None:
    first = Authority(tmp_path).bundle.read_bytes()
    assert Authority(tmp_path).bundle.read_bytes() == first
    assert (tmp_path / "authority" / "ca-key.pem").stat().st_mode & 0o777 == 0o600


def test_it_is_held_to_awss_names(tmp_path: Path) -> None:
    found = x509.load_pem_x509_certificate(Authority(tmp_path).bundle.read_bytes())
    limits = found.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    assert [each.value for each in limits.value.permitted_subtrees] == list(NAMES)


def test_a_certificate_for_a_name(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = authority.context("sts.eu-west-1.amazonaws.com")
    assert isinstance(context, ssl.SSLContext)
    assert authority.context("sts.eu-west-1.amazonaws.com") is context
