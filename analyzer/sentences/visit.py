"""What the findings about visits as a whole say: for each code, the statement, why it matters, and what to try.

The rules for templates are those of :mod:`analyzer.sentences`, which takes them in; each comment lists the arguments of
the entries that follow.
"""

from __future__ import annotations

VISIT: dict[str, tuple[str, str, str]] = {
    # url, host, client, count, why, tried_ms
    "VISIT-FAILED": (
        "Nothing came of the visit to {url} ({count:time|times})",
        "Somebody, or a program, wanted something from {host} and got no answer.",
        "Look at the steps of the visit: the last one that is there shows where it ended.",
    ),
    "VISIT-FAILED.dns": (
        "{client} could not go to {host}: its name did not resolve ({count:time|times})",
        "Without an address there is nobody to connect to, so nothing else was tried.",
        "Check how the name is written. If it is right, ask another resolver for it, and see what the findings about "
        "names say.",
    ),
    "VISIT-FAILED.tcp": (
        "{client} could not connect to {url} ({count:time|times})",
        "No connection was opened, so nothing could be asked. It was tried for {tried_ms}.",
        "See whether the service runs, listens on this port, and can be reached from where the client is (firewalls).",
    ),
    "VISIT-FAILED.tls": (
        "{client} and {host} could not agree on encryption ({count:time|times})",
        "The connection was there, but the encrypted session was not, so nothing was asked. The "
        "reason: {flaw_meaning}.",
        "See the TLS step of the visit and its alert: it says whether the certificate, the version, or the port is "
        "wrong.",
    ),
    "VISIT-FAILED.wrong_port": (
        "{client} spoke TLS to a port of {host} that does not speak it ({count:time|times})",
        "The connection was there, but what came back was no TLS: {flaw_meaning}. So nothing was asked.",
        "Use the port that is meant for encryption, or the protocol that this port speaks.",
    ),
    "VISIT-FAILED.response": (
        "{client} asked for {url} and got no answer ({count:time|times})",
        "The request was sent, and nothing came back.",
        "See the blame of the visit: it says which side ended it, where that can be told.",
    ),
    # url, host, client, count, duration_ms, share_ms, resolver_ms, network_ms, server_ms, client_ms, lost_ms
    "VISIT-SLOW": (
        "The visit to {url} took {duration_ms}",
        "Of that, names took {resolver_ms}, the way there and back {network_ms}, the server {server_ms}, and the "
        "client itself {client_ms}.",
        "Begin with what took longest.",
    ),
    "VISIT-SLOW.client": (
        "The visit to {host} took {duration_ms}, {client_ms} of it in the client itself",
        "For that long the client had what it needed and asked for nothing more, or took no more data. The server "
        "needed {server_ms}, the way there and back {network_ms}.",
        "Look at what the page's scripts, or the program, do in these pauses.",
    ),
    "VISIT-SLOW.network": (
        "The visit to {host} took {duration_ms}, {network_ms} of it on the way there and back",
        "Opening connections, round trips and lost packets ({lost_ms}) cost more than everything else; the server "
        "needed {server_ms}.",
        "See the findings about lost packets. Fewer connections and redirects need fewer round trips; a server that is "
        "nearer makes each of them shorter.",
    ),
    "VISIT-SLOW.resolver": (
        "The visit to {host} took {duration_ms}, {resolver_ms} of it for looking up names",
        "Nothing can begin before the name has an address.",
        "See the findings about names; try another resolver.",
    ),
    "VISIT-SLOW.server": (
        "The visit to {host} took {duration_ms}, {server_ms} of it in the server",
        "The server had the request, and took that long to begin its answer; the way there and back took {network_ms}.",
        "Look at what the server does for this page: its log, its database, and the services it asks.",
    ),
    # url, host, client, count, hops, wasted_ms
    "VISIT-REDIRECTS": (
        "{hops:redirect|redirects} stood between {client} and the page at {host}, and cost {wasted_ms}",
        "Each one is a question and an answer that bring nothing but another address, and often a connection too.",
        "Let the first redirect name the last address, and let links point there.",
    ),
    # url, host, client, count, connections, wasted_ms
    "VISIT-CONNECTIONS": (
        "{client} opened {connections:connection|connections} to {host} that earlier ones could have spared: "
        "{wasted_ms}",
        "An open connection can carry one request after the other. Each new one costs a round trip, and with "
        "encryption more.",
        "Let client and server keep connections open (keep-alive) for some seconds at least.",
    ),
    # url, host, client, count, wasted_bytes, carried_bytes, wasted_share
    "VISIT-WASTE": (
        "{wasted_bytes} of what {host} sent to {client} need not have been sent",
        "That is text without compression, copies of what the client had already, and polls that brought nothing new; "
        "{carried_bytes} were carried in all.",
        "Turn on compression (gzip or Brotli), send ETag or Last-Modified and answer 304, and replace polling by "
        "events.",
    ),
}
