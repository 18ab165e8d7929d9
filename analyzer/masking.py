"""Secrets out of what is shown: credentials, cookies and tokens become ``[masked]``, everything around them stays.

Rules: the name of a secret is kept, its value is not. Every text column of a row passes here; the columns drawn from
headers are masked like their header, a URL wherever its target is (:mod:`analyzer.masking_urls`,
:mod:`analyzer.masking_headers`). Masking errs on the side of hiding: names are matched as words inside longer names
(``X-Auth-Token``, ``reset_password``), and every value is searched for what looks like a secret
(:mod:`analyzer.masking_text`). Masking twice changes nothing.

Sources: RFC 9110 section 11.6 (credentials), RFC 6265 (cookies), RFC 6750 section 2.3 (tokens in URLs), RFC 3986
section 3.2.1 (passwords in URLs).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from operator import is_
from typing import TypeVar

from analyzer.masking_headers import mask_cookie_domain, mask_cookie_path, mask_header, mask_headers
from analyzer.masking_text import HARMLESS, MASKED
from analyzer.masking_urls import mask_url, mask_value
from analyzer.schema import Cookie, FindingRow, HttpRow, Later, OicqRow, Parameter, Remark, Step, VisitRow, changed
from analyzer.secret_names import is_secret

__all__ = [
    "MASKED",
    "mask_accounts",
    "mask_args",
    "mask_findings",
    "mask_header",
    "mask_row",
    "mask_rows",
    "mask_url",
    "mask_value",
    "mask_visits",
]

_FROM_REQUEST = {"user_agent": "user-agent", "referer": "referer", "upgrade": "upgrade"}
"""Text column → the request's header field that it repeats; ``upgrade`` may repeat the response's."""
_FROM_RESPONSE = {
    "server": "server",
    "location": "location",
    "etag": "etag",
    "last_modified": "last-modified",
    "hsts": "strict-transport-security",
    "content_type": "content-type",
    "content_encoding": "content-encoding",
    "upgrade": "upgrade",
}
"""The same for the response."""
_NOT_REPEATED = frozenset({"cookie", "set-cookie", "authorization"})
"""What is masked mostly."""
Fields = tuple[tuple[str, str], ...]


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def mask_rows(rows: list[HttpRow]) -> tuple[list[HttpRow], int]:
    """Return rows as they may be shown, and how many values were masked in all."""
    out = []
    total = 0
    for row in rows:
        shown, count = mask_row(row)
        out.append(shown)
        total += count
    return out, total


def mask_row(row: HttpRow) -> tuple[HttpRow, int]:
    """Return a row as it may be shown, and how many of its values were masked.

    A secret in the target is one, though it stands in the URL and among the form fields as well; the columns drawn
    from headers are counted with their header.
    """
    asked, in_request = mask_headers(row.request_headers)
    told, in_response = mask_headers(row.response_headers)
    masked: dict[str, object] = {}
    if in_request:
        _repeat(row, _FROM_REQUEST, row.request_headers, asked, masked)
    if in_response:
        _repeat(row, _FROM_RESPONSE, row.response_headers, told, masked)
    _mask_first_lines(row, masked)
    count = in_request + in_response + ("target" in masked or "url" in masked) + ("reason" in masked)
    if row.cookies_set or row.set_cookies or row.cookies_sent:
        _mask_cookie_names(row, masked)
    if row.parameters:
        form, in_form = _mask_form(row.parameters)
        count += in_form
        if not all(map(is_, form, row.parameters)):
            masked["parameters"] = form
    if not count and not masked:
        return row, 0
    return changed(row, request_headers=asked, response_headers=told, **masked), count


def _repeat(
    row: HttpRow, columns: Mapping[str, str], headers: Fields, shown: Fields, masked: dict[str, object]
) -> None:
    """Mask the columns that repeat header fields, where one of these was masked."""
    names = {old[0].strip().lower() for old, new in zip(headers, shown, strict=True) if old != new}
    if names <= _NOT_REPEATED:
        return
    for column, name in columns.items():
        value = getattr(row, column)
        if name in names and value is not None and (hidden := mask_header(name, value)) != value:
            masked[column] = hidden


def _mask_first_lines(row: HttpRow, masked: dict[str, object]) -> None:
    """Mask what comes from the request line and the status line."""
    target, url = row.target, row.url
    if target is not None and (hidden := mask_url(target)) != target:
        masked["target"] = hidden
        if url is not None:
            masked["url"] = mask_url(url.removesuffix(target)) + hidden if url.endswith(target) else mask_url(url)
    elif url is not None and not (target and _only_adds_host(url, target)) and (hidden := mask_url(url)) != url:
        masked["url"] = hidden
    if row.method is not None and not row.method.isalpha() and (hidden := mask_url(row.method)) != row.method:
        masked["method"] = hidden
    if row.host is not None and (hidden := mask_url(row.host)) != row.host:
        masked["host"] = hidden
    if row.reason is not None and (hidden := mask_value(row.reason)) != row.reason:
        masked["reason"] = hidden


def _only_adds_host(url: str, target: str) -> bool:
    """Say whether a URL is its target behind scheme and host: what is secret in it is in the target, too."""
    if not (target.startswith("/") and url.endswith(target)):
        return False
    before = url[: -len(target)]
    return not ("@" in before or "=" in before or "%" in before or '"' in before or "eyJ" in before)


def _mask_cookie_names(row: HttpRow, masked: dict[str, object]) -> None:
    """Mask what is no name among the names of cookies, and what is neither path nor domain."""
    for column in ("set_cookies", "cookies_sent"):
        names: tuple[str, ...] = getattr(row, column)
        shown = tuple(map(mask_url, names))
        if shown != names:
            masked[column] = shown
    if row.cookies_set:
        cookies = tuple(map(_mask_cookie, row.cookies_set))
        if not all(map(is_, cookies, row.cookies_set)):
            masked["cookies_set"] = cookies


def _mask_cookie(cookie: Cookie) -> Cookie:
    name = mask_url(cookie.name)
    path = None if cookie.path is None else mask_cookie_path(cookie.path)
    domain = None if cookie.domain is None else mask_cookie_domain(cookie.domain)
    if (name, path, domain) == (cookie.name, cookie.path, cookie.domain):
        return cookie
    return changed(cookie, name=name, path=path, domain=domain)


# ── forms ────────────────────────────────────────────────────────────────────────────────────────────────────────

_NAMES_THE_OTHER = frozenset({"name", "key", "field", "id", "param", "property"})
CUT_OFF = 8
"""Fields that a quoted secret may have been cut into."""
_TEXT_MARKS = frozenset("\"'{}:=<>&")
_NAMED_BY_IT = frozenset({"value", "val", "data", "content"})


def _mask_form(fields: tuple[Parameter, ...]) -> tuple[tuple[Parameter, ...], int]:
    """Return form fields as they may be shown, and how many of the body's were masked (the target is counted)."""
    shown = list(map(_mask_parameter, fields))
    if len(fields) > 1:
        _mask_named(fields, shown)
        _mask_cut_off(fields, shown)
    return tuple(shown), sum(new is not old and new.place == "body" for new, old in zip(shown, fields, strict=True))


