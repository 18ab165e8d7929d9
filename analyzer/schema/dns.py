"""Row of the ``dns`` table (RFC 1035, 3596, 6891, 9460, 5891)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """One resource record of the answer section, its data as presentation text."""

    name: str
    type: str
    ttl: int
    data: str


@dataclass(frozen=True, slots=True)
class DnsFlags:
    """Header flags of the response (of the query when there is no response)."""

    aa: bool
    tc: bool
    rd: bool
    ra: bool
    ad: bool
    cd: bool


@dataclass(frozen=True, slots=True)
class DnsRow:
    """One question with its retries and its first answer.

    ``latency_ms`` runs from the first query of the same five-tuple, id and question to the first response.
    """

    query_frame: int | None
    response_frame: int | None
    query_time: int | None
    transport: str  # udp | tcp | mdns | llmnr | tls | https
    client: str
    client_port: int
    server: str
    server_port: int
    id: int
    qname: str
    qname_unicode: str
    qtype: str
    qclass: str
    rcode: str | None
    flags: DnsFlags
    attempts: int
    query_frames: tuple[int, ...]
    answers: tuple[DnsAnswer, ...]
    addresses: tuple[str, ...]
    cname_chain: tuple[str, ...]
    authority_count: int
    additional_count: int
    edns_udp_size: int | None
    latency_ms: float | None
    outcome: str  # answered | no_answer | unsolicited | malformed
    duplicate_responses: int
    source: str  # authoritative | cache | unknown
    step: str | None  # recursive | root | tld | authoritative
    response_time: int | None = None
    stream: int | None = None  # tcp.stream when the transport is TCP
    outcome_why: str | None = None  # capture_ended | snaplen | query_not_captured | what is malformed
    duplicate_frames: tuple[int, ...] = ()  # the responses that duplicate_responses counts
    dnssec_ok: bool = False  # the DO bit: signatures are wanted (of the query, else of the response)
    negative_ttl: int | None = None  # seconds that a "no" may be kept (RFC 2308)
    zone: str | None = None  # the zone that the server answered from, where the capture tells
    referral: str | None = None  # the zone that the server referred to
    caused_by: int | None = None  # row of the client's question that a resolver asked this for
    conflicting_frames: tuple[int, ...] = ()  # those of the duplicates that say something else than the response
    retry_of: int | None = None  # row of the same question that brought nothing before, asked elsewhere or anew
    raced_with: tuple[int, ...] = ()  # rows of the same name that were under way: A beside AAAA, another server
    still_valid: int | None = None  # row whose answer the client could still have used (time to live)
    rotation: str | None = None  # order | addresses: how the addresses differ from the answer before
    retried_over_tcp: int | None = None  # row of the same question over TCP, after an answer that was cut (TC)
    opcode: str = "query"  # query | inverse_query | status | notify | update | stateful | other: what was asked for
