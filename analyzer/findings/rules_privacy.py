"""Findings about what HTTP gave away: passwords and tokens in clear, cookies without their flags, no HSTS, wrong types.

None of them shows a secret: names of fields and cookies are told, values never.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from analyzer.findings.about import about, answered_in, asked_in, client_of, host_of, in_clear
from analyzer.findings.model import Hit, Rule, grouped
from analyzer.findings.thresholds import KEY_BYTES, KEY_DIGITS, PERSONAL_FIELDS
from analyzer.protocols.http1.credentials import SWITCHES, holds_password
from analyzer.schema import Cookie, HttpRow, Parameter
from analyzer.secret_names import is_key, is_password
from analyzer.visits.asking import path_of
from analyzer.visits.caching import header
from analyzer.visits.grouping import REDIRECTS, join, split
from analyzer.visits.model import Facts, Found

# ── passwords and tokens ─────────────────────────────────────────────────────────────────────────────────────────


def _readable_credentials(row: HttpRow) -> str | None:
    """Return how a request shows what logs in (basic | form | json | bearer | url), None when it does not.

    A password in the query is told by :func:`form_in_url`.
    """
    if row.authentication in ("basic", "bearer"):
        return row.authentication
    if row.authentication == "form" and any(f.place == "body" and holds_password(f) for f in row.parameters):
        return "json" if "json" in (header(row.request_headers, "content-type") or "").lower() else "form"
    target = row.target or ""
    if "@" in target and ":" in split(target).netloc.rpartition("@")[0]:
        return "url"
    return None


def credentials_clear(facts: Facts) -> Iterator[Hit]:
    """A password or token sent where everybody on the way can read it; once for each server and kind."""
    sent = (
        ((host_of(facts, row), kind), (at, row))
        for at, row in enumerate(facts.http)
        if (row.authentication is not None or "@" in (row.target or ""))
        and in_clear(row)
        and (kind := _readable_credentials(row)) is not None
    )
    for (host, kind), found in grouped(sent).items():
        args: dict[str, object] = {
            "host": host,
            "client": client_of(facts, found[0][1]),
            "target": path_of(found[0][1]),
        }
        yield about(found, asked_in(found), args, variant=None if kind == "basic" else kind)


_PERSONAL = {
    "email": "email address",
    "mail": "email address",
    "emailaddress": "email address",
    "phone": "phone number",
    "telephone": "phone number",
    "phonenumber": "phone number",
    "mobile": "phone number",
    "firstname": "person's name",
    "lastname": "person's name",
    "surname": "person's name",
    "fullname": "person's name",
    "givenname": "person's name",
    "familyname": "person's name",
    "birthday": "date of birth",
    "birthdate": "date of birth",
    "dateofbirth": "date of birth",
    "dob": "date of birth",
    "street": "postal address",
    "streetaddress": "postal address",
    "address1": "postal address",
    "zipcode": "postal address",
    "postcode": "postal address",
    "postalcode": "postal address",
    "iban": "bank account",
    "cardnumber": "card number",
    "creditcard": "card number",
    "ccnumber": "card number",
    "ssn": "social security number",
    "passportnumber": "passport number",
}
"""Names of form fields, in lower case without joints → what a person wrote into them."""


_JOINTS = str.maketrans("", "", "_- ")


@lru_cache(maxsize=8192)
def _matters(name: str) -> str | None:
    """Return what a field's name says that it holds: password, key, or a kind of personal data; None for the rest."""
    if is_password(name):
        return "password"
    return "key" if is_key(name) else _PERSONAL.get(name.lower().translate(_JOINTS))


def _told_in_url(row: HttpRow) -> tuple[str, list[str]] | None:
    """Return (password | key | personal, what stands in the URL), None when it is nothing to hide."""
    told: dict[str, list[str]] = {}
    for field in row.parameters:
        if field.place != "query":
            continue
        kind = _matters(field.name) or ("password" if holds_password(field) else None)
        if kind is not None and _filled(kind, field):
            told.setdefault(kind, []).append(field.name)
    if "password" in told:
        return "password", told["password"]
    if "key" in told and row.third_party is not True:
        return "key", told["key"]
    personal = sorted(told.keys() - {"key"})
    return ("personal", personal) if len(personal) >= PERSONAL_FIELDS else None


