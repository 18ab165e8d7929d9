"""Real handshakes for tests: two OpenSSL ends joined in memory, every flight kept with its frame and time.

A flight is what one side wrote before it had to wait for the other. Flights become frames 1, 2, 3 … one millisecond
apart (optionally cut into segments), so frame numbers and durations are known beforehand.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import ssl
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from analyzer.flows.stream import memory_stream
from analyzer.protocols.base import Conversation

MS = 1_000_000
NAME = "www.example.test"


@dataclass(slots=True)
class Identity:
    """A certificate with its key, as files (OpenSSL takes nothing else)."""

    path: Path
    certificate: x509.Certificate

    @property
    def sha256(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()


@cache
def identity(name: str = NAME) -> Identity:
    """Make a self-signed P-256 certificate for a name, valid 2020 to 2040, serial 0x0102030405."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(0x0102030405)
        .not_valid_before(dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2040, 1, 1, tzinfo=dt.UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name), x509.DNSName(f"alt.{name}")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = Path(tempfile.mkdtemp(prefix="identity-"))
    path = folder / "identity.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Identity(path, certificate)


def contexts(version: ssl.TLSVersion, *, alpn: tuple[str, ...] = ()) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return a client and a server context that speak one version and trust each other's certificate."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client.load_verify_locations(identity().path)
    server.load_cert_chain(identity().path)
    for context in (client, server):
        context.minimum_version = context.maximum_version = version
        if alpn:
            context.set_alpn_protocols(list(alpn))
    return client, server


@dataclass(slots=True)
class Talk:
    """A recorded conversation: flights in order, and the OpenSSL ends to ask for facts."""

    flights: list[tuple[bool, bytes]] = field(default_factory=list)
    client: ssl.SSLObject | None = None
    server: ssl.SSLObject | None = None
    error: str | None = None

    @property
    def cipher(self) -> str:
        assert self.client is not None
        cipher = self.client.cipher()
        assert cipher is not None
        return cipher[0]

    def side(self, from_client: bool) -> bytes:
        return b"".join(data for own, data in self.flights if own is from_client)

    def conversation(self, *, segment: int | None = None, after: bytes = b"") -> Conversation:
        """Return the conversation, each flight one frame, or cut into segments of some bytes each.

        Args:
            after: bytes that follow on both sides, in frames of their own.
        """
        flights = [*self.flights, (True, after), (False, after)] if after else self.flights
        return conversation(flights, segment=segment)


def conversation(
    flights: list[tuple[bool, bytes]], *, segment: int | None = None, from_start: bool = True, closed: bool = False
) -> Conversation:
    """Make a conversation of flights; frames count from 1, one millisecond apart, first at 1 ms."""
    pieces: dict[bool, list[tuple[int, bytes, int, int]]] = {True: [], False: []}
    ends = {True: 0, False: 0}
    frame = 0
    for own, data in flights:
        for at in range(0, len(data), segment or len(data) or 1):
            frame += 1
            part = data[at : at + (segment or len(data))]
            pieces[own].append((ends[own], part, frame, frame * MS))
            ends[own] += len(part)
    return Conversation(
        7,
        memory_stream(pieces[True], from_start=from_start),
        memory_stream(pieces[False], from_start=from_start),
        ("10.0.0.1", 40000),
        ("10.0.0.2", 443),
        closed=closed,
    )


def talk(
    client_context: ssl.SSLContext,
    server_context: ssl.SSLContext,
    *,
    name: str | None = NAME,
    session: ssl.SSLSession | None = None,
    data: bytes = b"hello",
    close: bool = False,
) -> Talk:
    """Let both ends shake hands, exchange ``data`` once each way and (with ``close``) say goodbye."""
    out = Talk()
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client_out, server_out = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, client_out, server_hostname=name, session=session)
    server = server_context.wrap_bio(to_server, server_out, server_side=True)
    out.client, out.server = client, server

    def flush() -> bool:
        moved = False
        for own, source, target in ((True, client_out, to_server), (False, server_out, to_client)):
            sent = source.read()
            if sent:
                out.flights.append((own, sent))
                target.write(sent)
                moved = True
        return moved

    def step(end: ssl.SSLObject) -> bool:
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            out.error = out.error or error.reason
            return False
        return True

    for _ in range(8):
        done_client = step(client)
        flush()
        done_server = step(server)
        flush()
        if out.error or (done_client and done_server):
            break
    if out.error:
        return out
    for writer, reader in ((client, server), (server, client)):
        writer.write(data)
        flush()
        assert reader.read(len(data)) == data
    if close:
        for end in (client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                end.unwrap()
            flush()
    return out
