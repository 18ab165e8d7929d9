"""Lookups that cannot be read: names asked for over TLS, HTTPS or QUIC.

Told by the port that is meant for it (853), by what the client offers to speak (ALPN), or by a server that is known for
nothing else. What was asked inside is not known; no row of the ``dns`` table is made up for it.

Sources: RFC 7858 (DNS over TLS), RFC 8484 (over HTTPS), RFC 9250 (over QUIC); the names and addresses that the
operators of public resolvers publish.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analyzer.schema import TlsRow
from analyzer.visits.model import Facts

DOT_PORT = 853
"""DNS over TLS, and over QUIC."""
HTTPS_PORT = 443
DOH_NAMES = frozenset({
    "cloudflare-dns.com", "one.one.one.one", "1dot1dot1dot1.cloudflare-dns.com", "mozilla.cloudflare-dns.com",
    "chrome.cloudflare-dns.com", "family.cloudflare-dns.com", "security.cloudflare-dns.com", "dns.google",
    "dns.google.com", "dns64.dns.google", "dns.quad9.net", "dns9.quad9.net", "dns10.quad9.net", "dns11.quad9.net",
    "doh.opendns.com", "doh.familyshield.opendns.com", "dns.adguard.com", "dns.adguard-dns.com", "dns.nextdns.io",
    "doh.cleanbrowsing.org", "dns.alidns.com", "doh.pub", "dot.pub", "doh.360.cn", "doh.dns.sb", "dns.switch.ch",
    "doh.mullvad.net", "dns.mullvad.net", "doh.applied-privacy.net", "doh.libredns.gr", "dns0.eu", "doh.dns.apple.com",
})  # fmt: skip
"""Host names that serve nothing but DNS."""
DOH_ADDRESSES = frozenset({
    "1.1.1.1", "1.0.0.1", "1.1.1.2", "1.0.0.2", "1.1.1.3", "1.0.0.3", "2606:4700:4700::1111", "2606:4700:4700::1001",
    "8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844", "9.9.9.9", "149.112.112.112", "2620:fe::fe",
    "2620:fe::9", "223.5.5.5", "223.6.6.6", "2400:3200::1", "94.140.14.14", "94.140.15.15",
})  # fmt: skip
"""Addresses of public resolvers, which are asked for nothing else with HTTP/2."""


@dataclass(frozen=True, slots=True)
class Encrypted:
    """A connection that carries lookups.

    Attributes:
        stream, tls: ``tcp.stream``, row of the tls table; None over QUIC.
        kind: ``dot``, ``doh`` or ``doq``.
        why: ``port``, ``alpn``, ``name`` or ``address``: what tells.
        frames: the handshake's first frames.
    """

    stream: int | None
    tls: int | None
    kind: str
    why: str
    client: str
    server: str
    name: str | None
    frames: tuple[int, ...]


def encrypted(facts: Facts) -> Iterator[Encrypted]:
    """Give the connections that carry encrypted lookups, in the order of the tls table, then those over QUIC."""
    c = facts.connections
    for at, row in enumerate(facts.tls):
        if row.stream is None or not 0 <= row.stream < len(c):
            continue
        server = c.host(int(c.server_host[row.stream]))
        found = kind_of(row, server, int(c.columns["server_port"][row.stream]))
        if found is not None:
            frames = tuple(f for f in (row.client_hello_frame, row.server_hello_frame) if f is not None)
            client = c.host(int(c.client_host[row.stream]))
            yield Encrypted(row.stream, at, *found, client, server, row.sni, frames)
    for client, server, frames in facts.dns_over_quic:
        yield Encrypted(None, None, "doq", "port", client, server, None, frames)


def kind_of(row: TlsRow, server: str, port: int) -> tuple[str, str] | None:
    """Return what kind of encrypted DNS a TLS session carries, and what tells; None for anything else."""
    spoken = (row.alpn,) if row.alpn is not None else row.alpn_offered
    if "doq" in spoken:
        return "doq", "alpn"
    if "dot" in spoken:
        return "dot", "alpn"
    if port == DOT_PORT:
        return ("doq" if row.transport == "quic" else "dot"), "port"
    if port != HTTPS_PORT:
        return None
    if (row.sni or "").lower() in DOH_NAMES:
        return "doh", "name"
    if server in DOH_ADDRESSES and any(word in ("h2", "h3") for word in spoken):
        return "doh", "address"
    return None


def suspects(facts: Facts) -> frozenset[str]:
    """Return the clients that look names up over encrypted connections: what they ask elsewhere may be missing."""
    return frozenset(one.client for one in encrypted(facts))
