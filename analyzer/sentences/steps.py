"""What the steps of a journey say, present or absent.

The rules for templates are those of :mod:`analyzer.sentences`, which speaks them. A key is ``step.<step>[.<variant>]``
or ``step.<step>.absent.<reason>``; the groups' comments list the arguments. What visits are judged by (blame, waste)
is in :mod:`analyzer.sentences.judged`.
"""

from __future__ import annotations

from analyzer.sentences.judged import JUDGED

STEPS: dict[str, str] = {
    # dhcp: client, address, server, duration_ms · told: routers, resolvers · term: lease_ms
    "step.dhcp": "{client} got the address {address} from {server} in {duration_ms}.",
    "step.dhcp.term": "It may use the address for {lease_ms}.",
    "step.dhcp.term.forever": "It may use the address for ever.",
    "step.dhcp.told": "It was told the way out of the network ({routers}) and whom to ask for names ({resolvers}).",
    "step.dhcp.told.resolvers": "It was told whom to ask for names ({resolvers}), but no way out of the network.",
    "step.dhcp.told.routers": "It was told the way out of the network ({routers}), but not whom to ask for names.",
    "step.dhcp.absent.before_capture": "No address was requested in this capture: the device already had one.",
    "step.dhcp.absent.not_captured": "This device did not ask for its address in this capture, though others did.",
    # dns: client, server, name, addresses, latency_ms, attempts, rcode
    "step.dns": "{client} asked {server} for {name} and got {addresses} after {latency_ms}.",
    "step.dns.retry": "{client} asked {server} for {name} and had to repeat it ({attempts:query|queries}); "
    "{addresses} came {latency_ms} after the first one.",
    "step.dns.failed": "{server} answered {rcode} for {name} after {latency_ms}, so there was no address to go to.",
    "step.dns.failed.nxdomain": "{server} answered after {latency_ms} that the name {name} does not exist (NXDOMAIN).",
    "step.dns.failed.refused": "{server} refused to look up {name} (REFUSED), after {latency_ms}.",
    "step.dns.failed.servfail": "{server} answered after {latency_ms} that it could not find out about {name} "
    "(SERVFAIL).",
    "step.dns.unanswered": "{client} sent {attempts:query|queries} for {name} to {server} and got no answer.",
    "step.dns.unanswered.several": "{client} sent {attempts:query|queries} for {name} to {servers} and got no answer.",
    # more about a lookup: name, chain · a_ms, aaaa_ms · servers · keep_ms · resolver, server, name, zone, latency_ms
    # tried: server, attempts · ahead: before_ms, latency_ms
    "step.dns.ahead": "The name had been asked for once before, {before_ms} earlier; that took {latency_ms}.",
    "step.dns.alias": "{name} is only another name: it leads to {chain}.",
    "step.dns.asked.authoritative": "To find out, {resolver} asked {server}, which is in charge of {zone}, for {name}, "
    "and had its answer after {latency_ms}.",
    "step.dns.asked.other": "To find out, {resolver} asked {server} for {name} and was answered after {latency_ms}.",
    "step.dns.asked.root": "To find out, {resolver} asked the root server {server} for {name}, and was referred on "
    "after {latency_ms}.",
    "step.dns.asked.tld": "To find out, {resolver} asked {server}, a server of the top-level domain, for {name}, and "
    "was referred on after {latency_ms}.",
    "step.dns.authoritative": "The answer came from the server in charge of the name, and may be kept for {keep_ms}.",
    "step.dns.keep": "The answer may be kept for {keep_ms}.",
    "step.dns.race": "Its IPv4 and its IPv6 address were asked for side by side: that took {a_ms} and {aaaa_ms}.",
    "step.dns.servers": "More than one server was asked: {servers}.",
    "step.dns.tried": "{server} was asked {attempts:time|times}.",
    "step.dns.absent.before_capture": "{name} was looked up before the capture began.",
    "step.dns.absent.cached": "No lookup of {name}: its address was already known from an earlier one.",
    "step.dns.absent.doh_suspected": "No readable lookup of {name}: it probably went over encrypted DNS.",
    "step.dns.absent.literal_address": "No lookup: the address was given as numbers, so there was no name to resolve.",
    "step.dns.absent.not_captured": "No lookup of {name} is in this capture: it was cached, or happened elsewhere.",
    "step.dns.absent.reused": "No lookup of {name}: the connection was already open.",
    # arp: client, target_ip, mac, latency_ms, attempts
    "step.arp": "{client} asked the local network who has {target_ip}, the next hop; {mac} answered in {latency_ms}.",
    "step.arp.resolver": "{client} asked the local network who has {target_ip}, the server for names; {mac} answered "
    "in {latency_ms}.",
    "step.arp.server": "{client} asked the local network who has {target_ip}, which is the server itself; {mac} "
    "answered in {latency_ms}.",
    "step.arp.towards_resolver": "{client} asked the local network who has {target_ip}, the way to the server for "
    "names; {mac} answered in {latency_ms}.",
    "step.arp.unanswered": "{client} asked the local network for {target_ip} {attempts:time|times}; nobody answered.",
    "step.arp.absent.cached": "No ARP: the hardware address of the next hop was already known.",
    "step.arp.absent.not_applicable": "No ARP: this link or address family does not use it.",
    "step.arp.absent.reused": "No ARP: the connection was already open.",
    "step.arp.absent.not_captured": "No ARP in this capture: the next hop's hardware address was already known, or the "
    "question was asked where the recorder could not hear it.",
    "step.arp.absent.same": "No ARP for the server: the way there leads through the same machine.",
    # ndp: what ARP is for IPv4, with the same arguments
    "step.ndp": "{client} asked its neighbours who has {target_ip}, the next hop; {mac} answered in {latency_ms}.",
    "step.ndp.resolver": "{client} asked its neighbours who has {target_ip}, the server for names; {mac} answered in "
    "{latency_ms}.",
    "step.ndp.server": "{client} asked its neighbours who has {target_ip}, which is the server itself; {mac} answered "
    "in {latency_ms}.",
    "step.ndp.towards_resolver": "{client} asked its neighbours who has {target_ip}, the way to the server for names; "
    "{mac} answered in {latency_ms}.",
    # tcp: client, server, server_port, connect_ms, rtt_ms, attempts, stream · tried_ms, connections
    "step.tcp": "{client} opened a connection to {server} port {server_port} in {connect_ms} (three-way handshake).",
    "step.tcp.lost_syn": "{client} opened a connection to {server} port {server_port} in {connect_ms}; {loss_ms} of "
    "that were spent repeating a lost SYN ({attempts:attempt|attempts}).",
    "step.tcp.incomplete": "{client} asked {server} port {server_port} for a connection and was answered; the packet "
    "that completes the handshake is not in this capture.",
    "step.tcp.numbers": "SYN with the sequence number {client_isn} → SYN-ACK with {server_isn}, which acknowledges "
    "{client_next} → ACK of {server_next}: each side confirms the other's number plus one.",
    "step.tcp.one_sided": "{client} asked {server} port {server_port} for a connection; the answer is not in this "
    "capture.",
    "step.tcp.refused": "{server} refused the connection to port {server_port}: nothing listens there.",
    "step.tcp.refused.again": "{server} refused {attempts:attempt|attempts} to connect to port {server_port} within "
    "{tried_ms}: nothing listens there.",
    "step.tcp.unanswered": "{client} tried {server} port {server_port} {attempts:time|times} and got no answer.",
    "step.tcp.unanswered.several": "{client} tried {server} port {server_port} {attempts:time|times} within "
    "{tried_ms}, for {connections:connection|connections}, and got no answer.",
    "step.tcp.unreachable": "{client} tried {server} port {server_port}; a router answered that it cannot be reached.",
    "step.tcp.absent.failed": "No connection was tried, because an earlier step failed.",
    "step.tcp.absent.midstream": "The connection was already open when the capture began.",
    "step.tcp.absent.not_captured": "The opening of the connection is not in this capture.",
    "step.tcp.absent.reused": "No new connection: the open one (stream {stream}) was used again.",
    # tls: version, sni, cipher, handshake_ms, alert
    "step.tls": "Both sides agreed on {version} for {sni} in {handshake_ms}; from here on the traffic is encrypted.",
    "step.tls.failed": "The encrypted session for {sni} could not be set up: {alert}.",
    "step.tls.failed.not_tls": "The client began an encrypted session for {sni}, but the server does not speak TLS on "
    "this port.",
    "step.tls.failed.plain_http": "The client began an encrypted session for {sni}, but the server answered in plain "
    "HTTP: this port is for http, not https.",
    "step.tls.incomplete": "The encrypted session for {sni} was begun; its completion is not in this capture.",
    "step.tls.resumed": "Both sides resumed an earlier {version} session for {sni} in {handshake_ms}.",
    # more about what was agreed: cipher, group · subject, issuer, from_day, to_day, key · alpn
    "step.tls.alpn": "Inside they speak {alpn}.",
    "step.tls.certificate": "The server showed a certificate for {subject}, issued by {issuer}, valid from {from_day} "
    "to {to_day} ({key}).",
    "step.tls.certificate.encrypted": "The certificate was sent encrypted, so it cannot be read here.",
    "step.tls.certificate.resumed": "No certificate was sent: the earlier session stands for it.",
    "step.tls.certificate.self": "The server showed a certificate for {subject} that it signed itself, valid from "
    "{from_day} to {to_day} ({key}).",
    "step.tls.cipher": "The cipher suite is {cipher}.",
    "step.tls.early": "The client sent its first request along with the handshake (early data).",
    "step.tls.keys": "The cipher suite is {cipher}; the keys were agreed on with {group}.",
    "step.tls.retry": "The server asked the client to begin anew with other parameters, which cost a round trip.",
    "step.tls.absent.midstream": "The connection was already encrypted when the capture began.",
    "step.tls.absent.not_applicable": "No TLS: the traffic was not encrypted.",
    "step.tls.absent.not_captured": "No TLS handshake is in this capture.",
    "step.tls.absent.plain": "No TLS: this visit used plain HTTP, readable by everyone on the way.",
    "step.tls.absent.reused": "No new TLS handshake: the open connection was used again.",
    # request, response: method, target, host, status, reason, wait_ms, receive_ms, bytes
    "step.request": "{client} sent {method} {target} to {host}.",
    "step.request.agent": "The client calls itself {user_agent}.",
    "step.request.body": "It sent {body_bytes} with the request.",
    "step.request.conditional": "It has a copy already, and asks only whether that is still good.",
    "step.request.lost": "The request was lost on the way and had to be sent again ({frames:packet|packets}): that "
    "cost {loss_ms}.",
    "step.request.cookies": "It sent {cookies:cookie|cookies} with the request: {names}.",
    "step.request.referer": "The page it comes from is {referer}.",
    "step.request.absent.encrypted": "The requests are encrypted, so they cannot be read.",
    "step.request.absent.no_request": "No request was sent on this connection.",
    "step.request.absent.failed": "No request was sent, because an earlier step failed.",
    "step.request.absent.not_captured": "The request is not in this capture.",
    "step.response": "{host} answered {status} {reason} after {wait_ms} and sent {body_bytes} in {receive_ms}.",
    "step.response.at_once": "{host} answered {status} {reason} after {wait_ms} and sent {body_bytes}.",
    "step.response.empty": "{host} answered {status} {reason} after {wait_ms}, without a body.",
    "step.response.no_status": "{host} answered after {wait_ms} without a status line, as HTTP/0.9 does, and sent "
    "{body_bytes} in {receive_ms}.",
    "step.response.no_status.end_unknown": "{host} answered after {wait_ms} without a status line, as HTTP/0.9 does; "
    "where its answer ends cannot be told.",
    "step.response.none_came": "{host} answered {status} {reason} after {wait_ms}, and none of the {promised_bytes} "
    "of its body came.",
    # more about an answer: status · content_type · coding, decoded_bytes, body_bytes · cache_control · cookies, names
    "step.response.caching": "For caches it says: {cache_control}.",
    "step.response.compressed": "It travelled compressed ({coding}): {decoded_bytes} became {body_bytes}.",
    "step.response.compressed.larger": "It travelled compressed ({coding}), which made it larger: "
    "{decoded_bytes} became {body_bytes}.",
    "step.response.cookies": "It sets {cookies:cookie|cookies}: {names}.",
    "step.response.lost": "A part of the answer was lost on the way and had to be sent again "
    "({frames:packet|packets}); that held it up for {loss_ms}.",
    "step.response.meaning": "The status {status} means: {status_meaning}",
    "step.response.server": "The server calls itself {server}.",
    "step.response.type": "The type of its body is {content_type}.",
    "step.response.absent.encrypted": "The responses are encrypted, so they cannot be read.",
    "step.response.absent.aborted": "No response: the connection was aborted first.",
    "step.response.absent.client_closed": "No response: the client gave up after {wait_ms} and closed the connection.",
    "step.response.absent.server_closed": "No response: after {wait_ms} {host} closed the connection instead.",
    "step.response.absent.server_reset": "No response: after {wait_ms} {host} reset the connection instead.",
    "step.response.absent.failed": "No response, because an earlier step failed.",
    "step.response.absent.no_response": "No response to this request was captured.",
    "step.response.absent.not_captured": "The response is not in this capture.",
    # redirect: status, from_url, to_url, count
    "step.redirect": "{host} answered {status} and sent the client on to {location}.",
    "step.redirect.absent.not_applicable": "No redirect: the first address was the right one.",
    # objects: requests, connections, failed, bytes, duration_ms
    "step.objects": "This led to {requests:more request|more requests} over {connections:connection|connections}, "
    "{body_bytes} in {duration_ms}.",
    "step.objects.failed": "This led to {requests:more request|more requests} over "
    "{connections:connection|connections}, {body_bytes} in {duration_ms}; {failed} of them failed.",
    "step.objects.kept": "{count:object was|objects were} already there, unchanged (304): {saved_bytes} saved.",
    "step.objects.kept.unknown": "{count:object was|objects were} already there, unchanged (304).",
    "step.objects.absent.encrypted": "What else was fetched is encrypted and cannot be told apart.",
    "step.objects.absent.not_applicable": "Nothing else was fetched for it.",
    # background: kinds, requests, duration_ms
    "step.background": "The page was there without waiting for {requests:more request|more requests} in "
    "{duration_ms}: {kinds}.",
    # close: closed_by, kind, close_ms · first
    "step.close": "The {closed_by} closed the connection first; both sides were done after {close_ms}.",
    "step.close.three_way": "The {closed_by} closed the connection first; three packets did it, because the other "
    "side's FIN travelled together with its ACK.",
    "step.close.simultaneous": "Both sides closed the connection at the same moment.",
    "step.close.half_closed": "Only the {closed_by} closed its direction; the other one stayed open.",
    "step.close.reset": "The {closed_by} reset the connection instead of closing it.",
    # first, other: client or server · first_states, other_states
    "step.close.reset.after_fin": "The {first} closed the connection first (FIN); then the {closed_by} reset it.",
    "step.close.reset.after_own_fin": "The {first} closed the connection first (FIN), and reset it afterwards.",
    "step.close.states": "The {first} went through the states {first_states}, the {other} through {other_states}.",
    "step.close.states.both": "Both sides went through the states {first_states}.",
    "step.close.absent.not_captured": "The end of the connection is not in this capture.",
    "step.close.absent.not_closed": "The connection was still open when the capture ended.",
    "step.close.absent.open": "The connection was still open when the capture ended.",
    **JUDGED,
}
"""Key → sentence of a journey's step, present or absent (the groups' comments list the arguments)."""

WITHOUT: dict[str, tuple[tuple[str, str], ...]] = {
    "step.response": (("body_bytes", "step.response.empty"), ("receive_ms", "step.response.at_once"))
}
"""Key → (argument, key to use instead when that argument is 0): a sentence should not count nothing."""
