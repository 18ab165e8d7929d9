"""The critical path: which requests determined when a visit ended, told from who named whom and who stood in line."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.critical import CONNECTION, PAGE, REDIRECT, Wait, critical_path
from analyzer.report.requests import interval
from analyzer.report.waterfall import Around, waterfall
from analyzer.schema import HttpRow
from tests.report.fixture import MS, START, http, rich


def asked(stream: int, index: int, at: float, lasts: float, **given_: object) -> HttpRow:
    """Make a request that is sent ``at`` ms and over ``lasts`` ms later; the first half of that it waits."""
    half = lasts / 2
    times = {"response_time": START + round((at + half) * MS), "response_end_time": START + round((at + lasts) * MS)}
    return http(stream, index, at, send_ms=0.0, wait_ms=half, receive_ms=half, total_ms=lasts, **(times | given_))


def numbered(*rows: HttpRow) -> list[tuple[int, HttpRow]]:
    return list(enumerate(rows))


def test_a_redirect_a_page_and_its_slowest_object() -> None:
    """/ is redirected, the page names two images on connections of their own; the visit ends with the slower one."""
    rows = numbered(
        asked(0, 0, 0, 40, status=301, location="/start"),
        asked(0, 1, 41, 60, initiator=0, blocked_ms=1.0),
        asked(1, 0, 120, 200, initiator=1),
        asked(2, 0, 121, 50, initiator=1),
    )
    assert critical_path(rows) == (Wait(0), Wait(1, 0, REDIRECT), Wait(2, 1, PAGE))


def test_a_request_stands_in_line_on_its_connection() -> None:
    """Both images are named by the page, which was over at 100 ms; the second one was sent when the first was over."""
    rows = numbered(
        asked(0, 0, 0, 100),
        asked(0, 1, 101, 80, initiator=0, blocked_ms=1.0),
        asked(0, 2, 182, 30, initiator=0, blocked_ms=1.0),
    )
    assert critical_path(rows) == (Wait(0), Wait(1, 0, PAGE), Wait(2, 1, CONNECTION))


def test_an_object_that_is_named_before_its_page_is_over_waited_for_the_first_bytes() -> None:
    """The page's answer begins at 50 ms and lasts until 100; the script was asked for at 60."""
    rows = numbered(asked(0, 0, 0, 100), asked(1, 0, 60, 90, initiator=0))
    assert critical_path(rows) == (Wait(0), Wait(1, 0, PAGE))
    before = numbered(asked(0, 0, 0, 100), asked(1, 0, 40, 90, initiator=0))  # nothing of the page had come
    assert critical_path(before) == (Wait(1),)


def test_no_cause_is_made_up() -> None:
    """One connection after the other, and nothing says why: only the last request is known to have mattered."""
    assert critical_path(numbered(asked(0, 0, 0, 10), asked(1, 0, 20, 10), asked(2, 0, 40, 10))) == (Wait(2),)
    idle = numbered(asked(0, 0, 0, 10), asked(0, 1, 500, 10, blocked_why="idle"))
    assert critical_path(idle) == (Wait(1),)
    piped = numbered(asked(0, 0, 0, 10), asked(0, 1, 10, 10, blocked_ms=0.0, pipelined=True))
    assert critical_path(piped) == (Wait(1),)


def test_what_nobody_waits_for_is_on_no_path() -> None:
    rows = numbered(
        asked(0, 0, 0, 40), asked(0, 1, 41, 900, initiator=0, background="long_poll"), asked(1, 0, 800, 10, initiator=0)
    )
    assert critical_path(rows[:2]) == (Wait(0),)
    assert critical_path(rows[1:2]) == (Wait(1),)  # unless there is nothing else
    over = START + 40 * MS
    assert critical_path(rows, over) == (Wait(0),)  # the third one was asked for when the visit was over
    assert critical_path(rows) == (Wait(0), Wait(2, 0, PAGE))


def test_rows_without_times_and_no_rows() -> None:
    assert critical_path(()) == ()
    assert critical_path([(0, replace(asked(0, 0, 0, 10), request_time=None, response_time=None))]) == ()


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.floats(0, 1000),
            st.floats(0, 500),
            st.none() | st.integers(0, 9),
            st.none() | st.floats(0, 50),
        ),
        max_size=10,
    )
)
def test_every_link_was_ready_before_the_next_was_sent(
    drawn: list[tuple[int, float, float, int | None, float | None]],
) -> None:
    """Even of causes that go round in circles, or point nowhere."""
    counts: dict[int, int] = {}
    rows = []
    for n, (stream, at, lasts, cause, blocked) in enumerate(drawn):
        index = counts[stream] = counts.get(stream, -1) + 1
        rows.append((n, asked(stream, index, at, lasts, initiator=cause, blocked_ms=blocked)))
    path = critical_path(rows)
    known = dict(rows)
    assert len(path) == len({wait.number for wait in path})
    assert bool(path) == bool(rows)
    for before, wait in pairwise(path):
        assert wait.cause == before.number
        sent, began = known[wait.number].request_time, known[before.number].request_time
        assert sent is not None
        assert began is not None
        assert began <= sent
    if path:
        ends = {n: interval(row)[1] or 0 for n, row in rows}
        assert ends[path[-1].number] == max(ends.values())


# ── on the page ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_rows_on_the_path_say_so_and_why() -> None:
    rows = numbered(
        asked(0, 0, 0, 40, status=301, location="/start"),
        asked(0, 1, 41, 60, initiator=0, blocked_ms=1.0),
        asked(1, 0, 50, 10, initiator=0),
    )
    drawn = waterfall(rows)
    assert [(bar.anchor, bar.critical) for bar in drawn.bars] == [("http-1", True), ("http-2", True), ("http-3", False)]
    assert drawn.path is not None
    assert drawn.path.sentence == "Critical path: 2 requests, 101 ms. Each waited for the one before it."
    assert drawn.path.links == (("http-1", "#1"), ("http-2", "#2"))
    assert drawn.bars[1].detail is not None
    assert drawn.bars[1].detail.notes[-1] == "On the critical path: it waited for #1, the redirect that led here."


def test_one_request_alone_needs_no_path_and_an_encrypted_part_hides_it() -> None:
    assert waterfall(numbered(asked(0, 0, 0, 40))).path is None
    analysis = rich()
    encrypted = Around([(analysis.connections.row(3), analysis.tls[0])])
    drawn = waterfall(numbered(asked(0, 0, 0, 40), asked(0, 1, 40, 40, blocked_ms=0.0)), encrypted)
    assert drawn.path is None
    assert not any(bar.critical for bar in drawn.bars)
