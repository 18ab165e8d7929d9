"""Run all rules over the facts of a capture and put what they find in order."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import NamedTuple

from analyzer.findings import (
    rules_arp,
    rules_black_hole,
    rules_browsing,
    rules_capture,
    rules_certificates,
    rules_dhcp,
    rules_dns,
    rules_icmp,
    rules_loss,
    rules_malformed,
    rules_ndp,
    rules_oicq,
    rules_overlap,
    rules_ping,
    rules_recording,
    rules_tcp,
    rules_tcp_waits,
    rules_tcp_window,
    rules_tls,
    rules_visit,
    rules_web,
    rules_websocket,
    rules_wrong_scheme,
)
from analyzer.findings.model import Rule, finding, rank
from analyzer.findings.thresholds import MAX_FINDINGS_PER_CODE
from analyzer.problems import Problem, ProblemLog
from analyzer.schema import FindingRow
from analyzer.visits.model import Facts

RULES: tuple[Rule, ...] = (
    *rules_capture.RULES,
    *rules_recording.RULES,
    *rules_arp.RULES,
    *rules_ndp.RULES,
    *rules_dhcp.RULES,
    *rules_dns.RULES,
    *rules_icmp.RULES,
    *rules_ping.RULES,
    *rules_black_hole.RULES,
    *rules_oicq.RULES,
    *rules_tcp.RULES,
    *rules_tcp_waits.RULES,
    *rules_tcp_window.RULES,
    *rules_loss.RULES,
    *rules_overlap.RULES,
    *rules_tls.RULES,
    *rules_certificates.RULES,
    *rules_web.RULES,
    *rules_browsing.RULES,
    *rules_websocket.RULES,
    *rules_wrong_scheme.RULES,
    *rules_malformed.RULES,
    *rules_visit.RULES,
)

GRAVE = ("error", "warning")
"""Severities of findings that tell of trouble."""


def find(facts: Facts, problems: ProblemLog) -> list[FindingRow]:
    """Return the ``findings`` table: in the order of :func:`analyzer.findings.model.rank`.

    Args:
        problems: told of a code that has as many findings as are listed.
    """
    found: list[_Judged] = []
    clock = facts.capture.start_time is not None
    for rule in RULES:
        if rule.timed and not clock:
            continue
        hits = list(islice(rule.check(facts), MAX_FINDINGS_PER_CODE))
        found += [_Judged(finding(rule, hit), frozenset(hit.frames) - {None}) for hit in hits]
        if len(hits) == MAX_FINDINGS_PER_CODE:
            text = f"no more than {MAX_FINDINGS_PER_CODE} findings {rule.code} are listed; the tables have the rest"
            problems.add(Problem("LIMIT-REACHED", rule.layer, text))
    rows = [one.row for one in _once(found)]
    rows.sort(key=rank)
    return rows


class _Judged(NamedTuple):
    """A finding and all of its evidence, of which its row has only the first frames."""

    row: FindingRow
    frames: frozenset[int | None]


def _once(found: list[_Judged]) -> list[_Judged]:
    """Leave out what another finding tells of the same frames, of the rules that ask for it."""
    for rule in RULES:
        if rule.unless_told and any(one.row.code == rule.code for one in found):
            told: dict[int | None, float] = {}
            for row, frames in found:
                grave = rule.unless_grave and row.severity in GRAVE
                if row.code != rule.code and (grave or row.code in rule.unless_told):
                    cost = row.cost_ms or 0.0
                    told.update((frame, max(cost, told.get(frame, 0.0))) for frame in frames)
            found = [one for one in found if one.row.code != rule.code or not _told(one, told, rule.explained)]
    return found


def _told(one: _Judged, told: Mapping[int | None, float], share: float) -> bool:
    """Say whether one of a finding's frames was told of at a share of its cost."""
    least = share * (one.row.cost_ms or 0.0)
    return any(told.get(frame, -1.0) >= least for frame in one.frames)
