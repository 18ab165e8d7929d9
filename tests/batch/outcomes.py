"""Entries of an index made by hand: what a batch would say of captures that nobody has to analyze."""

from __future__ import annotations

import hashlib
from typing import Any

from analyzer.batch.summary import PHASES, failed
from analyzer.findings.model import SEVERITIES

ATTACKS = (
    '<img src=x onerror="document.title=1">',
    "</script><script>document.title=1</script>",
    "javascript:alert(1)",
    "../../../../etc/passwd",
    "//evil.example/x",
    "line\nbreak\ttab\0nul",
    "\u202egpj.pcap\u2066",
    "{{ 7 * 7 }}{% raw %}",
    "\"quoted\" 'and' `more` &amp; a+b=c",
    "\udcff\udcfe not text.pcap",
    "😀" * 60,
    "x" * 255,
    "=cmd|'/C calc'!A0",
)
"""Names as somebody may give them to a file or to a host."""


def outcome(n: int = 1, **changed: Any) -> dict[str, Any]:
    """Return the entry of a capture that was read in full; its numbers follow from ``n``."""
    codes = {f"TEST-{n % 7}": 1 + n % 3, "HTTP-SERVER-ERROR": 1} if n % 5 == 0 else {f"TEST-{n % 7}": 1}
    worst = "error" if n % 5 == 0 else "note"
    entry: dict[str, Any] = {
        "capture": f"lab{n % 10}/group-{n:04d}.pcapng",
        "outputs": {"html": f"lab{n % 10}/group-{n:04d}.pcapng.html", "json": f"lab{n % 10}/group-{n:04d}.pcapng.json"},
        "status": "ok",
        "error": None,
        "offset": None,
        "sha256": hashlib.sha256(str(n).encode()).hexdigest(),
        "size_bytes": 10_000 + 37 * n,
        "format": "pcapng",
        "packets": 100 + n,
        "start_time": f"2026-11-{1 + n % 28:02d}T08:{n % 60:02d}:00.000000000Z",
        "end_time": f"2026-11-{1 + n % 28:02d}T08:{n % 60:02d}:09.500000000Z",
        "duration_ms": 9_500.0,
        "connections": 3 + n % 9,
        "visits": 1 + n % 4,
        "requests": 10 + n % 20,
        "lookups": 4,
        "hosts": ["shop.example", f"host-{n % 50}.example"],
        "wait_p50_ms": 20.0 + n % 90,
        "wait_p95_ms": 100.0 + (n * 7919) % 1009,
        "phases_ms": {phase: float(1 + (n * (at + 1)) % 40) for at, phase in enumerate(PHASES)},
        "failures": n % 3,
        "findings": dict.fromkeys(SEVERITIES, 0) | {"note": 1, worst: 1},
        "codes": codes,
        "worst": {"severity": worst, "code": next(iter(codes)), "title": f"The server took {n} ms"},
        "problems": n % 2,
    }
    return entry | changed


def broken(name: str = "broken.pcap", error: str = "it is not a capture", offset: int | None = None) -> dict[str, Any]:
    """Return the entry of a capture that could not be analyzed."""
    return {"capture": name, "outputs": {}, **failed(error, offset, size_bytes=9)}


def hostile() -> list[dict[str, Any]]:
    """Return entries in which every text that comes from outside is an attack, links among them."""
    out = []
    for n, text in enumerate(ATTACKS, 1):
        worst = {"severity": "error", "code": text, "title": text}
        own = {"capture": text, "hosts": [text, "shop.example"], "worst": worst, "codes": {text: 1}}
        out.append(outcome(n, **own, outputs={"html": text, "json": text}))
        out.append(broken(f"{n} {text}", text, n))
    return out


def many(amount: int) -> list[dict[str, Any]]:
    """Return as many entries, every hundredth of a capture that failed."""
    return [broken(f"lab/broken-{n:04d}.pcap", offset=n) if n % 100 == 99 else outcome(n) for n in range(amount)]
