"""Run all rules over the facts of a capture and put what they find in order."""

from __future__ import annotations

from itertools import islice

from analyzer.findings import rules_arp, rules_capture, rules_dns, rules_icmp, rules_loss, rules_tcp, rules_web
from analyzer.findings.model import SEVERITIES, Rule, finding
from analyzer.findings.thresholds import MAX_FINDINGS_PER_CODE
from analyzer.schema import FindingRow
from analyzer.visits.model import Facts

RULES: tuple[Rule, ...] = (
    *rules_capture.RULES,
    *rules_arp.RULES,
    *rules_dns.RULES,
    *rules_icmp.RULES,
    *rules_tcp.RULES,
    *rules_loss.RULES,
    *rules_web.RULES,
)


def find(facts: Facts) -> list[FindingRow]:
    """Return the ``findings`` table: by severity, then by cost, then by first frame."""
    found = [finding(rule, hit) for rule in RULES for hit in islice(rule.check(facts), MAX_FINDINGS_PER_CODE)]
    found.sort(key=lambda f: (SEVERITIES.index(f.severity), -(f.cost_ms or 0.0), f.frames[:1], f.code))
    return found
