"""IPv6 neighbour discovery: RFC 4861, 4862 and 8106 situations, hand-built bytes, hostile lengths, tshark's answer."""

from __future__ import annotations

import ipaddress
import json
import shutil
import struct
import subprocess
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.options import Options
from analyzer.problems import ProblemLog
from analyzer.protocols.collect import neighbour_messages
from analyzer.protocols.ndp.messages import Signal
from analyzer.protocols.ndp.session import exchanges
from analyzer.schema import NdpPrefix, NdpRow
from tests import build

HOST, ROUTER, THIRD = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"
ME, GATE, NEW = "fe80::1", "fe80::2", "2001:db8::77"
ALL, ALL_ROUTERS = "ff02::1", "ff02::2"


def ip(text: str) -> bytes:
    return ipaddress.IPv6Address(text).packed


def mac_option(kind: int, mac: str) -> bytes:
    """Source (1) or target (2) link-layer address (RFC 4861 section 4.6.1)."""
    return bytes([kind, 1]) + build.mac(mac)


def ask(target: str = GATE, mac: str | None = HOST) -> bytes:
    """A neighbour solicitation (RFC 4861 section 4.3)."""
    return struct.pack("!BBHI", 135, 0, 0, 0) + ip(target) + (mac_option(1, mac) if mac else b"")


def tell(target: str = GATE, mac: str | None = ROUTER, flags: int = 0x60) -> bytes:
    """A neighbour advertisement (section 4.4); flags: 0x80 router, 0x40 solicited, 0x20 override."""
    return struct.pack("!BBHI", 136, 0, 0, flags << 24) + ip(target) + (mac_option(2, mac) if mac else b"")


def router_asked(mac: str | None = HOST) -> bytes:
    return struct.pack("!BBHI", 133, 0, 0, 0) + (mac_option(1, mac) if mac else b"")


PREFIX = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 2592000, 604800, 0) + ip("2001:db8::")
MTU = struct.pack("!BBHI", 5, 1, 0, 1480)
RDNSS = struct.pack("!BBHI", 25, 5, 0, 1200) + ip("2001:db8::53") + ip("2001:db8::54")
DNSSL = struct.pack("!BBHI", 31, 3, 0, 1200) + b"\x04corp\x07example\x00" + bytes(2)


def router_tells(*options: bytes, lifetime: int = 1800, flags: int = 0) -> bytes:
    """A router advertisement (section 4.2)."""
    return struct.pack("!BBHBBHII", 134, 0, 0, 64, flags, lifetime, 0, 0) + b"".join(options)


def signals(*packets: tuple[float, str, str, bytes], ttl: int = 255, vlan: int | None = None) -> list[Signal]:
    """Turn (ms, source, destination, bytes) into frames 1, 2, 3 ..."""
    return [
        Signal(frame, round(ms * 1e6), source, destination, ttl, len(data), data, None, vlan)
        for frame, (ms, source, destination, data) in zip(count(1), packets, strict=False)
    ]


def test_solicitation_and_advertisement() -> None:
    (row,) = exchanges(signals((0, ME, "ff02::1:ff00:2", ask()), (0.5, GATE, ME, tell(flags=0xE0))))
    assert (row.kind, row.outcome, row.request_frame, row.reply_frame) == ("solicitation", "answered", 1, 2)
    assert (row.asker_mac, row.asker_ip, row.target_ip) == (HOST, ME, GATE)
    assert (row.answer_mac, row.answer_ip, row.router) == (ROUTER, GATE, True)
    assert (row.attempts, row.latency_ms, row.conflict, row.vlan) == (1, 0.5, None, None)


def test_repeated_solicitations_are_one_row() -> None:
    group = "ff02::1:ff00:2"
    (row,) = exchanges(signals((0, ME, group, ask()), (1000, ME, group, ask()), (1001, GATE, ME, tell())))
    assert (row.attempts, row.request_frames, row.latency_ms) == (2, (1, 2), 1001.0)
    assert row.last_request_time == 1_000_000_000


def test_unanswered() -> None:
    (row,) = exchanges(signals((0, ME, GATE, ask()), (1000, ME, GATE, ask())))
    assert (row.outcome, row.reply_frame, row.latency_ms) == ("unanswered", None, None)


def test_a_question_after_a_minute_is_new() -> None:
    rows = exchanges(signals((0, ME, GATE, ask()), (61_000, ME, GATE, ask())))
    assert [row.request_frames for row in rows] == [(1,), (2,)]


def test_the_advertisement_of_another_is_unsolicited() -> None:
    rows = exchanges(signals((0, ME, GATE, ask()), (1, "fe80::9", ME, tell("fe80::9", THIRD))))
    assert [(row.kind, row.outcome) for row in rows] == [
        ("solicitation", "unanswered"),
        ("unsolicited", "not_applicable"),
    ]
    assert (rows[1].request_frame, rows[1].reply_frame, rows[1].target_ip, rows[1].answer_mac) == (
        None,
        2,
        "fe80::9",
        THIRD,
    )


