"""By what the captures of an index can be picked, and which findings they share.

Each facet is a term of the page's filter and the number of captures that it keeps; the number is what the filter will
find, so a host counts wherever it is a part of a host's name. Facets that keep no capture are not offered, nor a host
whose name the filter's language cannot hold.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from analyzer.batch.index_facts import contents, folders
from analyzer.batch.index_rows import SEVERITY_TONES, STATUSES, day_of, severity_text
from analyzer.batch.index_titles import general_title, severity_of, weight
from analyzer.batch.task import Outcome
from analyzer.findings.model import SEVERITIES
from analyzer.report.escape import Prose, safe
from analyzer.report.wording import say

MAX_HOSTS = 12
"""Hosts offered: two lines of buttons; any other can be typed."""

MAX_DAYS = 14
"""Days offered: two weeks of a lab; any other can be typed."""

MAX_FOLDERS = 12
"""Folders offered at once, as hosts."""

MAX_FOLDED = 60
"""Further values of a field that are offered where somebody opens the list: a class and its homework."""

MAX_SAME = 6
"""Groups of captures with the same content that are seen at once."""

MAX_SAME_FOLDED = 60
"""Further groups that are folded; the filter has all (``same:any``)."""

MAX_SAME_NAMES = 8
"""Captures named of a group; its term keeps all of them."""

MAX_SHARED = 8
"""Shared findings that are seen at once; the others are folded."""

_PLAIN = re.compile(r"[a-z0-9._:\[\]-]+")


@dataclass(frozen=True, slots=True)
class Facet:
    """A term of the filter, the words on its button, and how many captures it keeps."""

    term: Prose
    label: Prose
    count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """The facets of one field: those seen, those folded, and how many values there are beyond these."""

    name: str
    facets: tuple[Facet, ...]
    folded: tuple[Facet, ...] = ()
    more: int = 0

    @property
    def unseen(self) -> int:
        """How many values are not seen at once."""
        return len(self.folded) + self.more


@dataclass(frozen=True, slots=True)
class SameFact:
    """Captures with the same content: (name, anchor) of the first of them, the term that keeps all, how many."""

    term: Prose
    names: tuple[tuple[Prose, str], ...]
    count: int


@dataclass(frozen=True, slots=True)
class SharedFact:
    """A kind of finding that several captures have; how grave it is as a rule, empty for one that is not known."""

    code: Prose
    term: Prose
    title: Prose
    count: int
    severity_words: Prose
    tone: str


def facets(outcomes: Sequence[Outcome]) -> tuple[Facets, ...]:
    """Return the facets of an index, those of each field together."""
    groups = (
        _statuses(outcomes),
        _severities(outcomes),
        _folders(outcomes),
        _hosts(outcomes),
        _days(outcomes),
        _contents(outcomes),
    )
    return tuple(group for group in groups if group.facets)


def same(outcomes: Sequence[Outcome]) -> tuple[SameFact, ...]:
    """Return the captures that have the same content, in groups, the largest first."""
    groups: dict[Prose, list[int]] = {}
    for n, content in enumerate(contents(outcomes), 1):
        if content:
            groups.setdefault(content, []).append(n)
    return tuple(
        SameFact(
            _term("same", content),
            tuple((safe(outcomes[n - 1]["capture"], 120), f"capture-{n}") for n in numbers[:MAX_SAME_NAMES]),
            len(numbers),
        )
        for content, numbers in sorted(groups.items(), key=lambda group: -len(group[1]))
    )


def shared(totals: dict[str, Any]) -> tuple[SharedFact, ...]:
    """Return the kinds of findings that more than one capture has, the gravest first, then the most frequent."""
    several = {code: count for code, count in totals["codes"].items() if count > 1}
    return tuple(_shared(code, several[code]) for code in sorted(several, key=lambda one: (weight(one), -several[one])))


def _shared(code: str, count: int) -> SharedFact:
    severity = severity_of(code)
    words = severity_text(severity) if severity else Prose("")
    tone = SEVERITY_TONES.get(severity, "muted")
    return SharedFact(safe(code), _term("code", safe(code)), general_title(code), count, words, tone)


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
                severity_text(severity),
                count,
            )
            for severity, count in counts.items()
            if count
        ),
    )


def _folders(outcomes: Sequence[Outcome]) -> Facets:
    """Return the folders, where there is more than one place in which captures lie."""
    places = folders(outcomes)
    counts = Counter(place.lower() for place in places)
    names = {place.lower(): place for place in reversed(places) if place}
    if len(counts) < 2:
        return Facets(say("Folder"), ())
    ranked = sorted(names, key=lambda name: (-counts[name], name))
    sayable = [name for name in ranked if _sayable(name) and name != "any"]
    facet = partial(_folder, names, counts)
    seen = tuple(map(facet, sorted(sayable[:MAX_FOLDERS])))
    folded = tuple(map(facet, sorted(sayable[MAX_FOLDERS : MAX_FOLDERS + MAX_FOLDED])))
    return Facets(say("Folder"), seen, folded, len(names) - len(seen) - len(folded))


def _folder(names: Mapping[str, Prose], counts: Mapping[str, int], name: str) -> Facet:
    """Return the facet of a folder, which the filter also finds where it is a word of another's name."""
    found = sum(count for other, count in counts.items() if name == other or name in other.split(" "))
    return Facet(_term("folder", names[name]), names[name], found)


def _contents(outcomes: Sequence[Outcome]) -> Facets:
    count = sum(map(bool, contents(outcomes)))
    return Facets(say("Content"), (Facet(Prose("same:any"), say("same as another"), count),) if count else ())


def _hosts(outcomes: Sequence[Outcome]) -> Facets:
    names = [{safe(host) for host in one["hosts"]} for one in outcomes]
    counts = Counter(host for hosts in names for host in hosts)
    ranked = sorted(counts, key=lambda host: (-counts[host], host))
    sayable = [host for host in ranked if _sayable(host)][: MAX_HOSTS + MAX_FOLDED]
    lower = [" ".join(sorted(hosts)).lower() for hosts in names]
    every = tuple(Facet(_term("host", host), host, sum(host.lower() in text for text in lower)) for host in sayable)
    return Facets(say("Host"), every[:MAX_HOSTS], every[MAX_HOSTS:], len(counts) - len(every))


def _sayable(host: str) -> bool:
    return '"' not in host and host.strip() == host and "  " not in host


def _term(field: str, word: Prose) -> Prose:
    return Prose(f"{field}:{word}" if _PLAIN.fullmatch(word.lower()) else f'{field}:"{word}"')


def _days(outcomes: Iterable[Outcome]) -> Facets:
    counts = Counter(day for one in outcomes if (day := day_of(one)))
    ranked = sorted(counts, key=lambda day: (-counts[day], day))
    seen, folded = sorted(ranked[:MAX_DAYS]), sorted(ranked[MAX_DAYS : MAX_DAYS + MAX_FOLDED])
    facet = partial(_day, counts)
    rest = len(counts) - len(seen) - len(folded)
    return Facets(say("Day"), tuple(map(facet, seen)), tuple(map(facet, folded)), rest)


def _day(counts: Mapping[Prose, int], day: Prose) -> Facet:
    return Facet(Prose(f"day:{day}"), day, counts[day])
