"""What a connection owes to DNS: which answer, how long was waited for it, and only once."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.visits.lookups import is_address
from tests.protocols_names import wire
from tests.visits.scene import Scene, answer, get

Dns = tuple[float | None, str | None]


def dns(analysis: Analysis) -> list[Dns]:
    return [(row.dns_ms, row.dns_why) for row in analysis.http]


def test_the_wait_is_charged(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example", after=25)
    scene.exchange(30, get("/"), answer())
    (row,) = scene.analysis(tmp_path).http
    assert (row.dns_ms, row.dns_why) == (25, None)
    assert row.total_ms == 25 + 40 + 60


def test_charged_once(tmp_path: Path) -> None:
    """Two connections after one answer: the first one waited for it."""
    scene = Scene()
    scene.lookup(0, "shop.example", after=25)
    scene.exchange(30, get("/"), answer())
    scene.exchange(35, get("/b.css"), answer(), client_port=40001)
    assert dns(scene.analysis(tmp_path)) == [(25, None), (None, "cached")]


def test_not_captured(tmp_path: Path) -> None:
    """Somebody else's lookup, a lookup of another name, and one that ended later explain nothing."""
    scene = Scene()
    scene.lookup(0, "shop.example", client="10.0.0.9")
    scene.lookup(0, "other.example", port=50001)
    scene.exchange(30, get("/"), answer())
    scene.lookup(35, "shop.example", port=50002)
    assert dns(scene.analysis(tmp_path)) == [(None, "not_captured")]


@pytest.mark.parametrize("host", ["10.0.0.2", "10.0.0.2:8080"])
def test_literal_address(tmp_path: Path, host: str) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example")
    scene.exchange(30, get("/", host), answer())
    assert dns(scene.analysis(tmp_path)) == [(None, "literal_address")]


def test_is_address() -> None:
    assert is_address("192.0.2.1")
    assert is_address("[2001:db8::1]")
    assert not is_address("192.0.2.1.example")
    assert not is_address("")


def test_connection_older_than_the_capture(tmp_path: Path) -> None:
    """Its handshake was not seen, so it cannot have waited for a lookup that was."""
    scene = Scene()
    scene.lookup(0, "shop.example", after=25)
    p = scene.connection()
    p.recording = False
    p.handshake()
    p.recording = True
    p.at(60).client.send(get("/"))
    p.at(100).server.send(answer())
    (row,) = scene.analysis(tmp_path).http
    assert (row.dns_ms, row.dns_why, row.connect_why) == (None, "before_capture", "before_capture")


def test_a_and_aaaa_side_by_side(tmp_path: Path) -> None:
    """A runs from 0 to 20, AAAA from 5 to 40, the connection opens at 41: 40 ms, not 55, were waited."""
    scene = Scene()
    scene.lookup(0, "shop.example", after=20)
    scene.lookup(5, "shop.example", None, after=35, qtype=wire.AAAA, port=50001)
    scene.exchange(41, get("/"), answer())
    analysis = scene.analysis(tmp_path)
    assert dns(analysis) == [(40, None)]
    assert analysis.visits[0].dns_rows == (0, 1)


def test_gap_between_two_lookups_is_nobodys(tmp_path: Path) -> None:
    """AAAA still open when the connection begins: only what was over counts."""
    scene = Scene()
    scene.lookup(0, "shop.example", after=20)
    scene.lookup(5, "shop.example", None, after=300, qtype=wire.AAAA, port=50001)
    scene.exchange(25, get("/"), answer())
    assert dns(scene.analysis(tmp_path)) == [(20, None)]


