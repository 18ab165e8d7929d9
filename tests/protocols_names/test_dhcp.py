"""DHCP transactions: RFC 2131 conversations, RFC 2132/3396/3442 options by hand, hostile lengths, tshark's answer."""

from __future__ import annotations

import ipaddress
import json
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.options import Options
from analyzer.problems import ProblemLog
from analyzer.protocols.base import Datagram
from analyzer.protocols.collect import on_ports, with_vlans
from analyzer.protocols.dhcp.messages import parse
from analyzer.protocols.dhcp.session import PORTS, exchanges
from analyzer.schema import DhcpOffer, DhcpRow
from tests import build
from tests.protocols_names.lease import CLIENT, HOST, SERVER, ack, discover, message, offer, option, request, said

END = 10**12


def rows(*datagrams: Datagram, end: int = END) -> list[DhcpRow]:
    return exchanges(datagrams, ProblemLog(), end)


def test_a_lease() -> None:
    (row,) = rows(
        said(1, 0, discover()), said(2, 5, offer(), back=True), said(3, 6, request()), said(4, 9, ack(), back=True)
    )
    assert (row.kind, row.outcome, row.outcome_why, row.attempts) == ("lease", "bound", None, 1)
    assert (row.discover_frame, row.offer_frame, row.request_frame, row.answer_frame) == (1, 2, 3, 4)
    assert (row.frames, row.messages) == ((1, 2, 3, 4), ("discover", "offer", "request", "ack"))
    assert (row.client_mac, row.client_name, row.transaction_id) == (HOST, "laptop", 0x1234)
    assert (row.address, row.server, row.subnet_mask) == (CLIENT, SERVER, "255.255.255.0")
    assert (row.routers, row.resolvers, row.domain) == (("10.0.0.254",), ("10.0.0.53", "9.9.9.9"), "corp.example")
    assert (row.lease_s, row.latency_ms, row.start_time, row.answer_time) == (3600, 9.0, 0, 9_000_000)
    assert [(o.frame, o.server, o.address) for o in row.offers] == [(2, SERVER, CLIENT)]


def test_retries_and_no_answer() -> None:
    (row,) = rows(said(1, 0, discover()), said(2, 4000, discover()), said(3, 12_000, discover()))
    assert (row.outcome, row.outcome_why, row.attempts, row.frames) == ("no_answer", None, 3, (1, 2, 3))
    assert (row.answer_frame, row.latency_ms, row.address) == (None, None, None)


def test_the_capture_ends_before_an_answer_was_due() -> None:
    """RFC 2131 section 4.1: the first retry is due after four seconds."""
    (row,) = rows(said(1, 0, discover()), end=3_999_000_000)
    assert (row.outcome, row.outcome_why) == ("no_answer", "capture_end")
    (row,) = rows(said(1, 0, discover()), end=4_000_000_000)
    assert (row.outcome, row.outcome_why) == ("no_answer", None)


def test_two_servers_offer() -> None:
    other = offer("10.0.0.99", server="10.0.0.3", routers=("10.0.0.250",))
    (row,) = rows(
        said(1, 0, discover()),
        said(2, 5, offer(), back=True),
        said(3, 7, other, back=True, server="10.0.0.3"),
        said(4, 8, request()),
        said(5, 9, ack(), back=True),
    )
    assert row.offers == (
        DhcpOffer(2, SERVER, CLIENT, "255.255.255.0", ("10.0.0.254",), ("10.0.0.53", "9.9.9.9"), 3600),
        DhcpOffer(3, "10.0.0.3", "10.0.0.99", "255.255.255.0", ("10.0.0.250",), ("10.0.0.53", "9.9.9.9"), 3600),
    )
    assert (row.server, row.outcome) == (SERVER, "bound")


def test_a_renewal_is_unicast_from_the_address() -> None:
    """RFC 2131 section 4.3.2: ciaddr is filled in, the server identifier and the requested address are not."""
    renew = message(1, 3, client=CLIENT)
    (row,) = rows(said(1, 0, renew, source=CLIENT, destination=SERVER), said(2, 1, ack(), back=True))
    assert (row.kind, row.outcome, row.requested_address, row.address) == ("renewal", "bound", CLIENT, CLIENT)


