"""Findings about the recording itself: what limits how far the rest can be trusted."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.findings.model import Hit, Rule
from analyzer.visits.model import Facts


def truncated(facts: Facts) -> Iterator[Hit]:
    """The file ends inside a packet or block, or cannot be read further."""
    ledger = facts.capture.ledger
    if ledger.truncated_file:
        why = facts.capture.partial_why
        args: dict[str, object] = {"bytes_unread": ledger.bytes_unread, "packets": facts.capture.packets, "reason": why}
        yield Hit(args, (), "capture", 0)


def snaplen(facts: Facts) -> Iterator[Hit]:
    """Packets were recorded shorter than they were."""
    cut = facts.capture.ledger.cut_by_snaplen
    if cut:
        lengths = [i.snaplen for i in facts.capture.interfaces if i.snaplen]
        yield Hit({"packets": cut, "snaplen": min(lengths, default=None)}, (), "capture", 0)


def drops(facts: Facts) -> Iterator[Hit]:
    """The recorder says that it lost packets."""
    lost = sum(i.drops or 0 for i in facts.capture.interfaces)
    if lost:
        yield Hit({"drops": lost}, (), "capture", 0)


def paced(facts: Facts) -> Iterator[Hit]:
    """Packets were recorded at an even pace, so their times do not tell when they came."""
    step = facts.capture.clock_step_ms
    if step is not None:
        yield Hit({"step_ms": step, "packets": facts.capture.packets}, (), "capture", 0)


RULES: tuple[Rule, ...] = (
    Rule("CAPTURE-TRUNCATED", "warning", "capture", "capture", "pcapng draft section 4", truncated),
    Rule("CAPTURE-SNAPLEN", "note", "capture", "capture", "pcap draft section 4", snaplen),
    Rule("CAPTURE-PACED", "warning", "capture", "capture", "pcap draft section 4", paced),
    Rule("CAPTURE-DROPS", "warning", "capture", "capture", "pcapng draft section 4.6", drops),
)