def _mask_named(fields: tuple[Parameter, ...], shown: list[Parameter]) -> None:
    """Mask the values that the field beside them names: ``{"name":"password","value":"…"}``."""
    for at, (old, other) in enumerate(pairwise(fields)):
        if (last := old.name.rpartition(".")[2].lower()) in _NAMES_THE_OTHER:
            names, named, to = old, other, at + 1
        elif last in _NAMED_BY_IT:
            names, named, to = other, old, at
        else:
            continue
        if _names_secret(names, named) and shown[to].value not in (None, "", MASKED):
            shown[to] = changed(shown[to], value=MASKED)


def _mask_cut_off(fields: tuple[Parameter, ...], shown: list[Parameter]) -> None:
    """Mask the rest of a quoted secret with ``&`` in it: up to the field in which its quotes are closed."""
    for at, (old, new) in enumerate(zip(fields, shown, strict=True)):
        if old is new or '"' not in (old.value or "") or not (new.value or "").endswith(MASKED):
            continue
        rest = range(at + 1, min(at + 1 + CUT_OFF, len(fields)))
        closing = next((to for to in rest if '"' in fields[to].name or '"' in (fields[to].value or "")), at)
        for to in range(at + 1, closing + 1):
            value = MASKED if fields[to].value else fields[to].value
            if fields[to].place == old.place and (shown[to].name, shown[to].value) != (MASKED, value):
                shown[to] = changed(shown[to], name=MASKED, value=value)


