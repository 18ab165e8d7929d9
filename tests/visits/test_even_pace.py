"""Files whose packets were recorded at an even pace: their times are the recorder's, and accuse nobody."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from analyzer.flows.pace import even_step_ms
from analyzer.pipeline import analyze
from analyzer.report.trust import quality
from analyzer.sentences import finding_text, sentence
from tests.playbook import MS, START_NS
from tests.visits.scene import Scene, alarms, answer, found, get


def packets(scene: Scene, exchanges: int) -> None:
    """Connections of ten packets each; the server acknowledges the request before it answers."""
    for k in range(exchanges):
        p = scene.connection(client_port=40000 + k)
        p.at(1000 * k).handshake()
        p.at(1000 * k + 50).client.send(get(f"/{k}"))
        p.at(1000 * k + 90).server.ack()
        p.at(1000 * k + 100).server.send(answer())
        p.at(1000 * k + 101).client.ack()
        p.at(1000 * k + 110).close()


def paced(steps: Sequence[float], exchanges: int = 3) -> Scene:
    """The same packets, each a step (ms, in turn) after the one before."""
    scene, out, now = Scene(), Scene(), 0.0
    packets(scene, exchanges)
    for k, (_, packet) in enumerate(scene.ordered()):
        now += steps[k % len(steps)]
        out.packets.append((START_NS + round(now * MS), packet))
    return out


@pytest.mark.parametrize("step", [1, 500, 2000])
def test_even(tmp_path: Path, step: float) -> None:
    """Handshake, request, acknowledgement and answer, all the same time apart: no network does that."""
    analysis = paced([step]).analysis(tmp_path)
    assert analysis.capture.clock_step_ms == step
    assert alarms(analysis) == [("CAPTURE-PACED", "warning")]
    (finding,) = found(analysis, "CAPTURE-PACED")
    assert finding.blame == "capture"
    assert "times" in sentence(finding.title_key, finding.args)
    assert finding_text(finding.title_key, finding.args).advice
    assert [fact.tone for fact in quality(analysis) if fact.label == "Clock"] == ["warn"]


def test_server_is_not_accused(tmp_path: Path) -> None:
    """By the file's times the server acknowledged each request and took a second to answer; all of it is pace."""
    rows = paced([1000]).analysis(tmp_path).http
    assert rows
    for row in rows:
        assert (row.wait_ms, row.wait_server_min_ms, row.phase_trust.wait_server) == (2000, None, "bounded")


def test_resolver_is_not_accused(tmp_path: Path) -> None:
    scene = paced([1500])
    scene.lookup(0, "shop.example", after=1500)
    assert found(scene.analysis(tmp_path), "DNS-SLOW") == []


@pytest.mark.parametrize(
    ("steps", "even"),
    [([500, 495, 505, 509, 491], True), ([500, 480, 520, 515, 485], False), ([500, 500, 500, 500, 501], True)],
)
def test_jitter(tmp_path: Path, steps: list[float], even: bool) -> None:
    assert (paced(steps).analysis(tmp_path).capture.clock_step_ms is not None) == even


def test_two_steps_in_turn(tmp_path: Path) -> None:
    assert paced([40, 1]).analysis(tmp_path).capture.clock_step_ms is None


def test_back_to_back(tmp_path: Path) -> None:
    """A microsecond apart: a fast machine talking to itself, or a file whose times are that coarse."""
    assert paced([0.001]).analysis(tmp_path).capture.clock_step_ms is None


def test_too_few_to_tell(tmp_path: Path) -> None:
    """Even within 2 %, but not to the microsecond, as clocks that are read may be for a few packets."""
    analysis = paced([700, 700.05], exchanges=1).analysis(tmp_path)
    assert analysis.capture.clock_step_ms is None
    assert alarms(analysis) == [("HTTP-SLOW-SERVER", "warning")]


def lookups(count: int, *, step: float = 1000, last: float = 0.0, silent: bool = False) -> Scene:
    """Lookups whose queries and answers are all a step apart; the very last packet is late by some time."""
    scene = Scene()
    for k in range(count):
        late = last if k == count - 1 else 0.0
        after = None if silent else step + late
        scene.lookup(2 * step * k, f"n{k}.example", after=after, asked=(0, step) if silent else (0,))
    return scene


@pytest.mark.parametrize(
    ("scene", "step"),
    [
        pytest.param(lookups(4), 1000, id="eight packets"),
        pytest.param(lookups(4, step=1), 1, id="a millisecond"),
        pytest.param(lookups(3), None, id="six packets"),
        pytest.param(lookups(4, last=0.001), None, id="a microsecond late"),
        pytest.param(lookups(4, step=0.5), None, id="half a millisecond"),
        pytest.param(lookups(4, silent=True), None, id="one sender only"),
    ],
)
def test_made_up_times_without_tcp(tmp_path: Path, scene: Scene, step: float | None) -> None:
    """A script counts seconds: question, answer, question, answer. Nobody is called slow by that."""
    analysis = scene.analysis(tmp_path)
    assert analysis.capture.clock_step_ms == step
    assert ("CAPTURE-PACED", "warning") in alarms(analysis) or step is None
    assert found(analysis, "DNS-SLOW") == [] or step is None


def test_as_recorded(tmp_path: Path) -> None:
    scene = Scene()
    packets(scene, 5)
    analysis = scene.analysis(tmp_path)
    assert (analysis.capture.clock_step_ms, alarms(analysis)) == (None, [])


def test_sender_that_is_even(tmp_path: Path) -> None:
    """A video server sends a segment every 20 ms, acknowledged now and then: the pace is the sender's."""
    scene = Scene()
    p = scene.exchange(0, get("/live"), answer(size=150_000)[:1000])
    for k, segment in enumerate(p.server.prepare(b"v" * 100 * 1460)):
        p.at(200 + 20 * k).emit(segment)
        if k % 10 == 9:
            p.at(200 + 20 * k + 1).client.ack()
    assert even_step_ms(scene.analysis(tmp_path).segments) is None


@pytest.mark.shared
def test_recorder_that_queues_packets(shared_captures: Path) -> None:
    """One packet every half second; the server's own clock counted 4 ms from frame 112 to 114, the file's a second."""
    analysis = analyze(str(shared_captures / "mixed" / "packets-loger.pcap"))
    assert analysis.capture.clock_step_ms == pytest.approx(500, rel=0.01)
    assert [code for code, _ in alarms(analysis)] == ["CAPTURE-PACED"]
