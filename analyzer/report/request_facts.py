"""What a request and its answer said, in groups: the answer, how it came about, copies, secrets, fields, connection.

Absent things are not listed: a group that has nothing to say is not there. Values of secrets were masked before they
got here (:mod:`analyzer.masking`); what is left are names, flags and sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from analyzer.report.escape import Prose, safe
from analyzer.report.requests import frames_words, request_anchor, target_text, total_ms
from analyzer.report.wording import listed, message, number, plural, say
from analyzer.schema import Cookie, HttpRow, Parameter, WebSocketRow
from analyzer.units import human_bytes, human_ms
from analyzer.visits.verdicts import promised_bytes

MAX_LISTED = 20
"""Cookies or fields of one request listed; the exports have all of them."""

NAME_LIMIT, VALUE_LIMIT = 60, 120
"""Characters of a cookie's or field's name, and of a field's value."""

MAX_DIGITS = 19
"""Digits of a length that are read; no body is longer."""

CREATED = 201
"""Its Location names what was made (RFC 9110 section 10.2.2)."""

CACHES: Mapping[str, str] = {
    "hit_304": message("the client's copy was still good"),
    "conditional": message("the client asked whether its copy is still good; it was not"),
    "no_store": message("the answer must not be kept"),
}
"""Code of the ``cache`` column → words (messages)."""

AUTHENTICATIONS: Mapping[str, str] = {
    "basic": message("Basic: name and password, encoded but not encrypted"),
    "digest": message("Digest: a proof that the client knows the password"),
    "bearer": message("Bearer: a token that stands for the user"),
    "negotiate": message("Negotiate: Kerberos or NTLM"),
    "form": message("a password in a form field"),
    "other": message("a scheme of its own"),
}
"""Code of the ``authentication`` column → words (messages)."""

