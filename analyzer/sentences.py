"""The catalogue of sentences: every statement the analyzer makes about traffic, in plain English.

Rows carry a key and arguments, never a finished sentence, so that the report, the terminal and a later
translation all speak from here. Rules:

* A template names its arguments in braces. An argument whose name ends in ``_ms`` is written as a duration, in
  ``_bytes`` as a size, in ``_share`` (0 to 1) as a percentage; lists are joined; None becomes ``unknown``.
* ``{attempts:query|queries}`` writes the number and the fitting noun: ``1 query``, ``3 queries``.
* Arguments come from captures: each passes :func:`analyzer.text.display`, so what comes out is safe to show as text
  (markup is escaped by whoever makes markup).
* ``{status_meaning}`` is the plain sentence that explains the argument ``status``; ``{close_name}`` and
  ``{close_meaning}`` do that for ``close_code``, the code that a WebSocket was closed with.
* A key that is not in the catalogue gives the key and its arguments, never an exception.

To add a sentence, add an entry to :data:`STEPS` or :data:`FINDINGS`. A step's key is ``step.<step>[.<variant>]``
and ``step.<step>.absent.<reason>``; a finding's ``title_key`` is its code, or its code and a variant
(``TCP-RESET.by_client``), which falls back to the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analyzer import close_codes, http_status
from analyzer.sentences_browsing import BROWSING
from analyzer.text import display
from analyzer.units import human_bytes, human_ms

MAX_LISTED = 4
"""Items of a list argument written out; a sentence with more is not read."""

WHY: dict[str, str] = {
    "aborted": "the connection was aborted",
    "bad_chunk": "a chunk of its body breaks the format",
    "bad_header": "a line of its header breaks the format",
    "bad_length": "the length it states is no number",
    "bad_request_line": "its first line is not method, target and version",
    "bad_status_line": "the status line cannot be read",
    "bad_transfer_encoding": "its Transfer-Encoding makes no sense",
    "bad_upgrade": "it says that the protocol changes (101), but neither side named another one",
    "bad_version": "the HTTP version in its first line breaks the format",
    "before_capture": "it happened before the capture began",
    "cached": "already known from before, so nobody had to ask",
    "capture_end": "the capture ends before it came",
    "clock": "the recorder's clock ran backwards",
    "closed": "the connection was closed before it came",
    "conflicting_lengths": "it states two lengths that contradict each other",
    "doh_suspected": "probably looked up over encrypted DNS, which cannot be read",
    "early": "the answer began before the request was complete",
    "encrypted": "encrypted",
    "failed": "an earlier step failed",
    "header_limit": "its header is longer than this program reads",
    "junk_before": "bytes that are no HTTP stand before it",
    "literal_address": "the address was given as numbers, so there was no name to look up",
    "lost": "the packets are missing from the capture",
    "midstream": "the connection was already open when the capture began",
    "no_keys": "not decrypted here",
    "no_record": "no record of this type",
    "no_request": "no request was captured",
    "no_response": "no response was captured",
    "no_secret": "not decrypted here",
    "not_applicable": "does not apply here",
    "not_captured": "not in this capture",
    "not_closed": "still open when the capture ended",
    "not_http": "the bytes are no HTTP",
    "not_sent": "not sent",
    "not_supported": "not supported by this version",
    "one_direction": "only one direction of the connection was captured",
    "open": "still open when the capture ended",
    "pipelined": "sent before the previous answer was complete",
    "plain": "not encrypted",
    "plaintext": "not encrypted",
    "reset": "the connection was reset before it came",
    "resumed": "an earlier session was resumed, so it was not sent again",
    "reused": "an open connection was used again",
    "snaplen": "the packets were cut short when they were recorded",
    "truncated": "the capture ends before it was complete",
    "unanswered": "no answer was captured",
    "unsolicited": "no request asked for it",
}
"""Reason codes of ``…_why`` columns and ``absent_why`` → words that fit after "not known:"."""

STEPS: dict[str, str] = {
    # dhcp
    "step.dhcp": "{client} got the address {address} from {server} in {duration_ms}.",
    "step.dhcp.absent.not_captured": "No address was requested in this capture: the device already had one.",
    # dns: client, server, name, addresses, latency_ms, attempts, rcode
    "step.dns": "{client} asked {server} for {name} and got {addresses} after {latency_ms}.",
    "step.dns.retry": "{client} asked {server} for {name} and had to repeat it ({attempts:query|queries}); "
    "{addresses} came {latency_ms} after the first one.",
    "step.dns.failed": "{server} answered {rcode} for {name} after {latency_ms}, so there was no address to go to.",
    "step.dns.unanswered": "{client} sent {attempts:query|queries} for {name} to {server} and got no answer.",
    "step.dns.absent.before_capture": "{name} was looked up before the capture began.",
    "step.dns.absent.cached": "No lookup of {name}: its address was already known from an earlier one.",
    "step.dns.absent.doh_suspected": "No readable lookup of {name}: it probably went over encrypted DNS.",
    "step.dns.absent.literal_address": "No lookup: the address was given as numbers, so there was no name to resolve.",
    "step.dns.absent.not_captured": "No lookup of {name} is in this capture: it was cached, or happened elsewhere.",
    "step.dns.absent.reused": "No lookup of {name}: the connection was already open.",
    # arp: client, target_ip, mac, latency_ms, attempts
    "step.arp": "{client} asked the local network who has {target_ip}, the next hop; {mac} answered in {latency_ms}.",
    "step.arp.unanswered": "{client} asked the local network for {target_ip} {attempts:time|times}; nobody answered.",
    "step.arp.absent.cached": "No ARP: the hardware address of the next hop was already known.",
    "step.arp.absent.not_applicable": "No ARP: this link or address family does not use it.",
    "step.arp.absent.reused": "No ARP: the connection was already open.",
    "step.arp.absent.not_captured": "No ARP in this capture: the next hop's hardware address was already known, or the "
    "question was asked where the recorder could not hear it.",
    # tcp: client, server, server_port, connect_ms, rtt_ms, attempts, stream
    "step.tcp": "{client} opened a connection to {server} port {server_port} in {connect_ms} (three-way handshake).",
    "step.tcp.lost_syn": "{client} opened a connection to {server} port {server_port} in {connect_ms}; {loss_ms} of "
    "that were spent repeating a lost SYN ({attempts:attempt|attempts}).",
    "step.tcp.refused": "{server} refused the connection to port {server_port}: nothing listens there.",
    "step.tcp.unanswered": "{client} tried {server} port {server_port} {attempts:time|times} and got no answer.",
    "step.tcp.absent.midstream": "The connection was already open when the capture began.",
    "step.tcp.absent.not_captured": "The opening of the connection is not in this capture.",
    "step.tcp.absent.reused": "No new connection: the open one (stream {stream}) was used again.",
    # tls: version, sni, cipher, handshake_ms, alert
    "step.tls": "Both sides agreed on {version} for {sni} in {handshake_ms}; from here on the traffic is encrypted.",
    "step.tls.failed": "The encrypted session for {sni} could not be set up: {alert}.",
    "step.tls.incomplete": "The encrypted session for {sni} was begun; its completion is not in this capture.",
    "step.tls.resumed": "Both sides resumed an earlier {version} session for {sni} in {handshake_ms}.",
    "step.tls.absent.midstream": "The connection was already encrypted when the capture began.",
    "step.tls.absent.not_applicable": "No TLS: the traffic was not encrypted.",
    "step.tls.absent.not_captured": "No TLS handshake is in this capture.",
    "step.tls.absent.plain": "No TLS: this visit used plain HTTP, readable by everyone on the way.",
    "step.tls.absent.reused": "No new TLS handshake: the open connection was used again.",
    # request, response: method, target, host, status, reason, wait_ms, receive_ms, bytes
    "step.request": "{client} sent {method} {target} to {host}.",
    "step.request.absent.encrypted": "The requests are encrypted, so they cannot be read.",
    "step.request.absent.no_request": "No request was sent on this connection.",
    "step.request.absent.failed": "No request was sent, because an earlier step failed.",
    "step.request.absent.not_captured": "The request is not in this capture.",
    "step.response": "{host} answered {status} {reason} after {wait_ms} and sent {body_bytes} in {receive_ms}.",
    "step.response.empty": "{host} answered {status} {reason} after {wait_ms}, without a body.",
    "step.response.absent.encrypted": "The responses are encrypted, so they cannot be read.",
    "step.response.absent.aborted": "No response: the connection was aborted first.",
    "step.response.absent.failed": "No response, because an earlier step failed.",
    "step.response.absent.no_response": "No response to this request was captured.",
    "step.response.absent.not_captured": "The response is not in this capture.",
    # redirect: status, from_url, to_url, count
    "step.redirect": "{host} answered {status} and sent the client on to {location}.",
    "step.redirect.absent.not_applicable": "No redirect: the first address was the right one.",
    # objects: requests, connections, failed, bytes, duration_ms
    "step.objects": "The page needed {requests:more request|more requests} over {connections:connection|connections}, "
    "{body_bytes} in {duration_ms}.",
    "step.objects.failed": "The page needed {requests:more request|more requests} over "
    "{connections:connection|connections}, {body_bytes} in {duration_ms}; {failed} of them failed.",
    "step.objects.absent.encrypted": "What else the page needed is encrypted and cannot be told apart.",
    "step.objects.absent.not_applicable": "Nothing else was fetched for it.",
    # close: closed_by, kind, close_ms
    "step.close": "The {closed_by} closed the connection first; both sides were done after {close_ms}.",
    "step.close.three_way": "The {closed_by} closed the connection first; three packets did it, because the other "
    "side's FIN travelled together with its ACK.",
    "step.close.simultaneous": "Both sides closed the connection at the same moment.",
    "step.close.half_closed": "Only the {closed_by} closed its direction; the other one stayed open.",
    "step.close.reset": "The {closed_by} reset the connection instead of closing it.",
    "step.close.absent.not_captured": "The end of the connection is not in this capture.",
    "step.close.absent.not_closed": "The connection was still open when the capture ended.",
    "step.close.absent.open": "The connection was still open when the capture ended.",
}
"""Key → sentence of a journey's step, present or absent (the groups' comments list the arguments)."""

WITHOUT: dict[str, tuple[str, str]] = {"step.response": ("body_bytes", "step.response.empty")}
"""Key → (argument, key to use instead when that argument is 0): a sentence should not count nothing."""


@dataclass(frozen=True, slots=True)
class FindingText:
    """What a finding says: the statement, why it matters, and what to try."""

    title: str
    why: str
    advice: str


FINDINGS: dict[str, FindingText] = {
    # client, server, server_port, attempts
    "TCP-SYN-UNANSWERED": FindingText(
        "{client} tried {attempts:time|times} to connect to {server} port {server_port} and nobody answered",
        "Nothing at all came back, not even a refusal: the packets, or the answers to them, were dropped on the way, "
        "or the machine is not there. The program behind it waits until it gives up.",
        "Check that the address is right and the machine is up, then look for a firewall that silently drops packets "
        "to port {server_port}. A capture at the server tells which direction is lost.",
    ),
    # client, server, servers, ports, targets, attempts
    "TCP-SYN-UNANSWERED.scan": FindingText(
        "{client} tried {targets:connection|connections} to {servers:address|addresses} ({ports:port|ports}) and "
        "nobody answered",
        "So many different targets are not a service that fails but a program that looks for something: a scanner, a "
        "peer-to-peer program, or malware.",
        "Find out which program on {client} does this.",
    ),
    # clients, server, server_port, attempts
    "TCP-SYN-UNANSWERED.clients": FindingText(
        "{clients:machine|machines} tried to connect to {server} port {server_port} and nobody answered",
        "That many clients get no answer at all: the server is down, cut off, or buried under more requests than it "
        "takes.",
        "Check that {server} is up and reachable. Many unknown clients at once are a sign of an attack with forged "
        "senders.",
    ),
    # client, server, server_port
    "TCP-REFUSED": FindingText(
        "{server} refused the connection to port {server_port}",
        "The machine is reachable and answered at once, but no program listens on that port, or a firewall rejects it.",
        "Check that the service is running and listening on port {server_port} of this address, and not only on "
        "localhost.",
    ),
    "TCP-REFUSED.scan": FindingText(
        "{client} tried {targets:connection|connections} to {servers:address|addresses} ({ports:port|ports}) that were "
        "refused",
        "So many different targets are not a service that fails but a program that looks for something, such as a "
        "port scanner.",
        "Find out which program on {client} does this.",
    ),
    # clients, server, ports, connections
    "TCP-SYN-UNANSWERED.probed": FindingText(
        "{server} was tried on {ports:port|ports} by {clients:machine|machines} ({connections:time|times}) and did not "
        "answer",
        "Attempts from many sides on many ports are strangers looking for open doors; a firewall that drops them is "
        "doing its work.",
        "Nothing to do, unless one of these ports should be open.",
    ),
    "TCP-REFUSED.probed": FindingText(
        "{server} refused {connections:connection|connections} from {clients:machine|machines} to {ports:port|ports}",
        "Attempts from many sides on many ports are strangers looking for open doors; here they were closed.",
        "Nothing to do, unless one of these ports should be open. A firewall in front would keep them away.",
    ),
    "TCP-REFUSED.clients": FindingText(
        "{server} refused the connections of {clients:machine|machines} to port {server_port}",
        "The machine is reachable, but no program listens on that port, or a firewall rejects it.",
        "Check that the service is running and listening on port {server_port} of this address.",
    ),
    # client, server, server_port, attempts, loss_ms
    "TCP-SYN-LOST": FindingText(
        "Connecting to {server} port {server_port} took {loss_ms} longer because a first SYN went unanswered",
        "A lost SYN is only repeated after a fixed pause (usually 1 s, then 2 s, 4 s …), so one lost packet is felt "
        "by the person waiting.",
        "If it happens often, look for loss on the link or for a server whose queue of new connections is full.",
    ),
    # client, server, server_port, by, stream
    "TCP-RESET": FindingText(
        "The {by} reset the connection between {client} and {server} port {server_port}",
        "A reset ends a connection at once and throws away what was on its way: the request it cut short failed.",
        "Look into the logs of the {by} at that moment (a crash, a timeout, a limit). If neither side admits to it, a "
        "firewall or proxy between them may have sent it.",
    ),
    # by, count, client, server, server_port
    "TCP-RESET.polite": FindingText(
        "The {by} ended {count:connection|connections} to {server} port {server_port} with a reset",
        "Nothing that was asked for is known to be missing: many programs hang up this way instead of saying goodbye.",
        "Nothing to do, unless people complain about broken downloads from this server.",
    ),
    # retransmissions, loss_share, loss_ms, by, client, server, server_port
    "TCP-LOSS": FindingText(
        "{retransmissions:segment|segments} between {client} and {server} were sent again ({loss_share} of the data)",
        "Every lost segment holds back all data behind it until it has been repeated, which costs at least one round "
        "trip and often much more.",
        "Look for a bad cable or radio link, an overloaded interface, or a duplex mismatch. Compare with a capture at "
        "the other end to see in which direction the packets vanish.",
    ),
    # by, conflicting_bytes, client, server, server_port, stream
    "TCP-OVERLAP-CONFLICT": FindingText(
        "The {by} sent {conflicting_bytes} again with different contents ({client} to {server} port {server_port})",
        "A repeated packet must hold the same bytes as the first one. Where it does not, the receiver may have read "
        "something else than a firewall, a virus scanner or this report: they show the copy that was recorded first. "
        "It is a known trick to get past inspection, but also what a broken middlebox or a damaged packet looks like.",
        "Compare the copies: analyze follow with --stream {stream} names the frames. Wrong checksums on one of them "
        "mean damage; different hop limits (TTL) mean that one came from somewhere else on the way.",
    ),
    # name, qtype, rcode, server
    "DNS-FAILED": FindingText(
        "The name {name} could not be resolved: {server} answered {rcode}",
        "Without an address nothing can be opened. NXDOMAIN means the name does not exist; SERVFAIL means the resolver "
        "could not find out; REFUSED means it will not answer this client.",
        "Check the spelling and the search domain. For SERVFAIL ask another resolver: if that one answers, the first "
        "is broken or DNSSEC validation fails.",
    ),
    # name, qtype, server, latency_ms
    "DNS-SLOW": FindingText(
        "Resolving {name} took {latency_ms}",
        "Nothing else can start before the name is resolved, so this is added to the waiting time of the whole page.",
        "Use a nearer or faster resolver, or look at which step of the resolver's own search is slow.",
    ),
    # name, qtype, server, attempts, latency_ms
    "DNS-RETRY": FindingText(
        "The lookup of {name} had to be repeated: {attempts:query|queries} until an answer came",
        "A DNS query over UDP that gets lost is repeated only after a timeout of seconds.",
        "Look for loss between the client and {server}, or an overloaded resolver.",
    ),
    # name, qtype, server, attempts
    "DNS-NO-ANSWER": FindingText(
        "{server} never answered the question for {name} ({attempts:query|queries})",
        "The client waits until it gives up, then tries another resolver or fails.",
        "Check that {server} is the right resolver and reachable, and that nothing blocks UDP port 53.",
    ),
    # method, target, host, status, reason
    "HTTP-CLIENT-ERROR": FindingText(
        "{host} answered {status} {reason} to {method} {target}",
        "{status_meaning} A 4xx code means that the server blames the request, not itself.",
        "Compare the address, the method and the credentials of this request with what {host} expects.",
    ),
    "HTTP-SERVER-ERROR": FindingText(
        "{host} answered {status} {reason} to {method} {target}",
        "{status_meaning} A 5xx code means that the server, or something behind it, failed, not the request.",
        "Look into the logs of {host} at that time; for 502 and 504, into those of the server behind it.",
    ),
    "HTTP-CLIENT-ERROR.many": FindingText(
        "{host} answered {status} {reason} to {method} {target}, {count:time|times}",
        "{status_meaning} A 4xx code means that the server blames the request, not itself.",
        "Compare the address, the method and the credentials of this request with what {host} expects.",
    ),
    "HTTP-SERVER-ERROR.many": FindingText(
        "{host} answered {status} {reason} to {method} {target}, {count:time|times}",
        "{status_meaning} A 5xx code means that the server, or something behind it, failed, not the request.",
        "Look into the logs of {host} at that time; for 502 and 504, into those of the server behind it.",
    ),
    "HTTP-SLOW-SERVER.many": FindingText(
        "{host} was slow to answer {method} {target} {count:time|times}, up to {server_ms}",
        "The network delivered the requests quickly; the time was spent in the server itself.",
        "Look at what the server does for this address: slow database queries, calls to other services, cold caches.",
    ),
    # method, target, host, wait_ms, server_ms
    "HTTP-SLOW-SERVER": FindingText(
        "{host} needed {server_ms} before it began to answer {method} {target}",
        "The network delivered the request quickly; the time was spent in the server itself.",
        "Look at what the server does for this address: slow database queries, calls to other services, cold caches.",
    ),
    # method, target, host
    "HTTP-NO-RESPONSE": FindingText(
        "{method} {target} on {host} never got a response",
        "The request was sent, but no answer to it is in the capture.",
        "See how the connection ended: a reset or timeout points to the server, the capture's end to the recording.",
    ),
    # url
    "WS-BAD-ACCEPT": FindingText(
        "The server agreed to the WebSocket {url} with a wrong answer to the client's key",
        "The answer (Sec-WebSocket-Accept) is computed from the key the client sent and proves that the server "
        "understood it. A client must not use a connection where it does not fit.",
        "Look for a proxy or cache that answers with somebody else's response, or for an error in the server's "
        "program.",
    ),
    "WS-BAD-ACCEPT.missing": FindingText(
        "The server agreed to the WebSocket {url} without an answer to the client's key",
        "The answer (Sec-WebSocket-Accept) proves that the server understood what was asked. A client must not use a "
        "connection without it.",
        "Look for a proxy that removes the header, or for an error in the server's program.",
    ),
    # url, close_code, by, count
    "WS-CLOSED-ABNORMALLY": FindingText(
        "The {by} closed the WebSocket {url} with code {close_code} ({close_name})",
        "{close_meaning} A connection that is simply done is closed with 1000 or 1001.",
        "Look at the last messages before it, and into the logs of the {by} at that moment.",
    ),
    "WS-CLOSED-ABNORMALLY.silent": FindingText(
        "The WebSocket {url} ended without a goodbye",
        "Its TCP connection was closed, but neither side sent a close frame first; programs see that as code 1006. "
        "Whatever was still to be said is lost, and the client has to connect again.",
        "See who closed the connection: a side that crashed or was stopped, or a proxy between them that ends what is "
        "silent for too long (regular pings prevent that).",
    ),
    "WS-CLOSED-ABNORMALLY.reset": FindingText(
        "The WebSocket {url} was cut off by a reset",
        "A reset ends a connection at once, without a close frame; programs see that as code 1006. Messages on their "
        "way are lost, and the client has to connect again.",
        "Look into the logs of the side that sent the reset. If neither admits to it, a firewall or proxy between them "
        "may have sent it.",
    ),
    # sni, alert, by, server
    "TLS-ALERT": FindingText(
        "The {by} ended the TLS session for {sni} with the alert {alert}",
        "The encrypted session could not be set up or was broken off, so nothing could be sent through it.",
        "The alert names the reason: an unknown or expired certificate, a name that does not match, or no common "
        "version or cipher.",
    ),
    # target_ip, asker_ip, attempts
    "ARP-UNANSWERED": FindingText(
        "Nobody on the local network answered for {target_ip} ({attempts:request|requests} by {asker_ip})",
        "Without the hardware address no packet can be delivered to that machine, not even through a router.",
        "Check that the machine is up, in the same network, and that the address and netmask of {asker_ip} are right.",
    ),
    "ARP-UNANSWERED.unheard": FindingText(
        "{asker_ip} asked for {target_ip} ({attempts:request|requests}); no answer was recorded",
        "Requests go to everybody, answers only to the one who asked: a recorder elsewhere in the network hears only "
        "the questions. So this may be quite in order.",
        "To be sure, record on {asker_ip} itself, or on a mirror port of its switch.",
    ),
    # target_ip, macs, first, last
    "ARP-CONFLICT": FindingText(
        "More than one machine claims {target_ip}: {macs}",
        "Packets go now to the one and now to the other, so connections break at random. It may also be somebody who "
        "redirects traffic on purpose.",
        "Find both machines by their hardware addresses; give one of them another address.",
    ),
    "ARP-CONFLICT.moved": FindingText(
        "{target_ip} moved from {first} to {last}",
        "First the one machine answered for the address, then the other. That is what a new lease, a replaced card or "
        "a standby machine taking over looks like.",
        "If nobody changed anything, find both machines by their hardware addresses.",
    ),
    # bytes_unread, packets, reason
    "CAPTURE-TRUNCATED": FindingText(
        "The capture file cannot be read to its end: {reason}",
        "What came after it is missing: connections may look unfinished although they were not.",
        "Record it again, and stop the recorder cleanly before copying the file.",
    ),
    # packets, snaplen
    "CAPTURE-SNAPLEN": FindingText(
        "{packets:packet was|packets were} cut short when recorded",
        "Only the beginning of these packets was kept, so names, headers or certificates inside may be missing.",
        "Record without a snap length (tcpdump -s 0).",
    ),
    # drops
    "CAPTURE-DROPS": FindingText(
        "The recorder lost {drops:packet|packets}",
        "What looks like loss on the network may only be missing from the recording.",
        "Record to a faster disk, with a larger buffer (tcpdump -B) or a narrower filter.",
    ),
    # source, destination (of the quoted packet), meaning, count, sender (of the quoted packet)
    "ICMP-UNREACHABLE": FindingText(
        "{source} reported that {destination} cannot be reached: {meaning}",
        "A router or the machine itself said that packets do not arrive; whoever waits for an answer waits in vain.",
        "See which machine sent the message: the trouble lies at it or just behind it.",
    ),
    "ICMP-UNREACHABLE.refused": FindingText(
        "{source} received {count:packet|packets} from {sender} that no program there takes: {meaning}",
        "The machine was reached, but nothing listens where the packets were sent to.",
        "Check that the service is running on {source}, and on which port.",
    ),
    "ICMP-UNREACHABLE.too_big": FindingText(
        "{source} told {sender} to send smaller packets to {destination}",
        "That is how a sender learns the largest packet a path takes; each first packet that is too big is lost.",
        "Nothing to do if the connection goes on. If it stalls, something drops these messages on their way.",
    ),
    "ICMP-UNREACHABLE.late": FindingText(
        "{source} no longer waited for {count:DNS answer|DNS answers} from {sender}: {meaning}",
        "The answer came after the program that asked had given up, or had got another one first.",
        "Nothing to do, unless names resolve slowly: then look at the time this resolver takes.",
    ),
    **{key: FindingText(*texts) for key, texts in BROWSING.items()},
}
"""Finding code → its texts (each comment lists the arguments of the entries that follow)."""


class _Word(str):
    """Text of an argument that knows how to count nouns."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        if "|" not in spec:
            return str(self)
        one, many = spec.split("|", 1)
        return f"{self} {one if self == '1' else many}"


