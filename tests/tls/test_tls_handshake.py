"""Handshake messages: RFC 8448's bytes, hand-made messages, and every way to cut them."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from analyzer.protocols.tls import handshake, ssl2
from tests.tls.vectors import (
    RFC8448_CLIENT_HELLO,
    RFC8448_CLIENT_KEY,
    RFC8448_CLIENT_SECRET,
    RFC8448_SERVER_HELLO,
    alpn,
    client_hello,
    codes,
    extension,
    server_hello,
    sni,
    vector,
)


def test_the_vectors_are_those_of_rfc_8448() -> None:
    """The secret printed in the RFC follows from exactly these bytes (RFC 8446 section 7.1)."""
    share = X25519PublicKey.from_public_bytes(RFC8448_SERVER_HELLO[-38:-6])
    shared = X25519PrivateKey.from_private_bytes(RFC8448_CLIENT_KEY).exchange(share)

    def expand(secret: bytes, label: bytes, context: bytes) -> bytes:
        info = (32).to_bytes(2) + vector(b"tls13 " + label, 1) + vector(context, 1)
        return hmac.digest(secret, info + b"\x01", "sha256")

    early = hmac.digest(bytes(32), bytes(32), "sha256")
    secret = hmac.digest(expand(early, b"derived", hashlib.sha256(b"").digest()), shared, "sha256")
    transcript = hashlib.sha256(RFC8448_CLIENT_HELLO + RFC8448_SERVER_HELLO).digest()
    assert expand(secret, b"c hs traffic", transcript) == RFC8448_CLIENT_SECRET


def test_client_hello_of_rfc_8448() -> None:
    hello = handshake.client_hello(RFC8448_CLIENT_HELLO[4:])
    assert hello is not None
    assert hello.complete
    assert hello.version == 0x0303
    assert hello.session_id == b""
    assert hello.ciphers == (0x1301, 0x1303, 0x1302)
    assert hello.extensions == (0, 0xFF01, 10, 35, 51, 43, 13, 45, 28)
    assert hello.sni == b"server"
    assert hello.groups == (0x1D, 0x17, 0x18, 0x19, 0x100, 0x101, 0x102, 0x103, 0x104)
    assert hello.key_shares == (0x1D,)
    assert hello.versions == (0x0304,)
    assert hello.signature_algorithms[:3] == (0x0403, 0x0503, 0x0603)
    assert len(hello.signature_algorithms) == 15
    assert hello.ticket_bytes == 0
    assert (hello.psk, hello.early_data, hello.ech, hello.status_request) == (False,) * 4
    assert hello.alpn == ()


def test_server_hello_of_rfc_8448() -> None:
    hello = handshake.server_hello(RFC8448_SERVER_HELLO[4:])
    assert hello is not None
    assert hello.complete
    assert (hello.version, hello.selected, hello.negotiated) == (0x0303, 0x0304, 0x0304)
    assert hello.cipher == 0x1301
    assert hello.extensions == (51, 43)
    assert hello.key_share == 0x1D
    assert not hello.retry
    assert not hello.psk


def test_every_extension_that_is_read() -> None:
    extensions = (
        sni(b"a.test")
        + alpn(b"h2", b"http/1.1")
        + extension(5, b"\x01\x00\x00\x00\x00")
        + extension(10, vector(codes([0x2A2A, 0x11EC, 29]), 2))
        + extension(11, b"\x01\x00")
        + extension(13, vector(codes([0x0403, 0x0804]), 2))
        + extension(35, bytes(100))
        + extension(42)
        + extension(43, vector(codes([0x3A3A, 0x0304, 0x0303]), 1))
        + extension(51, vector(codes([0x2A2A]) + vector(b"\x00", 2) + codes([0x11EC]) + vector(bytes(9), 2), 2))
        + extension(0xFE0D, b"\x00")
        + extension(41, bytes(8))
    )
    hello = handshake.client_hello(client_hello((0x0A0A, 0x1301), extensions, session_id=bytes(32))[4:])
    assert hello is not None
    assert hello.complete
    assert hello.session_id == bytes(32)
    assert hello.sni == b"a.test"
    assert hello.alpn == (b"h2", b"http/1.1")
    assert hello.groups == (0x2A2A, 0x11EC, 29)
    assert hello.point_formats == b"\x00"
    assert hello.signature_algorithms == (0x0403, 0x0804)
    assert hello.versions == (0x3A3A, 0x0304, 0x0303)
    assert hello.key_shares == (0x11EC,)
    assert hello.ticket_bytes == 100
    assert hello.psk
    assert hello.early_data
    assert hello.ech
    assert hello.status_request
    assert hello.extensions == (0, 16, 5, 10, 11, 13, 35, 42, 43, 51, 0xFE0D, 41)


def test_a_hello_without_an_extension_block_is_whole() -> None:
    hello = handshake.client_hello(client_hello((4, 5), None, version=0x0300)[4:])
    assert hello is not None
    assert hello.complete
    assert hello.extensions == ()
    answer = handshake.server_hello(server_hello(4, None, version=0x0300)[4:])
    assert answer is not None
    assert answer.complete
    assert (answer.negotiated, answer.cipher) == (0x0300, 4)


def test_hello_retry_request_is_known_by_its_random() -> None:
    share = extension(51, codes([0x18])) + extension(43, codes([0x0304]))
    hello = handshake.server_hello(server_hello(0x1301, share, random=handshake.HELLO_RETRY_RANDOM)[4:])
    assert hello is not None
    assert hello.retry
    assert hello.key_share == 0x18


def test_server_hello_of_draft_18_has_no_session_id() -> None:
    body = codes([0x7F12]) + bytes(32) + codes([0x1301]) + vector(extension(40, codes([29]) + vector(bytes(32), 2)), 2)
    hello = handshake.server_hello(body)
    assert hello is not None
    assert hello.complete
    assert (hello.cipher, hello.key_share, hello.negotiated) == (0x1301, 29, 0x7F12)


def test_a_client_hello_cut_anywhere_gives_what_was_there() -> None:
    body = RFC8448_CLIENT_HELLO[4:]
    bare = 2 + 32 + 1 + 2 + 6 + 2  # where the extensions begin; before TLS 1.3 a hello may end there
    for size in range(len(body)):
        hello = handshake.client_hello(body[:size])
        assert (hello is None) == (size < 2)
        if hello is not None:
            assert hello.complete == (size == bare)
            assert hello.ciphers == ((0x1301, 0x1303, 0x1302) if size >= bare - 2 else ())
            assert hello.sni == (b"server" if size >= bare + 2 + 15 else None)


def test_a_server_hello_cut_anywhere_gives_what_was_there() -> None:
    body = RFC8448_SERVER_HELLO[4:]
    bare = 2 + 32 + 1 + 2 + 1
    for size in range(len(body)):
        hello = handshake.server_hello(body[:size])
        assert (hello is None) == (size < 2)
        if hello is not None:
            assert hello.complete == (size == bare)
            assert hello.cipher == (0x1301 if size >= bare - 1 else None)
            assert hello.selected is None


def test_trailing_bytes_make_a_hello_incomplete() -> None:
    hello = handshake.client_hello(RFC8448_CLIENT_HELLO[4:] + b"\x00")
    assert hello is not None
    assert not hello.complete
    assert hello.sni == b"server"


@pytest.mark.parametrize(
    ("cipher", "version", "body", "group", "signature"),
    [
        (
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            0x0303,
            b"\x03" + codes([29]) + vector(bytes(32), 1) + codes([0x0804]) + vector(bytes(256), 2),
            "x25519",
            "rsa_pss_rsae_sha256",
        ),
        (
            "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
            0x0301,
            b"\x03" + codes([23]) + vector(bytes(65), 1) + vector(bytes(70), 2),
            "secp256r1",
            "ecdsa_sha1",
        ),
        (
            "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
            0x0301,
            vector(b"\xff" * 128, 2) + vector(b"\x02", 2) + vector(bytes(128), 2) + vector(bytes(256), 2),
            "DHE 1024",
            "rsa_md5_sha1",
        ),
        ("TLS_ECDH_anon_WITH_AES_256_CBC_SHA", 0x0303, b"\x03" + codes([24]) + vector(bytes(97), 1), "secp384r1", None),
        (
            "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256",
            0x0303,
            vector(b"hint", 2) + b"\x03" + codes([29]) + vector(bytes(32), 1),
            "x25519",
            None,
        ),
        ("TLS_RSA_WITH_RC4_128_SHA", 0x0301, b"anything", None, None),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0x0303, b"\x01" + bytes(80), None, None),
        ("TLS_DHE_RSA_WITH_AES_256_CBC_SHA", 0x0303, vector(b"\x01" * 128, 2), "DHE 1017", None),
        ("TLS_DHE_RSA_WITH_AES_256_CBC_SHA", 0x0303, b"\xff\xff", None, None),
    ],
)
def test_server_key_exchange(cipher: str, version: int, body: bytes, group: str | None, signature: str | None) -> None:
    read = handshake.server_key_exchange(body, cipher, version)
    assert (read.group, read.signature) == (group, signature)


def test_certificate_list() -> None:
    one, two = b"\x30\x01a", b"\x30\x02bb"
    body = vector(vector(one, 3) + vector(two, 3), 3)
    assert handshake.certificate_list(body) == ([one, two], True)
    assert handshake.certificate_list(body + b"\x00") == ([one, two], False)
    assert handshake.certificate_list(body[:-1]) == ([one], False)
    assert handshake.certificate_list(b"") == ([], False)
    assert handshake.certificate_list(bytes(3)) == ([], True)
    many = vector(vector(one, 3) * 100, 3)
    assert handshake.certificate_list(many) == ([one] * handshake.MAX_CERTIFICATES, False)


SSL2_HELLO = bytes.fromhex("802e0103010015000000100100800700c00000040000050000640000620000ff") + bytes(16)


def test_ssl2_client_hello() -> None:
    """Seven kinds of three bytes, no session id, sixteen bytes of challenge: 9 + 21 + 16 = 46 = 0x2e."""
    assert ssl2.client_hello_size(SSL2_HELLO[:11]) == 48 == len(SSL2_HELLO)
    hello = ssl2.client_hello(SSL2_HELLO)
    assert hello.version == 0x0301
    assert hello.ciphers == (0x010080, 0x0700C0, 4, 5, 0x64, 0x62, 0xFF)
    assert hello.ssl2
    for broken in (SSL2_HELLO[:10], b"\x00" + SSL2_HELLO[1:], SSL2_HELLO[:2] + b"\x02" + SSL2_HELLO[3:]):
        assert ssl2.client_hello_size(broken) is None


@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    for start in (b"", bytes(34)):
        handshake.client_hello(start + data)
        handshake.server_hello(start + data)
    handshake.certificate_list(data)
    ssl2.server_hello(data)
    if ssl2.client_hello_size(data) is not None:
        ssl2.client_hello(data)
    for cipher in ("TLS_ECDHE_PSK_WITH_NULL_SHA", "TLS_DHE_RSA_WITH_NULL_SHA", "TLS_DH_anon_WITH_NULL_SHA", ""):
        handshake.server_key_exchange(data, cipher, 0x0303)


@given(
    st.lists(st.integers(0, 0xFFFF), max_size=40),
    st.lists(st.tuples(st.integers(0x100, 0xFFFF), st.binary(max_size=30)), max_size=12),
    st.binary(max_size=32),
)
def test_what_was_built_is_read_back(ciphers: list[int], others: list[tuple[int, bytes]], session: bytes) -> None:
    block = b"".join(extension(kind, data) for kind, data in others)
    hello = handshake.client_hello(client_hello(ciphers, block, session_id=session)[4:])
    assert hello is not None
    assert hello.complete
    assert hello.ciphers == tuple(ciphers)
    assert hello.session_id == session
    assert hello.extensions == tuple(kind for kind, _ in others)
