"""What must hold of the phases of any conversation: random ones, full of losses, holes, queues and odd answers."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.analysis import Analysis
from analyzer.decode.table import Flag
from analyzer.visits import receipts
from tests.playbook import MS, Playbook
from tests.visits.scene import Scene, answer, get

INTERIM = (b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
pauses = st.integers(0, 80)


@st.composite
def exchanges(draw: st.DrawFn, p: Playbook, ms: float) -> float:
    """Play one exchange, or a few pipelined ones, from ``ms`` on; return when it was over."""
    requests = draw(st.integers(1, 3)) if draw(st.booleans()) else 1
    for k in range(requests):
        segments = p.client.prepare(get(f"/{k}", Cookie="c" * draw(st.integers(0, 250))))
        for segment in segments:
            ms += draw(pauses)
            lost = draw(st.integers(0, 9))
            p.at(ms).emit(segment, captured=lost != 1, delivered=lost != 0)
            if lost == 0:
                ms += draw(st.integers(1, 400))
                p.at(ms).emit(segment)
    for _ in range(requests):
        if draw(st.booleans()):
            ms += draw(pauses)
            p.at(ms).server.ack(captured=draw(st.integers(0, 9)) > 0)
        if interim := draw(st.sampled_from(INTERIM)):
            ms += draw(pauses)
            p.at(ms).server.send(interim)
        segments = p.server.prepare(answer(draw(st.sampled_from((200, 304, 404))), draw(st.integers(0, 900))))
        if draw(st.integers(0, 4)) == 0:
            segments.reverse()
        for segment in segments:
            ms += draw(pauses)
            p.at(ms).emit(segment, captured=draw(st.integers(0, 14)) > 0)
            if draw(st.integers(0, 3)) == 0:
                p.client.window = draw(st.sampled_from((0, 64240)))
                p.client.ack()
    p.client.window = 64240
    p.client.ack()
    return ms


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    scene = Scene()
    if draw(st.booleans()):
        scene.lookup(0, "shop.example", asked=tuple(draw(st.sampled_from(((0,), (0, 30))))), after=draw(pauses))
    for number in range(draw(st.integers(1, 2))):
        p = scene.connection(
            vantage=draw(st.sampled_from(("client", "server", "middle"))),
            rtt_ms=draw(st.sampled_from((0.1, 20, 120))),
            mss=draw(st.sampled_from((100, 400))),
            client_port=40000 + number,
        )
        p.recording = draw(st.integers(0, 3)) > 0
        p.at(draw(st.integers(80, 200))).handshake()
        p.recording = True
        ms = 400.0
        for _ in range(draw(st.integers(1, 3))):
            ms = draw(exchanges(p, ms + draw(st.integers(0, 1500))))
    return scene


@settings(max_examples=40)
@given(scenes())
def test_phases_add_up(scene: Scene) -> None:
    """``analysis`` holds every row to the invariants; here are those that need the row's own times."""
    with tempfile.TemporaryDirectory() as folder:
        analysis = scene.analysis(Path(folder))
    for row in analysis.http:
        if row.request_time is None or row.response_time is None or row.response_end_time is None:
            continue
        if row.wait_why == "clock":
            continue
        after = sum(part for part in (row.send_ms, row.wait_ms, row.receive_ms) if part is not None)
        assert math.isclose(after, (row.response_end_time - row.request_time) / MS, abs_tol=0.001)
        assert row.wait_server_ms is None or row.wait_ms is None or row.wait_server_ms <= row.wait_ms
    found = receipts.read(analysis.segments, analysis.http)
    assert found == [_receipt(analysis, at) for at in range(len(analysis.http))]


def _receipt(analysis: Analysis, at: int) -> int | None:
    """Look for the acknowledgement segment by segment."""
    row, s = analysis.http[at], analysis.segments
    if row.request_end_offset is None or row.response_offset is None or row.response_frames is None:
        return None
    if row.request_cut in ("lost", "malformed"):
        return None  # where it ended is not known
    for k in range(*s.of(row.stream).indices(len(s))):
        if s.from_client[k] or not s.flags[k] & Flag.ACK or s.ack[k] < row.request_end_offset + 1:
            continue
        if int(s.frame[k]) >= row.response_frames[0]:
            return None
        part_of_it = s.length[k] > 0 and s.seq[k] - 1 + s.length[k] > row.response_offset
        return None if part_of_it else int(s.time[k])
    return None


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=12), st.integers(0, 60), st.integers(0, 60))
def test_time_with_the_window_shut(steps: list[tuple[int, int]], begin: int, length: int) -> None:
    """Against a count of each millisecond: the client's segments leave at times, some say that its window is full."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(100).client.send(get("/a"))
    at, said = 150, []
    first, *rest = p.server.prepare(answer(size=3000))
    events = sorted({150 + begin: "first", 150 + begin + length + 1: "last"}.items())
    for shut, pause in steps:
        at += pause
        said.append((at, shut == 0))
    moments = [(ms, what) for ms, what in events] + [(ms, str(shut)) for ms, shut in said]
    for ms, what in sorted(moments, key=lambda moment: moment[0]):
        p.at(ms)
        if what == "first":
            p.emit(first)
        elif what == "last":
            p.resend(rest)
        else:
            p.client.window = 0 if what == "True" else 64240
            p.client.ack()
    with tempfile.TemporaryDirectory() as folder:
        analysis = scene.analysis(Path(folder))
    (row,) = analysis.http
    shut_during = 0
    for ms in range(150 + begin, 150 + begin + length + 1):
        before = [shut for when, shut in said if when <= ms]
        shut_during += bool(before and before[-1])
    assert row.receive_window_ms == shut_during
    assert row.receive_ms == length + 1
