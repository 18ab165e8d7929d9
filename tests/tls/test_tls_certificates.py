"""Certificates: facts of certificates made here, and hostile DER."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.protocols.tls.certificates import MAX_CERTIFICATE_BYTES, MAX_NAMES, certificate, is_read
from tests.tls.live import identity

DER = identity().certificate.public_bytes(serialization.Encoding.DER)


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def made(key: object, *, issuer: str = "Issuer", subject: str = "Subject", sans: list[x509.GeneralName] | None = None,
         signer: object = None, digest: hashes.HashAlgorithm | None = None) -> bytes:  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())  # type: ignore[attr-defined]
        .serial_number(0xABC)
        .not_valid_before(dt.datetime(1999, 12, 31, 23, 59, 59, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2051, 1, 1, tzinfo=dt.UTC))
    )
    if sans:
        builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
    signed = builder.sign(signer or key, digest)  # type: ignore[arg-type]
    return signed.public_bytes(serialization.Encoding.DER)


def test_facts() -> None:
    row = certificate(DER)
    assert row.subject == row.issuer == "CN=www.example.test,O=Example"
    assert row.san == ("www.example.test", "alt.www.example.test")
    assert row.not_before == "2020-01-02T03:04:05Z"
    assert row.not_after == "2040-01-01T00:00:00Z"
    assert row.serial == "0102030405"
    assert row.key == "EC secp256r1"
    assert row.signature == "ecdsa-with-SHA256"
    assert row.sha256 == hashlib.sha256(DER).hexdigest() == identity().sha256
    assert row.self_signed
    assert is_read(row)


def test_kinds_of_keys_and_names() -> None:
    key = rsa.generate_private_key(65537, 2048)
    sans: list[x509.GeneralName] = [
        x509.DNSName("*.a.test"),
        x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
        x509.RFC822Name("me@a.test"),
        x509.UniformResourceIdentifier("spiffe://a.test/x"),
        x509.DirectoryName(name("dir")),
        x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x04\x01x"),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3.4")),
    ]
    row = certificate(made(key, sans=sans, digest=hashes.SHA384()))
    assert row.key == "RSA 2048"
    assert row.signature == "sha384WithRSAEncryption"
    assert row.serial == "0abc"
    assert (row.subject, row.issuer, row.self_signed) == ("CN=Subject", "CN=Issuer", False)
    assert (row.not_before, row.not_after) == ("1999-12-31T23:59:59Z", "2051-01-01T00:00:00Z")
    assert row.san[:6] == (
        "*.a.test", "2001:db8::1", "email:me@a.test", "URI:spiffe://a.test/x", "DirName:CN=dir",
        "otherName:1.2.3:\x04\x01x",
    )  # fmt: skip
    assert row.san[6] == "RID:1.2.3.4"
    edwards = certificate(made(ed25519.Ed25519PrivateKey.generate(), issuer="Subject"))
    assert (edwards.key, edwards.signature, edwards.self_signed) == ("Ed25519", "Ed25519", True)


def test_same_names_signed_by_another_key_is_not_self_signed() -> None:
    key, other = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP384R1())
    row = certificate(made(key, issuer="Subject", signer=other, digest=hashes.SHA256()))
    assert row.key == "EC secp384r1"
    assert not row.self_signed


def test_names_are_capped() -> None:
    sans: list[x509.GeneralName] = [x509.DNSName(f"{i}.test") for i in range(MAX_NAMES + 5)]
    row = certificate(made(ec.generate_private_key(ec.SECP256R1()), sans=sans, digest=hashes.SHA256()))
    assert len(row.san) == MAX_NAMES


def test_a_negative_serial_number_is_shown_as_such() -> None:
    """Serial 0x0102030405 is ten hexadecimal digits in the DER; with its first bit set it is negative."""
    changed = DER.replace(bytes.fromhex("02050102030405"), bytes.fromhex("02058102030405"), 1)
    assert changed != DER
    row = certificate(changed)
    # 0x81_02030405 as two's complement of five bytes
    assert row.serial in ("", f"-{(1 << 40) - 0x8102030405:x}")
    assert row.sha256 == hashlib.sha256(changed).hexdigest()


@pytest.mark.parametrize(
    "der", [b"", b"\x30", b"\x30\x80", b"not a certificate", DER[:-1], DER + b"\x00", b"\xff" * 99]
)
def test_what_is_no_certificate_has_its_fingerprint_only(der: bytes) -> None:
    row = certificate(der)
    assert row.sha256 == hashlib.sha256(der).hexdigest()
    assert not is_read(row)
    assert (row.subject, row.issuer, row.san, row.self_signed) == ("", "", (), False)


def test_a_huge_one_is_not_read() -> None:
    der = b"\x30" + bytes(MAX_CERTIFICATE_BYTES)
    assert not is_read(certificate(der))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, len(DER) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_damaged_der_never_raises(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(DER)
    for at, value in changes:
        damaged[at] = value
    row = certificate(bytes(damaged))
    assert row.sha256 == hashlib.sha256(damaged).hexdigest()
