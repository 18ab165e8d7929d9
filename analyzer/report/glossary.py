"""The glossary: every code, state, label and basic term of the page in one plain sentence, each with an anchor.

It speaks from the tables that the rest of the page speaks from, so both say the same. Codes that occur in the capture
come first; those that do not are folded away or left out. :func:`link` gives the anchor of an entry to whoever shows
its word; an anchor is made of a kind and a number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from analyzer import close_codes, dns_words, http_status, tcp_states
from analyzer.analysis import Analysis
from analyzer.protocols.dns import table as columns_of
from analyzer.report.escape import Prose, safe
from analyzer.report.requests import PHASES
from analyzer.report.wording import message, say
from analyzer.sentences import terms

MAX_CODES = 100
"""Codes of one kind explained because they occur; there are 64 registered status codes, and a capture may invent."""

_STATUS_RANGE = range(100, 1000)
"""What three digits can say (RFC 9110 section 15)."""

_CODES = frozenset({"status", "close"})
"""Kinds whose anchors have the code itself as their number."""

_KEYS = {
    "term": tuple(terms.TERMS),
    "state": tuple(tcp_states.STATES),
    "label": tuple(terms.LABELS),
    "conn": tuple(terms.CONN_STATES),
    "rcode": tuple(dns_words.RCODES),
    "type": tuple(dns_words.TYPES),
    "phase": tuple(phase for phase, _, _ in PHASES),
}
"""Kind → its keys; the place of a key is the number of its anchor."""

_TITLES = {
    "term": message("Basic terms"),
    "status": message("HTTP status codes in this capture"),
    "other": message("All other registered HTTP status codes"),
    "phase": message("Phases of a request"),
    "state": message("States of a TCP connection"),
    "label": message("What may be said of a segment"),
    "conn": message("Zeek's words for a connection"),
    "history": message("Letters of Zeek's history"),
    "rcode": message("DNS response codes in this capture"),
    "type": message("DNS record types in this capture"),
    "close": message("WebSocket close codes in this capture"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A word and what it means; ``swatch`` is the phase whose colour stands beside it."""

    anchor: str
    word: str
    text: str
    code: bool = False
    swatch: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Entries of one kind; ``note`` is said above them, ``folded`` ones open on demand."""

    title: str
    entries: tuple[Entry, ...]
    note: str = ""
    folded: bool = False


def link(kind: str, key: object) -> str:
    """Return the anchor of an entry, empty when there is none.

    Args:
        kind: term · status · state · label · conn · rcode · type · phase · close.
        key: the code or word itself (``503``, ``"TIME_WAIT"``, ``"NXDOMAIN"``, ``"wait"``).
    """
    if kind in _CODES:
        code = key if isinstance(key, int) and not isinstance(key, bool) else None
        known = code is not None and (code in _STATUS_RANGE if kind == "status" else code >= 0)
        return f"glossary-{kind}-{code}" if known else ""
    keys = _KEYS.get(kind, ())
    return f"glossary-{kind}-{keys.index(key) + 1}" if isinstance(key, str) and key in keys else ""


def glossary(analysis: Analysis) -> tuple[Group, ...]:
    """Draw up the glossary of a capture; groups without entries are left out."""
    codes = {row.status for row in analysis.http if row.status is not None}
    codes |= {interim.status for row in analysis.http for interim in row.informational}
    occurring = sorted(code for code in codes if code in _STATUS_RANGE)[:MAX_CODES]
    groups = (
        _group("term", (_named("term", key, *terms.term(key)) for key in terms.TERMS)),
        _group("status", map(_status, occurring)),
        _group("other", (_status(code) for code in http_status.STATUS if code not in occurring), folded=True),
        _group(
            "phase",
            (Entry(link("phase", phase), say(label), say(words), swatch=phase) for phase, label, words in PHASES),
        ),
        _group("state", (_coded("state", state, tcp_states.explain(state)) for state in tcp_states.STATES)),
        _group("label", (_named("label", key, *terms.label(key)) for key in terms.LABELS)),
        _group("conn", (_coded("conn", key, terms.conn_state(key)) for key in terms.CONN_STATES), folded=True),
        _group(
            "history",
            (Entry("", Prose(key), Prose(terms.letter(key)), code=True) for key in terms.HISTORY),
            note=say("A capital is something that the client did, a small letter something that the server did."),
            folded=True,
        ),
        _group("rcode", map(_rcode, _occurring(set(columns_of.column(analysis.dns, "rcode"))))),
        _group("type", map(_type, _occurring(_types(analysis)))),
        _group("close", map(_close, _closes(analysis))),
    )
    return tuple(group for group in groups if group.entries)


def anchors(groups: Iterable[Group]) -> set[str]:
    """Return the anchors of all entries."""
    return {entry.anchor for group in groups for entry in group.entries if entry.anchor}


def _group(kind: str, entries: Iterable[Entry], *, note: str = "", folded: bool = False) -> Group:
    return Group(say(_TITLES[kind]), tuple(entries), note, folded)


def _named(kind: str, key: str, name: str, text: str) -> Entry:
    return Entry(link(kind, key), Prose(name), Prose(text))


def _coded(kind: str, key: str, text: str) -> Entry:
    return Entry(link(kind, key), Prose(key), Prose(text), code=True)


def _status(code: int) -> Entry:
    return Entry(link("status", code), Prose(f"{code} {http_status.name(code)}"), Prose(http_status.explain(code)))


def _rcode(code: str) -> Entry:
    return Entry(link("rcode", code), safe(code, 40), Prose(dns_words.explain(code)), code=True)


def _type(name: str) -> Entry:
    return Entry(link("type", name), safe(name, 40), Prose(dns_words.explain_type(name)), code=True)


def _close(code: int) -> Entry:
    return Entry(link("close", code), Prose(f"{code} {close_codes.name(code)}"), Prose(close_codes.explain(code)))


def _occurring(found: Iterable[str | None]) -> list[str]:
    """Return codes in the order of their names; the registered ones first, since a capture may invent many."""
    known = {*_KEYS["rcode"], *_KEYS["type"]}
    return sorted({code for code in found if code}, key=lambda code: (code not in known, code))[:MAX_CODES]


def _types(analysis: Analysis) -> set[str]:
    return set(columns_of.column(analysis.dns, "qtype")) | columns_of.answer_types(analysis.dns)


def _closes(analysis: Analysis) -> list[int]:
    codes = {code for row in analysis.websocket for code in (row.close_code,) if isinstance(code, int) and code >= 0}
    return sorted(codes)[:MAX_CODES]
