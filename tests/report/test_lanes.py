"""The connections view: one lane each, with what opened it, its requests one after the other, and its close."""

from __future__ import annotations

from dataclasses import replace

from analyzer.report.axis import Axis
from analyzer.report.lanes import closing, lanes
from analyzer.report.waterfall import Around, waterfall
from tests.report import fixture
from tests.report.fixture import MS, START, http, rich, tcp

SECOND = Axis(START, START + 1_000 * MS)
FINISHED = [
    (1, 0.0, ">", "S", 0, 0, 0, 0),
    (9, 600.0, ">", "FA", 81, 401, 0, 0),
    (10, 640.0, "<", "FA", 401, 82, 0, 0),
    (11, 640.4, ">", "A", 82, 402, 0, 0),
]


def test_two_requests_share_a_lane() -> None:
    """0-100 ms DNS, 100-200 TCP, then a request of 200-300 and one of 400-600; closed at 600-640.4."""
    first = http(
        0, 0, 200.0, dns_ms=100.0, connect_ms=100.0, send_ms=0.0, wait_ms=60.0, receive_ms=40.0, total_ms=300.0
    )
    second = http(0, 1, 400.0, target="/b", send_ms=0.0, wait_ms=100.0, receive_ms=100.0, total_ms=200.0, status=404)
    row = tcp(0, start_time=START + 100 * MS, duration_ms=540.4, close="three_way", close_ms=40.4)
    close = closing(row, fixture.segments([FINISHED]))
    assert close == (START + 600 * MS, START + 640_400_000)
    (lane,) = lanes([(4, first), (5, second)], [(row, None)], {0: close}, SECOND)
    assert (lane.stream, lane.ends, lane.requests) == (0, "shop.example at 192.0.2.80:80", "2 requests")
    assert lane.open == (10.0, 54.04)
    assert [(p.phase, p.left, p.width, p.words) for p in lane.parts] == [
        ("dns", 0.0, 10.0, "DNS 100 ms"),
        ("connect", 10.0, 10.0, "TCP 100 ms"),
        ("close", 60.0, 4.04, "Close 40 ms"),
    ]
    assert [(one.anchor, one.words) for one in lane.asked] == [
        ("http-5", "#5 GET /: 200, 300 ms"),
        ("http-6", "#6 GET /b: 404, 200 ms"),
    ]
    assert [(p.phase, p.left, p.width) for p in lane.asked[1].parts] == [
        ("send", 40.0, 0.25),
        ("wait", 40.0, 10.0),
        ("receive", 50.0, 10.0),
    ]


def test_an_encrypted_connection_says_that_its_requests_cannot_be_read() -> None:
    analysis = rich()
    row = replace(analysis.connections.row(3), server="2001:db8::443")
    (lane,) = lanes([], [(row, analysis.tls[0])], {}, Axis(START + 2_000 * MS, START + 4_000 * MS))
    assert (lane.ends, lane.requests) == ("api.example at [2001:db8::443]:443", "requests cannot be read")
    # TCP 2000-2041 ms; ClientHello at 2041, finished at 2087; open until 3400
    assert [(p.phase, p.left, p.words) for p in lane.parts] == [
        ("connect", 0.0, "TCP 41 ms"),
        ("tls", 2.05, "TLS 46 ms"),
        ("open", 4.35, "Encrypted 1.31 s"),
    ]


def test_a_close_that_was_not_seen_whole_is_not_drawn() -> None:
    lines = fixture.segments([FINISHED])
    assert closing(tcp(0, close="none"), lines) is None
    assert closing(tcp(0, close="half_closed", close_ms=None), lines) is None
    assert closing(tcp(0, close="four_way", close_ms=1.0), fixture.segments([FINISHED[:1]])) is None
    reset = fixture.segments([[FINISHED[0], (4, 30.0, "<", "RA", 1, 1, 0, 0)]])
    assert closing(tcp(0, close="reset", close_ms=0.0), reset) == (START + 30 * MS, START + 30 * MS)


def test_lanes_stand_in_the_order_in_which_they_were_opened() -> None:
    rows = [(n, http(n, 0, 100.0 * (3 - n))) for n in range(3)]
    opened = [(tcp(n, start_time=START + 100 * (3 - n) * MS, duration_ms=50.0), None) for n in range(3)]
    drawn = waterfall(rows, Around(connections=opened))
    assert [lane.stream for lane in drawn.lanes] == [2, 1, 0]
    assert waterfall(rows[:1], Around(connections=opened[:1])).lanes == ()  # a single bar says it all


# ── what stands beside a request's own phases ────────────────────────────────────────────────────────────────────


def test_arp_stands_in_the_row_of_the_next_request_and_a_close_in_that_of_the_last() -> None:
    """ARP of the fixture: 0-0.4 ms. Two requests on one connection that closed at 600-640.4 ms."""
    rows = [(n, http(0, n, 100.0 + 200 * n, target=f"/{n}")) for n in range(2)]
    closes = {0: (START + 330 * MS, START + 370 * MS)}
    drawn = waterfall(rows, Around(closes=closes, arp=rich().arp, start=START))
    assert [bar.parts[0].phase for bar in drawn.bars] == ["arp", "send"]
    assert [bar.parts[-1].phase for bar in drawn.bars] == ["receive", "close"]
    first, last = (bar.detail for bar in drawn.bars)
    assert first is not None
    assert last is not None
    assert (first.shares[0].label, first.shares[0].value, first.shares[0].why) == (
        "ARP 10.0.0.1",
        "0.40 ms",
        "before it, not part of the sum",
    )
    assert (last.shares[-1].label, last.shares[-1].value) == ("Close", "40 ms")
    assert [bar.total for bar in drawn.bars] == ["54 ms", "54 ms"]


def test_a_late_close_does_not_squeeze_the_requests() -> None:
    """The request takes 53.9 ms; a close within half of that again stretches the axis, one a minute later does not."""
    row = [(0, http(0, 0, 0.0))]
    near = waterfall(row, Around(closes={0: (START + 60 * MS, START + 77 * MS)}))
    assert near.bars[0].parts[-1].phase == "close"
    far = waterfall(row, Around(closes={0: (START + 60_000 * MS, START + 60_040 * MS)}))
    assert [part.phase for part in far.bars[0].parts] == ["send", "wait", "receive"]
    assert far.bars[0].parts[-1].left + far.bars[0].parts[-1].width == 100.0
    assert far.bars[0].detail is not None
    assert far.bars[0].detail.shares[-1].label == "Close"  # its row says it all the same