def _filled(kind: str, field: Parameter) -> bool:
    """Say whether a field holds what its name promises, and not only a switch or a number."""
    if kind == "password":
        return holds_password(field)
    value = field.value or ""
    if kind == "key":
        return len(value) >= (KEY_DIGITS if value.isdecimal() else KEY_BYTES) and value.lower() not in SWITCHES
    return len(value) >= 2 and value.lower() not in SWITCHES


def form_in_url(facts: Facts) -> Iterator[Hit]:
    """Form data in a URL that should not be there; once for each address and kind."""
    told = (
        ((host_of(facts, row), path_of(row), what[0]), (at, row, what[1]))
        for at, row in enumerate(facts.http)
        if row.parameters and (what := _told_in_url(row)) is not None
    )
    for (host, path, kind), some in grouped(told).items():
        found = [(at, row) for at, row, _ in some]
        names = list(dict.fromkeys(name for _, _, names in some for name in names))
        args: dict[str, object] = {"host": host, "target": path, "method": found[0][1].method, "names": names}
        clear = all(in_clear(row) for _, row in found)
        variant = ("clear" if clear else None) if kind == "password" else kind
        yield about(found, asked_in(found), args, variant=variant, severity="note" if kind == "key" else None)


# ── cookies ──────────────────────────────────────────────────────────────────────────────────────────────────────

_SESSION_WORDS = re.compile(r"sess(?:ion|id|[^a-z]|$)|auth(?!or(?!iz))|log(?:in|ged)|remember|jwt|token")
_SESSION_NAMES = frozenset({"sid", "connect.sid", "ssid", "hsid", "sso", "cfid", "cftoken"})
_FORM_GUARDS = ("csrf", "xsrf", "antiforgery", "requestverification")


def _logs_in(cookie: Cookie) -> bool:
    """Say whether whoever has this cookie is taken for the user, as far as its name tells.

    Guards against forged forms (CSRF) are none: scripts must read them (OWASP, "Double-Submit Cookies").
    """
    name = cookie.name.lower()
    if any(word in name for word in _FORM_GUARDS):
        return False
    return name in _SESSION_NAMES or _SESSION_WORDS.search(name[:200]) is not None


def _missing(cookie: Cookie) -> list[str]:
    """Return which flags a cookie should have and has not.

    Browsers take a missing SameSite for Lax, so it alone is no trouble.
    """
    if cookie.deleted:
        return []
    if not _logs_in(cookie):
        return ["Secure"] if cookie.same_site == "none" and not cookie.secure else []
    missing = [flag for flag, there in (("HttpOnly", cookie.http_only), ("Secure", cookie.secure)) if not there]
    return [*missing, "SameSite"] if missing and cookie.same_site is None else missing


def cookie_flags(facts: Facts) -> Iterator[Hit]:
    """Cookies that log somebody in, without the flags that protect them; once for each server."""
    bare = (
        (host_of(facts, row), (at, row, cookie, missing))
        for at, row in enumerate(facts.http)
        for cookie in row.cookies_set
        if row.third_party is not True and (missing := _missing(cookie))
    )
    for host, some in grouped(bare).items():
        found = list({at: row for at, row, _, _ in some}.items())
        names = list(dict.fromkeys(cookie.name or "(no name)" for _, _, cookie, _ in some))
        flags = [flag for flag in ("HttpOnly", "Secure", "SameSite") if any(flag in missing for *_, missing in some)]
        cross = all(not _logs_in(cookie) for _, _, cookie, _ in some)
        args = {"host": host, "names": names, "flags": flags, "cookies": len(names)}
        variant = "none_insecure" if cross else "plain" if all(in_clear(row) for _, row in found) else None
        yield about(found, answered_in(found), args, variant=variant)


# ── https ────────────────────────────────────────────────────────────────────────────────────────────────────────


def to_https(row: HttpRow) -> str | None:
    """Return the https URL that an answer over plain HTTP sends the client on to, None when it does not."""
    if row.status not in REDIRECTS or not row.location or not in_clear(row):
        return None
    target = join(row.url or "", row.location)
    return target if target.startswith("https://") else None