class _Arguments(dict[str, _Word]):
    """Arguments of a sentence; a missing one is unknown."""

    def __missing__(self, key: str) -> _Word:
        return _Word("unknown")


def _word(name: str, value: object) -> _Word:
    if value is None:
        return _Word("unknown")
    if isinstance(value, bool):
        return _Word("yes" if value else "no")
    if isinstance(value, int | float):
        if value != value or value in (float("inf"), float("-inf")):
            return _Word("unknown")
        if name.endswith("_ms"):
            return _Word(human_ms(float(value)))
        if name.endswith("_bytes"):
            return _Word(human_bytes(int(value)))
        if name.endswith("_share"):
            return _Word(f"{value * 100:.0f} %" if value >= 0.1 else f"{value * 100:.1f} %")
        return _Word(f"{value:g}" if isinstance(value, float) else str(value))
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else list(dict.fromkeys(map(str, value)))
        text = ", ".join(display(item) for item in items[:MAX_LISTED])
        return _Word(text + (f" and {len(items) - MAX_LISTED} more" if len(items) > MAX_LISTED else "") or "nothing")
    return _Word(display(value))


def fill(template: str, args: Mapping[str, object]) -> str:
    """Put arguments into a template by the module's rules; what is missing is ``unknown``."""
    words = _Arguments({str(name): _word(str(name), value) for name, value in args.items()})
    status = args.get("status")
    if isinstance(status, int):
        if not args.get("reason"):  # RFC 9112 section 4: it may be absent, and says nothing that the code does not
            words["reason"] = _Word(http_status.name(status))
        words.setdefault("status_meaning", _Word(http_status.explain(status)))
    close = args.get("close_code")
    if isinstance(close, int):
        words.setdefault("close_name", _Word(close_codes.name(close)))
        words.setdefault("close_meaning", _Word(close_codes.explain(close)))
    return template.format_map(words)


