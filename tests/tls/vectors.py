"""Bytes with facts that are known from outside the code, and small builders for hand-made records.

The two messages of RFC 8448 section 3 ("Simple 1-RTT Handshake") are its own bytes; a test proves them by deriving
the client's handshake traffic secret that the RFC prints from them.
"""

from __future__ import annotations

from collections.abc import Iterable

RFC8448_CLIENT_HELLO = bytes.fromhex(
    "010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece70000061301130313020100"
    "00910000000b0009000006736572766572ff01000100000a00140012001d00170018001901000101010201030104002300"
    "00003300260024001d002099381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c002b00030203"
    "04000d0020001e040305030603020308040805080604010501060102010402050206020202002d00020101001c00024001"
)
RFC8448_SERVER_HELLO = bytes.fromhex(
    "020000560303a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e2692800130100002e0033002400"
    "1d0020c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f002b00020304"
)
RFC8448_CLIENT_KEY = bytes.fromhex("49af42ba7f7994852d713ef2784bcbcaa7911de26adc5642cb634540e7ea5005")
RFC8448_CLIENT_SECRET = bytes.fromhex("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21")


def record(kind: int, body: bytes, version: int = 0x0303) -> bytes:
    """Return one record."""
    return bytes([kind]) + version.to_bytes(2) + len(body).to_bytes(2) + body


def message(kind: int, body: bytes) -> bytes:
    """Return one handshake message with its type and length."""
    return bytes([kind]) + len(body).to_bytes(3) + body


def vector(data: bytes, width: int) -> bytes:
    """Return data with its length in front."""
    return len(data).to_bytes(width) + data


def codes(values: Iterable[int]) -> bytes:
    """Return two-byte numbers one after the other."""
    return b"".join(value.to_bytes(2) for value in values)


def extension(kind: int, data: bytes = b"") -> bytes:
    """Return one extension."""
    return codes([kind]) + vector(data, 2)


def sni(name: bytes) -> bytes:
    """Return a server_name extension."""
    return extension(0, vector(b"\x00" + vector(name, 2), 2))


def alpn(*names: bytes) -> bytes:
    """Return an ALPN extension."""
    return extension(16, vector(b"".join(vector(name, 1) for name in names), 2))


def client_hello(
    ciphers: Iterable[int] = (0xC02F,),
    extensions: bytes | None = b"",
    *,
    version: int = 0x0303,
    session_id: bytes = b"",
) -> bytes:
    """Return a ClientHello message; ``extensions=None`` leaves the block out altogether."""
    body = codes([version]) + bytes(32) + vector(session_id, 1) + vector(codes(ciphers), 2) + b"\x01\x00"
    return message(1, body if extensions is None else body + vector(extensions, 2))


def server_hello(
    cipher: int = 0xC02F,
    extensions: bytes | None = b"",
    *,
    version: int = 0x0303,
    session_id: bytes = b"",
    random: bytes = bytes(32),
) -> bytes:
    """Return a ServerHello message."""
    body = codes([version]) + random + vector(session_id, 1) + codes([cipher]) + b"\x00"
    return message(2, body if extensions is None else body + vector(extensions, 2))


CHANGE = record(20, b"\x01")
FINISHED_12 = record(22, bytes(range(40)))  # an encrypted Finished of AES-GCM: 8 nonce, 16 message, 16 tag
FINISHED_13 = record(23, bytes(53))  # 4 + 32 message, 1 type, 16 tag
