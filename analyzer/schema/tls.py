"""Row of the ``tls`` table (RFC 8446, 5246, 6066, 7301)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate of the server's chain. ``not_before``/``not_after`` are RFC 3339 text."""

    subject: str
    issuer: str
    san: tuple[str, ...]
    not_before: str
    not_after: str
    serial: str
    key: str  # "RSA 2048", "EC secp256r1", "Ed25519"
    signature: str
    sha256: str
    self_signed: bool


@dataclass(frozen=True, slots=True)
class TlsAlert:
    """One alert that could be read (or ``encrypted`` as its description)."""

    frame: int
    from_: str  # client | server   (written as "from")
    level: str  # warning | fatal | unknown
    description: str


@dataclass(frozen=True, slots=True)
class TlsRow:
    """One TLS session on a connection.

    ``finished_frame``/``finished_time`` mark the moment application data may flow; ``handshake_ms`` runs from
    the first byte of the ClientHello to it (definitions in MEASURES).
    """

    stream: int
    transport: str  # tcp | quic
    client_hello_frame: int | None
    server_hello_frame: int | None
    finished_frame: int | None
    sni: str | None
    version: str | None
    client_versions: tuple[str, ...]
    alpn_offered: tuple[str, ...]
    alpn: str | None
    ciphers_offered: tuple[str, ...]
    cipher: str | None
    group: str | None
    signature: str | None
    resumption: str | None  # none | session_id | ticket | psk
    early_data: bool
    hello_retry: bool
    client_certificate_requested: bool | None
    certificates: tuple[Certificate, ...]
    handshake_ms: float | None
    round_trips: int | None
    handshake_history: str
    alerts: tuple[TlsAlert, ...]
    ja3: str | None
    ja3s: str | None
    ja4: str | None
    ech: bool
    decrypted: bool
    decrypted_why: str | None
    outcome: str  # established | failed | incomplete | midstream
    client_hello_time: int | None = None
    server_hello_time: int | None = None
    finished_time: int | None = None
    handshake_why: str | None = None  # why handshake_ms is null
    certificates_why: str | None = None  # encrypted | resumed | not_captured ...
    frames: tuple[int, ...] = ()  # the frames that carried handshake messages and alerts
