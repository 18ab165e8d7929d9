"""DHCPv6 transactions: RFC 8415 conversations by hand, relays, refusals, hostile lengths, tshark's answer."""

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
from analyzer.protocols.dhcp.messages6 import parse
from analyzer.protocols.dhcp.session6 import PORTS, exchanges
from analyzer.schema import DhcpRow
from tests import build

END = 10**12
HOST, ME, SERVER, ALL = "02:00:00:00:00:01", "fe80::1", "fe80::2", "ff02::1:2"
SOLICIT, ADVERTISE, REQUEST, CONFIRM, RENEW, REBIND, REPLY, RELEASE, DECLINE, _, INFORM = range(1, 12)
DUID = b"\x00\x03\x00\x01" + build.mac(HOST)  # RFC 8415 section 11.4: of the link-layer address
NEW = "2001:db8::77"


def option(code: int, data: bytes) -> bytes:
    return struct.pack("!HH", code, len(data)) + data


def ip(*texts: str) -> bytes:
    return b"".join(ipaddress.IPv6Address(text).packed for text in texts)


def given_address(address: str = NEW, valid: int = 7200, status: bytes = b"") -> bytes:
    """IA_NA with one address (RFC 8415 sections 21.4 and 21.6)."""
    return option(3, struct.pack("!III", 1, 0, 0) + option(5, ip(address) + struct.pack("!II", 3600, valid)) + status)


TERMS = given_address() + option(23, ip("2001:db8::53", "2001:db8::54")) + option(24, b"\x04corp\x07example\x00")


def message(kind: int, *options: bytes, xid: int = 0x123456, duid: bytes = DUID) -> bytes:
    return bytes([kind]) + xid.to_bytes(3, "big") + option(1, duid) + b"".join(options)


def said(frame: int, ms: float, payload: bytes, *, back: bool = False, cut: bool = False) -> Datagram:
    ends = (SERVER, 547, ME, 546) if back else (ME, 546, ALL, 547)
    return Datagram(frame, round(ms * 1e6), *ends, payload, cut)


def rows(*datagrams: Datagram, end: int = END) -> list[DhcpRow]:
    return exchanges(datagrams, ProblemLog(), end)


def test_four_messages_with_two_ids_are_one_row() -> None:
    """RFC 8415 figure 1; a Request has an id of its own."""
    (row,) = rows(
        said(1, 0, message(SOLICIT, option(39, b"\x00\x06laptop\x04corp\x00"))),
        said(2, 3, message(ADVERTISE, TERMS), back=True),
        said(3, 5, message(REQUEST, given_address(), xid=0x777777)),
        said(4, 9, message(REPLY, TERMS, xid=0x777777), back=True),
    )
    assert (row.version, row.kind, row.outcome, row.messages) == (
        6,
        "lease",
        "bound",
        ("solicit", "advertise", "request", "reply"),
    )
    assert (row.discover_frame, row.offer_frame, row.request_frame, row.answer_frame) == (1, 2, 3, 4)
    assert (row.client_mac, row.client_name, row.address, row.server) == (HOST, "laptop.corp", NEW, SERVER)
    assert (row.resolvers, row.domain, row.lease_s) == (("2001:db8::53", "2001:db8::54"), "corp.example", 7200)
    assert (row.latency_ms, row.attempts, row.routers) == (9.0, 1, ())
    assert [(offer.frame, offer.address) for offer in row.offers] == [(2, NEW)]


def test_retries_without_an_answer() -> None:
    (row,) = rows(said(1, 0, message(SOLICIT)), said(2, 1000, message(SOLICIT)), said(3, 3000, message(SOLICIT)))
    assert (row.outcome, row.attempts, row.frames) == ("no_answer", 3, (1, 2, 3))


@pytest.mark.parametrize(
    ("kind", "word", "outcome"),
    [
        (CONFIRM, "reboot", "bound"),
        (RENEW, "renewal", "bound"),
        (REBIND, "renewal", "bound"),
        (INFORM, "inform", "informed"),
        (RELEASE, "release", "not_applicable"),
        (DECLINE, "decline", "not_applicable"),
    ],
)
def test_what_a_client_may_want(kind: int, word: str, outcome: str) -> None:
    (row,) = rows(said(1, 0, message(kind)), said(2, 2, message(REPLY, TERMS), back=True))
    assert (row.kind, row.outcome, row.request_frame, row.answer_frame, row.latency_ms) == (word, outcome, 1, 2, 2.0)


def test_a_prefix_is_written_with_its_length() -> None:
    prefix = option(26, struct.pack("!IIB", 100, 200, 56) + ip("2001:db8:1::"))
    (row,) = rows(said(1, 0, message(REPLY, option(25, struct.pack("!III", 1, 0, 0) + prefix)), back=True))
    assert (row.address, row.lease_s) == ("2001:db8:1::/56", 200)


