"""What the findings about requests that failed or were slow, and about WebSockets, say: statement, why, what to try.

The rules for templates are those of :mod:`analyzer.sentences`, which takes them in; each comment lists the arguments of
the entries that follow.
"""

from __future__ import annotations

WEB: dict[str, tuple[str, str, str]] = {
    # method, target, host, status, reason
    "HTTP-CLIENT-ERROR": (
        "{host} answered {status} {reason} to {method} {target}",
        "{status_meaning} A 4xx code means that the server blames the request, not itself.",
        "Compare the address, the method and the credentials of this request with what {host} expects.",
    ),
    "HTTP-SERVER-ERROR": (
        "{host} answered {status} {reason} to {method} {target}",
        "{status_meaning} A 5xx code means that the server, or something behind it, failed, not the request.",
        "Look into the logs of {host} at that time; for 502 and 504, into those of the server behind it.",
    ),
    "HTTP-CLIENT-ERROR.unasked": (
        "{host} sent {status} {reason} that nobody had asked for",
        "{status_meaning} No request was open when it came. Servers say 408 or 400 when they close a connection on "
        "which nothing more is asked.",
        "Nothing to do where the connection was closed with it: a client opens a new one when it needs it.",
    ),
    "HTTP-CLIENT-ERROR.unasked_many": (
        "{host} sent {status} {reason} that nobody had asked for, {count:time|times}",
        "{status_meaning} No request was open when it came. Servers say 408 or 400 when they close a connection on "
        "which nothing more is asked.",
        "Nothing to do where the connection was closed with it: a client opens a new one when it needs it.",
    ),
    "HTTP-SERVER-ERROR.unasked": (
        "{host} sent {status} {reason} that nobody had asked for",
        "{status_meaning} No request was open when it came, so something is wrong on the server's side.",
        "Look into the logs of {host} at that time.",
    ),
    "HTTP-SERVER-ERROR.unasked_many": (
        "{host} sent {status} {reason} that nobody had asked for, {count:time|times}",
        "{status_meaning} No request was open when it came, so something is wrong on the server's side.",
        "Look into the logs of {host} at that time.",
    ),
    "HTTP-CLIENT-ERROR.many": (
        "{host} answered {status} {reason} to {method} {target}, {count:time|times}",
        "{status_meaning} A 4xx code means that the server blames the request, not itself.",
        "Compare the address, the method and the credentials of this request with what {host} expects.",
    ),
    "HTTP-SERVER-ERROR.many": (
        "{host} answered {status} {reason} to {method} {target}, {count:time|times}",
        "{status_meaning} A 5xx code means that the server, or something behind it, failed, not the request.",
        "Look into the logs of {host} at that time; for 502 and 504, into those of the server behind it.",
    ),
    "HTTP-SLOW-SERVER.many": (
        "{host} was slow to answer {method} {target} {count:time|times}, up to {server_ms}",
        "The network delivered the requests quickly; the time was spent in the server itself.",
        "Look at what the server does for this address: slow database queries, calls to other services, cold caches.",
    ),
    # method, target, host, wait_ms, server_ms
    "HTTP-SLOW-SERVER": (
        "{host} needed {server_ms} before it began to answer {method} {target}",
        "The network delivered the request quickly; the time was spent in the server itself.",
        "Look at what the server does for this address: slow database queries, calls to other services, cold caches.",
    ),
    # method, target, host
    "HTTP-NO-RESPONSE": (
        "{method} {target} on {host} never got a response",
        "The request was sent, but no answer to it is in the capture.",
        "See how the connection ended: a reset or timeout points to the server, the capture's end to the recording.",
    ),
    "HTTP-NO-RESPONSE.silent": (
        "{method} {target} on {host} got no response for as long as the capture shows",
        "The request was sent, and then nothing more was recorded on its connection, although the capture goes on.",
        "Look into the server's log whether this request arrived, and what it was waiting for.",
    ),
    # ... waited_ms
    "HTTP-NO-RESPONSE.gave_up": (
        "The client gave up on {method} {target} at {host} after {waited_ms}: no answer had come",
        "The client closed the connection first, so its patience ended before the server's work did. That is what a "
        "timeout looks like, or a person who stops loading.",
        "Find out what kept the server busy with this address, and how long the client is set to wait.",
    ),
    # ... waited_ms, late_ms
    "HTTP-NO-RESPONSE.late": (
        "The client gave up on {method} {target} at {host} after {waited_ms}; the answer came {late_ms} too late",
        "When the answer came, the client had closed the connection, so its system threw the answer away. The work was "
        "done in vain, and the client most likely asks again.",
        "Make this address quicker, or let the client wait longer than the server takes.",
    ),
    # method, target, host, came_bytes, promised_bytes, by, count
    "HTTP-CUT-SHORT": (
        "{came_bytes} of {promised_bytes} came of {method} {target} from {host}, then the {by} ended the connection",
        "The header of the answer says how long it is, and the rest never came: what the client has is not whole, "
        "although the status says that all is well.",
        "Look into the log of {host} at that moment: a crash, a limit, a full disk, or something behind it that broke "
        "off. If it knows of nothing, a proxy or firewall between the two may have ended the connection.",
    ),
    "HTTP-CUT-SHORT.open": (
        "The answer to {method} {target} from {host} broke off after {came_bytes}: the {by} ended the connection",
        "The answer has a mark for its end, and it never came: what the client has is not whole, although the status "
        "says that all is well.",
        "Look into the log of {host} at that moment: a crash, a limit, a full disk, or something behind it that broke "
        "off. If it knows of nothing, a proxy or firewall between the two may have ended the connection.",
    ),
    "HTTP-CUT-SHORT.many": (
        "{count:answer|answers} to {method} {target} from {host} broke off: the {by} ended the connection each time",
        "The answers never came to their end: what the client has is not whole, although the status says that all is "
        "well.",
        "Look into the log of {host}: something breaks off again and again, such as a limit or a program that crashes.",
    ),
    "HTTP-CUT-SHORT.stalled": (
        "{came_bytes} of {promised_bytes} came of {method} {target} from {host}, then nothing more",
        "The header of the answer says how long it is. The rest never came, although the capture goes on: the sender "
        "stopped, the path broke, or the rest was not recorded.",
        "Look at the last packets of the connection: which side fell silent first.",
    ),
    "HTTP-CUT-SHORT.stalled_open": (
        "The answer to {method} {target} from {host} stopped after {came_bytes}, and nothing more came",
        "The answer has a mark for its end, and it never came, although the capture goes on: the sender stopped, the "
        "path broke, or the rest was not recorded.",
        "Look at the last packets of the connection: which side fell silent first.",
    ),
    "HTTP-CUT-SHORT.stalled_many": (
        "{count:answer|answers} to {method} {target} from {host} stopped in the middle, and nothing more came",
        "The answers never came to their end, although the capture goes on: the sender stopped, the path broke, or the "
        "rest was not recorded.",
        "Look at the last packets of the connections: which side fell silent first.",
    ),
    "HTTP-CUT-SHORT.client": (
        "The client stopped {method} {target} from {host} after {came_bytes} of {promised_bytes}",
        "The client ended the connection while the answer was still coming: somebody cancelled it, a tab was closed, a "
        "player skipped, or a timeout struck.",
        "Nothing to do if somebody meant to stop it. Otherwise look for a timeout or a size limit in the client.",
    ),
    "HTTP-CUT-SHORT.client_open": (
        "The client stopped {method} {target} from {host} after {came_bytes}, before the answer's end",
        "The client ended the connection while the answer was still coming: somebody cancelled it, a tab was closed, a "
        "player skipped, or a timeout struck.",
        "Nothing to do if somebody meant to stop it. Otherwise look for a timeout or a size limit in the client.",
    ),
    "HTTP-CUT-SHORT.client_many": (
        "The client stopped {method} {target} from {host} {count:time|times} before the answer's end",
        "The client ended the connection while the answer was still coming: somebody cancelled it, a player skipped, "
        "or a timeout struck.",
        "Nothing to do if somebody meant to stop it. Otherwise look for a timeout or a size limit in the client.",
    ),
    # url
    "WS-BAD-ACCEPT": (
        "The server agreed to the WebSocket {url} with a wrong answer to the client's key",
        "The answer (Sec-WebSocket-Accept) is computed from the key the client sent and proves that the server "
        "understood it. A client must not use a connection where it does not fit.",
        "Look for a proxy or cache that answers with somebody else's response, or for an error in the server's "
        "program.",
    ),
    "WS-BAD-ACCEPT.missing": (
        "The server agreed to the WebSocket {url} without an answer to the client's key",
        "The answer (Sec-WebSocket-Accept) proves that the server understood what was asked. A client must not use a "
        "connection without it.",
        "Look for a proxy that removes the header, or for an error in the server's program.",
    ),
    # url, close_code, by, count
    "WS-CLOSED-ABNORMALLY": (
        "The {by} closed the WebSocket {url} with code {close_code} ({close_name})",
        "{close_meaning} A connection that is simply done is closed with 1000 or 1001.",
        "Look at the last messages before it, and into the logs of the {by} at that moment.",
    ),
    "WS-CLOSED-ABNORMALLY.silent": (
        "The WebSocket {url} ended without a goodbye",
        "Its TCP connection was closed, but neither side sent a close frame first; programs see that as code 1006. "
        "Whatever was still to be said is lost, and the client has to connect again.",
        "See who closed the connection: a side that crashed or was stopped, or a proxy between them that ends what is "
        "silent for too long (regular pings prevent that).",
    ),
    "WS-CLOSED-ABNORMALLY.reset": (
        "The WebSocket {url} was cut off by a reset",
        "A reset ends a connection at once, without a close frame; programs see that as code 1006. Messages on their "
        "way are lost, and the client has to connect again.",
        "Look into the logs of the side that sent the reset. If neither admits to it, a firewall or proxy between them "
        "may have sent it.",
    ),
    # host, client, by, flaw, target, count
    "HTTP-MALFORMED": (
        "The {by} broke a rule of HTTP towards {host}: {flaw_meaning} ({count:time|times})",
        "What is meant can still be told, so it worked here. Other servers and proxies may be stricter and refuse it.",
        "Mend the program that writes this message, or update it.",
    ),
    "HTTP-MALFORMED.ambiguous": (
        "The {by} sent a message to or from {host} that can be read in two ways: {flaw_meaning} ({count:time|times})",
        "It is in doubt where the message ends or what it says. A proxy and the server behind it may see two different "
        "requests in it: that is how requests get past a filter unseen, and how answers end up with the wrong client.",
        "Mend the program that writes this message. Let proxies refuse such messages instead of passing them on.",
    ),
    "HTTP-MALFORMED.not_http": (
        "The {by} sent something that is not HTTP on a connection that speaks HTTP with {host} ({count:time|times})",
        "Either another protocol uses the connection, or one side lost track of where a message ends, so that the rest "
        "of it looks like a new one.",
        "Look at these bytes (analyze follow): text of an answer that goes on is a wrong length, anything else another "
        "program on this port.",
    ),
    # host, target, count
    "HTTP-PLAIN": (
        "{count:page|pages} of {host} came without encryption, although the site speaks https as well",
        "Everybody on the way can read and change such a page, for example the links in it that lead to the safe part "
        "of the site.",
        "Redirect http to https for the whole of {host}, and promise https for the future (Strict-Transport-Security).",
    ),
    "HTTP-PLAIN.form": (
        "What somebody filled in at {host} was sent without encryption, although the site speaks https as well "
        "({count:time|times})",
        "Everybody on the way can read what was entered in the form at {target}.",
        "Let the form lead to https, and redirect http to https for the whole of {host}.",
    ),
}
"""Finding code, perhaps with a variant → (title, why, advice)."""
