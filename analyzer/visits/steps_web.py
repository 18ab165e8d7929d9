"""Steps of a journey that are HTTP: asking, being answered, being sent on, and what else was fetched.

Source: RFC 9110 (semantics), RFC 9111 (caching).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from analyzer.schema import HttpRow, Remark, Step
from analyzer.units import NS_PER_MS
from analyzer.visits.caching import header
from analyzer.visits.losses import sent_again
from analyzer.visits.model import Facts
from analyzer.visits.outcomes import failed_requests
from analyzer.visits.steps_names import absent
from analyzer.visits.verdicts import promised_bytes

if TYPE_CHECKING:
    from analyzer.visits.link import Linked

SHOWN = 80
"""Characters of a header's value that a sentence has room for."""


@lru_cache(maxsize=4096)
def _remark(key: str, name: str, value: object) -> Remark:
    """Return a remark with one argument: the same one wherever it is said, for programs and servers say it often."""
    return Remark(key, {name: value})


def request(row: HttpRow, v: Linked, facts: Facts) -> Step:
    """Return the step that asked."""
    if row.request_frames is None or row.request_time is None:
        return absent("request", "not_captured", {})
    args = {"client": v.draft.client, "method": row.method, "target": row.target, "host": row.host, "index": row.index}
    frames, remarks = _span(row.request_frames), _asked_with(row)
    if row.wait_loss_ms and (again := sent_again(facts.segments, row, request=True)):
        frames = tuple(sorted({*frames, *again}))
        remarks += (Remark("step.request.lost", {"frames": len(again), "loss_ms": row.wait_loss_ms}),)
    return Step("request", frames, row.request_time, row.send_ms, "step.request", args, None, remarks)


def _asked_with(row: HttpRow) -> tuple[Remark, ...]:
    """Tell the important header fields of a request."""
    out = []
    if row.user_agent:
        out.append(_remark("step.request.agent", "user_agent", _short(row.user_agent)))
    if row.referer:
        page = row.referer.partition("?")[0]  # parameters may be secret, and a cut one is not known as such
        out.append(_remark("step.request.referer", "referer", _short(page)))
    if row.cookies_sent:
        out.append(Remark("step.request.cookies", {"cookies": len(row.cookies_sent), "names": list(row.cookies_sent)}))
    if row.cache in ("hit_304", "conditional"):
        out.append(Remark("step.request.conditional", {}))
    if row.request_body_bytes:
        out.append(_remark("step.request.body", "body_bytes", row.request_body_bytes))
    return tuple(out)


def response(row: HttpRow, facts: Facts) -> Step:
    """Return the step that answered, or why it is not there."""
    if row.response_frames is None:
        why = row.outcome if row.outcome in ("aborted", "not_captured", "no_response") else "no_response"
        if row.wait_ms is not None and row.outcome_why in ("client_closed", "server_closed"):
            gone = {"host": row.host, "wait_ms": row.wait_ms}
            how = "server_reset" if (row.outcome, row.outcome_why) == ("aborted", "server_closed") else row.outcome_why
            return Step("response", (), None, None, f"step.response.absent.{how}", gone, why)
        return absent("response", why, {"host": row.host})
    args: dict[str, object] = {
        "host": row.host,
        "status": row.status,
        "reason": row.reason,
        "wait_ms": row.wait_ms,
        "receive_ms": row.receive_ms,
        "body_bytes": row.response_body_bytes,
    }
    took = None if row.wait_ms is None or row.receive_ms is None else row.wait_ms + row.receive_ms
    key = "step.response"
    if row.response_body_bytes == 0 and row.response_cut is not None and (promised := promised_bytes(row)):
        key = "step.response.none_came"
        args["promised_bytes"] = promised
    elif row.status is None:
        known = row.receive_ms is not None and row.response_body_bytes is not None
        key = "step.response.no_status" if known else "step.response.no_status.end_unknown"
    frames, remarks = _span(row.response_frames), _answered_with(row)
    if (row.receive_loss_ms or row.wait_loss_ms) and (again := sent_again(facts.segments, row, request=False)):
        lost = row.receive_loss_ms or 0.0
        if row.wait_loss_ms and not sent_again(facts.segments, row, request=True):
            lost += row.wait_loss_ms  # it was the answer's first packet
        frames = tuple(sorted({*frames, *again}))
        remarks += (Remark("step.response.lost", {"frames": len(again), "loss_ms": lost}),) if lost else ()
    return Step("response", frames, row.response_time, took, key, args, None, remarks)


