"""A certificate authority of this home's own, for clients that insist on ``https://…amazonaws.com``.

Its key never leaves the home (mode 0600), and its certificate is only believed by programs that are told to, through
``AWS_CA_BUNDLE``. It signs for AWS's names alone: the certificate says so, and programs hold it to that.
"""

import os
import ssl
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tarragon.engine import contained
from tarragon.errors import MissingExtraError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate

NAMES = ("amazonaws.com", "amazonaws.com.cn", "api.aws")
YEARS, DAYS = 10, 90  # of the authority's certificate, and of those it signs


class Authority:
    """The authority of a home; made at first use.

    Parameters
    ----------
    home : Path

    Attributes
    ----------
    bundle : Path
        Its certificate, for ``AWS_CA_BUNDLE``.

    Raises
    ------
    MissingExtraError
        When ``cryptography`` is not installed.
    """

    def __init__(self, home: Path) -> None:
        try:
            import cryptography  # noqa: F401
        except ImportError:
            raise MissingExtraError(
                "The proxy cannot make certificates",
                why="cryptography is not installed",
                fix="pip install 'tarragon[proxy]'",
            ) from None
        self._folder = home / "authority"
        self.bundle = self._folder / "ca.pem"
        if not self.bundle.exists():
            self._make()
        self.context = lru_cache(maxsize=256)(self._context)

    def _make(self) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key, name = ec.generate_private_key(ec.SECP256R1()), _name("Tarragon on this machine")
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=365 * YEARS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.NameConstraints([x509.DNSName(each) for each in NAMES], None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(_usage(), critical=True)
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        _write(self._folder / "ca-key.pem", _pem(key))
        _write(self.bundle, _pem(made))

    def _context(self, host: str) -> ssl.SSLContext:
        """Make what a TLS server of a name needs."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        signer = serialization.load_pem_private_key((self._folder / "ca-key.pem").read_bytes(), None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        issuer = x509.load_pem_x509_certificate(self.bundle.read_bytes())
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        made = (
            x509.CertificateBuilder().subject_name(_name(host[:64])).issuer_name(issuer.subject)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=DAYS))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)  # type: ignore[arg-type]
            .sign(signer, hashes.SHA256())
        )  # fmt: skip
        file = contained(self._folder, f"{host}.pem")
        _write(file, _pem(made) + _pem(key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def ours(host: str) -> bool:
    """Whether a name is one of AWS's.

    Examples
    --------
    >>> ours("sts.eu-west-1.amazonaws.com"), ours("example.com"), ours("notamazonaws.com")
    (True, False, False)
    """
    return host.endswith(tuple(f".{name}" for name in NAMES))


def _name(text: str) -> "x509.Name":  # type: ignore[name-defined]  # noqa: F821
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage() -> "x509.KeyUsage":  # type: ignore[name-defined]  # noqa: F821
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _pem(made: "Certificate | EllipticCurvePrivateKey") -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    if isinstance(made, x509.Certificate):
        return made.public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    return made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
