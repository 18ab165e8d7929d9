"""SSL 2.0 hellos: the form in which clients of the 1990s and 2000s offered SSL 3.0 and TLS 1.0 too.

Rules: only the two hellos are read; what follows a ClientHello of this form is normal TLS records when the server
answers so. Such a hello has no extensions, so no server name and no fingerprints. Nothing here raises.

Sources: RFC 5246 appendix E.2, RFC 6101 appendix E, the SSL 2.0 draft (Hickman, 1995).
"""

from __future__ import annotations

from struct import unpack_from

from analyzer.protocols.tls.handshake import ClientHello

HEAD = 11
"""Bytes from the length to the end of the three lengths of a ClientHello."""

CLIENT_HELLO, SERVER_HELLO = 1, 4
_VERSIONS = (0x0002, 0x0300, 0x0301, 0x0302, 0x0303)
MAX_RECORD = 0x7FFF


def client_hello_size(head: bytes) -> int | None:
    """Return how many bytes an SSL 2.0 ClientHello takes, None when ``head`` (eleven bytes) begins no such hello."""
    if len(head) < HEAD or not head[0] & 0x80 or head[2] != CLIENT_HELLO:
        return None
    length, _, version, suites, session, challenge = unpack_from(">HBHHHH", head)
    length &= MAX_RECORD
    fits = length == HEAD - 2 + suites + session + challenge
    if not fits or version not in _VERSIONS or suites % 3 or not suites or session not in (0, 16):
        return None
    return length + 2 if 16 <= challenge <= 32 else None


def client_hello(message: bytes) -> ClientHello:
    """Read a ClientHello whose head was checked by :func:`client_hello_size`; a cut one gives what is there."""
    version, suites, session = unpack_from(">HHH", message, 3)
    kinds = message[HEAD : HEAD + suites]
    at = HEAD + suites
    return ClientHello(
        version,
        session_id=message[at : at + session],
        ciphers=tuple(int.from_bytes(kinds[i : i + 3]) for i in range(0, len(kinds) - 2, 3)),
        ssl2=True,
        complete=len(kinds) == suites,
    )


def server_hello(message: bytes) -> tuple[int, bytes] | None:
    """Read an SSL 2.0 ServerHello.

    Returns:
        The size of the message and its certificate (empty when the session is resumed or the message was cut); None
        when this is none.
    """
    if len(message) < 13 or not message[0] & 0x80 or message[2] != SERVER_HELLO:
        return None
    length, _, hit, _, version, certificate, suites, connection = unpack_from(">HBBBHHHH", message)
    length &= MAX_RECORD
    if version != 0x0002 or hit > 1 or length != 11 + certificate + suites + connection:
        return None
    return length + 2, message[13 : 13 + certificate] if len(message) >= 13 + certificate else b""
