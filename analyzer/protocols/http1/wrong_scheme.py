"""Whether a client spoke https to a port for http, or http to a port for https: a classic mistake.

``https_on_http``
    The client begins with a TLS handshake, where a request is due, and the server answered that in plain HTTP (mostly
    with 400: to it these bytes are no request).
``http_on_https``
    A readable request was answered with a TLS alert (RFC 8446 section 6), or with a 400 whose text says what is wrong:
    well-known servers tell, in clear, that this port wants TLS.

A server that only closes the connection gives no sign, and none is made up.

Sources: RFC 8446 sections 4 and 5.1 (records), RFC 9110 sections 4.2.2 and 15.5.1; the texts are those of the servers.
"""

from __future__ import annotations

import re

from analyzer.flows.stream import ByteStream
from analyzer.protocols.http1.messages import Request, Response

BAD_REQUEST = 400
TEXT_BYTES = 1024
"""How far into the body of a 400 the text is looked for; these bodies have 50 to 450 bytes."""

_CLIENT_HELLO = re.compile(rb"\x16\x03[\x00-\x04]..\x01", re.DOTALL)
_ALERT = re.compile(rb"\x15\x03[\x00-\x04]\x00\x02[\x01\x02]")
_RECORD_BYTES = 6
_SAID = re.compile(
    rb"plain HTTP request was sent to HTTPS port"  # nginx, and what is built on it
    rb"|speaking plain HTTP to an SSL-enabled server port"  # Apache
    rb"|Client sent an HTTP request to an HTTPS server"  # programs in Go, Caddy for one
    rb"|combination of host and port requires TLS"  # Tomcat
)


def of(request: Request | None, response: Response | None, client: ByteStream, server: ByteStream) -> str | None:
    """Return ``https_on_http``, ``http_on_https``, or None for nearly everything.

    Args:
        request, response: of one exchange, as read.
        client, server: the streams they were read from.
    """
    if request is None or response is None:
        return None
    if request.method is None:
        if response.status is None or client.next_captured(client.start) != request.start:
            return None
        return "https_on_http" if _CLIENT_HELLO.match(client.read(request.start, _RECORD_BYTES)) else None
    if response.status is None:
        begun = response.flaw == "not_http" and _ALERT.match(server.read(response.start, _RECORD_BYTES))
        return "http_on_https" if begun else None
    if response.status != BAD_REQUEST or response.body is None:
        return None
    size = min(response.body.end - response.body.start, TEXT_BYTES)
    told = size > 0 and _SAID.search(server.read(response.body.start, size))
    return "http_on_https" if told else None
