"""The glossary's own words: basic terms of networking, labels of segments, and Zeek's words for a connection.

Each has one plain sentence that somebody who has never read an RFC understands. What codes mean (HTTP status codes, DNS
response codes, states of TCP, close codes) is kept with the codes. Translations are under ``term.<key>`` and, of the
name, ``term.<key>.name``.

Sources: RFC 9293 (TCP), RFC 9110 and 9111 (HTTP), RFC 9499 (DNS terms), RFC 8446 (TLS 1.3), RFC 826 (ARP),
RFC 2681 (round-trip delay); the labels are those of Wireshark's TCP analysis, the letters those of Zeek's conn.log.
"""

from __future__ import annotations

from analyzer.language import translated

TERMS: dict[str, tuple[str, str]] = {
    # on the wire
    "capture": ("capture", "A file with copies of the packets that passed one place in a network, and when they did."),
    "frame": (
        "frame",
        "One record of the capture: a packet as it travelled over one link. Frames are numbered from 1, as in "
        "Wireshark.",
    ),
    "packet": (
        "packet",
        "A piece of data with the addresses of its sender and its receiver, passed from router to router.",
    ),
    "segment": ("segment", "A packet of TCP: a numbered piece of what one side of a connection sends."),
    "stream": ("stream", "All packets of one TCP connection; its number is Wireshark's tcp.stream."),
    "payload": ("payload", "What a packet carries, without the headers that bring it to its place."),
    "mtu": ("MTU", "The largest packet that a link carries, often 1500 bytes; what is larger must be split."),
    "vantage": (
        "vantage point",
        "Where the packets were recorded. Times are those of this place: near the client one sees what its user waited "
        "for.",
    ),
    # addresses
    "mac": ("hardware address", "The address of a network card on its own link, also called MAC address."),
    "ip": ("IP address", "The address of a machine in the whole network, such as 192.0.2.1 or 2001:db8::1."),
    "port": ("port", "A number that tells which program of a machine a packet is for: 80 for HTTP, 443 for HTTPS."),
    "arp": ("ARP", "The question who has an IP address on this link, and the answer with the hardware address."),
    "gateway": ("gateway", "The router that takes packets for all other networks; the way out of this one."),
    "dhcp": ("DHCP", "How a machine that joins a network gets its address, its gateway and its resolver."),
    "ttl": (
        "TTL",
        "Of a packet, how many routers it may still pass; of a DNS record, how many seconds it may be kept and used "
        "again.",
    ),
    # names
    "dns": ("DNS", "The directory that turns names such as www.example.com into IP addresses."),
    "resolver": ("resolver", "The server that a machine asks for names; it asks other servers until it knows."),
    "cname": ("CNAME", "A DNS record which says that a name is an alias of another, which is then looked up instead."),
    "lookup": ("lookup", "A question to DNS and its answer, with all repetitions of the question."),
    # connections
    "tcp": ("TCP", "The protocol that makes a reliable, ordered stream of bytes from packets that may be lost."),
    "connection": (
        "connection",
        "A conversation of two programs over TCP, known by the two addresses and the two ports.",
    ),
    "client": ("client", "The side that opened the connection, such as a browser."),
    "server": ("server", "The side that waited for somebody to connect, and answers."),
    "handshake": (
        "handshake",
        "The first packets, by which both sides agree to talk: SYN, SYN/ACK and ACK in TCP, the hello messages in TLS.",
    ),
    "syn": ("SYN", "The flag of a packet that asks to open a connection; it tells the sender's first number."),
    "ack": ("ACK", "The flag and number by which a side says up to which byte it has received everything."),
    "fin": ("FIN", "The flag by which a side says that it has nothing more to send."),
    "rst": ("RST", "The flag that ends a connection at once; what was on its way is thrown away."),
    "psh": ("PSH", "The flag which says: hand this to the program now, do not wait for more."),
    "seq": (
        "sequence number",
        "The place of a segment's first byte in all that its side sends. Here it counts from 0, as in Wireshark.",
    ),
    "window": ("window", "How many bytes a receiver is ready to take; a sender must not have more on the way."),
    "mss": ("MSS", "Maximum segment size: the most data that a side takes in one segment, told in its SYN."),
    "retransmission": ("retransmission", "Data that is sent again because no acknowledgement came in time."),
    "loss": ("packet loss", "A packet did not arrive. TCP notices and sends its data again, which costs time."),
    "keepalive": (
        "keep-alive",
        "Of TCP, a small packet that asks whether the other side is still there; of HTTP, keeping a connection open "
        "for the next request.",
    ),
    "rtt": ("round-trip time", "How long it takes until the answer to a packet is back. Distance sets its least."),
    "throughput": ("throughput", "How much data arrives in a time, such as 20 Mbit/s."),
    "latency": ("latency", "How long one has to wait for an answer."),
    "percentile": (
        "percentile",
        "A value that a given share does not exceed: with a p95 of 200 ms, 95 of 100 cases took 200 ms at most.",
    ),
    "icmp": ("ICMP", "Messages about the network itself: pings, and notices that a packet could not be delivered."),
    # encryption
    "tls": ("TLS", "The encryption between two programs; HTTPS is HTTP inside it."),
    "certificate": ("certificate", "A signed document by which a server proves that a name is its own."),
    "sni": ("SNI", "The name of the server that a client wants, told at the start of TLS, mostly readable."),
    "alpn": ("ALPN", "The part of the TLS handshake that settles which protocol is spoken inside, such as h2."),
    "cipher": ("cipher suite", "The set of methods that both sides agreed to encrypt and sign with."),
    # the web
    "http": ("HTTP", "The protocol of the web: a client sends a request, the server an answer with a status code."),
    "status": (
        "status code",
        "Three digits that say what came of a request: 200 worked, 404 not found, 503 overloaded.",
    ),
    "header": ("header", "Named lines before the body of a message, such as Host or Content-Type."),
    "redirect": ("redirect", "An answer that sends the client to another address, where it asks again."),
    "cache": ("cache", "A store of earlier answers, which saves asking again while they are still good."),
    "cookie": ("cookie", "A value that a server gives a client, which sends it back with each later request."),
    "proxy": ("proxy", "A machine that passes requests on in the name of others."),
    "visit": (
        "visit",
        "What one action of a person set off, such as opening a page: its lookups, connections, requests.",
    ),
    "waterfall": ("waterfall", "The requests of a visit as bars on one time axis, each split into its phases."),
    "websocket": ("WebSocket", "A connection that began as HTTP and then carries messages in both directions."),
}
"""Key → (term, one plain sentence), from the wire up to the web."""

