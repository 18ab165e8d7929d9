"""What a kind of finding is, where no single one is meant: how grave as a rule, and what such findings say, with words
in place of what differs from one to the next: ``‹host› answered ‹status› to ‹method› ‹target›``.

The words are those of :func:`analyzer.findings.listing.title_of`, names of a rule's arguments; what only programmers
say is put in a word that people know. In another language than English a name without a word of its own is a dot.
"""

from __future__ import annotations

import re
from functools import cache

from analyzer.findings.listing import title_of
from analyzer.findings.model import SEVERITIES
from analyzer.findings.run import RULES
from analyzer.language import SOURCE, current
from analyzer.report.escape import Prose, safe
from analyzer.report.wording import message, say

_PLACE = re.compile(r"‹(\w+)›(?: (?=(\w+)))?")
_ASIDE = re.compile(r" ?\([^()]*‹[^()]*\)|（[^（）]*‹[^（）]*）")
_COUNTED = {
    *("answered", "attempts", "count", "drops", "full", "hops", "lost", "probes", "replies", "requests"),
    *("retransmissions", "segments", "sent", "silent", "targets", "users"),
}
"""Arguments that are numbers of something that the sentence names itself."""

_COUNTED_BEFORE = {
    *("connections", "cookies", "days", "hosts", "messages", "mtu", "names", "packets", "seconds", "segment"),
}
"""Arguments that are so where a word follows; elsewhere they list what they are called."""

_KNOWN = {
    "by": "side",
    "other": "other side",
    "clients": "client",
    "sni": "name",
    "rcode": "code",
    "not_after": "date",
    "since": "date",
    "macs": "machines",
    "ip": "address",
    "gateway": "router",
    "routers": "router",
    "meaning": "reason",
}
_ENDINGS = {"ms": "time", "bytes": "size", "share": "share", "port": "port", "code": "code", "meaning": "reason"}
_DROPPED = ("ip", "mac")

WORDS = {
    "address": message("address", "place"),
    "client": message("client", "place"),
    "code": message("code", "place"),
    "date": message("date", "place"),
    "destination": message("destination", "place"),
    "host": message("host", "place"),
    "method": message("method", "place"),
    "name": message("name", "place"),
    "number": message("number", "place"),
    "other side": message("other side", "place"),
    "port": message("port", "place"),
    "reason": message("reason", "place"),
    "receiver": message("receiver", "place"),
    "router": message("router", "place"),
    "sender": message("sender", "place"),
    "server": message("server", "place"),
    "share": message("share", "place"),
    "side": message("side", "place"),
    "size": message("size", "place"),
    "source": message("source", "place"),
    "status": message("status", "place"),
    "target": message("target", "place"),
    "time": message("time", "place"),
    "url": message("URL", "place"),
}
"""Words for what differs, of which most general titles are made (messages)."""


@cache
def _severities() -> dict[str, str]:
    return {rule.code: rule.severity for rule in RULES}


def severity_of(code: str) -> str:
    """Return how grave findings of a kind are as a rule; empty for a code that is not known."""
    return _severities().get(code, "")


def weight(code: str) -> int:
    """Return the place of a kind among all, the gravest first; those that are not known come last."""
    severity = severity_of(code)
    return SEVERITIES.index(severity) if severity else len(SEVERITIES)


def general_title(code: str) -> Prose:
    """Return what findings of a kind say; what stands aside and differs is left out."""
    return safe(_PLACE.sub(_worded, _ASIDE.sub("", title_of(code))))


def _worded(place: re.Match[str]) -> str:
    name, following = place[1], place[2]
    gap = "" if following is None else " "
    is_number = name in _COUNTED or (following and name in _COUNTED_BEFORE)
    word = "number" if is_number else _plain(name)
    if word in WORDS:
        return f"‹{say(WORDS[word], 'place')}›{gap}"
    return f"‹{word}›{gap}" if current() == SOURCE else f"…{gap}"


def _plain(name: str) -> str:
    """Return an argument's name as a person would say it."""
    if name in _KNOWN:
        return _KNOWN[name]
    first, _, last = name.rpartition("_")
    if first and last in _ENDINGS:
        return _ENDINGS[last]
    return (first if first and last in _DROPPED else name).replace("_", " ")