BACKGROUND: Mapping[str, tuple[str, str]] = {
    "poll": (message("poll"), message("a poll: a timer asks again and again whether there is news")),
    "long_poll": (
        message("long poll"),
        message("a long poll: the server holds the request until it has news"),
    ),
    "event_stream": (
        message("event stream"),
        message("an event stream: the answer stays open, and news comes through it"),
    ),
    "websocket": (
        message("WebSocket"),
        message("a WebSocket: the connection stays open for messages of both sides"),
    ),
}
"""Code of the ``background`` column → a word or two, and words that explain it (messages)."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing: its name, what is said of it (a line each), and an anchor that the first line leads to."""

    name: str
    texts: tuple[str, ...]
    link: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Facts that belong together."""

    title: str
    facts: tuple[Fact, ...]


def _no_cause(_: HttpRow) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Links:
    """What is known of a request beside its row: which one led to which, to which WebSocket, and who is to blame.

    Attributes:
        rows: the ``http`` table.
        onward: row number of a redirect → row number of the request it caused.
        sockets: (stream, index) of a handshake → (row number, row) of the ``websocket`` table.
        cause: gives a sentence on why a request failed or was slow; empty where it did neither.
    """

    rows: Sequence[HttpRow] = ()
    onward: Mapping[int, int] = field(default_factory=dict)
    sockets: Mapping[tuple[int, int], tuple[int, WebSocketRow]] = field(default_factory=dict)
    cause: Callable[[HttpRow], str] = _no_cause

    @classmethod
    def of(
        cls,
        rows: Sequence[HttpRow],
        sockets: Sequence[WebSocketRow] = (),
        to_blame: Callable[[HttpRow], str] = _no_cause,
    ) -> Links:
        """Return the links from the rows of the table."""
        onward: dict[int, int] = {}
        for number_, row in enumerate(rows):
            cause = row.initiator
            if cause is not None and 0 <= cause < len(rows) and _redirects(rows[cause]):
                onward.setdefault(cause, number_)
        named = {(row.stream, row.handshake_index): (n, row) for n, row in enumerate(sockets)}
        return cls(rows, onward, named, to_blame)


def _redirects(row: HttpRow) -> bool:
    return row.location is not None and row.status is not None and 300 <= row.status < 400


def groups(number_: int, row: HttpRow, links: Links) -> tuple[Group, ...]:
    """Return what there is to say about a request, in groups.

    Args:
        number_: of the row in the table.
    """
    found = (
        (say("The answer"), _answer(row, links)),
        (say("How it came about"), _way(number_, row, links)),
        (say("Copies"), _copies(row)),
        (say("Cookies and login"), _secrets(row)),
        (say("Fields"), _fields(row.parameters)),
        (say("Connection"), _connection(row, links)),
    )
    told = ((title, tuple(facts)) for title, facts in found)
    return tuple(Group(title, facts) for title, facts in told if facts)


def _fact(name: str, value: str | None, link: str = "") -> Iterator[Fact]:
    """Yield a fact, unless there is no value."""
    if value:
        yield Fact(name, (safe(value),), link)


def _said(name: str, words: str) -> Fact:
    return Fact(name, (Prose(words),))


# ── the answer ───────────────────────────────────────────────────────────────────────────────────────────────────


def _answer(row: HttpRow, links: Links) -> Iterator[Fact]:
    if cause := links.cause(row):
        yield _said(say("Cause"), cause)
    yield from _fact(say("Type"), row.content_type)
    if row.content_type_seen is not None and _differs(row.content_type or "", row.content_type_seen):
        yield from _fact(say("Looks like"), row.content_type_seen)
    if row.response_body_bytes or _promised(row):
        yield _said(say("Body"), _size(row))
    if row.compression_missed_bytes:
        spare = Prose(human_bytes(row.compression_missed_bytes))
        yield _said(say("Compression"), say("not compressed; gzip would have saved {bytes}", bytes=spare))
    yield from _fact(say("Server"), row.server)
    yield from _fact(say("Delivered by"), row.cdn)
    yield from _fact("HSTS", row.hsts)


def _differs(told: str, seen: str) -> bool:
    """Tell whether the first bytes say something else than the header, and not just something less exact."""
    if told == seen:
        return False
    if seen == "text/plain":
        return not any(word in told for word in _TEXTS)
    if seen.endswith("/xml"):
        return not any(word in told for word in ("xml", "html"))
    return not (seen == "application/zip" and told.startswith("application/"))


_TEXTS = ("text/", "json", "script", "xml", "urlencoded", "form-data")


def _size(row: HttpRow) -> str:
    sent, whole, promised = row.response_body_bytes or 0, row.response_decoded_bytes, _promised(row)
    if promised is not None:
        return say("{came} of {promised} bytes", came=number(sent), promised=number(promised))
    if row.content_encoding is None or whole is None or whole <= sent:
        return Prose(human_bytes(sent))
    return say(
        "{sent} for {whole}: {coding} saved {percent}\u202f%",
        sent=Prose(human_bytes(sent)),
        whole=Prose(human_bytes(whole)),
        coding=safe(row.content_encoding, 20),
        percent=round((whole - sent) / whole * 100),
    )


def _promised(row: HttpRow) -> int | None:
    """Return how many bytes the body was said to have where fewer came, None elsewhere."""
    said = None if row.outcome == "complete" else promised_bytes(row)
    return said if said is not None and said > (row.response_body_bytes or 0) else None


# ── how it came about ────────────────────────────────────────────────────────────────────────────────────────────


def _way(number_: int, row: HttpRow, links: Links) -> Iterator[Fact]:
    if row.request_body_bytes:
        yield _said(say("Sent along"), _sent(row))
    cause = row.initiator
    if cause is not None and 0 <= cause < len(links.rows):
        name = say("Sent here by") if _redirects(links.rows[cause]) else say("Asked for by")
        yield Fact(name, (_named(cause, links.rows[cause]),), request_anchor(cause))
    elif row.referer:
        yield from _fact("Referer", row.referer)
    if row.location is not None:
        onward = links.onward.get(number_)
        name = say("Sent on to") if _redirects(row) else say("Made at") if row.status == CREATED else say("Location")
        yield from _fact(name, row.location, "" if onward is None else request_anchor(onward))
        cost = total_ms(row)
        if onward is not None and cost is not None and row.method in ("GET", "HEAD"):  # others did something first
            yield _said(say("Cost"), say("{time} for this detour", time=Prose(human_ms(cost))))
    if row.background is not None:
        yield _said(say("Kind"), _background(row.background)[1])
    if row.third_party:
        yield _said(say("Site"), say("another than the page's own (third party)"))


def _sent(row: HttpRow) -> str:
    """Return the size of the request's body; of one that stops before its end, how much of it there is."""
    sent = row.request_body_bytes or 0
    told = [value for name, value in row.request_headers if name.lower() == "content-length"]
    if row.request_cut == "end" and len(told) == 1 and told[0].isascii() and told[0].isdigit():
        told_bytes = number(int(told[0][:MAX_DIGITS]))
        return say("{sent} of {told} B, then it stops", sent=number(sent), told=told_bytes)
    return Prose(human_bytes(sent))


def _background(code: str) -> tuple[str, str]:
    if code not in BACKGROUND:
        return safe(code, 40), safe(code, 40)
    word, words = BACKGROUND[code]
    return say(word), say(words)


def _named(number_: int, row: HttpRow) -> str:
    return Prose(f"#{number_ + 1} {safe(row.method or '?', 20)} {safe(target_text(row), VALUE_LIMIT)}")


