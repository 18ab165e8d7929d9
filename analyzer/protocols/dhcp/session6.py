"""DHCPv6: who got which IPv6 address and resolvers from whom, as rows of the same table.

Rules:

* One row per transaction: client (DUID), transaction id, VLAN; a Request continues the row of the Solicit before it,
  though it has an id of its own (RFC 8415 section 18.2.2). Release and Decline are rows of their own.
* ``discover``, ``offer``, ``request`` and ``answer`` frames are those of Solicit, Advertise, Request (or Renew, Rebind,
  Confirm, Information-request) and Reply. Gateways are no matter of DHCPv6: routers announce themselves.
* A Reply that refuses everything asked for is ``refused``.

Source: RFC 8415.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from analyzer.problems import ProblemLog
from analyzer.protocols.base import Datagram
from analyzer.protocols.dhcp.messages6 import Message6, parse
from analyzer.protocols.dhcp.session import GAP_NS, WAIT_NS
from analyzer.schema import DhcpOffer, DhcpRow
from analyzer.units import ms_between

PORTS = (546, 547)
"""Client and server (RFC 8415 section 7.2)."""

_KINDS = {
    "solicit": "lease",
    "advertise": "lease",
    "request": "lease",
    "reply": "lease",
    "confirm": "reboot",
    "renew": "renewal",
    "rebind": "renewal",
    "information_request": "inform",
    "release": "release",
    "decline": "decline",
}
_ASKING = ("request", "confirm", "renew", "rebind", "information_request", "release", "decline")

Key = tuple[str, int, int | None]


@dataclass(slots=True)
class _Talk:
    """A row while it is being filled."""

    kind: str
    messages: list[Message6] = field(default_factory=list)
    answer: Message6 | None = None


def exchanges(datagrams: Iterable[Datagram], problems: ProblemLog, capture_end_time: int | None) -> list[DhcpRow]:
    """Turn DHCPv6 messages into rows ordered by their first frame; arguments as for DHCP."""
    rows: list[_Talk] = []
    known: dict[Key, _Talk] = {}
    solicited: dict[tuple[str, int | None], _Talk] = {}
    for datagram in datagrams:
        message = parse(datagram, problems)
        key, client = (message.duid, message.transaction_id, datagram.vlan), (message.duid, datagram.vlan)
        talk = known.get(key)
        if message.kind == "request" and talk is None:
            talk = solicited.pop(client, None)
        if talk is None or _ended(talk, message):
            talk = _Talk(_KINDS.get(message.kind, "other"))
            rows.append(talk)
        if message.kind == "solicit":
            solicited[client] = talk
        if message.kind != "unreadable":
            known[key] = talk
        talk.messages.append(message)
        if message.kind == "reply" and talk.answer is None:
            talk.answer = message
    return [_row(talk, capture_end_time) for talk in rows]


def _ended(talk: _Talk, message: Message6) -> bool:
    """Return whether a message belongs to a new try, though its id is known."""
    late = message.datagram.time - talk.messages[-1].datagram.time > GAP_NS
    return late or (talk.answer is not None and not message.reply)


def _row(talk: _Talk, capture_end: int | None) -> DhcpRow:
    messages, answer = talk.messages, talk.answer
    first = messages[0]
    offers = [message for message in messages if message.kind == "advertise"]
    told = answer or (offers[0] if offers else None)
    asking = [message for message in messages if not message.reply]
    outcome, why = _outcome(talk, offers, capture_end)
    return DhcpRow(
        discover_frame=_frame(messages, "solicit"),
        offer_frame=_frame(messages, "advertise"),
        request_frame=_frame(messages, *_ASKING),
        answer_frame=None if answer is None else answer.datagram.frame,
        start_time=first.datagram.time,
        answer_time=None if answer is None else answer.datagram.time,
        kind=talk.kind,
        client_mac=next((message.mac for message in messages if message.mac), None),
        client_name=next((message.name for message in asking if message.name), None),
        transaction_id=first.transaction_id,
        attempts=sum(message.kind == first.kind for message in asking),
        frames=tuple(message.datagram.frame for message in messages),
        requested_address=next((message.addresses[0] for message in asking if message.addresses), None),
        address=told.addresses[0] if told is not None and told.addresses else None,
        server=None if told is None else told.datagram.source,
        relay=next((message.relay for message in messages if message.relay), None),
        subnet_mask=None,
        routers=(),
        resolvers=() if told is None else tuple(told.resolvers),
        domain=None if told is None else told.domain,
        lease_s=None if told is None else told.lease_s,
        offers=tuple(map(_offer, offers)),
        latency_ms=None if answer is None or not asking else ms_between(asking[0].datagram.time, answer.datagram.time),
        outcome=outcome,
        outcome_why=why,
        vlan=first.datagram.vlan,
        messages=tuple(message.kind for message in messages),
        version=6,
        last_time=messages[-1].datagram.time,
        broadcast=False,
        server_message=next((message.refusal for message in messages if message.reply and message.refusal), None),
    )


def _frame(messages: list[Message6], *kinds: str) -> int | None:
    return next((message.datagram.frame for message in messages if message.kind in kinds), None)


def _offer(message: Message6) -> DhcpOffer:
    address = message.addresses[0] if message.addresses else None
    resolvers = tuple(message.resolvers)
    return DhcpOffer(message.datagram.frame, message.datagram.source, address, None, (), resolvers, message.lease_s)


def _outcome(talk: _Talk, offers: list[Message6], capture_end: int | None) -> tuple[str, str | None]:
    """Return (outcome, why)."""
    wrong = next((message.why for message in talk.messages if message.why not in (None, "snaplen")), None)
    if wrong is not None:
        return "malformed", wrong
    if talk.kind in ("release", "decline", "other"):
        return "not_applicable", None
    if talk.answer is not None:
        if talk.kind == "inform":
            return "informed", None
        refused = talk.answer.refusal is not None and not talk.answer.addresses
        return ("refused" if refused else "bound"), None
    last = talk.messages[-1].datagram.time
    ends = capture_end is not None and capture_end - last < WAIT_NS
    return ("offered" if offers else "no_answer"), "capture_end" if ends else None