def _bare(key: str, args: Mapping[str, object]) -> str:
    """Say what is known of a key that has no sentence."""
    words = ", ".join(f"{display(name)}: {_word(str(name), value)}" for name, value in args.items())
    return display(key) + (f" ({words})" if words else "")


def sentence(key: str, args: Mapping[str, object]) -> str:
    """Return the sentence of a step's key or the title of a finding's, filled with its arguments.

    Args:
        key: of :data:`STEPS`, or a finding's ``title_key``.
        args: values by name; see the module's rules for how they are written.

    Returns:
        Safe display text. For a key without an entry, the key and its arguments.
    """
    counted, instead = WITHOUT.get(key, ("", key))
    template = STEPS.get(instead if counted and args.get(counted) == 0 else key)
    if template is not None:
        return fill(template, args)
    if ".absent." in key:
        step, reason = key.removeprefix("step.").split(".absent.", 1)
        return f"No {display(step)}: {why(reason)}."
    text = _finding(key)
    return _bare(key, args) if text is None else fill(text.title, args)


def finding_text(title_key: str, args: Mapping[str, object]) -> FindingText:
    """Return a finding's three texts, filled; ``why`` and ``advice`` are empty for a key without an entry."""
    text = _finding(title_key)
    if text is None:
        return FindingText(_bare(title_key, args), "", "")
    return FindingText(fill(text.title, args), fill(text.why, args), fill(text.advice, args))


def _finding(key: str) -> FindingText | None:
    return FINDINGS.get(key) or FINDINGS.get(key.split(".", 1)[0])


def why(reason: str | None) -> str:
    """Say a reason code in words: ``cached`` → "already known from before, so nobody had to ask"."""
    if reason is None:
        return "not known from this capture"
    return WHY.get(reason, display(reason).replace("_", " "))
