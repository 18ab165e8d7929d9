"""Handshake messages: the bytes of one message in, its facts out.

Rules: nothing here raises on any bytes. A message that ends early or breaks its own lengths gives what was read
before that, with ``complete`` false; a value that is not there is None or empty. Lists have the order of the wire
and keep GREASE values (those who compare or fingerprint leave them out).

Every function takes the message *body*, without the four bytes of type and length, which
:mod:`analyzer.protocols.tls.side` has put together across records.

Sources: RFC 8446 section 4, RFC 5246 section 7.4, RFC 6066 (SNI, status_request), RFC 7301 (ALPN),
RFC 5077 (tickets), RFC 8422 section 5.4 and RFC 4279 section 2 (ServerKeyExchange), RFC 9849 (ECH).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from struct import unpack_from
from typing import Any

from analyzer.protocols.tls.names import DRAFT_WITHOUT_SESSION_ID, draft_number, group_name, is_grease, signature_name

HELLO_RETRY_RANDOM = bytes.fromhex("CF21AD74E59A6111BE1D8C021E65B891C2A211167ABB8C5E079E09E2C8A8339C")
"""The random of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3)."""

MAX_CERTIFICATES = 16
"""Certificates kept of one chain. Real chains have two to five; OpenSSL verifies at most 100."""

SERVER_NAME, STATUS_REQUEST, GROUPS, POINT_FORMATS, SIGNATURE_ALGORITHMS, ALPN = 0, 5, 10, 11, 13, 16
SESSION_TICKET, PRE_SHARED_KEY, EARLY_DATA, SUPPORTED_VERSIONS, KEY_SHARE = 35, 41, 42, 43, 51
OLD_KEY_SHARE = 40  # up to draft 22 of TLS 1.3
ECH = 0xFE0D

_Readers = Mapping[int, Callable[[Any, bytes], None]]


@dataclass(slots=True)
class ClientHello:
    """What a client offers.

    Attributes:
        version: ``legacy_version`` of the hello, not what a supported_versions extension says.
        ciphers: two-byte suites; of an SSL 2.0 hello, three-byte kinds (``ssl2`` is then true).
        extensions: extension types in order.
        versions: of supported_versions; empty without that extension.
        key_shares: the groups a key share was sent for.
        ticket_bytes: length of the session_ticket extension, None without it.
        ech: an encrypted_client_hello extension is there (perhaps a GREASE one: nobody outside can tell).
        complete: the message was whole and its lengths fit.
    """

    version: int
    session_id: bytes = b""
    ciphers: tuple[int, ...] = ()
    extensions: tuple[int, ...] = ()
    sni: bytes | None = None
    alpn: tuple[bytes, ...] = ()
    versions: tuple[int, ...] = ()
    groups: tuple[int, ...] = ()
    point_formats: bytes = b""
    signature_algorithms: tuple[int, ...] = ()
    key_shares: tuple[int, ...] = ()
    ticket_bytes: int | None = None
    psk: bool = False
    early_data: bool = False
    ech: bool = False
    status_request: bool = False
    ssl2: bool = False
    complete: bool = False


@dataclass(slots=True)
class ServerHello:
    """What a server chose.

    Attributes:
        version: ``legacy_version`` of the hello; ``selected``: what a supported_versions extension says.
        cipher: None when the message ended before it.
        retry: this is a HelloRetryRequest.
        key_share: group of the server's share (or the one a retry asks for).
        psk: the server took a pre-shared key.
    """

    version: int
    selected: int | None = None
    session_id: bytes = b""
    cipher: int | None = None
    extensions: tuple[int, ...] = ()
    alpn: bytes | None = None
    key_share: int | None = None
    psk: bool = False
    ticket: bool = False
    retry: bool = False
    complete: bool = False

    @property
    def negotiated(self) -> int:
        """The version in force from here on."""
        return self.version if self.selected is None else self.selected


@dataclass(frozen=True, slots=True)
class KeyExchange:
    """What a ServerKeyExchange of TLS 1.2 and lower says: the group and how it was signed, as names."""

    group: str | None = None
    signature: str | None = None


def client_hello(body: bytes) -> ClientHello | None:
    """Read a ClientHello (RFC 8446 section 4.1.2); None when not even its version is there."""
    if len(body) < 2:
        return None
    hello = ClientHello(int.from_bytes(body[:2]))
    session_id, at = _vector(body, 34, 1)
    if session_id is None:
        return hello
    hello.session_id = session_id
    suites, at = _vector(body, at, 2)
    if suites is None or len(suites) % 2:
        return hello
    hello.ciphers = _codes(suites)
    compression, at = _vector(body, at, 1)
    if compression is None:
        return hello
    types: list[int] = []
    whole = _extensions(body, at, types, hello, _CLIENT_READERS)
    hello.extensions = tuple(types)
    hello.complete = whole
    return hello


def server_hello(body: bytes) -> ServerHello | None:
    """Read a ServerHello (RFC 8446 section 4.1.3); None when not even its version is there."""
    if len(body) < 2:
        return None
    hello = ServerHello(int.from_bytes(body[:2]))
    hello.retry = body[2:34] == HELLO_RETRY_RANDOM
    draft = draft_number(hello.version)
    # RFC 8446 always says 0x0303 here; only early drafts put 1.3's own number
    old = hello.version == 0x0304 or (draft is not None and draft <= DRAFT_WITHOUT_SESSION_ID)
    at = 34
    if not old:
        session_id, at = _vector(body, at, 1)
        if session_id is None:
            return hello
        hello.session_id = session_id
    if len(body) < at + 2:
        return hello
    hello.cipher = int.from_bytes(body[at : at + 2])
    at += 2 if old else 3
    if len(body) < at:
        return hello
    types: list[int] = []
    whole = _extensions(body, at, types, hello, _SERVER_READERS)
    hello.extensions = tuple(types)
    hello.complete = whole
    return hello


def certificate_list(body: bytes) -> tuple[list[bytes], bool]:
    """Read the DER certificates of a Certificate message of TLS 1.2 and lower (RFC 5246 section 7.4.2).

    Returns:
        At most :data:`MAX_CERTIFICATES` certificates, and whether that was all of a message that keeps its lengths.
    """
    found: list[bytes] = []
    if len(body) < 3:
        return found, False
    end = 3 + int.from_bytes(body[:3])
    at = 3
    while at + 3 <= min(end, len(body)):
        size = int.from_bytes(body[at : at + 3])
        if at + 3 + size > min(end, len(body)) or len(found) == MAX_CERTIFICATES:
            return found, False
        found.append(body[at + 3 : at + 3 + size])
        at += 3 + size
    return found, at == end == len(body)


def server_key_exchange(body: bytes, cipher: str, version: int) -> KeyExchange:
    """Read a ServerKeyExchange; what it holds depends on the cipher suite and the version.

    Args:
        cipher: registry name of the suite; its key exchange decides the form.
        version: negotiated version; before TLS 1.2 the signature has no algorithm field.
    """
    exchange = cipher.removeprefix("TLS_").split("_WITH_")[0]
    at = 0
    if exchange.endswith("PSK"):
        hint, at = _vector(body, 0, 2)  # the identity hint comes first (RFC 4279 section 3)
        if hint is None:
            return KeyExchange()
    if exchange.startswith("ECDHE") or exchange == "ECDH_anon":
        if body[at : at + 1] != b"\x03" or len(body) < at + 3:  # 3: named_curve
            return KeyExchange()
        group = group_name(int.from_bytes(body[at + 1 : at + 3]))
        point, at = _vector(body, at + 3, 1)
        if point is None:
            return KeyExchange(group)
    elif exchange.startswith(("DHE", "DH_anon")):
        prime, at = _vector(body, at, 2)
        if prime is None:
            return KeyExchange()
        group = f"DHE {int.from_bytes(prime).bit_length()}"
        for _ in ("generator", "public value"):
            value, at = _vector(body, at, 2)
            if value is None:
                return KeyExchange(group)
    else:
        return KeyExchange()
    return KeyExchange(group, _signature(body, at, exchange, version))


def _signature(body: bytes, at: int, exchange: str, version: int) -> str | None:
    if exchange.endswith(("PSK", "anon")) or len(body) < at + 2:
        return None
    if version >= 0x0303:
        return signature_name(int.from_bytes(body[at : at + 2]))
    # RFC 4346 section 7.4.3, RFC 4492 section 5.4: fixed by the kind of key
    signer = exchange.removesuffix("_EXPORT").rsplit("_", 1)[-1]
    return {"RSA": "rsa_md5_sha1", "DSS": "dsa_sha1", "ECDSA": "ecdsa_sha1"}.get(signer)


def _vector(body: bytes, at: int, width: int) -> tuple[bytes | None, int]:
    """Return the vector at ``at`` whose length takes ``width`` bytes, and where it ends; None when it is cut."""
    start = at + width
    end = start + int.from_bytes(body[at:start])
    return (None, at) if end > len(body) or start > len(body) else (body[start:end], end)


def _codes(raw: bytes) -> tuple[int, ...]:
    """Return the two-byte numbers of a list; a last odd byte is left out."""
    return unpack_from(f">{len(raw) // 2}H", raw)


def _extensions(body: bytes, at: int, types: list[int], hello: object, readers: _Readers) -> bool:
    """Walk the extension block at ``at`` and let each known extension set its part of the hello.

    Returns:
        Whether the block (or its absence, before TLS 1.2) accounts for every byte of the message.
    """
    size = len(body)
    if at == size:
        return True  # no extensions at all: RFC 5246 section 7.4.1.2
    if at + 2 > size:
        return False
    end = at + 2 + int.from_bytes(body[at : at + 2])
    at += 2
    stop = min(end, size)
    whole = end == size
    while at + 4 <= stop:
        kind, length = unpack_from(">HH", body, at)
        at += 4
        types.append(kind)
        if at + length > stop:
            return False
        reader = readers.get(kind)
        if reader is not None:
            reader(hello, body[at : at + length])
        at += length
    return whole and at == stop


def _sni(hello: ClientHello, data: bytes) -> None:
    listed, _ = _vector(data, 0, 2)
    if listed is None or hello.sni is not None:
        return
    at = 0
    while at + 3 <= len(listed):
        name, following = _vector(listed, at + 1, 2)
        if name is None:
            return
        if listed[at] == 0:  # host_name, the only type there is (RFC 6066 section 3)
            hello.sni = name
            return
        at = following


def _alpn_names(data: bytes) -> tuple[bytes, ...]:
    listed, _ = _vector(data, 0, 2)
    names: list[bytes] = []
    at = 0
    while listed and at < len(listed):
        name, at = _vector(listed, at, 1)
        if name is None:
            break
        names.append(name)
    return tuple(names)


def _client_alpn(hello: ClientHello, data: bytes) -> None:
    hello.alpn = _alpn_names(data)


def _client_versions(hello: ClientHello, data: bytes) -> None:
    listed, _ = _vector(data, 0, 1)
    hello.versions = _codes(listed or b"")


def _groups(hello: ClientHello, data: bytes) -> None:
    listed, _ = _vector(data, 0, 2)
    hello.groups = _codes(listed or b"")


def _point_formats(hello: ClientHello, data: bytes) -> None:
    listed, _ = _vector(data, 0, 1)
    hello.point_formats = listed or b""


def _signature_algorithms(hello: ClientHello, data: bytes) -> None:
    listed, _ = _vector(data, 0, 2)
    hello.signature_algorithms = _codes(listed or b"")


def _client_shares(hello: ClientHello, data: bytes) -> None:
    listed, _ = _vector(data, 0, 2)
    shares: list[int] = []
    at = 0
    while listed and at + 4 <= len(listed):
        shares.append(int.from_bytes(listed[at : at + 2]))
        share, at = _vector(listed, at + 2, 2)
        if share is None:
            break
    hello.key_shares = tuple(group for group in shares if not is_grease(group))


def _ticket(hello: ClientHello, data: bytes) -> None:
    hello.ticket_bytes = len(data)


def _psk(hello: ClientHello, data: bytes) -> None:
    hello.psk = True


def _early_data(hello: ClientHello, data: bytes) -> None:
    hello.early_data = True


def _ech(hello: ClientHello, data: bytes) -> None:
    hello.ech = True


def _status_request(hello: ClientHello, data: bytes) -> None:
    hello.status_request = True


def _selected_version(hello: ServerHello, data: bytes) -> None:
    if len(data) == 2:
        hello.selected = int.from_bytes(data)


def _server_share(hello: ServerHello, data: bytes) -> None:
    if len(data) >= 2:
        hello.key_share = int.from_bytes(data[:2])


def _server_alpn(hello: ServerHello, data: bytes) -> None:
    names = _alpn_names(data)
    hello.alpn = names[0] if names else None


def _server_psk(hello: ServerHello, data: bytes) -> None:
    hello.psk = True


def _server_ticket(hello: ServerHello, data: bytes) -> None:
    hello.ticket = True


_CLIENT_READERS: _Readers = {
    SERVER_NAME: _sni,
    STATUS_REQUEST: _status_request,
    GROUPS: _groups,
    POINT_FORMATS: _point_formats,
    SIGNATURE_ALGORITHMS: _signature_algorithms,
    ALPN: _client_alpn,
    SESSION_TICKET: _ticket,
    OLD_KEY_SHARE: _client_shares,
    PRE_SHARED_KEY: _psk,
    EARLY_DATA: _early_data,
    SUPPORTED_VERSIONS: _client_versions,
    KEY_SHARE: _client_shares,
    ECH: _ech,
}

_SERVER_READERS: _Readers = {
    ALPN: _server_alpn,
    SESSION_TICKET: _server_ticket,
    OLD_KEY_SHARE: _server_share,
    PRE_SHARED_KEY: _server_psk,
    SUPPORTED_VERSIONS: _selected_version,
    KEY_SHARE: _server_share,
}
