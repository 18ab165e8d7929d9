"""Findings about certificates: out of their time, made for another name, self-signed, with weak keys or signatures.

Only what the server showed can be judged: from TLS 1.3 on certificates are encrypted, and nothing is said of them. They
are judged by the moment at which the session began. Whether a client trusts the issuer is not known here. Where the
session came about all the same, the client did not object: that is a risk, no failure.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Iterator

from analyzer.findings.about_tls import Sessions, about, began, hellos, name_of, severity
from analyzer.findings.model import Hit, Rule, grouped, worst
from analyzer.findings.thresholds import (
    CERTIFICATE_DAYS,
    CERTIFICATE_LIFE_SHARE,
    CLOCK_WRONG_DAYS,
    MAIL_PORTS,
    WEAK_RSA_BITS,
)
from analyzer.protocols.tls.certificates import MAX_NAMES
from analyzer.schema import Certificate, TlsRow
from analyzer.visits.model import Facts

_DAY = dt.timedelta(days=1)


def _leaves(facts: Facts) -> Iterator[tuple[Certificate, list[tuple[int, TlsRow]]]]:
    """Give each server's own certificate with the sessions in which it was shown, once for each name."""
    shown = ((at, row) for at, row in enumerate(facts.tls) if row.certificates)
    for group in grouped(((name_of(facts, r), r.certificates[0].sha256), (at, r)) for at, r in shown).values():
        yield group[0][1].certificates[0], group


def _moment(text: str | None) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _refused(group: Sessions) -> bool:
    """Say whether a session failed after the certificate was shown."""
    return any(row.outcome == "failed" or row.handshake_why in ("closed", "reset") for _, row in group)