def test_refused() -> None:
    """NoAddrsAvail (2) inside the identity association, in the server's words."""
    no = option(3, struct.pack("!III", 1, 0, 0) + option(13, b"\x00\x02pool is empty"))
    (row,) = rows(said(1, 0, message(REQUEST)), said(2, 1, message(REPLY, no), back=True))
    assert (row.outcome, row.server_message, row.address) == ("refused", "pool is empty", None)


def test_success_is_no_refusal() -> None:
    (row,) = rows(said(1, 0, message(REPLY, TERMS, option(13, b"\x00\x00fine")), back=True))
    assert (row.outcome, row.server_message) == ("bound", None)


def test_a_relay_wraps_messages() -> None:
    inner = message(SOLICIT)
    wrapped = b"\x0c\x00" + ip("2001:db8:5::1", ME) + option(9, inner)
    twice = b"\x0c\x01" + ip("::", "2001:db8:5::1") + option(18, b"port") + option(9, wrapped)
    read = parse(said(1, 0, twice))
    assert (read.kind, read.relay, read.mac, read.why) == ("solicit", "2001:db8:5::1", HOST, None)


def test_too_many_relays() -> None:
    data = message(SOLICIT)
    for _ in range(20):
        data = b"\x0c\x00" + ip("::", "::") + option(9, data)
    (row,) = rows(said(1, 0, data))
    assert (row.outcome, row.outcome_why) == ("malformed", "relays")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x01\x00", "short"),
        (b"\x0c\x00" + bytes(20), "short"),
        (message(SOLICIT) + b"\x00\x17\x00\x20abc", "option_length"),
        (message(SOLICIT) + b"\x00\x17\x00", "option_length"),
        (message(SOLICIT, option(3, bytes(12) + b"\x00\x05\x00\x18abc")), "option_length"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, why: str) -> None:
    problems = ProblemLog()
    (row,) = exchanges([said(1, 0, data)], problems, END)
    assert (row.outcome, row.outcome_why) == ("malformed", why)
    assert problems.counts == {"DHCP-MALFORMED": 1}


def test_a_message_cut_by_the_recorder_is_not_called_malformed() -> None:
    problems = ProblemLog()
    (row,) = exchanges([said(1, 0, message(SOLICIT, TERMS)[:40], cut=True)], problems, END)
    assert row.outcome == "no_answer"
    assert problems.counts == {}


KNOWN = st.sampled_from([message(kind, TERMS, xid=xid) for kind in range(1, 14) for xid in (1, 2)])


@given(
    st.lists(st.tuples(st.integers(0, 400_000), KNOWN | st.binary(min_size=1, max_size=90), st.booleans()), max_size=20)
)
def test_every_datagram_is_in_one_row(parts: list[tuple[int, bytes, bool]]) -> None:
    found = rows(*(said(n, ms, data, back=back) for n, (ms, data, back) in enumerate(parts, 1)))
    assert sorted(frame for row in found for frame in row.frames) == list(range(1, len(parts) + 1))


TSHARK = shutil.which("tshark")


@pytest.mark.shared
@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
@pytest.mark.parametrize("group", ["arp", "icmp"])
def test_as_tshark_has_them(shared_captures: Path, group: str) -> None:
    """Frames, message types, ids and addresses."""
    compared = 0
    for oracle in sorted((shared_captures / group).glob("*.tshark.json")):
        if "dhcpv6" not in json.loads(oracle.read_text(encoding="utf-8")).get("layers", {}):
            continue
        path = oracle.with_name(oracle.name.removesuffix(".tshark.json"))
        table = decode(open_capture(str(path), Options()), Options())
        datagrams = with_vlans(table, on_ports(table, PORTS))
        ours = {}
        for datagram in datagrams:
            read = parse(datagram)
            addresses = [address for address in read.addresses if "/" not in address]
            ours[datagram.frame] = (read.kind, read.transaction_id, addresses)
        theirs = tshark(path)
        assert ours == theirs, path.name
        held = [frame for row in exchanges(datagrams, ProblemLog(), END) for frame in row.frames]
        assert sorted(held) == sorted(theirs), path.name
        compared += len(theirs)
    assert compared > 0


NAMES = ["", "solicit", "advertise", "request", "confirm", "renew", "rebind", "reply", "release", "decline",
         "reconfigure", "information_request"]  # fmt: skip


def tshark(path: Path) -> dict[int, tuple[str, int, list[str]]]:
    assert TSHARK is not None
    command = [TSHARK, "-n", "-r", str(path), "-Y", "dhcpv6", "-T", "fields", "-e", "frame.number"]
    for name in ("dhcpv6.msgtype", "dhcpv6.xid", "dhcpv6.iaaddr.ip"):
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    out = {}
    for line in done.stdout.splitlines():
        frame, kind, ident, addresses = line.split("\t")
        texts = [str(ipaddress.IPv6Address(text)) for text in addresses.split(",") if text]
        out[int(frame)] = (NAMES[int(kind.split(",")[-1])], int(ident.split(",")[-1], 16), texts)
    return out
