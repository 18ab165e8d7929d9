"""Which TLS sessions may be URLs that somebody opened, and which carry mail, files or messages instead.

What the client offers to speak (ALPN) counts most: who offers HTTP means the web, on whatever port. Then the words
before the ClientHello (STARTTLS), the port that is registered for another protocol, and the data connections of a
file transfer (FTP), which have any port. What nothing speaks against may be the web.

Sources: IANA's registries of service names and port numbers, and of ALPN protocol IDs; RFC 3207 (SMTP), RFC 2595 (IMAP,
POP3), RFC 4217 (FTP over TLS), RFC 8314 (ports for mail).
"""

from __future__ import annotations

from collections.abc import Collection

from analyzer.schema import TlsRow
from analyzer.visits.model import Facts

WEB_ALPN = ("http/", "h2", "h3", "spdy/")
"""Beginnings of the protocol IDs of HTTP and what came before HTTP/2; ``h3-29`` is a draft's."""

OTHER_ALPN = frozenset(
    {"acme-tls/1", "co", "coap", "doq", "dot", "ftp", "imap", "irc", "managesieve", "mqtt", "nnsp", "nntp", "ntske/1"}
    | {"pop3", "postgresql", "radius/1.0", "radius/1.1", "sip/2", "smb", "stun.nat-discovery", "stun.turn", "sunrpc"}
    | {"tds/8.0", "webrtc", "c-webrtc", "xmpp-client", "xmpp-server"}
)
"""Protocol IDs of what no URL of a web page leads to."""

OTHER_APPLICATIONS = frozenset({"ftp", "imap", "pop3", "smtp"})
"""Applications that turn to TLS after words of their own."""

OTHER_PORTS = frozenset(
    {21, 25, 110, 119, 143, 389, 587, 3306, 3389, 5222, 5269, 5432, 6667}  # after words in clear
    | {465, 563, 636, 853, 989, 990, 992, 993, 994, 995, 3269, 4460, 5061, 5223, 5349, 5671, 6514, 6697, 8883}
)
"""Ports that are registered for mail, news, files, names, directories, databases, calls, chat and messages."""

MAX_SYSTEM_PORT = 1023
"""Above are the ports that a file transfer's data connections take (RFC 6335 section 6)."""


def not_of_the_web(facts: Facts) -> frozenset[int]:
    """Return the rows of the tls table that carry something else than the web."""
    c = facts.connections
    files = {_hosts(facts, stream) for stream, application in c.words["application"].items() if application == "ftp"}
    return frozenset(at for at, row in enumerate(facts.tls) if _is_other(facts, row, files))


def _is_other(facts: Facts, row: TlsRow, files: Collection[tuple[int, int]]) -> bool:
    """Tell whether a session is of something else than the web.

    Args:
        files: pairs of hosts with a control connection for files; who opens the others depends on the mode.
    """
    spoken = (row.alpn,) if row.alpn is not None else row.alpn_offered
    if any(word.startswith(WEB_ALPN) for word in spoken):
        return False
    if spoken and OTHER_ALPN.issuperset(spoken):
        return True
    c, port = facts.connections, server_of(facts, row.stream)[1]
    if port in OTHER_PORTS or c.words["application"].get(row.stream) in OTHER_APPLICATIONS:
        return True
    return not spoken and port > MAX_SYSTEM_PORT and _hosts(facts, row.stream) in files


def server_of(facts: Facts, stream: int) -> tuple[str, int]:
    """Return host and port that a connection leads to: behind a SOCKS proxy those that the proxy was asked for."""
    c = facts.connections
    target = c.targets.get(stream)
    return (c.host(int(c.server_host[stream])), int(c.columns["server_port"][stream])) if target is None else target


def _hosts(facts: Facts, stream: int) -> tuple[int, int]:
    c = facts.connections
    one, other = int(c.client_host[stream]), int(c.server_host[stream])
    return min(one, other), max(one, other)
