"""The tables of neighbours on the page (ARP, IPv6 neighbour discovery), and the line that names the gateway.

A hardware address is shown with who made its card, as far as a register tells (:mod:`analyzer.vendors`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from analyzer import vendors
from analyzer.provenance import frames_text
from analyzer.report import cells
from analyzer.report.cells import MAX_TABLE_ROWS, Cell, Clock, Column, Mark, Row, Table
from analyzer.report.escape import Prose, safe
from analyzer.report.wording import joined, plural
from analyzer.schema import ArpRow, Gateway, NdpRow
from analyzer.visits.steps_names import FOREVER_S

UNSPECIFIED = "::"
"""The address of who has none yet."""


def station(mac: str | None, address: str | None = None) -> str:
    """Write a machine: its address, then its hardware address and the maker of its card."""
    if mac is None:
        return address or ""
    maker = vendors.words(mac)
    card = f"{mac}, {maker}" if maker else mac
    return f"{address} ({card})" if address else card


def _claimed(row: ArpRow | NdpRow, clock: Clock) -> Cell:
    """Say who else claims the address, and since when."""
    if row.conflict is None:
        return Cell("none", tone="muted")
    since = f" at {clock.text(row.conflict_time)}" if row.conflict_time is not None else ""
    frame = f" (frame {row.conflict_frame})" if row.conflict_frame is not None else ""
    words = Prose(f"also claimed by {safe(row.conflict)}{since}{frame}")
    return Cell(words, tone="bad", title=safe(vendors.words(row.conflict)))


def _vlan(vlan: int | None) -> Cell:
    return cells.text(vlan) if vlan is not None else Cell("none", tone="muted")


def _answer(row: ArpRow | NdpRow, answered: str) -> Cell:
    """Say what came of it: the answer, that nobody gave one, or why the message does not count."""
    if row.outcome in ("malformed", "invalid"):
        return Cell(safe(row.outcome), why=cells.unknown(row.outcome_why).why, tone="bad")
    if row.outcome == "unanswered":
        if row.kind == "probe":
            return Cell("nobody, it is free", tone="good", title="a machine asks before it uses an address")
        return Cell("nobody answered", tone="bad")
    return cells.text(answered, "not_applicable")


def _severity(row: ArpRow | NdpRow) -> str:
    unanswered = row.outcome == "unanswered" and row.kind != "probe"
    return "error" if row.conflict else "warning" if unanswered else ""


def _duration(ms: float | None) -> str:
    return "" if ms is None else f"{ms:.3f}"


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
        Column("Start", numeric=True),
        Column("Kind"),
        Column("Asked by", wide=True),
        Column("Who has"),
        Column("Answer", wide=True),
        Column("Took", numeric=True),
        Column("Requests", numeric=True),
        Column("Conflict", wide=True),
        Column("VLAN", numeric=True),
        Column("Frames"),
    )
    shown = tuple(_arp_row(n, row, clock) for n, row in enumerate(rows[:MAX_TABLE_ROWS]))
    return without_blanks(Table("arp-table", "ARP exchanges", columns, shown, len(rows)))


def _arp_row(n: int, row: ArpRow, clock: Clock) -> Row:
    unanswered = row.outcome == "unanswered"
    return Row(
        f"arp-{n + 1}",
        (
            Cell(str(n + 1)),
            clock.cell(row.request_time if row.request_time is not None else row.reply_time, "not_captured"),
            Cell(safe(row.kind).replace("_", " ")),
            cells.text(station(row.asker_mac, row.asker_ip)),
            cells.text(row.target_ip),
            _answer(row, station(row.answer_mac)),
            cells.ms(row.latency_ms, "unanswered" if unanswered else "not_applicable"),
            cells.count(row.attempts, bad=unanswered and row.kind != "probe"),
            _claimed(row, clock),
            _vlan(row.vlan),
            cells.frames([*row.request_frames[:6], row.reply_frame]),
        ),
        Mark(host=safe(row.target_ip or ""), proto="arp", duration=_duration(row.latency_ms), severity=_severity(row)),
    )


def ndp_table(rows: Sequence[NdpRow], clock: Clock) -> Table:
    """Draw up the exchanges of IPv6 neighbour discovery."""
    columns = (
        Column("#", numeric=True),
        Column("Start", numeric=True),
        Column("Kind"),
        Column("Asked or sent by", wide=True),
        Column("About"),
        Column("Answer", wide=True, title="and what a router says of the network"),
        Column("Took", numeric=True),
        Column("Requests", numeric=True),
        Column("Conflict", wide=True),
        Column("VLAN", numeric=True),
        Column("Frames"),
    )
    shown = tuple(_ndp_row(n, row, clock) for n, row in enumerate(rows[:MAX_TABLE_ROWS]))
    return without_blanks(Table("ndp-table", "IPv6 neighbours and routers (NDP)", columns, shown, len(rows)))


def _ndp_row(n: int, row: NdpRow, clock: Clock) -> Row:
    unanswered = row.outcome == "unanswered"
    return Row(
        f"ndp-{n + 1}",
        (
            Cell(str(n + 1)),
            clock.cell(row.request_time if row.request_time is not None else row.reply_time, "not_captured"),
            Cell(safe(row.kind).replace("_", " ")),
            _asker(row),
            _about(row),
            _answer(row, ": ".join(part for part in (station(row.answer_mac, row.answer_ip), _told(row)) if part)),
            cells.ms(row.latency_ms, "unanswered" if unanswered else "not_applicable"),
            cells.count(row.attempts, bad=unanswered and row.kind == "solicitation"),
            _claimed(row, clock),
            _vlan(row.vlan),
            cells.frames([*row.request_frames[:6], row.reply_frame]),
        ),
        Mark(host=safe(row.target_ip or ""), proto="ndp", duration=_duration(row.latency_ms), severity=_severity(row)),
    )


def _asker(row: NdpRow) -> Cell:
    if row.kind == "unsolicited":
        return Cell(Prose(f"nobody; told {safe(row.asker_ip or 'unknown')}"), tone="muted")
    return cells.text(station(row.asker_mac, None if row.asker_ip == UNSPECIFIED else row.asker_ip))


def _about(row: NdpRow) -> Cell:
    if row.destination is not None:
        return Cell(Prose(f"{safe(row.destination)} by way of {safe(row.target_ip or '')}"))
    return cells.text(row.target_ip, "not_applicable")


def _told(row: NdpRow) -> str:
    """Sum up what a router told: the prefixes, resolvers, its lifetime as a gateway, the MTU."""
    parts = [f"prefix {p.prefix}{_for(p.valid_s)}" for p in row.prefixes]
    if row.lifetime_s is not None:
        parts.append(f"gateway for {row.lifetime_s} s" if row.lifetime_s else "no gateway")
    parts += [f"resolver {address}" for address in row.resolvers]
    parts += [f"domain {name}" for name in row.domains]
    parts += ["addresses by DHCPv6"] if row.managed else ["more by DHCPv6"] if row.other_config else []
    parts += [f"MTU {row.mtu}"] if row.mtu else []
    return ", ".join(parts)


def _for(seconds: int) -> str:
    return "" if seconds == FOREVER_S else f" for {seconds} s"


_WHY = {
    "netmask": "what it is handed lies outside the netmask of who sends it",
    "public_address": "it is handed packets of private addresses for public ones",
    "several_networks": "it is handed packets for several other networks",
    "passed_on": "it is handed packets for an address that is not its own, and their answers come from behind a router",
}
_TOLD = {"arp": "by ARP", "ndp": "by its own advertisement", "dhcp": "by the DHCP lease"}


def gateway_words(gateways: Sequence[Gateway]) -> tuple[str, str]:
    """Return what the quality strip says of the gateways, and how it is known."""
    if not gateways:
        return "none seen", "nothing was handed on to another network, or the capture does not show to whom"
    first = gateways[0]
    value = f"{first.ip} at {first.mac}" if first.ip else first.mac
    more = len({gateway.mac for gateway in gateways}) - 1
    titles = [_gateway_title(gateway) for gateway in gateways[:3]]
    return Prose(safe(value) + (f" and {more} more" if more else "")), Prose("; ".join(titles))


def _gateway_title(gateway: Gateway) -> str:
    told = _TOLD.get(gateway.ip_why)
    ip = f"{safe(gateway.ip or '')} (told {told})" if told else "its address was not told"
    hosts = joined([safe(host) for host in gateway.hosts[:2]])
    if gateway.host_count > 2:
        hosts = plural(gateway.host_count, "host")
    card = safe(station(gateway.mac))
    frames = frames_text(gateway.frames, 4)
    why = _WHY.get(gateway.why, "")
    return f"{card}: {ip}; {plural(gateway.packets, 'packet')} of {hosts}, {frames}; {why}"
