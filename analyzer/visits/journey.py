"""The journey of a visit: the steps of "what happens when you type a URL", each with its frames, time and sentence.

A step that is not there says why. Sentence keys and their arguments belong to :mod:`analyzer.sentences`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from analyzer.schema import HttpRow, Step
from analyzer.units import NS_PER_MS
from analyzer.visits.grouping import REDIRECTS, host_of
from analyzer.visits.model import Facts
from analyzer.visits.verdicts import failure, promised_bytes

if TYPE_CHECKING:
    from analyzer.visits.link import Linked


class Opened(NamedTuple):
    """What a journey tells of a connection: fields of the ``tcp`` table."""

    stream: int
    client: str
    server: str
    server_port: int
    start_time: int
    connect_ms: float | None
    initial_rtt_ms: float | None
    syn_loss_ms: float | None
    syn_frame: int | None
    syn_frames: tuple[int, ...]
    synack_frames: tuple[int, ...]
    ack_frame: int | None
    client_isn: int | None
    server_isn: int | None
    close: str
    close_ms: float | None
    closed_by: str | None
    client_fin_frame: int | None
    client_fin_acked_frame: int | None
    server_fin_frame: int | None
    server_fin_acked_frame: int | None
    rst_frame: int | None


def steps(v: Linked, facts: Facts) -> tuple[Step, ...]:
    """Return the steps of a visit along its main chain; times tell the order they really had."""
    out = [_arp(v, facts), *_dns(v, facts)]
    shown: set[int] = set()
    for row in (facts.http[at] for at in v.draft.chain):
        if row.stream not in shown:
            shown.add(row.stream)
            out.append(_tcp(v, facts, row.stream))
            if row.method != "CONNECT":
                out.append(_absent("tls", "plain", {}))
        out += [_request(row, v), _response(row)]
        if row.status in REDIRECTS and row.location:
            out.append(_redirect(row))
    if v.draft.tls:
        at = v.draft.tls[0]
        if facts.tls[at].stream not in shown:
            out.append(_tcp(v, facts, facts.tls[at].stream))
        out.append(_tls(v, facts, at))
        failed = all(facts.tls[one].outcome == "failed" for one in v.draft.tls)
        out += [_absent(step, "failed" if failed else "encrypted", {}) for step in ("request", "response")]
    out.append(_objects(v, facts))
    out += _background(v, facts)
    out.append(_close(v, facts))
    return tuple(out)


def _absent(step: str, why: str, args: dict[str, Any]) -> Step:
    return Step(step, (), None, None, f"step.{step}.absent.{why}", args, why) if args else _plainly_absent(step, why)


@cache
def _plainly_absent(step: str, why: str) -> Step:
    """Return a step that says no more than that it is absent: the same one for all visits."""
    return Step(step, (), None, None, f"step.{step}.absent.{why}", {}, why)


def _arp(v: Linked, facts: Facts) -> Step:
    if not v.arp and v.main not in v.draft.fresh:
        return _absent("arp", "reused", {})
    if not v.arp:
        ip6 = ":" in v.draft.client
        seen = any(row.asker_ip == v.draft.client or row.target_ip == v.draft.client for row in facts.arp)
        why = "not_applicable" if ip6 else ("cached" if seen else "not_captured")
        return _absent("arp", why, {})
    rows = [facts.arp[at] for at in v.arp]
    row = rows[0]
    frames = tuple(f for r in rows for f in (*r.request_frames, r.reply_frame) if f is not None)
    args = {
        "client": row.asker_ip,
        "target_ip": row.target_ip,
        "mac": row.answer_mac,
        "latency_ms": row.latency_ms,
        "attempts": row.attempts,
    }
    return Step("arp", frames, row.request_time, row.latency_ms, "step.arp", args, None)


def _host(v: Linked) -> str:
    return host_of(v.draft.url) or v.draft.url


def _dns(v: Linked, facts: Facts) -> list[Step]:
    """Return one step for each name looked up; the first connection's reason when there was none."""
    name = _host(v)
    if v.main not in v.draft.fresh:
        return [_absent("dns", "reused", {"name": name})]
    if not v.dns:
        found = v.lookup.get(v.main)
        return [_absent("dns", (found.why if found else None) or "not_captured", {"name": name})]
    by_name: dict[str, list[int]] = {}
    for at in v.dns:
        by_name.setdefault(facts.dns[at].qname, []).append(at)
    out = []
    for qname, rows in by_name.items():
        questions = [facts.dns[at] for at in rows]
        answered = [q for q in questions if q.addresses] or questions
        times = [q.query_time for q in questions if q.query_time is not None]
        tried = sum(not q.addresses and q.qtype == answered[0].qtype for q in questions)  # of another server, or anew
        attempts = max(q.attempts for q in questions) + (tried if len(answered) < len(questions) else 0)
        waits = [found.ms for s, found in v.lookup.items() if found.ms is not None and set(found.rows) & set(rows)]
        frames = tuple(f for q in questions for f in (*q.query_frames, q.response_frame) if f is not None)
        args = {
            "client": answered[0].client,
            "server": answered[0].server,
            "name": qname,
            "addresses": list(dict.fromkeys(a for q in answered for a in q.addresses)),
            "latency_ms": waits[0] if waits else answered[0].latency_ms,
            "attempts": attempts,
            "rcode": answered[0].rcode,
        }
        key = "step.dns.retry" if attempts > 1 else "step.dns"
        out.append(Step("dns", frames, min(times, default=None), args["latency_ms"], key, args, None))  # type: ignore[arg-type]
    return out