def _names_secret(names: Parameter, named: Parameter) -> bool:
    """Say whether one field is the name of a secret, and the other its value."""
    where, _, what = names.name.rpartition(".")
    there, _, value = named.name.rpartition(".")
    pair = what.lower() in _NAMES_THE_OTHER and value.lower() in _NAMED_BY_IT
    return pair and where == there and names.place == named.place and is_secret(names.value or "")


def _mask_parameter(field: Parameter) -> Parameter:
    """Mask a form field by its name, and what is secret in the name, value or file name of another."""
    name, value = (
        field.name if field.name.isalnum() and "eyJ" not in field.name else _mask_name(field.name),
        field.value,
    )
    file = None if field.filename is None else mask_value(field.filename)
    if value:
        hide = value != MASKED and is_secret(field.name) and value.lower() not in HARMLESS
        value = MASKED if hide else value if value.isalnum() and "eyJ" not in value else mask_header("", value)
    if value == field.value and name == field.name and file == field.filename:
        return field
    return changed(field, name=name, value=value, filename=file)


def _mask_name(name: str) -> str:
    """Mask what is secret in a field's name; where a whole text stands there and is cut, nothing names what follows."""
    if "…" in name and not _TEXT_MARKS.isdisjoint(name):
        return f"{mask_value(name.partition('…')[0])}…{MASKED}"
    return mask_value(name)


# ── visits and findings ──────────────────────────────────────────────────────────────────────────────────────────


OWN_WORDS = frozenset({"weak"})
"""Arguments that hold words of this program and numbers, nothing that was sent: ``key: RSA 1024 bits`` is no secret."""


def mask_args(args: Mapping[str, object]) -> Mapping[str, object]:
    """Mask the texts among a sentence's arguments (URLs, targets, names, lists of them); the same when none has any."""
    shown = {
        key: hidden
        for key, value in args.items()
        if key not in OWN_WORDS and (hidden := _mask_argument(value)) is not value
    }
    return {**args, **shown} if shown else args


def _mask_argument(value: object) -> object:
    if isinstance(value, str):
        hidden = mask_value(value)
        return value if hidden == value else hidden
    if isinstance(value, (list, tuple)):
        items = [_mask_argument(item) for item in value]
        return value if all(map(is_, items, value)) else type(value)(items)
    return value


Said = TypeVar("Said", Step, Remark)
"""A row that says a sentence."""


def _mask_step(step: Step) -> Step:
    if step.remarks:
        step = changed(step, remarks=tuple(map(_mask_said, step.remarks)))
    return _mask_said(step)


def _mask_said(said: Said) -> Said:
    """Mask the arguments of a sentence in a row."""
    if not said.sentence_args:
        return said
    shown = mask_args(said.sentence_args)
    return said if shown is said.sentence_args else changed(said, sentence_args=shown)


def mask_accounts(rows: Iterable[OicqRow]) -> tuple[list[OicqRow], int]:
    """Return OICQ rows as they may be shown, and how many numbers were masked.

    The last two digits stay: they tell the users of a capture apart and say nothing about who they are.
    """
    shown: list[OicqRow] = []
    count = 0
    for row in rows:
        hidden = None if row.qq is None else _mask_number(row.qq)
        count += hidden != row.qq
        shown.append(row if hidden == row.qq else changed(row, qq=hidden))
    return shown, count


_SHOWN_DIGITS = 2


def _mask_number(number: str) -> str:
    return number if MASKED in number else MASKED + number[-_SHOWN_DIGITS:] if len(number) > _SHOWN_DIGITS else MASKED


def mask_visits(rows: Iterable[VisitRow]) -> list[VisitRow]:
    """Return visits as they may be shown: their addresses and the arguments of their sentences."""
    return list(map(_mask_visit, rows))


def _mask_visit(row: VisitRow) -> VisitRow:
    url, final = mask_url(row.url), None if row.final_url is None else mask_url(row.final_url)
    return changed(row, url=url, final_url=final, steps=Later(_steps, row.steps), blame_args=mask_args(row.blame_args))


def _steps(steps: Iterable[Step]) -> tuple[Step, ...]:
    return tuple(map(_mask_step, steps))


def mask_findings(rows: Iterable[FindingRow]) -> list[FindingRow]:
    """Return findings as they may be shown: the arguments of their titles."""
    return [changed(row, args=mask_args(row.args)) for row in rows]
