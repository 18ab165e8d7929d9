"""The tables of neighbours on the page (ARP, IPv6 neighbour discovery), and the line that names the gateway.

A hardware address is shown with who made its card, as far as a register tells (:mod:`analyzer.vendors`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from analyzer import vendors
from analyzer.provenance import frames_text
from analyzer.report import cells
from analyzer.report.cells import MAX_GRID_ROWS, Cell, Clock, Column, Mark, Row, Table, marked
from analyzer.report.escape import Prose, safe
from analyzer.report.protocol_words import word
from analyzer.report.wording import joined, listed, message, plural, say
from analyzer.schema import ArpRow, Gateway, NdpPrefix, NdpRow
from analyzer.visits.steps_names import FOREVER_S

UNSPECIFIED = "::"
"""The address of who has none yet."""


KINDS = {
    "request": message("request"),
    "gratuitous": message("gratuitous"),
    "probe": message("probe"),
    "announcement": message("announcement"),
    "unsolicited_reply": message("unsolicited reply"),
    "solicitation": message("solicitation"),
    "unsolicited": message("unsolicited"),
    "router_solicitation": message("router solicitation"),
    "router_advertisement": message("router advertisement"),
    "redirect": message("redirect"),
    "unreadable": message("unreadable"),
}
"""Kind of an exchange, of ARP or of neighbour discovery → words."""

EXPLAINED = {
    "gratuitous": message("a machine tells everybody its own address"),
    "probe": message("a machine asks whether an address is free before it takes it"),
    "announcement": message("a machine tells everybody the address it has taken"),
    "unsolicited_reply": message("an answer that nobody asked for"),
    "unsolicited": message("a machine tells its address although nobody asked"),
    "redirect": message("a router names a better way"),
}
"""The same in a sentence, where the word does not say it."""

BROKEN = {"malformed": message("malformed"), "invalid": message("invalid")}


def maker(mac: str | None) -> str:
    """Return who made a card, or what kind of address it is otherwise; empty when that is not known."""
    known = vendors.words(mac)
    return say(MAKERS[known]) if known in MAKERS else known


MAKERS = {
    "everybody": message("everybody"),
    "a group": message("a group"),
    "locally administered": message("locally administered"),
}
"""What :func:`analyzer.vendors.words` says of an address without a maker."""


def station(mac: str | None, address: str | None = None) -> Prose:
    """Write a machine: its address, then its hardware address and the maker of its card."""
    if mac is None:
        return safe(address or "")
    card = listed([safe(mac), safe(maker(mac))])
    return say("{address} ({card})", address=address, card=card) if address else card


def _claimed(row: ArpRow | NdpRow, clock: Clock) -> Cell:
    """Say who else claims the address, and since when."""
    if row.conflict is None:
        return Cell(say("none"), tone="muted")
    words = say("also claimed by {mac}", mac=row.conflict)
    if row.conflict_time is not None and row.conflict_frame is not None:
        words = say(
            "also claimed by {mac} at {time} (frame {frame})",
            mac=row.conflict,
            time=clock.text(row.conflict_time),
            frame=row.conflict_frame,
        )
    return Cell(words, tone="bad", title=safe(maker(row.conflict)))


def _vlan(vlan: int | None) -> Cell:
    return cells.text(vlan) if vlan is not None else Cell(say("none"), tone="muted")


def _kind(row: ArpRow | NdpRow) -> Cell:
    words = word(KINDS, row.kind)
    return Cell(words, title=say(EXPLAINED[row.kind]) if row.kind in EXPLAINED else "")


def _answer(row: ArpRow | NdpRow, answered: str) -> Cell:
    """Say what came of it: the answer, that nobody gave one, or why the message does not count."""
    if row.outcome in BROKEN:
        return Cell(say(BROKEN[row.outcome]), why=cells.unknown(row.outcome_why).why, tone="bad")
    if row.outcome == "unanswered":
        if row.kind == "probe":
            title = say("a machine asks before it uses an address")
            return Cell(say("nobody, it is free"), tone="good", title=title)
        return Cell(say("nobody answered"), tone="bad")
    return cells.text(answered, "not_applicable")


def _severity(row: ArpRow | NdpRow) -> str:
    unanswered = row.outcome == "unanswered" and row.kind != "probe"
    return "error" if row.conflict else "warning" if unanswered else ""


def _marked(row: ArpRow | NdpRow, proto: str, clock: Clock) -> Mark:
    last = row.reply_time if row.reply_time is not None else row.last_request_time
    return marked(
        clock,
        host=row.target_ip,
        proto=proto,
        severity=_severity(row),
        duration_ms=row.latency_ms,
        start=row.request_time if row.request_time is not None else row.reply_time,
        end=last,
        frames=(*row.request_frames, row.request_frame, row.reply_frame, row.conflict_frame),
    )


def without_blanks(table: Table) -> Table:
    """Leave out the columns in which no row says anything: they only take up room."""
    kept = [
        at
        for at in range(len(table.columns))
        if not table.rows or any(row.cells[at].tone != "muted" or row.cells[at].link for row in table.rows)
    ]
    rows = tuple(replace(row, cells=tuple(row.cells[at] for at in kept)) for row in table.rows)
    return replace(table, columns=tuple(table.columns[at] for at in kept), rows=rows)


def arp_table(rows: Sequence[ArpRow], clock: Clock) -> Table:
    """Draw up the ARP exchanges."""
    columns = (
        Column("#", numeric=True),
        Column(say("Start"), numeric=True),
        Column(say("Kind")),
        Column(say("Asked by"), wide=True),
        Column(say("Who has")),
        Column(say("Answer"), wide=True),
        Column(say("Took"), numeric=True),
        Column(say("Requests"), numeric=True),
        Column(say("Conflict"), wide=True),
        Column("VLAN", numeric=True),
        Column(say("Frames")),
    )
    shown = tuple(_arp_row(n, row, clock) for n, row in enumerate(rows[:MAX_GRID_ROWS]))
    return without_blanks(Table("arp-table", say("ARP exchanges"), columns, shown, len(rows)))


def _arp_row(n: int, row: ArpRow, clock: Clock) -> Row:
    unanswered = row.outcome == "unanswered"
    return Row(
        f"arp-{n + 1}",
        (
            Cell(str(n + 1)),
            clock.cell(row.request_time if row.request_time is not None else row.reply_time, "not_captured"),
            _kind(row),
            cells.text(station(row.asker_mac, row.asker_ip)),
            cells.text(row.target_ip),
            _answer(row, station(row.answer_mac)),
            cells.ms(row.latency_ms, "unanswered" if unanswered else "not_applicable"),
            cells.count(row.attempts, bad=unanswered and row.kind != "probe"),
            _claimed(row, clock),
            _vlan(row.vlan),
            cells.frames([*row.request_frames[:6], row.reply_frame]),
        ),
        _marked(row, "arp", clock),
    )


def ndp_table(rows: Sequence[NdpRow], clock: Clock) -> Table:
    """Draw up the exchanges of IPv6 neighbour discovery."""
    columns = (
        Column("#", numeric=True),
        Column(say("Start"), numeric=True),
        Column(say("Kind")),
        Column(say("Asked or sent by"), wide=True),
        Column(say("About")),
        Column(say("Answer"), wide=True, title=say("and what a router says of the network")),
        Column(say("Took"), numeric=True),
        Column(say("Requests"), numeric=True),
        Column(say("Conflict"), wide=True),
        Column("VLAN", numeric=True),
        Column(say("Frames")),
    )
    shown = tuple(_ndp_row(n, row, clock) for n, row in enumerate(rows[:MAX_GRID_ROWS]))
    return without_blanks(Table("ndp-table", say("IPv6 neighbours and routers (NDP)"), columns, shown, len(rows)))


def _ndp_row(n: int, row: NdpRow, clock: Clock) -> Row:
    unanswered = row.outcome == "unanswered"
    return Row(
        f"ndp-{n + 1}",
        (
            Cell(str(n + 1)),
            clock.cell(row.request_time if row.request_time is not None else row.reply_time, "not_captured"),
            _kind(row),
            _asker(row),
            _about(row),
            _answer(row, _answered(row)),
            cells.ms(row.latency_ms, "unanswered" if unanswered else "not_applicable"),
            cells.count(row.attempts, bad=unanswered and row.kind == "solicitation"),
            _claimed(row, clock),
            _vlan(row.vlan),
            cells.frames([*row.request_frames[:6], row.reply_frame]),
        ),
        _marked(row, "ndp", clock),
    )


def _answered(row: NdpRow) -> str:
    who, told = station(row.answer_mac, row.answer_ip), _told(row)
    return say("{who}: {told}", who=who, told=told) if who and told else who or told


def _asker(row: NdpRow) -> Cell:
    if row.kind == "unsolicited":
        if row.asker_ip is None:
            return Cell(say("nobody"), tone="muted")
        return Cell(say("nobody; told {address}", address=row.asker_ip), tone="muted")
    return cells.text(station(row.asker_mac, None if row.asker_ip == UNSPECIFIED else row.asker_ip))


def _about(row: NdpRow) -> Cell:
    if row.destination is not None:
        return Cell(say("{host} by way of {router}", host=row.destination, router=row.target_ip or "?"))
    return cells.text(row.target_ip, "not_applicable")


def _told(row: NdpRow) -> Prose:
    """Sum up what a router told: the prefixes, resolvers, its lifetime as a gateway, the MTU."""
    parts = [_prefix(prefix) for prefix in row.prefixes]
    if row.lifetime_s is not None:
        parts.append(say("gateway for {seconds} s", seconds=row.lifetime_s) if row.lifetime_s else say("no gateway"))
    parts += [say("resolver {address}", address=address) for address in row.resolvers]
    parts += [say("domain {name}", name=name) for name in row.domains]
    parts += [say("addresses by DHCPv6")] if row.managed else [say("more by DHCPv6")] if row.other_config else []
    parts += [say("MTU {bytes}", bytes=row.mtu)] if row.mtu else []
    return listed(parts)


def _prefix(prefix: NdpPrefix) -> Prose:
    if prefix.valid_s == FOREVER_S:
        return say("prefix {prefix}", prefix=prefix.prefix)
    return say("prefix {prefix} for {seconds} s", prefix=prefix.prefix, seconds=prefix.valid_s)


_WHY = {
    "netmask": message("what it is handed lies outside the netmask of who sends it"),
    "public_address": message("it is handed packets of private addresses for public ones"),
    "several_networks": message("it is handed packets for several other networks"),
    "passed_on": message(
        "it is handed packets for an address that is not its own, and their answers come from behind a router"
    ),
}
_TOLD = {
    "arp": message("{address} (told by ARP)"),
    "ndp": message("{address} (told by its own advertisement)"),
    "dhcp": message("{address} (told by the DHCP lease)"),
}


def gateway_words(gateways: Sequence[Gateway]) -> tuple[str, str]:
    """Return what the quality strip says of the gateways, and how it is known."""
    if not gateways:
        why = say("nothing was handed on to another network, or the capture does not show to whom")
        return say("none seen"), why
    first = gateways[0]
    value = say("{address} at {mac}", address=first.ip, mac=first.mac) if first.ip else safe(first.mac)
    more = len({gateway.mac for gateway in gateways}) - 1
    titles = [_gateway_title(gateway) for gateway in gateways[:3]]
    return say("{gateway} and {more} more", gateway=value, more=more) if more else value, Prose("; ".join(titles))


def _gateway_title(gateway: Gateway) -> Prose:
    told = _TOLD.get(gateway.ip_why)
    hosts = joined([safe(host) for host in gateway.hosts[:2]])
    if gateway.host_count > 2:
        hosts = plural(gateway.host_count, "host")
    return say(
        "{card}: {address}; {packets} of {hosts}, {frames}; {why}",
        card=station(gateway.mac),
        address=say(told, address=gateway.ip or "") if told else say("its address was not told"),
        packets=plural(gateway.packets, "packet"),
        hosts=hosts,
        frames=frames_text(gateway.frames, 4),
        why=word(_WHY, gateway.why),
    )