def _tcp(v: Linked, facts: Facts, stream: int) -> Step:
    if stream not in v.draft.fresh:
        return _absent("tcp", "reused", {"stream": stream})
    row = v.tcp(stream)
    if row.syn_frame is None:
        return _absent("tcp", "midstream", {"stream": stream})
    args = {
        "client": row.client,
        "server": row.server,
        "server_port": row.server_port,
        "connect_ms": row.connect_ms,
        "rtt_ms": row.initial_rtt_ms,
        "loss_ms": row.syn_loss_ms,
        "attempts": len(row.syn_frames),
        "stream": row.stream,
        "client_isn": row.client_isn,
        "server_isn": row.server_isn,
    }
    frames = tuple(f for f in (*row.syn_frames, *row.synack_frames, row.ack_frame) if f is not None)
    key = "step.tcp.lost_syn" if row.syn_loss_ms else "step.tcp"
    return Step("tcp", frames, row.start_time, row.connect_ms, key, args, None)


def _tls(v: Linked, facts: Facts, at: int) -> Step:
    row = facts.tls[at]
    alert = next((a.description for a in row.alerts if a.level == "fatal"), None)
    args = {
        "version": row.version,
        "sni": row.sni or _host(v),
        "cipher": row.cipher,
        "handshake_ms": row.handshake_ms,
        "alert": alert,
        "stream": row.stream,
    }
    key = {"failed": "step.tls.failed", "incomplete": "step.tls.incomplete"}.get(row.outcome, "step.tls")
    if row.outcome == "failed" and row.handshake_why in ("plain_http", "not_tls"):
        key = f"step.tls.failed.{row.handshake_why}"
    if row.outcome == "midstream":
        return _absent("tls", "midstream", args)
    if key == "step.tls" and row.resumption not in (None, "none"):
        key = "step.tls.resumed"
    return Step("tls", row.frames, row.client_hello_time, row.handshake_ms, key, args, None)


def _request(row: HttpRow, v: Linked) -> Step:
    if row.request_frames is None or row.request_time is None:
        return _absent("request", "not_captured", {})
    args = {"client": v.draft.client, "method": row.method, "target": row.target, "host": row.host, "index": row.index}
    return Step("request", _span(row.request_frames), row.request_time, row.send_ms, "step.request", args, None)


def _response(row: HttpRow) -> Step:
    if row.response_frames is None:
        why = row.outcome if row.outcome in ("aborted", "not_captured", "no_response") else "no_response"
        if row.wait_ms is not None and row.outcome_why in ("client_closed", "server_closed"):
            gone = {"host": row.host, "wait_ms": row.wait_ms}
            return Step("response", (), None, None, f"step.response.absent.{row.outcome_why}", gone, why)
        return _absent("response", why, {"host": row.host})
    args: dict[str, object] = {
        "host": row.host,
        "status": row.status,
        "reason": row.reason,
        "wait_ms": row.wait_ms,
        "receive_ms": row.receive_ms,
        "body_bytes": row.response_body_bytes,
    }
    took = None if row.wait_ms is None or row.receive_ms is None else row.wait_ms + row.receive_ms
    promised = promised_bytes(row)
    none_came = row.response_body_bytes == 0 and row.response_cut is not None and bool(promised)
    key = "step.response.none_came" if none_came else "step.response"
    args |= {"promised_bytes": promised} if none_came else {}
    return Step("response", _span(row.response_frames), row.response_time, took, key, args, None)


