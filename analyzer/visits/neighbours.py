"""Which neighbours asked in vain: those of whom it matters whether the recorder would have heard an answer."""

from __future__ import annotations

from analyzer.visits.model import Facts


def in_vain(facts: Facts) -> set[str]:
    """Return the hardware addresses of those who asked a neighbour or a DHCP server and got no answer."""
    macs = {row.asker_mac for row in facts.arp if row.outcome == "unanswered"}
    macs |= {row.asker_mac for row in facts.ndp if row.outcome == "unanswered"}
    macs |= {row.client_mac for row in facts.dhcp if row.outcome == "no_answer"}
    return {mac for mac in macs if mac is not None}
