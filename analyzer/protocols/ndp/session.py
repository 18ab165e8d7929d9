"""IPv6 neighbour discovery: who asked for which neighbour or router, who answered, and who else claims it.

Rules:

* A solicitation of one asker for one target, repeated without an answer, is one row with ``attempts``; silence longer
  than :data:`RETRY_GAP_NS` starts a new row. ``latency_ms`` runs from the first one.
* A solicitation from the unspecified address is a *probe* (duplicate address detection, RFC 4862 section 5.4): an
  advertisement of its target by somebody else means that the address is taken.
* An advertisement that nobody waits for is *unsolicited*; nobody answers it.
* A router's advertisement answers whoever asked for routers and still waits: the one it is sent to, or everybody.
  A router waits up to half a second, and three seconds between two sent to all (RFC 4861 section 6.2.6).
* ``conflict`` is another MAC that claimed the row's target anywhere in the capture, on that VLAN. Only claims that are
  meant to replace older ones count (the override flag; several may answer for an anycast or proxied address without
  it, RFC 4861 section 7.2.4), and those of who asks with the address.
* A message that hosts must ignore is a row of its own (``invalid`` or ``malformed``) with the reason; it proves
  nothing.

Every message is in one row. Sources: RFC 4861, RFC 4862.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from analyzer.problems import ProblemLog
from analyzer.protocols.ndp.messages import (
    ADVERTISEMENT,
    REDIRECT,
    ROUTER_ADVERTISEMENT,
    ROUTER_SOLICITATION,
    SOLICITATION,
    UNSPECIFIED,
    Message,
    Signal,
    parse,
)
from analyzer.schema import NdpRow
from analyzer.units import NS_PER_S, ms_between

RETRY_GAP_NS = 60 * NS_PER_S
"""A solicitation this long after the last one is a new question: hosts ask once per second, three times (RFC 4861
section 10)."""

ROUTER_WAIT_NS = 4 * NS_PER_S
"""Hosts ask for routers every four seconds (RFC 4861 section 10, RTR_SOLICITATION_INTERVAL): an advertisement later
than that after the last question is one that was due anyway."""

KINDS = {
    ROUTER_SOLICITATION: "router_solicitation",
    ROUTER_ADVERTISEMENT: "router_advertisement",
    SOLICITATION: "solicitation",
    ADVERTISEMENT: "unsolicited",
    REDIRECT: "redirect",
}

Key = tuple[int | None, int, str, str | None]
"""(VLAN, type, asker or "", target)."""


@dataclass(slots=True)
class _Asked:
    """A row while it is being filled."""

    message: Message
    kind: str
    frames: list[int] = field(default_factory=list)
    last_time: int = 0
    reply: Message | None = None


@dataclass(frozen=True, slots=True)
class _Claim:
    """The first message in which a MAC claimed an address."""

    mac: str
    frame: int
    time: int


Claims = dict[tuple[int | None, str], list[_Claim]]


def exchanges(signals: Iterable[Signal], problems: ProblemLog | None = None) -> list[NdpRow]:
    """Turn neighbour discovery messages into rows ordered by their first frame.

    Args:
        signals: in capture order.
        problems: told of what could not be read.
    """
    book = _Book()
    for signal in signals:
        book.take(parse(signal, problems))
    return [_row(asked, book.claims) for asked in book.rows]


class _Book:
    """The rows so far, and who waits for an answer."""

    def __init__(self) -> None:
        self.rows: list[_Asked] = []
        self.claims: Claims = {}
        self._open: dict[Key, _Asked] = {}
        self._for_routers: dict[int | None, dict[str, _Asked]] = {}

    def take(self, message: Message) -> None:
        """Put a message into its row."""
        if message.why is not None:
            self._alone(message)
            return
        self._claim(message)
        if message.kind == SOLICITATION:
            self._ask(message, "probe" if message.signal.source == UNSPECIFIED else "solicitation")
        elif message.kind == ROUTER_SOLICITATION:
            asked = self._ask(message, "router_solicitation")
            self._for_routers.setdefault(message.signal.vlan, {})[message.signal.source] = asked
        elif message.kind == ADVERTISEMENT:
            self._answer(message)
        elif message.kind == ROUTER_ADVERTISEMENT:
            self._answer_routers(message)
        else:
            self._alone(message)

    def _alone(self, message: Message) -> None:
        kind = KINDS.get(message.kind, "unreadable")
        if message.kind == SOLICITATION and message.signal.source == UNSPECIFIED:
            kind = "probe"
        self.rows.append(_Asked(message, kind, [message.signal.frame], message.signal.time))

    def _ask(self, message: Message, kind: str) -> _Asked:
        signal = message.signal
        # Who probes has no address yet: the target says which address, the MAC who.
        asker = (message.sender_mac or "") if kind == "probe" else signal.source
        key = (signal.vlan, message.kind, asker, message.target)
        asked = self._open.get(key)
        if asked is None or asked.reply is not None or signal.time - asked.last_time > RETRY_GAP_NS:
            asked = self._open[key] = _Asked(message, kind)
            self.rows.append(asked)
            if kind == "probe":
                self._open[signal.vlan, SOLICITATION, "", message.target] = asked
        asked.frames.append(signal.frame)
        asked.last_time = signal.time
        return asked

    def _answer(self, message: Message) -> None:
        """Give an advertisement to who asked for it; one to all nodes may answer a probe (RFC 4861 section 7.2.4)."""
        signal = message.signal
        asked = self._open.get((signal.vlan, SOLICITATION, signal.destination, message.target))
        if asked is None or asked.reply is not None:
            probe = self._open.get((signal.vlan, SOLICITATION, "", message.target))
            fresh = probe is not None and signal.time - probe.last_time <= RETRY_GAP_NS
            # What is sent to all after a probe by its own sender announces that the address is now its own.
            asked = probe if fresh and not message.solicited and _by_another(message, probe) else None
        if asked is not None and asked.reply is None:
            asked.reply = message
        else:
            self.rows.append(_Asked(message, "unsolicited", reply=message))

    def _answer_routers(self, message: Message) -> None:
        signal = message.signal
        waiting = self._for_routers.get(signal.vlan, {})
        to_all = signal.destination.startswith("ff")
        hosts = list(waiting) if to_all else [signal.destination] if signal.destination in waiting else []
        answered = False
        for host in hosts:
            asked = waiting.pop(host)
            if asked.reply is None and signal.time - asked.last_time <= ROUTER_WAIT_NS:
                asked.reply, answered = message, True
        if not answered:
            self._alone(message)

    def _claim(self, message: Message) -> None:
        """Remember who uses an address; two MACs are enough to name another one than any given."""
        signal = message.signal
        if message.kind == ADVERTISEMENT:
            mac, address = _mac(message), message.target
            if not message.override:
                return
        else:
            mac, address = message.source_mac, signal.source
        if mac is None or address in (None, UNSPECIFIED):
            return
        first = self.claims.setdefault((signal.vlan, str(address)), [])
        if len(first) < 2 and all(mac != claim.mac for claim in first):
            first.append(_Claim(mac, signal.frame, signal.time))


def _mac(message: Message) -> str | None:
    """Return the hardware address that an advertisement gives for its target."""
    return message.target_mac or message.sender_mac


def _by_another(message: Message, probe: _Asked | None) -> bool:
    """Return whether an advertisement surely came from another machine than a probe."""
    mac = _mac(message)
    prober = None if probe is None else probe.message.sender_mac
    return mac is not None and prober is not None and mac != prober


def _row(asked: _Asked, claims: Claims) -> NdpRow:
    message, reply = asked.message, asked.reply
    signal = message.signal
    lone = not asked.frames  # an advertisement that nobody waits for: its addressee stands where the asker would
    told = reply or message
    routing = asked.kind.startswith("router")
    other = _other(claims.get((signal.vlan, message.target or ""), ()), asked)
    return NdpRow(
        request_frame=asked.frames[0] if asked.frames else None,
        reply_frame=None if reply is None else reply.signal.frame,
        request_time=signal.time if asked.frames else None,
        kind=asked.kind,
        asker_mac=None if lone else message.sender_mac,
        asker_ip=signal.destination if lone else signal.source,
        target_ip=message.target,
        answer_mac=_answer_mac(asked),
        router=told.router,
        prefixes=tuple(told.prefixes),
        resolvers=tuple(told.resolvers),
        lifetime_s=told.lifetime_s,
        attempts=len(asked.frames),
        request_frames=tuple(asked.frames),
        latency_ms=ms_between(signal.time, reply.signal.time) if asked.frames and reply is not None else None,
        outcome=_outcome(asked),
        conflict=None if other is None else other.mac,
        vlan=signal.vlan,
        reply_time=None if reply is None else reply.signal.time,
        answer_ip=None if reply is None else reply.signal.source if routing else reply.target,
        last_request_time=asked.last_time if asked.frames else None,
        conflict_frame=None if other is None else other.frame,
        conflict_time=None if other is None else other.time,
        outcome_why=message.why,
        destination=message.destination,
        mtu=told.mtu,
        hop_limit=told.hop_limit,
        managed=told.managed,
        other_config=told.other_config,
        domains=tuple(told.domains),
    )


def _answer_mac(asked: _Asked) -> str | None:
    if asked.reply is not None:
        return asked.reply.sender_mac if asked.kind.startswith("router") else _mac(asked.reply)
    lone = asked.kind in ("unsolicited", "redirect") and asked.message.why is None
    return _mac(asked.message) if lone and asked.kind == "unsolicited" else asked.message.target_mac if lone else None


def _outcome(asked: _Asked) -> str:
    if asked.message.why is not None:
        return "malformed" if asked.message.malformed else "invalid"
    if asked.kind not in ("solicitation", "probe", "router_solicitation"):
        return "not_applicable"
    return "unanswered" if asked.reply is None else "answered"


def _other(claims: Iterable[_Claim], asked: _Asked) -> _Claim | None:
    """Return the first claim to the target by another MAC than the one that this row says holds it."""
    if asked.message.why is not None:
        return None
    if asked.kind == "probe":
        holder = asked.message.sender_mac
    elif asked.reply is not None and not asked.kind.startswith("router"):
        holder = _mac(asked.reply)
    else:
        return None
    return next((claim for claim in claims if claim.mac != holder), None) if holder is not None else None