def _redirect(row: HttpRow) -> Step:
    args = {"host": row.host, "status": row.status, "location": row.location}
    frames = () if row.response_frames is None else (row.response_frames[0],)
    return Step("redirect", frames, row.response_time, None, "step.redirect", args, None)


def _objects(v: Linked, facts: Facts) -> Step:
    rows: list[HttpRow] = []
    if len(v.draft.http) > len(v.draft.chain):
        chain = set(v.draft.chain)
        rows = [facts.http[at] for at in v.draft.http if at not in chain and not _beside(at, v, facts)]
    rows = [row for row in rows if row.wrong_scheme != "https_on_http"]  # told of the TLS session
    if v.draft.tls and not rows:
        none = all(facts.tls[one].outcome == "failed" for one in v.draft.tls)
        return _absent("objects", "not_applicable" if none else "encrypted", {})
    if not rows:
        return _absent("objects", "not_applicable", {})
    failed = sum(failure(row) is not None for row in rows)
    begin = min(row.request_time for row in rows if row.request_time is not None)
    end = max(row.response_end_time or row.request_time or begin for row in rows)
    args = {
        "requests": len(rows),
        "connections": len({row.stream for row in rows}),
        "failed": failed,
        "body_bytes": sum(row.response_body_bytes or 0 for row in rows),
        "duration_ms": (end - begin) / 1e6,
    }
    frames = tuple(f for row in rows for f in (row.request_frames or ())[:1])
    key = "step.objects.failed" if failed else "step.objects"
    return Step("objects", frames, begin, args["duration_ms"], key, args, None)


_KINDS = {
    "poll": "it asked again and again for news (polling)",
    "long_poll": "the server held its requests until there was news (long polling)",
    "event_stream": "the server kept sending events in an answer without an end (server-sent events)",
    "websocket": "it opened a WebSocket, which carries messages both ways",
    None: "later it asked for more",
}
"""``background`` of a request → words; None for one that came when the page had been there for a while."""


def _background(v: Linked, facts: Facts) -> list[Step]:
    """Return one step for what went on beside and after the loading of the page, none without any."""
    if len(v.draft.http) == len(v.draft.chain):
        return []
    chain = set(v.draft.chain)
    rows = [facts.http[at] for at in v.draft.http if at not in chain and _beside(at, v, facts)]
    if not rows:
        return []
    begin = min(row.request_time for row in rows if row.request_time is not None)
    end = max(row.response_end_time or row.request_time or begin for row in rows)
    kinds = [words for kind, words in _KINDS.items() if any(row.background == kind for row in rows)]
    lasted = (end - begin) / NS_PER_MS
    args = {"requests": len(rows), "kinds": kinds, "duration_ms": lasted}
    frames = tuple(f for row in rows for f in (row.request_frames or ())[:1])
    return [Step("background", frames, begin, lasted, "step.background", args, None)]


def _beside(at: int, v: Linked, facts: Facts) -> bool:
    return at in v.draft.later or facts.http[at].background is not None


def _close(v: Linked, facts: Facts) -> Step:
    last = facts.http[v.draft.chain[-1]].stream if v.draft.chain and not v.draft.tls else v.streams[-1]
    row = v.tcp(last)
    args = {"closed_by": row.closed_by, "kind": row.close, "close_ms": row.close_ms, "stream": last}
    if row.close == "none":
        return _absent("close", "not_closed", args)
    frames = {
        f
        for f in (
            row.client_fin_frame,
            row.client_fin_acked_frame,
            row.server_fin_frame,
            row.server_fin_acked_frame,
            row.rst_frame,
        )
        if f is not None
    }
    variants = {
        "three_way": "step.close.three_way",
        "simultaneous": "step.close.simultaneous",
        "half_closed": "step.close.half_closed",
        "reset": "step.close.reset",
    }
    key = variants.get(row.close, "step.close")
    return Step("close", tuple(sorted(frames)), None, row.close_ms, key, args, None)


def _span(frames: tuple[int, int]) -> tuple[int, ...]:
    """Return first and last frame, once when they are the same."""
    return frames if frames[0] != frames[1] else frames[:1]
