"""By what the captures of an index can be picked, and which findings they share.

Each facet is a term of the page's filter and the number of captures that it keeps; the number is what the filter will
find, so a host counts wherever it is a part of a host's name. Facets that keep no capture are not offered, nor a host
whose name the filter's language cannot hold.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from analyzer.batch.index_rows import STATUSES, day_of
from analyzer.batch.task import Outcome
from analyzer.findings.listing import title_of
from analyzer.findings.model import SEVERITIES
from analyzer.report.escape import Prose, safe
from analyzer.report.findings import ICONS, severity_word
from analyzer.report.wording import say

MAX_HOSTS = 12
"""Hosts offered: two lines of buttons; any other can be typed."""

MAX_DAYS = 14
"""Days offered: two weeks of a lab; any other can be typed."""

MAX_SHARED = 8
"""Shared findings that are seen at once; the others are folded."""

_PLACES = re.compile("‹[^›]*›(?: ?‹[^›]*›)*")
_LAST = re.compile("[:：] ?…$")
_ASIDE = re.compile(r" ?\([^()]*‹[^()]*\)|（[^（）]*‹[^（）]*）")
_PLAIN = re.compile(r"[a-z0-9._:\[\]-]+")


@dataclass(frozen=True, slots=True)
class Facet:
    """A term of the filter, the words on its button, and how many captures it keeps."""

    term: Prose
    label: Prose
    count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """The facets of one field; ``more`` counts the values that have no button."""

    name: str
    facets: tuple[Facet, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class SharedFact:
    """A kind of finding that several captures have."""

    code: Prose
    term: Prose
    title: Prose
    count: int


def facets(outcomes: Sequence[Outcome]) -> tuple[Facets, ...]:
    """Return the facets of an index, those of each field together."""
    groups = (_statuses(outcomes), _severities(outcomes), _hosts(outcomes), _days(outcomes))
    return tuple(group for group in groups if group.facets)


def shared(totals: dict[str, Any]) -> tuple[SharedFact, ...]:
    """Return the kinds of findings that more than one capture has, the most frequent first."""
    return tuple(
        SharedFact(safe(code), _term("code", safe(code)), safe(_pattern(title_of(code))), count)
        for code, count in totals["codes"].items()
        if count > 1
    )


def _pattern(title: str) -> str:
    """Return what all findings of a kind say: dots in place of what differs, nothing in place of what stands aside."""
    return _LAST.sub("", _PLACES.sub("…", _ASIDE.sub("", title)))


def _statuses(outcomes: Sequence[Outcome]) -> Facets:
    counts = Counter(one["status"] for one in outcomes)
    return Facets(
        say("Status"),
        tuple(
            Facet(Prose(f"status:{status}"), say(text), counts[status])
            for status, text in STATUSES.items()
            if counts[status]
        ),
    )


def _severities(outcomes: Sequence[Outcome]) -> Facets:
    counts = {severity: sum(bool(one["findings"][severity]) for one in outcomes) for severity in SEVERITIES}
    return Facets(
        say("Findings"),
        tuple(
            Facet(
                Prose(f"finding:{severity}"),
                say("{icon} {severity}", icon=Prose(ICONS[severity]), severity=severity_word(severity)),
                count,
            )
            for severity, count in counts.items()
            if count
        ),
    )


def _hosts(outcomes: Sequence[Outcome]) -> Facets:
    names = [{safe(host) for host in one["hosts"]} for one in outcomes]
    counts = Counter(host for hosts in names for host in hosts)
    ranked = sorted(counts, key=lambda host: (-counts[host], host))
    sayable = [host for host in ranked if _sayable(host)][:MAX_HOSTS]
    lower = [" ".join(sorted(hosts)).lower() for hosts in names]
    return Facets(
        say("Host"),
        tuple(Facet(_term("host", host), host, sum(host.lower() in text for text in lower)) for host in sayable),
        len(counts) - len(sayable),
    )


def _sayable(host: str) -> bool:
    return '"' not in host and host.strip() == host


def _term(field: str, word: Prose) -> Prose:
    return Prose(f"{field}:{word}" if _PLAIN.fullmatch(word.lower()) else f'{field}:"{word}"')


def _days(outcomes: Iterable[Outcome]) -> Facets:
    counts = Counter(day for one in outcomes if (day := day_of(one)))
    kept = sorted(sorted(counts, key=lambda day: (-counts[day], day))[:MAX_DAYS])
    return Facets(
        say("Day"), tuple(Facet(Prose(f"day:{day}"), day, counts[day]) for day in kept), len(counts) - len(kept)
    )