def test_a_machine_that_starts_again_asks_for_its_old_address() -> None:
    """INIT-REBOOT: requested address without a server identifier; here another network's, so it is refused."""
    old = message(1, 3, options=option(50, ip("192.168.7.7")))
    no = message(2, 6, options=option(54, ip(SERVER)) + option(56, b"wrong network"))
    refused, leased = rows(
        said(1, 0, old),
        said(2, 3, no, back=True),
        said(3, 10, discover(xid=9)),
        said(4, 20, offer(xid=9), back=True),
        said(5, 21, request(xid=9)),
        said(6, 25, ack(xid=9), back=True),
    )
    assert (refused.kind, refused.outcome, refused.requested_address) == ("reboot", "refused", "192.168.7.7")
    assert (refused.server, refused.server_message, refused.latency_ms) == (SERVER, "wrong network", 3.0)
    assert (leased.kind, leased.outcome, leased.latency_ms) == ("lease", "bound", 15.0)


def test_the_same_id_used_again_is_another_row() -> None:
    renew = message(1, 3, client=CLIENT)
    lease = [
        said(1, 0, discover()),
        said(2, 1, offer(), back=True),
        said(3, 2, request()),
        said(4, 3, ack(), back=True),
    ]
    both = rows(*lease, said(5, 1_800_000, renew), said(6, 1_800_001, ack(), back=True))
    assert [(row.kind, row.frames) for row in both] == [("lease", (1, 2, 3, 4)), ("renewal", (5, 6))]


def test_release_decline_and_inform() -> None:
    release = message(1, 7, client=CLIENT, options=option(54, ip(SERVER)))
    decline = message(1, 4, options=option(50, ip(CLIENT)) + option(54, ip(SERVER)))
    inform = message(1, 8, client=CLIENT, xid=5)
    found = rows(
        said(1, 0, release), said(2, 1, decline), said(3, 2, inform), said(4, 3, ack("0.0.0.0", xid=5), back=True)
    )
    assert [(row.kind, row.outcome) for row in found] == [
        ("release", "not_applicable"),
        ("decline", "not_applicable"),
        ("inform", "informed"),
    ]
    assert (found[0].address, found[0].server) == (CLIENT, SERVER)
    assert found[1].requested_address == CLIENT
    assert (found[2].routers, found[2].lease_s) == (("10.0.0.254",), 3600)


def test_copies_of_a_relay_are_no_attempts() -> None:
    passed_on = discover(relay="10.0.0.254")
    (row,) = rows(
        said(1, 0, discover()),
        said(2, 1, passed_on, source="10.0.0.254", destination=SERVER),
        said(3, 3, offer(relay="10.0.0.254"), back=True),
        said(4, 4, offer(relay="10.0.0.254"), back=True),
    )
    assert (row.attempts, row.relay, row.outcome, len(row.frames)) == (1, "10.0.0.254", "offered", 4)


def test_only_the_answer_was_recorded() -> None:
    (row,) = rows(said(1, 0, ack(), back=True))
    assert (row.kind, row.outcome, row.attempts, row.latency_ms, row.address) == ("lease", "bound", 0, None, CLIENT)


def test_bootp_has_no_message_type() -> None:
    """RFC 951: no cookie, no options; the reply fills in yiaddr."""
    ask = message(1, None)[:236] + bytes(64)
    tell = message(2, None, yours=CLIENT)[:236] + bytes(64)
    (row,) = rows(said(1, 0, ask), said(2, 4, tell, back=True))
    assert (row.kind, row.outcome, row.address, row.server, row.latency_ms) == ("bootp", "bound", CLIENT, SERVER, 4.0)


def test_vlans_are_apart() -> None:
    first = said(1, 0, discover(), vlan=10)
    second = said(2, 1, discover(), vlan=20)
    assert [row.vlan for row in rows(first, second)] == [10, 20]


# ── options ──────────────────────────────────────────────────────────────────────────────────────────────────────


def ip(text: str) -> bytes:
    return ipaddress.IPv4Address(text).packed