# ── copies ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _copies(row: HttpRow) -> Iterator[Fact]:
    if row.cache is not None:
        words = say(CACHES[row.cache]) if row.cache in CACHES else safe(row.cache)
        if row.saved_bytes:
            words = say("{words}; that saved {bytes}", words=words, bytes=Prose(human_bytes(row.saved_bytes)))
        yield _said(say("Cache"), words)
    yield from _fact("ETag", row.etag)
    yield from _fact(say("Last modified"), row.last_modified)


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _secrets(row: HttpRow) -> Iterator[Fact]:
    if row.authentication is not None:
        known = row.authentication in AUTHENTICATIONS
        words = say(AUTHENTICATIONS[row.authentication]) if known else safe(row.authentication)
        if row.scheme == "http":
            words = say("{words}; sent in clear, everybody on the way can read it", words=words)
        yield _said(say("Login"), words)
    if row.cookies_sent:
        yield Fact(say("Cookies sent"), _some(safe(name, NAME_LIMIT) for name in row.cookies_sent))
    if row.cookies_set:
        yield Fact(say("Cookies set"), _some(map(_cookie, row.cookies_set)))
    elif row.set_cookies:
        yield Fact(say("Cookies set"), _some(safe(name, NAME_LIMIT) for name in row.set_cookies))


def _cookie(cookie: Cookie) -> str:
    name = safe(cookie.name, NAME_LIMIT)
    if cookie.deleted:
        return say("{name} – deleted", name=name)
    flags: list[str] = [
        Prose("Secure") if cookie.secure else say("not Secure"),
        Prose("HttpOnly") if cookie.http_only else say("scripts may read it"),
        *([] if cookie.same_site is None else [f"SameSite={safe(cookie.same_site.capitalize(), 20)}"]),
        say("outlives the browser") if cookie.persistent else say("until the browser closes"),
    ]
    return say("{name} – {flags}", name=name, flags=listed(flags))


# ── fields and connection ────────────────────────────────────────────────────────────────────────────────────────


def _fields(parameters: Sequence[Parameter]) -> Iterator[Fact]:
    for place, name in (("query", say("In the address")), ("body", say("In the body"))):
        sent = [parameter for parameter in parameters if parameter.place == place]
        if sent:
            yield Fact(name, _some(map(_parameter, sent)))


def _parameter(parameter: Parameter) -> str:
    name = safe(parameter.name, NAME_LIMIT)
    if parameter.value is None:
        return say("{name}: {bytes}, not shown", name=name, bytes=Prose(human_bytes(parameter.bytes)))
    return f"{name} = {safe(parameter.value, VALUE_LIMIT)}"


def _connection(row: HttpRow, links: Links) -> Iterator[Fact]:
    if row.http_version:
        yield _said(say("Version"), f"HTTP/{safe(row.http_version, 20)}")
    stream = say("{stream}, its request {number}", stream=row.stream, number=row.index + 1)
    yield Fact(say("Stream"), (stream,), f"stream-{row.stream}")
    if row.keep_alive is not None and row.outcome != "switched":  # what was said; what was done is the connection's
        meant = say("meant to stay open") if row.keep_alive else say("meant to be closed")
        yield _said(say("Afterwards"), meant)
    if row.pipelined:
        yield _said(say("Pipelined"), say("sent before the previous answer was complete"))
    yield from _fact("Upgrade", row.upgrade)
    if (socket := links.sockets.get((row.stream, row.index))) is not None:
        said = plural(socket[1].client_messages + socket[1].server_messages, "message")
        yield Fact("WebSocket", (said,), f"websocket-messages-{socket[0] + 1}")
    yield Fact(say("Frames"), (frames_words(row),))


# ── for a table ──────────────────────────────────────────────────────────────────────────────────────────────────


def remarks(row: HttpRow) -> list[str]:
    """Return what is worth a glance in a list of requests, a few words each."""
    missing = row.request_missing_bytes + row.response_missing_bytes
    found: list[str] = []
    if row.background:
        found.append(_background(row.background)[0])
    if missing:
        found.append(say("{bytes} missing", bytes=Prose(human_bytes(missing))))
    if row.informational:
        codes = listed(str(told.status) for told in row.informational[:3])
        found.append(say("{codes} first", codes=codes))
    if row.saved_bytes:
        found.append(say("copy saved {bytes}", bytes=Prose(human_bytes(row.saved_bytes))))
    if row.compression_missed_bytes:
        found.append(say("not compressed"))
    if row.authentication:
        found.append(say("login"))
    if row.cookies_set or row.set_cookies:
        found.append(say("sets cookies"))
    if row.third_party:
        found.append(say("third party"))
    if row.pipelined:
        found.append(say("pipelined"))
    return found


def _some(values: Iterable[str]) -> tuple[str, ...]:
    """Return the first values, and how many more there are."""
    every = list(values)
    shown = [Prose(value) for value in every[:MAX_LISTED]]
    if len(every) > MAX_LISTED:
        shown.append(say("… and {more} more", more=number(len(every) - MAX_LISTED)))
    return tuple(shown)