def _facts_of(certificate: Certificate) -> dict[str, object]:
    return {
        "subject": common_name(certificate) or certificate.subject,
        "issuer": _common(certificate.issuer) or certificate.issuer,
        "not_before": certificate.not_before[:10],
        "not_after": certificate.not_after[:10],
    }


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def expired(facts: Facts) -> Iterator[Hit]:
    """A certificate that was not valid when the session began: over, or not begun yet.

    A warning where it is self-signed and over: who trusts it does so for another reason, but nobody looks after it. A
    note where such a one has not begun yet, and where any begins so much later that the recorder's clock must be wrong.
    """
    for certificate, group in _leaves(facts):
        start, end = _moment(certificate.not_before), _moment(certificate.not_after)
        if start is None or end is None:
            continue
        bad: Sessions = []
        late: list[dt.timedelta] = []
        for at, row in group:
            now = _moment(began(facts, row))
            if now is not None and not start <= now <= end:
                bad.append((at, row))
                late.append(max(now - end, start - now))
        if not bad:
            continue
        early = (_moment(began(facts, bad[0][1])) or start) < start
        doubtful = early and max(late) > CLOCK_WRONG_DAYS * _DAY
        mild = doubtful or (certificate.self_signed and early)
        weight = "note" if mild else None if _refused(bad) and not certificate.self_signed else "warning"
        args = {**_facts_of(certificate), "days": max(late) // _DAY}
        variant = "clock" if doubtful else "early" if early else None
        blame = "capture" if doubtful else None
        yield about(facts, bad, args, hellos(bad), severity=weight, variant=variant, blame=blame)


def expires(facts: Facts) -> Iterator[Hit]:
    """A certificate that was about to run out."""
    for certificate, group in _leaves(facts):
        start, end = _moment(certificate.not_before), _moment(certificate.not_after)
        now = max((moment for _, row in group if (moment := _moment(began(facts, row))) is not None), default=None)
        if start is None or end is None or now is None or certificate.self_signed:
            continue
        left = end - now
        if dt.timedelta(0) <= left < min(CERTIFICATE_DAYS * _DAY, (end - start) * CERTIFICATE_LIFE_SHARE):
            yield about(facts, group, {**_facts_of(certificate), "days": left // _DAY}, hellos(group))


# ── name ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_COMMON_NAME = re.compile(r"(?:^|[,+])CN=((?:\\.|[^,+\\])*)")
_OTHER_KINDS = ("email:", "URI:", "DirName:", "otherName:", "RID:")


def _common(name: str) -> str | None:
    """Return the common name of a distinguished name (RFC 4514)."""
    found = _COMMON_NAME.search(name)
    return re.sub(r"\\(.)", r"\1", found[1]) if found else None


def common_name(certificate: Certificate) -> str | None:
    """Return a certificate's common name, None without one."""
    return _common(certificate.subject)


def presented(certificate: Certificate) -> tuple[str, ...]:
    """Return the host names and addresses that a certificate is for.

    Those of its subjectAltName; only where that has none of them, its common name (RFC 6125 section 6.4.4).
    """
    names = tuple(name for name in certificate.san if not name.startswith(_OTHER_KINDS))
    common = common_name(certificate)
    return names or ((common,) if common else ())


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def fits(name: str, pattern: str) -> bool:
    """Say whether a name that a certificate is for covers the one that was asked for (RFC 9525 section 6.3).

    A wildcard is a whole left-most label and stands for exactly one label; addresses are compared as such.
    """
    address = _address(name)
    if address is not None:
        return address == _address(pattern)
    name, pattern = name.lower().rstrip("."), pattern.lower().rstrip(".")
    if not pattern.startswith("*."):
        return name == pattern
    first, dot, rest = name.partition(".")
    return bool(first and dot) and rest == pattern[2:]


def wrong_name(facts: Facts) -> Iterator[Hit]:
    """A certificate for other names than the one that the client asked for.

    Not where it is self-signed, which is told by itself, or where not all its names were read. A note between mail
    servers, which do not compare names, and for programs that talk to their own servers only (Tor makes names up).
    """
    for certificate, group in _leaves(facts):
        asked, names = group[0][1].sni, presented(certificate)
        if asked is None or not names or certificate.self_signed or len(certificate.san) >= MAX_NAMES:
            continue
        if any(fits(asked, name) for name in names):
            continue
        ports = {facts.connections.number("server_port", row.stream) for _, row in group}
        private = not certificate.san and not _refused(group)  # clients that compare names want a subjectAltName
        mild = private or ports <= MAIL_PORTS
        weight = "note" if mild else None if _refused(group) else "warning"
        yield about(facts, group, {**_facts_of(certificate), "names": list(names)}, hellos(group), severity=weight)


def self_signed(facts: Facts) -> Iterator[Hit]:
    """A server that vouches for itself."""
    for certificate, group in _leaves(facts):
        if certificate.self_signed:
            yield about(facts, group, _facts_of(certificate), hellos(group))


# ── strength ─────────────────────────────────────────────────────────────────────────────────────────────────────

_DIGESTS = (("md2", "MD2"), ("md5", "MD5"), ("sha1", "SHA-1"))


def _weak_key(certificate: Certificate) -> str | None:
    """Return the algorithm of a key that is too short, None when it is long enough."""
    kind, _, size = certificate.key.partition(" ")
    return kind if kind in ("RSA", "DSA") and size.isdigit() and int(size) < WEAK_RSA_BITS else None


def _weak_digest(certificate: Certificate) -> str | None:
    """Return the broken digest that a certificate is signed with; what signed itself is trusted for other reasons."""
    if certificate.self_signed:
        return None
    text = certificate.signature.lower()
    return next(
        (name for part, name in _DIGESTS if text.startswith(part) or text.endswith((f"-{part}", f" {part}"))), None
    )


def weak_key(facts: Facts) -> Iterator[Hit]:
    """A certificate whose key or signature can be forged, judged by the day; for the issuers' own at most a note.

    Servers send issuers that a client needs no more because it trusts one further down the chain.
    """
    for leaf, group in _leaves(facts):
        moments = [began(facts, row) for _, row in group]
        told: list[tuple[str, str]] = []
        for certificate in group[0][1].certificates:
            kind, digest = _weak_key(certificate), _weak_digest(certificate)
            found = {}
            if kind is not None and (certificate is leaf or not certificate.self_signed):
                found[kind] = f"key: {certificate.key} bits"
            if digest is not None:
                found[digest] = f"signature: {digest}"
            for weakness, text in found.items():
                weight = worst(severity(weakness, moment) for moment in moments)
                told.append((weight if certificate is leaf else "note", text))
        if told:
            weight = worst(weight for weight, _ in told)
            what = list(dict.fromkeys(text for level, text in told if level == weight))
            args = {**_facts_of(leaf), "weak": what, "key": leaf.key, "signature": leaf.signature}
            variant = "then" if weight == "note" else None
            yield about(facts, group, args, hellos(group), severity=weight, variant=variant)


RULES: tuple[Rule, ...] = (
    Rule(
        "TLS-CERT-EXPIRED",
        "error",
        "tls",
        "server",
        "RFC 5280 section 4.1.2.5",
        expired,
        ("CLOCK_WRONG_DAYS", "RECORDED_SINCE"),
    ),
    Rule("TLS-CERT-NAME", "error", "tls", "server", "RFC 9525 section 6", wrong_name, ("MAIL_PORTS",)),
    Rule(
        "TLS-WEAK-KEY",
        "warning",
        "tls",
        "server",
        "RFC 9325 section 4.4",
        weak_key,
        ("WEAK_RSA_BITS", "FORBIDDEN_SINCE", "RECORDED_SINCE"),
    ),
    Rule(
        "TLS-CERT-EXPIRES",
        "note",
        "tls",
        "server",
        "RFC 5280 section 4.1.2.5",
        expires,
        ("CERTIFICATE_DAYS", "CERTIFICATE_LIFE_SHARE", "RECORDED_SINCE"),
    ),
    Rule("TLS-CERT-SELF-SIGNED", "note", "tls", "server", "RFC 5280 section 3.2", self_signed),
)
