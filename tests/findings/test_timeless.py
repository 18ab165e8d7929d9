"""Captures whose packets have no time (pcapng Simple Packet Blocks): nothing that measures time is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.findings.thresholds import ARP_SCAN_TARGETS, ASKED_AGAIN, STORM_NAMES
from analyzer.pipeline import analyze
from tests import build
from tests.visits.scene import Scene, answer, get

NOBODY = "00:00:00:00:00:00"
FIRST, SECOND = "02:00:00:00:00:01", "02:00:00:00:00:02"
NXDOMAIN = 3


def timeless(scene: Scene, folder: Path) -> Analysis:
    """Write the packets in their order, each with the time 0, which stands for none."""
    path = folder / "timeless.pcap"
    path.write_bytes(build.pcap_file([(0, packet) for _, packet in scene.ordered()], nanoseconds=True))
    return analyze(str(path))


def conflict() -> Scene:
    """Two machines claim an address by turns."""
    scene = Scene()
    for turn in range(4):
        mac = SECOND if turn % 2 else FIRST
        scene.arp(turn * 1000, 2, mac, "10.0.0.9", "02:00:00:00:00:07", "10.0.0.7")
    return scene


def scan() -> Scene:
    """Many addresses are asked for in a row."""
    scene = Scene()
    for host in range(1, ARP_SCAN_TARGETS + 20):
        scene.arp(host, 1, FIRST, "10.0.0.200", NOBODY, f"10.0.0.{host}")
    return scene


def storm() -> Scene:
    """Many names that do not exist."""
    scene = Scene()
    for number in range(STORM_NAMES + 20):
        scene.lookup(number * 10, f"n{number}.example", rcode=NXDOMAIN, port=20000 + number)
    return scene


def again() -> Scene:
    """A name is asked for again and again, within its time to live."""
    scene = Scene()
    for number in range(ASKED_AGAIN + 5):
        scene.lookup(number * 500, "shop.example", port=20000 + number)
    return scene


def waiting() -> Scene:
    """A name is asked for three times in vain, then another one is answered."""
    scene = Scene()
    scene.lookup(0, "www.shop.example", None, asked=(0, 5000, 10_000), after=None)
    scene.lookup(20_000, "ok.example", port=30000)
    return scene


def shut() -> Scene:
    """A connection for each request."""
    scene = Scene()
    for number in range(8):
        book = scene.exchange(number * 1000, get(f"/{number}"), answer(), client_port=40000 + number)
        book.at(number * 1000 + 150).close()
    return scene


@pytest.mark.parametrize(
    ("scene", "code"),
    [
        (conflict(), "ARP-CONFLICT"),
        (scan(), "ARP-SCAN"),
        (storm(), "DNS-STORM"),
        (again(), "DNS-UNCACHED"),
        (waiting(), "DNS-NO-ANSWER"),
        (shut(), "HTTP-NO-KEEPALIVE"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_said_with_times_and_not_without(tmp_path: Path, scene: Scene, code: str) -> None:
    with_times = {finding.code for finding in scene.analysis(tmp_path).findings}
    without = {finding.code for finding in timeless(scene, tmp_path).findings}
    assert (code in with_times, code in without) == (True, False)


def test_nobody_waited_where_there_is_no_time(tmp_path: Path) -> None:
    assert [visit.url for visit in waiting().analysis(tmp_path).visits] == ["www.shop.example"]
    assert timeless(waiting(), tmp_path).visits == ()
