"""Fingerprints: the published examples of JA3 and JA4."""

from __future__ import annotations

from hashlib import md5

import pytest

from analyzer.protocols.tls.fingerprint import ja3, ja3_text, ja3s, ja4
from analyzer.protocols.tls.handshake import ClientHello, ServerHello


def hello(**facts: object) -> ClientHello:
    return ClientHello(**{"version": 0x0301, "complete": True, **facts})  # type: ignore[arg-type]


def test_ja3_first_published_example() -> None:
    """The example of the JA3 announcement: 769,47-53-5-… gives ada70206e40642a3e4461f35503241d5."""
    offer = hello(
        ciphers=(47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4),
        extensions=(0, 10, 11),
        groups=(23, 24, 25),
        point_formats=b"\x00",
    )
    assert ja3_text(offer) == "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0"
    assert ja3(offer) == "ada70206e40642a3e4461f35503241d5"


def test_ja3_without_extensions_keeps_the_empty_fields() -> None:
    offer = hello(ciphers=(4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99))
    assert ja3_text(offer) == "769,4-5-10-9-100-98-3-6-19-18-99,,,"
    assert ja3(offer) == "de350869b8c85de67a350c8d186f11e6"


def test_ja3_leaves_grease_out() -> None:
    plain = hello(ciphers=(47,), extensions=(0, 10), groups=(29,))
    greased = hello(ciphers=(0x1A1A, 47), extensions=(0xAAAA, 0, 10, 0xDADA), groups=(0xFAFA, 29))
    assert ja3(greased) == ja3(plain)


def test_ja3s() -> None:
    answer = ServerHello(0x0301, cipher=47, extensions=(65281, 0, 11, 35, 5, 16), complete=True)
    assert ja3s(answer) == md5(b"769,47,65281-0-11-35-5-16", usedforsecurity=False).hexdigest()
    assert ja3s(ServerHello(0x0301, cipher=47)) is None


CHROME = {
    # the example of the JA4 description: Chrome, with GREASE and its extensions in one of their random orders
    "version": 0x0303,
    "ciphers": (
        0x0A0A, 0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C, 0x009D,
        0x002F, 0x0035,
    ),
    "extensions": (
        0x1A1A, 0x001B, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002D, 0x000D, 0x0005, 0x0023, 0x0012, 0x002B, 0xFF01,
        0x000B, 0x000A, 0x0015, 0x2A2A,
    ),
    "signature_algorithms": (0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601),
    "versions": (0x5A5A, 0x0304, 0x0303),
    "alpn": (b"h2", b"http/1.1"),
}  # fmt: skip


def test_ja4_published_example() -> None:
    assert ja4(hello(**CHROME)) == "t13d1516h2_8daaf6152771_e5627efa2ab1"


def test_ja4_of_quic_has_its_own_first_letter() -> None:
    assert ja4(hello(**CHROME), "q") == "q13d1516h2_8daaf6152771_e5627efa2ab1"


@pytest.mark.parametrize(
    ("alpn", "ends"),
    [
        ((), "00"),
        ((b"",), "00"),
        ((b"h2",), "h2"),
        ((b"http/1.1",), "h1"),
        ((b"a",), "aa"),
        ((b"\xab",), "ab"),
        ((b"\xab\xcd",), "ad"),
        ((b"0\xab",), "3b"),
        ((b"01\xab\xcd",), "3d"),
        ((b"0\xab\xcd1",), "01"),
    ],
)
def test_ja4_first_and_last_character_of_alpn(alpn: tuple[bytes, ...], ends: str) -> None:
    """The table of the JA4 description for names that are not alphanumeric at their ends."""
    fingerprint = ja4(hello(alpn=alpn))
    assert fingerprint is not None
    assert fingerprint[8:10] == ends


def test_ja4_of_a_bare_hello() -> None:
    assert ja4(hello(version=0x0300)) == "ts3i000000_000000000000_000000000000"


def test_ja4_counts_stop_at_99() -> None:
    fingerprint = ja4(hello(ciphers=tuple(range(200)), extensions=tuple(range(1, 150))))
    assert fingerprint is not None
    assert fingerprint.startswith("t10i999900_")


@pytest.mark.parametrize("facts", [{"complete": False}, {"ssl2": True}])
def test_no_fingerprint_of_what_cannot_have_one(facts: dict[str, object]) -> None:
    assert ja3(hello(**facts)) is None
    assert ja4(hello(**facts)) is None