def test_a_free_address() -> None:
    """RFC 4862: the probe comes from the unspecified address; afterwards the host may announce itself to all."""
    probe = exchanges(
        [
            Signal(1, 0, "::", "ff02::1:ff00:77", 255, 24, ask(NEW, None), HOST),
            Signal(2, 1_000_000_000, NEW, ALL, 255, 32, tell(NEW, HOST, 0x20), HOST),
        ]
    )
    assert [(row.kind, row.outcome, row.conflict) for row in probe] == [
        ("probe", "unanswered", None),
        ("unsolicited", "not_applicable", None),
    ]


def test_a_taken_address() -> None:
    """The owner answers a probe to all nodes, not solicited (RFC 4861 section 7.2.4)."""
    (row,) = exchanges(
        [
            Signal(1, 0, "::", "ff02::1:ff00:77", 255, 24, ask(NEW, None), HOST),
            Signal(2, 3_000_000, NEW, ALL, 255, 32, tell(NEW, THIRD, 0x20), THIRD),
        ]
    )
    assert (row.kind, row.outcome, row.asker_mac, row.answer_mac) == ("probe", "answered", HOST, THIRD)
    assert (row.conflict, row.conflict_frame, row.conflict_time, row.latency_ms) == (THIRD, 2, 3_000_000, 3.0)


def test_two_machines_claim_an_address() -> None:
    rows = exchanges(
        signals((0, ME, GATE, ask()), (1, GATE, ME, tell(flags=0x60)), (9, GATE, ALL, tell(mac=THIRD, flags=0x20)))
    )
    assert [(row.answer_mac, row.conflict, row.conflict_frame) for row in rows] == [
        (ROUTER, THIRD, 3),
        (THIRD, ROUTER, 2),
    ]


def test_answers_that_override_nothing_are_no_conflict() -> None:
    """An anycast address: several answer, without the override flag (RFC 4861 section 7.2.7)."""
    rows = exchanges(
        signals((0, ME, GATE, ask()), (1, GATE, ME, tell(flags=0x40)), (2, GATE, ME, tell(mac=THIRD, flags=0x40)))
    )
    assert [row.conflict for row in rows] == [None, None]


def test_router_solicitation_and_what_a_router_tells() -> None:
    told = router_tells(mac_option(1, ROUTER), PREFIX, MTU, RDNSS, DNSSL, flags=0xC0)
    (row,) = exchanges(signals((0, ME, ALL_ROUTERS, router_asked()), (40, GATE, ALL, told)))
    assert (row.kind, row.outcome, row.answer_ip, row.answer_mac) == ("router_solicitation", "answered", GATE, ROUTER)
    assert row.prefixes == (NdpPrefix("2001:db8::/64", True, True, 2592000, 604800),)
    assert (row.resolvers, row.domains) == (("2001:db8::53", "2001:db8::54"), ("corp.example",))
    assert (row.mtu, row.lifetime_s, row.hop_limit, row.managed, row.other_config) == (1480, 1800, 64, True, True)


def test_one_advertisement_answers_all_who_wait() -> None:
    rows = exchanges(
        signals(
            (0, ME, ALL_ROUTERS, router_asked()),
            (1, "fe80::9", ALL_ROUTERS, router_asked(THIRD)),
            (40, GATE, ALL, router_tells(mac_option(1, ROUTER))),
            (60_000, GATE, ALL, router_tells(mac_option(1, ROUTER))),
        )
    )
    assert [(row.kind, row.outcome, row.reply_frame) for row in rows] == [
        ("router_solicitation", "answered", 3),
        ("router_solicitation", "answered", 3),
        ("router_advertisement", "not_applicable", None),
    ]
    assert rows[2].request_frames == (4,)


def test_redirect() -> None:
    """RFC 4861 section 4.5: to reach the destination, use the target."""
    data = struct.pack("!BBHI", 137, 0, 0, 0) + ip("fe80::9") + ip("2001:db8:9::1") + mac_option(2, THIRD)
    (row,) = exchanges(signals((0, GATE, ME, data)))
    assert (row.kind, row.target_ip, row.destination, row.answer_mac) == ("redirect", "fe80::9", "2001:db8:9::1", THIRD)


@pytest.mark.parametrize(("ttl", "why"), [(255, None), (254, "hop_limit"), (64, "hop_limit")])
def test_only_neighbours_are_believed(ttl: int, why: str | None) -> None:
    """RFC 4861 section 7.1: any other hop limit has passed a router and must be ignored."""
    rows = exchanges(signals((0, ME, GATE, ask()), (1, GATE, ME, tell()), ttl=ttl))
    if why is None:
        assert [(row.outcome, row.outcome_why) for row in rows] == [("answered", None)]
    else:
        assert [(row.outcome, row.outcome_why) for row in rows] == [("invalid", why), ("invalid", why)]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (ask()[:23], "short"),
        (ask() + b"\x01\x00", "bad_option"),  # a length of zero never ends
        (ask() + b"\x01\x02" + bytes(6), "bad_option"),  # 16 bytes announced, 8 there
        (ask() + b"\x01", "bad_option"),
        (router_tells(struct.pack("!BBBBIII", 3, 4, 129, 0, 1, 1, 0) + ip("2001:db8::")), "bad_option"),
        (router_tells(bytes([31, 2]) + bytes(6) + b"\x40" + bytes(7)), "bad_option"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, why: str) -> None:
    problems = ProblemLog()
    (row,) = exchanges(signals((0, ME, ALL, data)), problems)
    assert (row.outcome, row.outcome_why, row.request_frames) == ("malformed", why, (1,))
    assert problems.counts == {"NDP-MALFORMED": 1}


