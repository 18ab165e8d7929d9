"""Certificates: DER in, a row of readable facts out.

Rules: the fingerprint is always known; every other field is read on its own, and one that cannot be read is empty
text, never a guess. ``cryptography`` does the reading and is imported when the first certificate comes; whatever it
raises or warns of on hostile DER ends here.

Sources: RFC 5280 (X.509), RFC 4514 (names as text), RFC 3279, 4055, 5758, 8410 (algorithm identifiers).
"""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from analyzer.schema import Certificate
from analyzer.text import decode

if TYPE_CHECKING:
    from cryptography import x509

MAX_CERTIFICATE_BYTES = 64 << 10
"""Longest certificate that is read; real ones have 0.5-8 kB. A longer one is known by its fingerprint only."""

MAX_NAMES = 1000
"""Subject alternative names kept; certificate authorities allow 100 to 250, some internal ones more."""

MAX_TEXT = 4096
"""Characters kept of one name: a hostile subject may be as long as the certificate."""

CACHED = 256
"""Certificates remembered: the same few chains come again on every connection of a capture."""

_SIGNATURES = {
    "1.2.840.113549.1.1.2": "md2WithRSAEncryption",
    "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
    "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
    "1.3.14.3.2.29": "sha1WithRSAEncryption",
    "1.2.840.113549.1.1.10": "rsassaPss",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
    "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
    "1.2.840.113549.1.1.14": "sha224WithRSAEncryption",
    "1.2.840.10040.4.3": "dsa-with-sha1",
    "2.16.840.1.101.3.4.3.1": "dsa-with-sha224",
    "2.16.840.1.101.3.4.3.2": "dsa-with-sha256",
    "1.2.840.10045.4.1": "ecdsa-with-SHA1",
    "1.2.840.10045.4.3.1": "ecdsa-with-SHA224",
    "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384",
    "1.2.840.10045.4.3.4": "ecdsa-with-SHA512",
    "1.2.156.10197.1.501": "sm2sign-with-sm3",
    "1.2.643.7.1.1.3.2": "gost2012-256",
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
    "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
    "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
}

_KEYS = {  # for keys that the library knows of but refuses, or does not know
    "1.2.840.113549.1.1.1": "RSA",
    "1.2.840.113549.1.1.10": "RSA-PSS",
    "1.2.840.10045.2.1": "EC",
    "1.2.840.10040.4.1": "DSA",
    "1.2.643.7.1.1.1.1": "GOST 256",
    "1.2.643.7.1.1.1.2": "GOST 512",
    "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
    "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
}


def certificate(der: bytes) -> Certificate:
    """Read one certificate; never raises.

    Returns:
        The row. Of a certificate that cannot be parsed at all only ``sha256`` is known; the text fields are empty.
    """
    if len(der) > MAX_CERTIFICATE_BYTES:
        return _unread(der)
    return _read(der)


def is_read(row: Certificate) -> bool:
    """Tell whether anything but the fingerprint is known."""
    return bool(row.not_after or row.key or row.serial)


def _unread(der: bytes) -> Certificate:
    return Certificate("", "", (), "", "", "", "", "", sha256(der).hexdigest(), False)


@lru_cache(CACHED)
def _read(der: bytes) -> Certificate:
    with warnings.catch_warnings():
        # cryptography warns of what old or hostile certificates do (negative serials, over-long attributes)
        warnings.simplefilter("ignore")
        parsed = _attempt(lambda: _load(der))
        if parsed is None:
            return _unread(der)
        return Certificate(
            subject=_attempt(lambda: parsed.subject.rfc4514_string()[:MAX_TEXT]) or "",
            issuer=_attempt(lambda: parsed.issuer.rfc4514_string()[:MAX_TEXT]) or "",
            san=_attempt(lambda: _alternative_names(parsed)) or (),
            not_before=_attempt(lambda: _instant(parsed.not_valid_before_utc)) or "",
            not_after=_attempt(lambda: _instant(parsed.not_valid_after_utc)) or "",
            serial=_attempt(lambda: _serial(parsed.serial_number)) or "",
            key=_attempt(lambda: _key(parsed)) or "",
            signature=_attempt(lambda: _signature(parsed)) or "",
            sha256=sha256(der).hexdigest(),
            self_signed=_attempt(lambda: _self_signed(parsed)) or False,
        )


def _attempt(read: Callable[[], Any]) -> Any:
    """Return what ``read`` gives, None when it raises.

    The parser is a native library fed with bytes from strangers: besides its documented errors it may raise
    anything, even the panics of its Rust core, which do not derive from Exception.
    """
    try:
        return read()
    except Exception:  # noqa: BLE001
        return None
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            return None
        raise


def _load(der: bytes) -> x509.Certificate:
    from cryptography import x509

    return x509.load_der_x509_certificate(der)


def _instant(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z".rjust(20, "0")


def _serial(number: int) -> str:
    """Write a serial number in hexadecimal, whole bytes, as certificates are searched for."""
    digits = f"{abs(number):x}"
    return "-" * (number < 0) + "0" * (len(digits) % 2) + digits


def _alternative_names(parsed: x509.Certificate) -> tuple[str, ...]:
    """Return DNS names and IP addresses plainly, other kinds with their kind in front."""
    from cryptography import x509

    try:
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    out: list[str] = []
    for name in names:
        if len(out) == MAX_NAMES:
            break
        if isinstance(name, x509.DNSName | x509.IPAddress):
            out.append(str(name.value)[:MAX_TEXT])
        elif isinstance(name, x509.RFC822Name):
            out.append(f"email:{name.value}"[:MAX_TEXT])
        elif isinstance(name, x509.UniformResourceIdentifier):
            out.append(f"URI:{name.value}"[:MAX_TEXT])
        elif isinstance(name, x509.DirectoryName):
            out.append(f"DirName:{name.value.rfc4514_string()}"[:MAX_TEXT])
        elif isinstance(name, x509.OtherName):
            out.append(f"otherName:{name.type_id.dotted_string}:{decode(name.value)}"[:MAX_TEXT])
        elif isinstance(name, x509.RegisteredID):
            out.append(f"RID:{name.value.dotted_string}")
    return tuple(out)


def _key(parsed: x509.Certificate) -> str:
    """Describe the public key: ``RSA 2048``, ``EC secp256r1``, ``Ed25519``; else the algorithm's identifier."""
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

    key = _attempt(parsed.public_key)
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519"
    if isinstance(key, ed448.Ed448PublicKey):
        return "Ed448"
    if isinstance(key, dsa.DSAPublicKey):
        return f"DSA {key.key_size}"
    oid = parsed.public_key_algorithm_oid.dotted_string
    return _KEYS.get(oid, oid)


def _signature(parsed: x509.Certificate) -> str:
    oid = parsed.signature_algorithm_oid.dotted_string
    name = _SIGNATURES.get(oid, oid)
    if name == "rsassaPss":
        digest = _attempt(lambda: parsed.signature_hash_algorithm)
        return f"{name} {digest.name}" if digest is not None else name
    return name


def _self_signed(parsed: x509.Certificate) -> bool:
    """Tell whether the certificate is its own issuer and, where that can be checked, signed itself."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    if parsed.issuer != parsed.subject:
        return False
    try:
        parsed.verify_directly_issued_by(parsed)
    except InvalidSignature:
        return False
    except (UnsupportedAlgorithm, TypeError, ValueError):
        return True  # a signature this library cannot check: the names are what is left to go by
    return True
