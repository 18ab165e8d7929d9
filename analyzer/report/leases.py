"""The table of DHCP transactions on the page: who asked, what came of it, and what the lease says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address

from analyzer.report import cells
from analyzer.report.cells import MAX_TABLE_ROWS, Cell, Clock, Column, Mark, Row, Table
from analyzer.report.escape import safe
from analyzer.report.neighbours import station, without_blanks
from analyzer.schema import DhcpRow
from analyzer.units import human_ms
from analyzer.visits.steps_names import FOREVER_S

KINDS = {
    "lease": "new address",
    "reboot": "old address again",
    "renewal": "renewal",
    "inform": "settings only",
    "release": "given back",
    "decline": "declined",
    "bootp": "BOOTP",
}
"""What a client was after, in words."""

OUTCOMES = {
    "bound": ("given", "good"),
    "informed": ("answered", "good"),
    "offered": ("offered, not taken", "warn"),
    "refused": ("refused", "bad"),
    "no_answer": ("no answer", "bad"),
    "malformed": ("malformed", "bad"),
    "not_applicable": ("needs no answer", "muted"),
}

SEVERITIES = {"refused": "warning", "no_answer": "error", "malformed": "error"}


def dhcp_table(rows: Sequence[DhcpRow], clock: Clock) -> Table:
    """Draw up the DHCP transactions."""
    columns = (
        Column("#", numeric=True),
        Column("Start", numeric=True),
        Column("Wanted"),
        Column("Address"),
        Column("Client", wide=True),
        Column("Outcome"),
        Column("Told", wide=True, title="gateway, resolvers, domain"),
        Column("Lease", numeric=True),
        Column("Server"),
        Column("Took", numeric=True),
        Column("Tries", numeric=True),
        Column("Frames"),
    )
    shown = tuple(_row(n, row, clock) for n, row in enumerate(rows[:MAX_TABLE_ROWS]))
    return without_blanks(Table("dhcp-table", "Addresses handed out (DHCP)", columns, shown, len(rows)))


def _row(n: int, row: DhcpRow, clock: Clock) -> Row:
    word, tone = OUTCOMES.get(row.outcome, (row.outcome, ""))
    why = cells.unknown(row.outcome_why).why if row.outcome_why else ""
    client = station(row.client_mac, row.client_name)
    return Row(
        f"dhcp-{n + 1}",
        (
            Cell(str(n + 1)),
            clock.cell(row.start_time),
            Cell(KINDS.get(row.kind, safe(row.kind)) + (" (DHCPv6)" if row.version == 6 else "")),
            _address(row),
            cells.text(client),
            Cell(safe(word), why=why, tone=tone, title=safe(row.server_message or "")),
            cells.text(_told(row), "not_sent"),
            cells.text(_term(row.lease_s), "not_sent"),
            _servers(row),
            cells.ms(row.latency_ms, _no_latency_why(row)),
            cells.count(row.attempts, bad=row.outcome == "no_answer"),
            replace(cells.frames(row.frames[:8]), title=safe(", ".join(row.messages))),
        ),
        Mark(
            host=safe(row.address or row.requested_address or ""),
            proto="dhcp",
            duration="" if row.latency_ms is None else f"{row.latency_ms:.3f}",
            severity=SEVERITIES.get(row.outcome, ""),
        ),
    )


def _term(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    return "for ever" if seconds == FOREVER_S else human_ms(seconds * 1000)


def _no_latency_why(row: DhcpRow) -> str:
    return "unanswered" if row.outcome in ("no_answer", "offered") else "not_applicable"


def _address(row: DhcpRow) -> Cell:
    if row.address is None:
        wanted = row.requested_address
        return Cell(f"wanted {safe(wanted)}", tone="muted") if wanted else cells.unknown()
    if row.subnet_mask is None:
        return Cell(safe(row.address))
    return Cell(safe(f"{row.address}/{_prefix(row.subnet_mask)}"), title=safe(f"netmask {row.subnet_mask}"))


def _prefix(mask: str) -> str:
    """Write a netmask as the length of its prefix; one with holes stays as it is."""
    bits = f"{int(IPv4Address(mask)):032b}"
    return mask if "01" in bits else str(bits.count("1"))


def _told(row: DhcpRow) -> str:
    parts = [f"gateway {address}" for address in row.routers[:2]]
    parts += [f"resolver {address}" for address in row.resolvers[:4]]
    parts += [f"domain {row.domain}"] if row.domain else []
    return ", ".join(parts)


def _servers(row: DhcpRow) -> Cell:
    others = sorted({offer.server for offer in row.offers if offer.server and offer.server != row.server})
    relay = f" by way of the relay {row.relay}" if row.relay else ""
    if others:
        return Cell(safe(f"{row.server or '?'}{relay}; also offered: {', '.join(others[:3])}"), tone="warn")
    return cells.text(f"{row.server}{relay}" if row.server else None, "no_response")
