"""The samples as files: complete, small, described, and telling nothing about the machine they were made on."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
CAPTURES = sorted(SAMPLES.glob("*.pcapng"))
LARGEST = 300_000
LARGEST_TOGETHER = 5_000_000
MORE_MACHINES = {"02:00:00:00:00:02", "02:00:00:00:00:40", "02:00:00:00:00:41"}
"""The second router, the printer and the camera of sample ``arp``."""
SECTION, INTERFACE, SECRETS, PACKET = 0x0A0D0D0A, 1, 10, 6


def blocks(data: bytes) -> list[tuple[int, bytes]]:
    """Cut a little-endian pcapng into (type, body); the length at the end must repeat the one at the start."""
    found, at = [], 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        assert struct.unpack_from("<I", data, at + size - 4) == (size,)
        found.append((kind, data[at + 8 : at + size - 4]))
        at += size
    return found


def options(data: bytes) -> dict[int, bytes]:
    """Read a block's options: code → value."""
    found, at = {}, 0
    while at + 4 <= len(data):
        code, size = struct.unpack_from("<HH", data, at)
        if code == 0:
            break
        found[code] = data[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4
    return found


def test_all_are_there() -> None:
    names = {path.stem for path in CAPTURES}
    assert names >= {
        "first-visit", "plain-visit", "status-codes", "handshake-and-close", "loss", "ping", "web-app",
        "web-app-server", "dns-iterative", "dns-trouble", "arp", "dhcp-lease", "redirects-and-cache", "polling",
        "two-visits",
    }  # fmt: skip


def recorded_at(path: Path) -> str:
    facts = json.loads((SAMPLES / "expected" / f"{path.stem}.json").read_text(encoding="utf-8"))
    return str(facts["recorded_at"])


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_has_facts_and_description(path: Path) -> None:
    facts = json.loads((SAMPLES / "expected" / f"{path.stem}.json").read_text(encoding="utf-8"))
    assert facts["sample"] == path.stem
    assert facts.keys() >= {
        "about", "recorded_at", "names", "capture", "counts", "rows", "findings", "may_find", "findings_complete",
        "no_findings", "visits", "facts",
    }  # fmt: skip
    assert f"## {path.stem}\n" in (SAMPLES / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_is_small(path: Path) -> None:
    assert path.stat().st_size < LARGEST


def test_all_together_are_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file()) < LARGEST_TOGETHER


def test_no_facts_without_capture() -> None:
    assert {path.stem for path in (SAMPLES / "expected").glob("*.json")} == {path.stem for path in CAPTURES}


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_tells_nothing_about_the_machine(path: Path) -> None:
    """A section header with a comment only: no hardware (2), operating system (3) or program (4)."""
    (kind, body), (next_kind, interface), *_ = blocks(path.read_bytes())
    assert (kind, next_kind) == (SECTION, INTERFACE)
    assert set(options(body[16:])) == {1}
    device = b"wan0" if recorded_at(path) == "server" else b"eth0"
    assert options(interface[8:]) == {2: device, 9: b"\x09"}


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_only_lab_hardware_addresses(path: Path) -> None:
    """Every frame's sender is one of the lab's locally administered addresses."""
    packets = [body for kind, body in blocks(path.read_bytes()) if kind == PACKET]
    senders = {body[20 + 6 : 20 + 12].hex(":") for body in packets}
    router, client, resolver, server = (f"02:00:00:00:00:{end}" for end in ("01", "10", "53", "80"))
    near = {router, client, resolver} | (MORE_MACHINES if path.stem == "arp" else set())
    assert senders <= ({router, server} if recorded_at(path) == "server" else near)


def test_secrets_are_inside_first_visit() -> None:
    inside = [body for kind, body in blocks((SAMPLES / "first-visit.pcapng").read_bytes()) if kind == SECRETS]
    beside = (SAMPLES / "first-visit.keys").read_bytes()
    assert len(inside) == 1
    kind, size = struct.unpack_from("<4sI", inside[0])
    assert kind == struct.pack("<I", 0x544C534B)
    assert inside[0][8 : 8 + size] == beside
    assert beside.count(b"CLIENT_HANDSHAKE_TRAFFIC_SECRET") == 10
