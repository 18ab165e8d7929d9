"""The table of DHCP transactions on the page: who asked, what came of it, and what the lease says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address

from analyzer.report import cells
from analyzer.report.cells import MAX_GRID_ROWS, Cell, Clock, Column, Row, Table, marked
from analyzer.report.escape import Prose, safe
from analyzer.report.neighbours import station, without_blanks
from analyzer.report.protocol_words import word
from analyzer.report.wording import listed, message, say
from analyzer.schema import DhcpRow
from analyzer.units import human_ms
from analyzer.visits.steps_names import FOREVER_S

KINDS = {
    "lease": message("new address"),
    "reboot": message("old address again"),
    "renewal": message("renewal"),
    "inform": message("settings only"),
    "release": message("given back"),
    "decline": message("declined"),
    "bootp": message("BOOTP"),
}
"""What a client was after, in words."""

OUTCOMES = {
    "bound": (message("given"), "good"),
    "informed": (message("answered"), "good"),
    "offered": (message("offered, not taken"), "warn"),
    "refused": (message("refused"), "bad"),
    "no_answer": (message("no answer"), "bad"),
    "malformed": (message("malformed"), "bad"),
    "not_applicable": (message("needs no answer"), "muted"),
}

SEVERITIES = {"refused": "warning", "no_answer": "error", "malformed": "error"}


def dhcp_table(rows: Sequence[DhcpRow], clock: Clock) -> Table:
    """Draw up the DHCP transactions."""
    columns = (
        Column("#", numeric=True),
        Column(say("Start"), numeric=True),
        Column(say("Wanted")),
        Column(say("Address")),
        Column(say("Client"), wide=True),
        Column(say("Outcome")),
        Column(say("Told"), wide=True, title=say("gateway, resolvers, domain")),
        Column(say("Lease"), numeric=True),
        Column(say("Server")),
        Column(say("Took"), numeric=True),
        Column(say("Tries"), numeric=True),
        Column(say("Frames")),
    )
    shown = tuple(_row(n, row, clock) for n, row in enumerate(rows[:MAX_GRID_ROWS]))
    return without_blanks(Table("dhcp-table", say("Addresses handed out (DHCP)"), columns, shown, len(rows)))


def _row(n: int, row: DhcpRow, clock: Clock) -> Row:
    outcome, tone = OUTCOMES.get(row.outcome, ("", ""))
    why = cells.unknown(row.outcome_why).why if row.outcome_why else ""
    client = station(row.client_mac, row.client_name)
    return Row(
        f"dhcp-{n + 1}",
        (
            Cell(str(n + 1)),
            clock.cell(row.start_time),
            Cell(_wanted(row)),
            _address(row),
            cells.text(client),
            Cell(
                say(outcome) if outcome else safe(row.outcome), why=why, tone=tone, title=safe(row.server_message or "")
            ),
            cells.text(_told(row), "not_sent"),
            cells.text(_term(row.lease_s), "not_sent"),
            _servers(row),
            cells.ms(row.latency_ms, _no_latency_why(row)),
            cells.count(row.attempts, bad=row.outcome == "no_answer"),
            replace(cells.frames(row.frames[:8]), title=safe(", ".join(row.messages))),
        ),
        marked(
            clock,
            host=row.address or row.requested_address,
            proto="dhcp",
            severity=SEVERITIES.get(row.outcome, ""),
            duration_ms=row.latency_ms,
            start=row.start_time,
            end=row.last_time if row.last_time is not None else row.answer_time,
            frames=row.frames,
        ),
    )


def _wanted(row: DhcpRow) -> Prose:
    wanted = word(KINDS, row.kind)
    return say("{what} (DHCPv6)", what=wanted) if row.version == 6 else wanted


def _term(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    return say("for ever") if seconds == FOREVER_S else human_ms(seconds * 1000)


def _no_latency_why(row: DhcpRow) -> str:
    return "unanswered" if row.outcome in ("no_answer", "offered") else "not_applicable"


def _address(row: DhcpRow) -> Cell:
    if row.address is None:
        wanted = row.requested_address
        return Cell(say("wanted {address}", address=wanted), tone="muted") if wanted else cells.unknown()
    if row.subnet_mask is None:
        return Cell(safe(row.address))
    return Cell(safe(f"{row.address}/{_prefix(row.subnet_mask)}"), title=say("netmask {mask}", mask=row.subnet_mask))


def _prefix(mask: str) -> str:
    """Write a netmask as the length of its prefix; one with holes stays as it is."""
    bits = f"{int(IPv4Address(mask)):032b}"
    return mask if "01" in bits else str(bits.count("1"))


def _told(row: DhcpRow) -> str:
    parts = [say("gateway {address}", address=address) for address in row.routers[:2]]
    parts += [say("resolver {address}", address=address) for address in row.resolvers[:4]]
    parts += [say("domain {name}", name=row.domain)] if row.domain else []
    return listed(parts)


def _servers(row: DhcpRow) -> Cell:
    """Name who answered, the relay between, and who else offered an address."""
    others = sorted({offer.server for offer in row.offers if offer.server and offer.server != row.server})
    if row.server is None and not others:
        return cells.unknown("no_response")
    server = safe(row.server or "?")
    if row.relay:
        server = say("{server} by way of the relay {relay}", server=server, relay=row.relay)
    if not others:
        return Cell(server)
    rest = listed([safe(other) for other in others[:3]])
    return Cell(say("{server}; also offered: {others}", server=server, others=rest), tone="warn")