def test_an_option_in_two_parts_is_one() -> None:
    """RFC 3396 section 8: the parts are joined in the order they stand in."""
    data = message(2, 5, options=option(6, ip("10.0.0.53") + b"\x09\x09") + option(15, b"a") + option(6, b"\x09\x09"))
    assert parse(said(1, 0, data)).resolvers == ("10.0.0.53", "9.9.9.9")


@pytest.mark.parametrize(
    ("overload", "name", "domain"), [(1, "in-file", None), (2, None, "in-sname"), (3, "in-file", "in-sname")]
)
def test_options_in_file_and_sname(overload: int, name: str | None, domain: str | None) -> None:
    """RFC 2132 section 9.3: 1 is file, 2 is sname, 3 is both."""
    file = option(12, b"in-file") + b"\xff"
    sname = option(15, b"in-sname") + b"\xff"
    data = message(1, 1, options=option(52, bytes([overload])), file=file, sname=sname)
    read = parse(said(1, 0, data))
    assert (read.name, read.domain, read.why) == (name, domain, None)


def test_a_default_route_comes_before_the_router_option() -> None:
    """RFC 3442: 0.0.0.0/0 by way of 10.0.0.1, 192.168.0.0/16 by way of 10.0.0.2; option 3 must then be ignored."""
    routes = b"\x00" + ip("10.0.0.1") + b"\x10\xc0\xa8" + ip("10.0.0.2")
    data = message(2, 5, options=option(3, ip("10.0.0.254")) + option(121, routes))
    assert parse(said(1, 0, data)).routers == ("10.0.0.1",)


def test_a_relay_option_is_skipped() -> None:
    data = message(1, 1, options=option(82, b"\x01\x04port") + option(12, b"laptop"))
    assert parse(said(1, 0, data)).name == "laptop"


def test_the_full_name_stands_in_for_a_host_name() -> None:
    """RFC 4702: flag E (4) says labels; without it the name is plain text."""
    labels = message(1, 1, options=option(81, b"\x05\x00\x00\x02pc\x04corp"), name=None)
    plain = message(1, 1, options=option(81, b"\x01\x00\x00pc.corp"), name=None)
    assert parse(said(1, 0, labels)).name == "pc.corp"
    assert parse(said(1, 0, plain)).name == "pc.corp"


def test_a_hostile_name_is_only_text() -> None:
    data = message(1, 1, options=option(12, b"<script>\x00\xff\x1b[2J"), name=None)
    (row,) = rows(said(1, 0, data))
    assert row.client_name == "<script>\x00\\xff\x1b[2J"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x01\x01\x06\x00", "short"),
        (message(1, 1)[:235], "short"),
        (message(1, 1)[:240] + b"\x35\x01\x01\x0c\x40abc", "option_length"),
        (message(1, 1)[:240] + b"\x35\x01\x01\x0c", "option_length"),
        (message(1, 1, options=option(52, b"\x07")), "overload"),
        (message(1, 1, options=option(52, b"\x01"), file=b"\x0c\xff"), "option_length"),
        (message(1, 1, hardware_length=17), "hardware_length"),
        (message(3, 1), "bad_operation"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, why: str) -> None:
    problems = ProblemLog()
    (row,) = exchanges([said(1, 0, data)], problems, END)
    assert (row.outcome, row.outcome_why, row.frames) == ("malformed", why, (1,))
    assert problems.counts == {"DHCP-MALFORMED": 1}


def test_a_message_cut_by_the_recorder_is_not_called_malformed() -> None:
    problems = ProblemLog()
    (row,) = exchanges([said(1, 0, message(1, 1)[:100], cut=True)], problems, END)
    assert row.outcome != "malformed"
    assert problems.counts == {}


def test_an_option_of_the_wrong_length_is_left_out() -> None:
    problems = ProblemLog()
    data = message(2, 5, options=option(3, b"\x0a\x00\x00") + option(51, b"\x00") + option(15, b"corp"))
    (row,) = exchanges([said(1, 0, data, back=True)], problems, END)
    assert (row.routers, row.lease_s, row.domain, row.outcome) == ((), None, "corp", "bound")
    assert problems.counts == {"DHCP-OPTION": 1}