def test_a_message_cut_by_the_recorder_is_not_called_malformed() -> None:
    problems = ProblemLog()
    (row,) = exchanges([Signal(1, 0, ME, GATE, 255, 32, ask()[:20])], problems)
    assert (row.outcome, row.outcome_why) == ("invalid", "snaplen")
    assert problems.counts == {}


def test_vlans_are_apart() -> None:
    (first,) = signals((0, ME, GATE, ask()), vlan=10)
    (second,) = signals((1, GATE, ME, tell()), vlan=20)
    assert [row.outcome for row in exchanges([first, second])] == ["unanswered", "not_applicable"]


def held(rows: list[NdpRow]) -> list[int]:
    return [frame for row in rows for frame in row.request_frames] + [
        row.reply_frame for row in rows if row.reply_frame is not None
    ]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 100_000),
            st.sampled_from([ME, GATE, "::"]),
            st.sampled_from([ME, GATE, ALL]),
            st.sampled_from([ask(), ask(NEW, None), tell(), tell(NEW), router_asked(), router_tells(PREFIX)])
            | st.binary(max_size=60)
            | st.binary(max_size=60).map(lambda rest: router_tells() + rest),
        ),
        max_size=25,
    )
)
def test_every_frame_is_in_a_row(parts: list[tuple[int, str, str, bytes]]) -> None:
    rows = exchanges(signals(*parts), ProblemLog())
    frames = held(rows)
    assert set(frames) == set(range(1, len(parts) + 1))
    twice = {frame for frame in frames if frames.count(frame) > 1}
    assert all(parts[frame - 1][3][:1] == b"\x86" for frame in twice)  # only a router's words to all


def test_a_flood_is_one_row() -> None:
    packets = [Signal(n, n, ME, GATE, 255, 32, ask()) for n in range(1, 50_001)]
    (row,) = exchanges(packets)
    assert row.attempts == 50_000


def test_hardware_addresses_inside_a_capture(tmp_path: Path) -> None:
    """Through the file: the VLAN, and the link's own address for a probe that names none."""
    packet = build.eth(
        build.ip6(ask(NEW, None), src="::", dst="ff02::1:ff00:77", next_header=58, hop_limit=255),
        ethertype=0x86DD,
        src=HOST,
        vlan=7,
    )
    path = tmp_path / "probe.pcap"
    path.write_bytes(build.pcap_file([(1, packet)]))
    (row,) = exchanges(neighbour_messages(decode(open_capture(str(path), Options()), Options())))
    assert (row.kind, row.asker_mac, row.vlan, row.target_ip) == ("probe", HOST, 7, NEW)


TSHARK = shutil.which("tshark")
TARGETS = tuple(f"icmpv6.nd.{kind}.target_address" for kind in ("ns", "na", "rd"))
FIELDS = ("frame.number", "icmpv6.type", *TARGETS)


@pytest.mark.shared
@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
@pytest.mark.parametrize("group", ["icmp", "ipv6", "arp"])
def test_every_frame_and_target_as_tshark_has_them(shared_captures: Path, group: str) -> None:
    """Each message that tshark finds (but not those quoted in errors) is in a row with its target."""
    compared = 0
    for oracle in sorted((shared_captures / group).glob("*.tshark.json")):
        if "icmpv6" not in json.loads(oracle.read_text(encoding="utf-8")).get("layers", {}):
            continue
        path = oracle.with_name(oracle.name.removesuffix(".tshark.json"))
        theirs = tshark(path)
        rows = exchanges(neighbour_messages(decode(open_capture(str(path), Options()), Options())))
        ours: dict[int, set[str | None]] = {}
        for row in rows:
            for frame in (*row.request_frames, row.reply_frame):
                if frame is not None:
                    ours.setdefault(frame, set()).add(row.target_ip)
        assert set(ours) == set(theirs), path.name
        for frame, target in theirs.items():
            assert ours[frame] == {target}, (path.name, frame)
        compared += len(theirs)
    assert compared > 0


def tshark(path: Path) -> dict[int, str | None]:
    """Return frame → target of the messages, by tshark."""
    assert TSHARK is not None
    wanted = "icmpv6.type >= 133 && icmpv6.type <= 137"
    command = [TSHARK, "-n", "-r", str(path), "-Y", wanted, "-T", "fields"]
    for name in FIELDS:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    out: dict[int, str | None] = {}
    for line in done.stdout.splitlines():
        frame, kind, *targets = line.split("\t")
        if 133 <= int(kind.split(",")[0]) <= 137:  # the first one; others are quoted by it
            named = [target for target in targets if target]
            out[int(frame)] = str(ipaddress.IPv6Address(named[0].split(",")[0])) if named else None
    return out