def _answered_with(row: HttpRow) -> tuple[Remark, ...]:
    """Tell what the status means, and the important header fields of an answer."""
    out = [] if row.status is None else [_remark("step.response.meaning", "status", row.status)]
    if row.response_body_bytes and row.content_type:
        out.append(_remark("step.response.type", "content_type", _short(row.content_type)))
    if row.content_encoding and row.response_decoded_bytes and row.response_body_bytes:
        sizes = {"decoded_bytes": row.response_decoded_bytes, "body_bytes": row.response_body_bytes}
        larger = ".larger" if row.response_body_bytes > row.response_decoded_bytes else ""
        out.append(Remark(f"step.response.compressed{larger}", {"coding": _short(row.content_encoding), **sizes}))
    control = header(row.response_headers, "cache-control")
    if control:
        out.append(_remark("step.response.caching", "cache_control", _short(control)))
    if row.cookies_set:
        names = [cookie.name for cookie in row.cookies_set]
        out.append(Remark("step.response.cookies", {"cookies": len(names), "names": names}))
    if row.server:
        out.append(_remark("step.response.server", "server", _short(row.server)))
    return tuple(out)


def redirect(row: HttpRow) -> Step:
    """Return the step that sent the client elsewhere."""
    args = {"host": row.host, "status": row.status, "location": row.location}
    frames = () if row.response_frames is None else (row.response_frames[0],)
    return Step("redirect", frames, row.response_time, None, "step.redirect", args, None)


def objects(v: Linked, facts: Facts) -> Step:
    """Return the step that fetched everything but the main chain."""
    found: list[int] = []
    if len(v.draft.http) > len(v.draft.chain):
        chain = set(v.draft.chain)
        found = [at for at in v.draft.http if at not in chain and not _beside(at, v, facts)]
    found = [at for at in found if facts.http[at].wrong_scheme != "https_on_http"]  # told of the TLS session
    rows = [facts.http[at] for at in found]
    if v.draft.tls and not rows:
        none = all(facts.tls[one].outcome == "failed" for one in v.draft.tls)
        return absent("objects", "not_applicable" if none else "encrypted", {})
    if not rows:
        return absent("objects", "not_applicable", {})
    failed = failed_requests(v.draft, found, facts)
    begin = min(row.request_time for row in rows if row.request_time is not None)
    end = max(row.response_end_time or row.request_time or begin for row in rows)
    args = {
        "requests": len(rows),
        "connections": len({row.stream for row in rows}),
        "failed": failed,
        "body_bytes": sum(row.response_body_bytes or 0 for row in rows),
        "duration_ms": (end - begin) / NS_PER_MS,
    }
    frames = tuple(f for row in rows for f in (row.request_frames or ())[:1])
    key = "step.objects.failed" if failed else "step.objects"
    return Step("objects", frames, begin, args["duration_ms"], key, args, None, _from_cache(rows))


def _from_cache(rows: list[HttpRow]) -> tuple[Remark, ...]:
    """Tell how many of the objects the client had already (304), and what that saved."""
    kept = [row for row in rows if row.status == 304]
    if not kept:
        return ()
    saved = sum(row.saved_bytes or 0 for row in kept)
    key = "step.objects.kept" if saved else "step.objects.kept.unknown"
    return (Remark(key, {"count": len(kept), "saved_bytes": saved}),)


_KINDS = {
    "poll": "it asked again and again for news (polling)",
    "long_poll": "the server held its requests until there was news (long polling)",
    "event_stream": "the server kept sending events in an answer without an end (server-sent events)",
    "websocket": "it opened a WebSocket, which carries messages both ways",
    None: "later it asked for more",
}
"""``background`` of a request → words; None for one that came when the page had been there for a while."""


def background(v: Linked, facts: Facts) -> list[Step]:
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


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _span(frames: tuple[int, int]) -> tuple[int, ...]:
    """Return first and last frame, once when they are the same."""
    return frames if frames[0] != frames[1] else frames[:1]