ANY = st.binary(max_size=400) | st.binary(max_size=300).map(lambda rest: message(1, 1)[:240] + rest)
KNOWN = st.sampled_from([discover(), offer(), request(), ack(), message(1, 7, client=CLIENT), message(1, 4)])


@given(st.lists(st.tuples(st.integers(0, 400_000), KNOWN | ANY, st.booleans()), max_size=20))
def test_every_datagram_is_in_one_row(parts: list[tuple[int, bytes, bool]]) -> None:
    found = rows(*(said(n, ms, data, back=back) for n, (ms, data, back) in enumerate(parts, 1)))
    assert sorted(frame for row in found for frame in row.frames) == list(range(1, len(parts) + 1))
    assert all(len(row.frames) == len(row.messages) for row in found)


@given(st.integers(0, 700))
def test_cut_anywhere(size: int) -> None:
    (row,) = rows(said(1, 0, ack()[:size], back=True))
    assert row.frames == (1,)


def test_through_a_file(tmp_path: Path) -> None:
    packet = build.eth(build.ip4(build.udp(discover(), sport=68, dport=67), src="0.0.0.0", proto=17), vlan=7)
    path = tmp_path / "lease.pcap"
    path.write_bytes(build.pcap_file([(1, packet)]))
    table = decode(open_capture(str(path), Options()), Options())
    (row,) = exchanges(with_vlans(table, on_ports(table, PORTS)), ProblemLog(), 1)
    assert (row.client_mac, row.vlan, row.kind) == (HOST, 7, "lease")


TSHARK = shutil.which("tshark")
FIELDS = (
    "frame.number",
    "dhcp.option.dhcp",
    "dhcp.ip.your",
    "dhcp.hw.mac_addr",
    "dhcp.id",
    "dhcp.option.dhcp_server_id",
)


@pytest.mark.shared
@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
@pytest.mark.parametrize("group", ["dhcp", "arp", "labs", "mixed"])
def test_as_tshark_has_them(shared_captures: Path, group: str) -> None:
    """Frames, message types, addresses, clients, ids and servers of every DHCP message, as tshark reads them."""
    compared = 0
    for oracle in sorted((shared_captures / group).glob("*.tshark.json")):
        if "dhcp" not in json.loads(oracle.read_text(encoding="utf-8")).get("layers", {}):
            continue
        path = oracle.with_name(oracle.name.removesuffix(".tshark.json"))
        table = decode(open_capture(str(path), Options()), Options())
        datagrams = with_vlans(table, on_ports(table, PORTS))
        ours = {d.frame: facts_of(d) for d in datagrams}
        theirs = tshark(path)
        assert ours == theirs, path.name
        held = [frame for row in exchanges(datagrams, ProblemLog(), END) for frame in row.frames]
        assert sorted(held) == sorted(theirs), path.name
        compared += len(theirs)
    assert compared > 0


def facts_of(datagram: Datagram) -> tuple[str, str, str, int, str]:
    read = parse(datagram)
    return read.kind, read.yours or "", read.mac or "", read.transaction_id, read.server or ""


TYPES = ["discover", "offer", "request", "decline", "ack", "nak", "release", "inform"]


def tshark(path: Path) -> dict[int, tuple[str, str, str, int, str]]:
    assert TSHARK is not None
    command = [TSHARK, "-n", "-r", str(path), "-Y", "dhcp && !icmp", "-T", "fields"]
    for name in FIELDS:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    out = {}
    for line in done.stdout.splitlines():
        frame, kind, yours, mac, ident, server = line.split("\t")
        address = "" if yours == "0.0.0.0" else yours
        out[int(frame)] = (TYPES[int(kind) - 1], address, mac.split(",")[0], int(ident, 16), server)
    return out


def test_the_builder_is_right() -> None:
    """RFC 2131 figure 1: op, htype, hlen, hops; xid; secs, flags; four addresses; chaddr; sname; file; options."""
    data = message(1, 1)
    assert data[:4] == b"\x01\x01\x06\x00"
    assert struct.unpack_from("!I", data, 4) == (0x1234,)
    assert data[28:34] == build.mac(HOST)
    assert data[236:243] == b"\x63\x82\x53\x63\x35\x01\x01"