def _promises_https(row: HttpRow) -> bool:
    """Say whether an answer makes browsers remember to use https (RFC 6797 section 6.1.1; max-age 0 takes it back)."""
    if row.hsts is None:
        return False
    ages = [
        value.strip().strip('"')
        for name, _, value in (part.partition("=") for part in row.hsts.split(";"))
        if name.strip().lower() == "max-age"
    ]
    return bool(ages) and ages[0].isdecimal() and bool(ages[0].strip("0"))


def no_hsts(facts: Facts) -> Iterator[Hit]:
    """A server that redirects from http to https, and over https does not say that it is to be used from the start.

    Only where the https answer can be read: in most captures it is encrypted, and nothing is known.
    """
    led: dict[str, Found] = {}
    for at, row in enumerate(facts.http):
        if row.location and (target := to_https(row)) is not None:
            led.setdefault((split(target).hostname or "").lower(), []).append((at, row))
    if not led:
        return
    secure = grouped(
        (row.host or "", (at, row))
        for at, row in enumerate(facts.http)
        if (row.scheme == "https" or row.decrypted) and row.status is not None and row.host in led
    )
    for host, answers in secure.items():
        if any(_promises_https(row) for _, row in answers):
            continue
        frames = (*answered_in(led[host]), *answered_in(answers[:1]))
        yield about(led[host], frames, {"host": host, "taken_back": any(row.hsts is not None for _, row in answers)})


# ── types ────────────────────────────────────────────────────────────────────────────────────────────────────────

PROGRAMS = {
    "application/vnd.microsoft.portable-executable": "a Windows program",
    "application/x-elf": "a Linux program",
    "application/x-mach-binary": "a macOS program",
    "application/vnd.android.package-archive": "an Android app",
    "application/vnd.android.dex": "an Android program",
    "application/java-archive": "a Java program",
    "application/x-ms-shortcut": "a Windows shortcut",
    "application/x-chrome-extension": "a browser extension",
}
"""Media type that the bytes show → what it is: things that run when they are opened."""
_HARMLESS = ("image/", "text/", "audio/", "video/", "font/", "application/pdf", "application/json", "application/xml")
_NO_PAGE = ("image/", "font/", "audio/", "video/", "text/css", "text/javascript", "application/javascript")
_PAGE = ("text/html", "application/xhtml+xml")


def _mismatch(row: HttpRow) -> str | None:
    """Return program or page when a body is that, and its header says something it must not be taken for."""
    told, seen = row.content_type or "", row.content_type_seen
    if seen is None or seen == told:
        return None
    if seen in PROGRAMS and told.startswith(_HARMLESS):
        return "program"
    return "page" if seen in _PAGE and told.startswith(_NO_PAGE) and row.status == 200 else None


def type_mismatch(facts: Facts) -> Iterator[Hit]:
    """A body that is something else than its header says, where that matters; once for a server and pair of types."""
    wrong = (
        ((host_of(facts, row), what, row.content_type, row.content_type_seen), (at, row))
        for at, row in enumerate(facts.http)
        if row.content_type_seen is not None and (what := _mismatch(row)) is not None
    )
    for (host, what, told, seen), found in grouped(wrong).items():
        shown = PROGRAMS.get(seen or "", seen)
        args: dict[str, object] = {"host": host, "target": path_of(found[0][1]), "told": told, "seen": shown}
        page = what == "page"
        variant, severity = ("page", "note") if page else (None, None)
        yield about(found, answered_in(found), args, variant=variant, severity=severity)


RULES: tuple[Rule, ...] = (
    Rule("HTTP-CREDENTIALS-CLEAR", "warning", "http", "server", "RFC 9110 section 17.16.1", credentials_clear),
    Rule(
        "HTTP-FORM-IN-URL",
        "warning",
        "http",
        "server",
        "RFC 9110 section 17.9",
        form_in_url,
        ("PERSONAL_FIELDS", "KEY_BYTES", "KEY_DIGITS"),
    ),
    Rule("HTTP-TYPE-MISMATCH", "warning", "http", "server", "RFC 9110 section 8.3", type_mismatch),
    Rule("HTTP-COOKIE-FLAGS", "note", "http", "server", "RFC 6265 section 8", cookie_flags),
    Rule("HTTP-NO-HSTS", "note", "http", "server", "RFC 6797 section 6.1", no_hsts),
)
