"""What the segments of a connection carry, in a few words each: the messages of TLS and HTTP, by frame.

The words hold captured text (targets, server names) as it was sent, masked like the tables: whoever shows them passes
them through :func:`analyzer.text.display`.
"""

from __future__ import annotations

from collections.abc import Collection

from analyzer import http_status
from analyzer.analysis import Analysis
from analyzer.report.wording import say

ENOUGH = 200
"""Characters after which nothing more is added to what one frame carries; hundreds of messages fit in a packet."""


def notes(analysis: Analysis, streams: Collection[int]) -> dict[int, dict[int, str]]:
    """Return stream → frame → what that frame carries (``GET /``, ``ClientHello shop.example``)."""
    out: dict[int, dict[int, str]] = {}
    for tls in analysis.tls:
        if tls.stream in streams:
            _add(out, tls.stream, tls.client_hello_frame, f"ClientHello {tls.sni or ''}".strip())
            _add(out, tls.stream, tls.server_hello_frame, f"ServerHello {tls.version or ''}".strip())
            _add(out, tls.stream, tls.finished_frame, say("TLS ready"))
            for alert in tls.alerts:
                _add(out, tls.stream, alert.frame, say("TLS alert: {alert}", alert=alert.description))
    for http in analysis.http:
        if http.stream in streams:
            if http.request_frames:
                _add(out, http.stream, http.request_frames[0], f"{http.method or say('request')} {http.target or ''}")
            for interim in http.informational:
                _add(out, http.stream, interim.frame, f"{interim.status} {http_status.name(interim.status)}")
            if http.response_frames and http.status is not None:
                words = f"{http.status} {http_status.name(http.status)}"
                _add(out, http.stream, http.response_frames[0], words)
                if http.response_frames[1] != http.response_frames[0]:
                    _add(
                        out,
                        http.stream,
                        http.response_frames[1],
                        say("end of the {status} response", status=http.status),
                    )
    return out


def _add(out: dict[int, dict[int, str]], stream: int, frame: int | None, words: str) -> None:
    if frame is None:
        return
    known = out.setdefault(stream, {})
    if frame not in known:
        known[frame] = words
    elif len(known[frame]) < ENOUGH:
        known[frame] += f"; {words}"
