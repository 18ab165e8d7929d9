"""DHCP: who got which address, gateway and resolver from whom.

Rules:

* One row per transaction: client (hardware address), transaction id, VLAN. A message that opens something new after
  the transaction was decided, or after :data:`GAP_NS` of silence, starts another row with the same id (a client that
  renews may use its id again); RELEASE and DECLINE always do, as nothing answers them.
* What a client is after follows from its first message (RFC 2131 section 4.3): DISCOVER, or a REQUEST that names a
  server, is a ``lease``; a REQUEST for an address it had before is a ``reboot``; one from the address it has is a
  ``renewal``; INFORM asks for everything but an address.
* A relay passes each message on with its own address in it, so a capture may hold both; only the copies that came
  from the client are attempts.
* The lease is what the ACK says; before one, what the first offer says. ``latency_ms`` runs from the client's first
  message to the ACK or NAK.
* A row whose client nobody answered is ``no_answer``; when the capture ends within :data:`WAIT_NS` after the last
  message, the reason is that the capture ends (an answer may have come later).

Every datagram that is DHCP, and every one too short to be, is in one row. Sources: RFC 2131, RFC 2132, RFC 951.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from analyzer.problems import ProblemLog
from analyzer.protocols.base import Datagram
from analyzer.protocols.dhcp.messages import Message, parse
from analyzer.schema import DhcpOffer, DhcpRow
from analyzer.units import NS_PER_S, ms_between

PORTS = (67, 68)
"""Server and client (RFC 2131 section 4.1)."""

GAP_NS = 120 * NS_PER_S
"""Clients that are not answered double their waits up to 64 s (RFC 2131 section 4.1); longer silence is a new try."""

WAIT_NS = 4 * NS_PER_S
"""The first retry comes four seconds after the first message (RFC 2131 section 4.1): until then nobody is late."""

OPENING = ("discover", "request", "inform", "bootp_request", "lease_query")
LONE = ("release", "decline", "force_renew")
DECIDING = ("ack", "nak", "bootp_reply")

_KINDS = {
    "discover": "lease",
    "offer": "lease",
    "ack": "lease",
    "nak": "lease",
    "inform": "inform",
    "release": "release",
    "decline": "decline",
    "bootp_request": "bootp",
    "bootp_reply": "bootp",
}

Key = tuple[str | None, int, int | None]


@dataclass(slots=True)
class _Talk:
    """A row while it is being filled."""

    kind: str
    messages: list[Message] = field(default_factory=list)
    answer: Message | None = None

    @property
    def last(self) -> Message:
        return self.messages[-1]


def exchanges(datagrams: Iterable[Datagram], problems: ProblemLog, capture_end_time: int | None) -> list[DhcpRow]:
    """Turn DHCP messages into rows ordered by their first frame.

    Args:
        datagrams: from or to the ports of :data:`PORTS`, in capture order.
        problems: told of what could not be read.
        capture_end_time: ns, of the capture's last packet.
    """
    rows: list[_Talk] = []
    open_rows: dict[Key, _Talk] = {}
    for datagram in datagrams:
        message = parse(datagram, problems)
        key = (message.mac, message.transaction_id, datagram.vlan)
        talk = open_rows.get(key)
        if talk is None or _begins(talk, message):
            talk = _Talk(_kind(message))
            rows.append(talk)
            if message.kind not in (*LONE, "unreadable"):
                open_rows[key] = talk
        talk.messages.append(message)
        if talk.answer is None and message.kind in DECIDING:
            talk.answer = message
    return [_row(talk, capture_end_time) for talk in rows]


def _begins(talk: _Talk, message: Message) -> bool:
    """Return whether a message starts a row of its own although the transaction is known."""
    if message.kind in LONE or message.kind == "unreadable":
        return True
    if message.kind in OPENING and talk.answer is not None:
        return True
    return message.datagram.time - talk.last.datagram.time > GAP_NS


def _kind(first: Message) -> str:
    """Return what a client is after, by its first message (RFC 2131 section 4.3.2)."""
    if first.kind != "request":
        return _KINDS.get(first.kind, "other")
    if first.client is not None:
        return "renewal"
    return "reboot" if first.server is None and first.requested is not None else "lease"


def _row(talk: _Talk, capture_end: int | None) -> DhcpRow:
    messages, answer = talk.messages, talk.answer
    first = messages[0]
    offers = [message for message in messages if message.kind == "offer"]
    told = answer if answer is not None and answer.kind != "nak" else offers[0] if offers else None
    asked = first if not first.reply else None
    outcome, why = _outcome(talk, offers, capture_end)
    return DhcpRow(
        discover_frame=_frame(talk, "discover"),
        offer_frame=_frame(talk, "offer"),
        request_frame=_frame(talk, "request"),
        answer_frame=None if answer is None else answer.datagram.frame,
        start_time=first.datagram.time,
        answer_time=None if answer is None else answer.datagram.time,
        kind=talk.kind,
        client_mac=first.mac,
        client_name=_first(message.name for message in messages if not message.reply),
        transaction_id=first.transaction_id,
        attempts=_attempts(messages),
        frames=tuple(message.datagram.frame for message in messages),
        requested_address=_requested(messages),
        address=_address(talk, told),
        server=_server(talk, answer or told),
        relay=_first(message.relay for message in messages),
        subnet_mask=None if told is None else told.subnet_mask,
        routers=() if told is None else told.routers,
        resolvers=() if told is None else told.resolvers,
        domain=None if told is None else told.domain,
        lease_s=None if told is None else told.lease_s,
        offers=tuple(map(_offer, offers)),
        latency_ms=None if answer is None or asked is None else ms_between(asked.datagram.time, answer.datagram.time),
        outcome=outcome,
        outcome_why=why,
        vlan=first.datagram.vlan,
        messages=tuple(message.kind for message in messages),
        last_time=messages[-1].datagram.time,
        broadcast=any(message.broadcast for message in messages if not message.reply),
        server_message=_first(message.text for message in messages if message.reply),
        client_class=_first(message.vendor_class for message in messages if not message.reply),
    )


def _frame(talk: _Talk, kind: str) -> int | None:
    return next((message.datagram.frame for message in talk.messages if message.kind == kind), None)


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value), None)


def _attempts(messages: list[Message]) -> int:
    """Count the client's first message; where only a relay's copies were recorded, these."""
    same = [message for message in messages if message.kind == messages[0].kind and not message.reply]
    return max(sum(message.relay is None for message in same), sum(message.relay is not None for message in same))


def _requested(messages: list[Message]) -> str | None:
    """Return the address the client wants: the one it names, else the one it has."""
    asking = [message for message in messages if not message.reply]
    return _first(message.requested for message in asking) or _first(message.client for message in asking)


def _address(talk: _Talk, told: Message | None) -> str | None:
    if told is not None:
        return told.yours or (told.client if talk.kind in ("renewal", "inform") else None)
    return talk.messages[0].client if talk.kind == "release" else None


def _server(talk: _Talk, answer: Message | None) -> str | None:
    """Return who answered: who it says it is, else the sender; without an answer, the server that was spoken to."""
    if answer is None:
        return _first(message.server for message in talk.messages)
    return answer.server or (answer.server_ip if answer.kind == "bootp_reply" else None) or answer.datagram.source


def _offer(message: Message) -> DhcpOffer:
    return DhcpOffer(
        message.datagram.frame,
        message.server or message.datagram.source,
        message.yours,
        message.subnet_mask,
        message.routers,
        message.resolvers,
        message.lease_s,
    )


def _outcome(talk: _Talk, offers: list[Message], capture_end: int | None) -> tuple[str, str | None]:
    """Return (outcome, why)."""
    wrong = next((message.why for message in talk.messages if message.why not in (None, "snaplen")), None)
    if wrong is not None:
        return "malformed", wrong
    if talk.answer is not None:
        if talk.answer.kind == "nak":
            return "refused", None
        return ("informed" if talk.kind == "inform" else "bound"), None
    if talk.kind in ("release", "decline", "other"):
        return "not_applicable", None
    if talk.kind == "lease" and talk.messages[0].reply and not offers:
        return "not_applicable", "no_request"
    last = talk.last.datagram.time
    ends = capture_end is not None and capture_end - last < WAIT_NS
    return ("offered" if offers else "no_answer"), "capture_end" if ends else None