LABELS: dict[str, tuple[str, str]] = {
    "lost_segment": (
        "previous segment not captured",
        "The bytes before this segment are not in the capture: they were lost before the recorder, or by it.",
    ),
    "retransmission": ("retransmission", "Its bytes had been sent before."),
    "fast_retransmission": (
        "fast retransmission",
        "Sent again at once, because several duplicate ACKs told of a hole; no timer had to run out.",
    ),
    "spurious_retransmission": (
        "spurious retransmission",
        "Sent again although the receiver had already acknowledged these bytes.",
    ),
    "out_of_order": ("out of order", "It came after bytes that follow it: overtaken on its way, or sent again."),
    "duplicate_ack": (
        "duplicate ACK",
        "The receiver repeats the number it waits for: something came, but not the bytes that come next.",
    ),
    "acked_unseen": (
        "ACK of an unseen segment",
        "It acknowledges bytes that are not in the capture, so the recorder missed them.",
    ),
    "zero_window": ("zero window", "The receiver's buffer is full: the sender has to stop."),
    "zero_window_probe": ("zero window probe", "The sender asks with one byte whether there is room again."),
    "zero_window_probe_ack": ("zero window probe ACK", "The receiver's answer to that question."),
    "window_full": ("window full", "The sender has used up all that the receiver was ready to take."),
    "window_update": ("window update", "The receiver says that there is more room now."),
    "keep_alive": ("keep-alive", "An old byte is sent again to see whether the other side is still there."),
    "keep_alive_ack": ("keep-alive ACK", "The other side is still there."),
    "port_reused": ("port reused", "A new connection with the addresses and ports of an earlier one."),
    "captured_twice": ("captured twice", "The same packet was recorded twice; it was sent only once."),
}
"""Label of a segment (:class:`analyzer.flows.model.Label`, in small letters) → (name, one plain sentence)."""

CONN_STATES: dict[str, str] = {
    "S0": "The client's SYN was never answered.",
    "S1": "The connection was opened, and not closed in this capture.",
    "SF": "It was opened and closed as it should be.",
    "REJ": "The server refused: it answered the SYN with a RST.",
    "S2": "It was opened, the client closed its side, the server did not.",
    "S3": "It was opened, the server closed its side, the client did not.",
    "RSTO": "It was opened, and the client ended it with a RST.",
    "RSTR": "It was opened, and the server ended it with a RST.",
    "RSTOS0": "The client sent a SYN and then a RST; the server never answered.",
    "RSTRH": "The server sent a SYN/ACK and then a RST; no SYN of the client was seen.",
    "SH": "The client sent a SYN and then a FIN; the server never answered.",
    "SHR": "The server sent a SYN/ACK and then a FIN; no SYN of the client was seen.",
    "OTH": "Its beginning is not in the capture.",
}
"""Zeek's ``conn_state`` → one plain sentence."""

HISTORY: dict[str, str] = {
    "s": "SYN",
    "h": "SYN/ACK",
    "a": "an ACK without data",
    "d": "data",
    "f": "FIN",
    "r": "RST",
    "g": "a hole in the data, never filled",
    "t": "data sent again",
    "w": "a full receive buffer (zero window)",
    "i": "FIN and RST in one packet",
    "q": "SYN with FIN or RST in one packet",
    "^": "the first packet seen was the server's",
}
"""Letter of Zeek's ``history`` → what it stands for; upper case is the client's, lower case the server's."""


def term(key: str, lang: str | None = None) -> tuple[str, str]:
    """Return a basic term and its sentence. Raises KeyError for an unknown one."""
    name, text = TERMS[key]
    return translated(name, f"term.{key}.name", lang), translated(text, f"term.{key}", lang)


def label(key: str, lang: str | None = None) -> tuple[str, str]:
    """Return a label of segments and its sentence. Raises KeyError for an unknown one."""
    name, text = LABELS[key]
    return translated(name, f"term.label.{key}.name", lang), translated(text, f"term.label.{key}", lang)


def conn_state(key: str, lang: str | None = None) -> str:
    """Say what one of Zeek's words for a connection means. Raises KeyError for an unknown one."""
    return translated(CONN_STATES[key], f"term.conn.{key}", lang)


def letter(key: str, lang: str | None = None) -> str:
    """Say what a letter of Zeek's history stands for. Raises KeyError for an unknown one."""
    return translated(HISTORY[key], f"term.history.{key}", lang)