def test_retries_are_inside(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example", asked=(0, 1000), after=1015)
    scene.exchange(1020, get("/"), answer())
    assert dns(scene.analysis(tmp_path)) == [(1015, None)]


@pytest.mark.parametrize(
    ("ttl", "opened", "owed"),
    [
        (300, 60_000, (None, "cached")),  # alive, but nobody waited a minute for it
        (10, 29_000, (20, None)),  # opened within half a minute of the answer
        (10, 60_000, (None, "not_captured")),  # the answer had died: somebody must have asked again elsewhere
    ],
)
def test_time_to_live(tmp_path: Path, ttl: int, opened: float, owed: Dns) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example", ttl=ttl)
    scene.exchange(opened, get("/"), answer())
    assert dns(scene.analysis(tmp_path)) == [owed]


def test_short_name_completed_from_the_search_list(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "wiki.corp.example")
    scene.exchange(30, get("/", "wiki"), answer())
    assert dns(scene.analysis(tmp_path)) == [(20, None)]


def test_through_a_proxy_the_proxys_name_counts(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "proxy.corp.example")
    scene.exchange(30, get("http://far.example/", "far.example"), answer(), server_port=3128)
    assert dns(scene.analysis(tmp_path)) == [(20, None)]


def test_many_lookups_of_one_name(tmp_path: Path) -> None:
    """2000 times asked, 2000 times opened: each connection is charged its own lookup."""
    scene = Scene()
    for k in range(2000):
        scene.lookup(1000 * k, "shop.example", after=10 + k % 7, port=10000 + k)
        scene.exchange(1000 * k + 20, get("/"), answer(), client_port=20000 + k)
    assert [ms for ms, _ in dns(scene.analysis(tmp_path))] == [10 + k % 7 for k in range(2000)]


def test_second_server_asked(tmp_path: Path) -> None:
    """The first resolver is silent; after five seconds the second one is asked, and answers in 20 ms."""
    scene = Scene()
    scene.lookup(0, "shop.example", after=None, server="10.0.0.53")
    scene.lookup(5000, "shop.example", after=20, server="10.0.0.54", port=50001)
    scene.exchange(5025, get("/"), answer())
    analysis = scene.analysis(tmp_path)
    (row,) = analysis.http
    assert (row.dns_ms, row.phase_frames.dns) == (5020, (1, 3))
    assert analysis.visits[0].dns_rows == (0, 1)
    assert analysis.visits[0].phases.dns_ms == 5020
    (step,) = [step for step in analysis.visits[0].steps if step.step == "dns"]
    assert (step.sentence_key, step.sentence_args["attempts"]) == ("step.dns.retry", 2)


@pytest.mark.parametrize(
    ("rcode", "waited"),
    [
        (2, 71),  # SERVFAIL says nothing about the name: the client went on with the next server
        (3, 20),  # NXDOMAIN is an answer; who asks again does so for another reason
    ],
)
def test_first_server_failed(tmp_path: Path, rcode: int, waited: float) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example", None, after=50, rcode=rcode, server="10.0.0.53")
    scene.lookup(51, "shop.example", after=20, server="10.0.0.54", port=50001)
    scene.exchange(75, get("/"), answer())
    assert dns(scene.analysis(tmp_path)) == [(waited, None)]


@pytest.mark.parametrize(("asked_before", "waited"), [(10_000, 10_020), (10_001, 20)])
def test_an_older_attempt_is_another_story(tmp_path: Path, asked_before: float, waited: float) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example", after=None)
    scene.lookup(asked_before, "shop.example", after=20, port=50001)
    scene.exchange(asked_before + 25, get("/"), answer())
    assert dns(scene.analysis(tmp_path)) == [(waited, None)]


def test_silence_about_the_other_family_is_no_retry(tmp_path: Path) -> None:
    """AAAA was asked first and never answered; nobody waits for it once A is there."""
    scene = Scene()
    scene.lookup(0, "shop.example", None, after=None, qtype=wire.AAAA, port=50001)
    scene.lookup(10, "shop.example", after=20)
    scene.exchange(35, get("/"), answer())
    assert dns(scene.analysis(tmp_path)) == [(20, None)]


def test_frames_of_side_by_side_lookups(tmp_path: Path) -> None:
    """From the first question (A, frame 1) to the last answer that was waited for (AAAA, frame 4)."""
    scene = Scene()
    scene.lookup(0, "shop.example", after=20)
    scene.lookup(5, "shop.example", None, after=35, qtype=wire.AAAA, port=50001)
    scene.exchange(41, get("/"), answer())
    (row,) = scene.analysis(tmp_path).http
    assert (row.dns_ms, row.phase_frames.dns) == (40, (1, 4))


def test_two_pages_ask_the_same(tmp_path: Path) -> None:
    """Two tabs look one name up 5 ms apart, from ports of their own; each waits for its own answer."""
    scene = Scene()
    scene.lookup(0, "cdn.example", after=25, port=50000)
    scene.lookup(5, "cdn.example", after=21, port=50001)
    scene.exchange(27, get("/a", "cdn.example"), answer())
    scene.exchange(28, get("/b", "cdn.example"), answer(), client_port=40001)
    analysis = scene.analysis(tmp_path)
    assert sorted(ms or 0 for ms, _ in dns(analysis)) == [21, 25]
    assert [visit.dns_rows for visit in analysis.visits] == [(1,), (0,)]


def test_asked_ahead(tmp_path: Path) -> None:
    """A browser looks the name up when it is typed, and again for the connection: both belong to the visit."""
    scene = Scene()
    scene.lookup(0, "shop.example", after=25)
    scene.lookup(120, "shop.example", after=1, port=50001)
    scene.exchange(125, get("/"), answer())
    analysis = scene.analysis(tmp_path)
    assert dns(analysis) == [(1, None)]
    assert analysis.visits[0].dns_rows == (0, 1)


def test_what_was_asked_before_an_answer_is_another_story(tmp_path: Path) -> None:
    """Silence at 0, an answer at 1 s; at 4 s it is asked anew, in vain, and once more at 5 s: waited were 1020 ms."""
    scene = Scene()
    scene.lookup(0, "shop.example", after=None, server="10.0.0.54")
    scene.lookup(1000, "shop.example", after=20, port=50001)
    scene.lookup(4000, "shop.example", after=None, server="10.0.0.54", port=50002)
    scene.lookup(5000, "shop.example", after=20, port=50003)
    scene.exchange(5025, get("/"), answer())
    assert dns(scene.analysis(tmp_path)) == [(1020, None)]


def test_the_second_question_after_the_first_answer(tmp_path: Path) -> None:
    """A quick answer for A comes before AAAA is asked: both belong to the visit."""
    scene = Scene()
    scene.lookup(0, "shop.example", after=1)
    scene.lookup(2, "shop.example", None, after=1, qtype=wire.AAAA, port=50001)
    scene.exchange(5, get("/"), answer())
    analysis = scene.analysis(tmp_path)
    assert dns(analysis) == [(1, None)]
    assert analysis.visits[0].dns_rows == (0, 1)
    assert analysis.capture.unvisited == ()
