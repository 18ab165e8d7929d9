"""Handshakes scripted with known times: kind, frames and every duration by hand."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from analyzer.schema import TcpRow
from tests import build
from tests.flows.script import MS, START, followed, only, packets_of, played, row, script
from tests.playbook import Playbook


def durations(r: TcpRow) -> tuple[float | None, ...]:
    """connect, lost SYNs, initial round trip, leg to the server, leg to the client."""
    return r.connect_ms, r.syn_loss_ms, r.initial_rtt_ms, r.server_leg_ms, r.client_leg_ms


def frames(r: TcpRow) -> tuple[int | None, ...]:
    return r.syn_frame, r.synack_frame, r.ack_frame


@pytest.mark.parametrize(
    ("vantage", "legs"), [("client", (40.0, 0.0)), ("server", (0.0, 40.0)), ("middle", (20.0, 20.0))]
)
def test_complete(vantage: str, legs: tuple[float, float]) -> None:
    book = Playbook(rtt_ms=40, vantage=vantage)
    book.handshake()
    r = only(played(book))
    assert r.handshake == "complete"
    assert frames(r) == (1, 2, 3)
    assert durations(r) == (40.0, 0.0, 40.0, *legs)
    assert (r.client, r.client_port, r.server, r.server_port, r.client_by) == ("10.0.0.1", 40000, "10.0.0.2", 80, "syn")
    assert (r.client_isn, r.server_isn) == (1_000, 9_000_000)
    assert (r.client_mss, r.server_mss, r.sack_permitted, r.timestamps) == (1460, 1460, True, False)
    assert (r.client_window_scale, r.server_window_scale) == (None, None)
    assert (r.syn_frames, r.synack_frames) == ((1,), (2,))


def test_lost_syns() -> None:
    """SYNs at 0, 1000 and 3000 ms; the last is answered 50 ms later and acknowledged 10 ms after that."""
    r = row("""
C S    0   0   0  5000  @0
C S    0   0   0  5000  @1000
C S    0   0   0  5000  @3000
S SA   0   1   0  5000  @3050
C A    1   1   0  5000  @3060
""")
    assert r.handshake == "complete"
    assert durations(r) == (3060.0, 3000.0, 60.0, 50.0, 10.0)
    assert (r.syn_frames, r.synack_frames, frames(r)) == ((1, 2, 3), (4,), (1, 4, 5))


def test_synack_sent_again() -> None:
    """The first SYN-ACK never reached the client: its leg runs from the second."""
    r = row("""
C S    0   0   0  5000  @0
S SA   0   1   0  5000  @1
S SA   0   1   0  5000  @1001
C A    1   1   0  5000  @1041
""")
    assert r.handshake == "complete"
    assert durations(r) == (1041.0, 0.0, 1041.0, 1.0, 40.0)
    assert (r.synack_frames, frames(r)) == ((2, 3), (1, 2, 4))


def test_the_final_ack_may_carry_the_request() -> None:
    r = row("""
C S    0   0   0  5000  @0
S SA   0   1   0  5000  @30
C PA   1   1  90  5000  @31
""")
    assert (r.handshake, r.ack_frame, r.connect_ms) == ("complete", 3, 31.0)


def test_refused() -> None:
    r = row("""
C S    0   0   0  5000  @0
S RA   0   1   0     0  @12
""")
    assert (r.handshake, r.close, r.closed_by, r.rst_by, r.rst_frame) == ("refused", "reset", "server", "server", 2)
    assert durations(r) == (None, None, 12.0, None, None)
    assert (r.client_state, r.server_state, r.conn_state, r.history) == ("CLOSED", "CLOSED", "REJ", "Sr")


def test_a_reset_after_the_server_spoke_is_no_refusal() -> None:
    """The SYN-ACK was not captured, but the server's data shows that there was one."""
    r = row("""
C S    0   0   0  5000  @0
S PA   1   1  50  5000  @12
S R    51  0   0     0  @13
""")
    assert (r.handshake, r.rst_by) == ("no_synack", "server")


def test_a_reset_of_a_client_that_went_on_is_no_refusal() -> None:
    """Its ACK shows that it had been answered, only that was not recorded."""
    r = row("""
C S    0   0   0  5000  @0
C PA   1   1  50  5000  @40
S RA   1  51   0     0  @80
""")
    assert (r.handshake, r.rst_by, r.rst_frame) == ("no_synack", "server", 3)


def test_refused_and_tried_again() -> None:
    """Some systems repeat a refused SYN; when the last one is answered, the connection is open."""
    text = """
C S    0   0   0  5000  @0
S RA   0   1   0     0  @1
C S    0   0   0  5000  @500
"""
    assert row(text + "S RA 0 1 0 0 @501").handshake == "refused"
    r = row(text + "S SA 0 1 0 5000 @501\nC A 1 1 0 5000 @502")
    assert (r.handshake, frames(r), r.connect_ms) == ("complete", (1, 4, 5), 502.0)
    assert r.syn_loss_ms == 0.0  # the first SYN was refused, not lost


def test_only_syns_after_the_servers_last_word_were_lost() -> None:
    """Refused at 1 ms, tried again at 500 and 1500 ms: the second SYN was lost, which cost 1000 ms."""
    r = row("""
C S    0   0   0  5000  @0
S RA   0   1   0     0  @1
C S    0   0   0  5000  @500
C S    0   0   0  5000  @1500
S SA   0   1   0  5000  @1510
C A    1   1   0  5000  @1511
""")
    # Wireshark's round trip ends with the first ACK, whatever that acknowledges: here with the refusal.
    assert durations(r) == (1511.0, 1000.0, 1.0, 10.0, 1.0)


def test_an_ack_of_an_older_connection_is_no_lost_syn() -> None:
    """RFC 9293 section 3.5.1, figure 9: the server remembers an old connection, is reset, and answers the next SYN."""
    r = row("""
C S    0     0   0  5000  @0
S A -100  -300   0  5000  @10
C R -300     0   0     0  @10.2
C S    0     0   0  5000  @1000
S SA   0     1   0  5000  @1010
C A    1     1   0  5000  @1011
""")
    assert (r.handshake, frames(r)) == ("complete", (1, 5, 6))
    assert durations(r) == (1011.0, 0.0, 10.0, 10.0, 1.0)
    assert (r.client_state, r.server_state) == ("ESTABLISHED", "ESTABLISHED")


def test_an_ack_that_does_not_cover_the_syn_opens_nothing() -> None:
    """RFC 9293 section 3.10.7.3: a client in SYN-SENT does not take it; RFC 5961 calls such ACKs challenges."""
    r = row("""
C S    0     0   0  5000  @0
S A -100  -300   0  5000  @10
C S    0     0   0  5000  @1000
S A -100  -300   0  5000  @1010
""")
    assert (r.handshake, r.syn_loss_ms, r.conn_state) == ("no_synack", None, "OTH")
    assert (r.client_state, r.server_state) == ("SYN_SENT", "UNKNOWN")


BAD_ACK = """
C S    0       0   0  5000  @0
S SA   0       1   0  5000  @10
C A    1  500000   0  5000  @11
"""


def test_an_ack_of_what_was_never_sent_is_reset_and_completes_nothing() -> None:
    """RFC 9293 section 3.10.7.4, SYN-RECEIVED: an unacceptable ACK gets a reset with its own number."""
    r = row(BAD_ACK + "S R 500000 0 0 0 @20")
    assert (r.handshake, r.ack_frame, r.connect_ms, r.rst_by) == ("no_final_ack", None, None, "server")
    later = row(BAD_ACK + "S R 500000 0 0 0 @20\nC A 1 1 0 5000 @30")
    assert (later.handshake, later.ack_frame) == ("complete", 5)


@pytest.mark.parametrize(
    "answer",
    [
        "",  # more may have been sent than was captured
        "S A 500000 1 0 5000 @20",
        "S RA 500000 1 0 0 @20",  # this one ends a connection that is open
        "S R 1 0 0 0 @20",
    ],
)
def test_an_ack_beyond_what_was_captured_counts_unless_it_was_reset(answer: str) -> None:
    r = row(BAD_ACK + answer)
    assert (r.handshake, r.ack_frame) == ("complete", 3)


def test_a_reset_that_answers_the_last_ack_disproves_nothing() -> None:
    """The server closed and forgot all; late data gets a reset with the number it acknowledges (3.10.7.1)."""
    r = row("""
C S    0   0   0  5000  @0
S SA   0   1   0  5000  @10
C A    1   1   0  5000  @11
S FA   1   1   0  5000  @12
C A    1   2   0  5000  @13
C PA   1   2  10  5000  @14
S R    2   0   0     0  @15
""")
    assert (r.handshake, r.ack_frame, r.server_fin_acked_frame) == ("complete", 3, 5)


def test_unanswered() -> None:
    r = row("""
C S    0   0   0  5000  @0
C S    0   0   0  5000  @1000
C S    0   0   0  5000  @3000
""")
    assert (r.handshake, frames(r), r.syn_frames) == ("no_synack", (1, None, None), (1, 2, 3))
    assert durations(r) == (None,) * 5
    assert (r.client_state, r.server_state, r.conn_state, r.history) == ("SYN_SENT", "UNKNOWN", "S0", "S")
    assert r.duration_ms == 3000.0


def test_no_final_ack() -> None:
    r = row("""
C S    0   0   0  5000  @0
S SA   0   1   0  5000  @40
S SA   0   1   0  5000  @1040
""")
    assert (r.handshake, frames(r)) == ("no_final_ack", (1, 2, None))
    assert durations(r) == (None, 0.0, None, 40.0, None)
    assert (r.client_state, r.server_state, r.conn_state) == ("SYN_SENT", "SYN_RCVD", "S1")


def test_an_ack_of_the_syn_ack_must_acknowledge_it() -> None:
    r = row("""
C S    0   0   0  5000  @0
S SA   0   1   0  5000  @40
C A    1   0   0  5000  @41
C A    1   1   0  5000  @42
""")
    assert r.ack_frame == 4


def test_midstream() -> None:
    r = row("""
C PA   1   1  50  5000  @0
S A    1  51   0  5000  @40
""")
    assert (r.handshake, frames(r), durations(r)) == ("midstream", (None,) * 3, (None,) * 5)
    assert (r.client, r.client_port, r.client_by) == ("10.0.0.1", 40000, "port")
    assert (r.client_isn, r.server_isn, r.client_mss) == (None, None, None)
    assert (r.client_state, r.server_state, r.conn_state, r.history) == ("ESTABLISHED", "ESTABLISHED", "OTH", "Da")


def test_only_the_syn_ack_was_captured() -> None:
    r = row("""
S SA   0   1   0  5000  @0
C A    1   1   0  5000  @40
""")
    assert (r.handshake, r.client, r.client_by) == ("complete", "10.0.0.1", "synack")
    assert durations(r) == (None, None, None, None, 40.0)
    assert (r.client_isn, r.server_isn) == (None, 5_000_000)


def test_syn_ack_captured_before_its_syn() -> None:
    r = row("""
S SA   0   1   0  5000  @0
C S    0   0   0  5000  @0.2
C A    1   1   0  5000  @40
""")
    assert (r.handshake, frames(r), r.client, r.client_by) == ("complete", (2, 1, 3), "10.0.0.1", "syn")
    assert r.connect_ms == 39.8


def test_simultaneous_open() -> None:
    """RFC 9293 figure 7: both SYNs cross, both are answered by SYN-ACK."""
    r = row("""
C S    0   0   0  5000  @0   ws=3
S S    0   0   0  4000  @5   ws=5
C SA   0   1   0  5000  @10  ws=3
S SA   0   1   0  4000  @15  ws=5
C PA   1   1  20  5000  @20
S A    1  21   0  4000  @25
""")
    assert (r.handshake, r.syn_frame, r.client, r.syn_frames) == ("simultaneous", 1, "10.0.0.1", (1, 2))
    assert (r.client_isn, r.server_isn) == (1_000_000, 5_000_000)
    assert (r.client_window_scale, r.server_window_scale) == (3, 5)
    assert (r.client_state, r.server_state, r.conn_state) == ("ESTABLISHED", "ESTABLISHED", "S1")


def test_split_handshake() -> None:
    """The SYN is answered by a bare SYN, which the client answers by SYN-ACK."""
    r = row("""
C S    0   0   0  5000  @0
S S    0   0   0  4000  @20
C SA   0   1   0  5000  @21
S A    1   1   0  4000  @41
""")
    assert (r.handshake, frames(r)) == ("split", (1, 3, 4))
    assert r.connect_ms == 41.0
    assert (r.client_state, r.server_state) == ("ESTABLISHED", "ESTABLISHED")


def test_split_handshake_in_four_plain_steps() -> None:
    """RFC 793 section 3.3 had the server's answer as two segments, an ACK and a SYN."""
    r = row("""
C S    0   0   0  5000  @0
S A    1   1   0  4000  @20
S S    0   0   0  4000  @20.1
C A    1   1   0  5000  @21
""")
    assert (r.handshake, frames(r)) == ("split", (1, None, None))


def test_initial_rtt_of_zero_is_not_believed_while_there_is_another() -> None:
    """Wireshark's rule, met with coarse clocks: the next ACK counts."""
    r = row("""
C S    0   0   0  5000  @0
S SA   0   1   0  5000  @0
C A    1   1   0  5000  @0
C PA   1   1  50  5000  @15
""")
    assert (r.initial_rtt_ms, r.connect_ms) == (15.0, 0.0)


def test_options_agreed_and_refused() -> None:
    agreed = row("""
C S    0   0   0  5000  @0   ws=7
S SA   0   1   0  5000  @40  ws=2
""")
    assert (agreed.client_window_scale, agreed.server_window_scale) == (7, 2)
    refused = row("""
C S    0   0   0  5000  @0   ws=7
S SA   0   1   0  5000  @40
""")
    assert (refused.client_window_scale, refused.server_window_scale) == (None, None)
    half = row("""
C S    0   0   0  5000  @0   ws=7
""")
    assert (half.client_window_scale, half.sack_permitted, half.ecn) == (7, None, None)


def test_ecn_is_asked_with_two_bits_and_agreed_with_one() -> None:
    for answer, expected in (("SAE", True), ("SA", False), ("SAEC", False)):
        r = row(f"""
C SEC  0   0   0  5000  @0
S {answer} 0   1   0  5000  @40
""")
        assert r.ecn is expected


# RFC 9768 table 2, row by row: (AE, CWR, ECE) of the SYN and the SYN/ACK, and the client's feedback mode.
FEEDBACK = [
    ("111", "010", "accurate"),
    ("111", "011", "accurate"),
    ("111", "100", "accurate"),
    ("111", "110", "accurate"),
    ("111", "101", "accurate"),  # reserved; section 3.1.3 has a client take it as agreement
    ("111", "001", "classic"),
    ("111", "000", "none"),
    ("011", "001", "classic"),
    ("000", "000", "none"),
    ("111", "111", "none"),  # a broken server that echoes the flags
    # RFC 3168 section 6.1.1
    ("011", "000", "none"),
    ("011", "011", "none"),
    # A server must not agree to what nobody asked for.
    ("011", "010", "none"),
    ("000", "001", "none"),
]


def congestion(bits: str) -> str:
    return "".join(letter for letter, bit in zip("aCE", bits, strict=True) if bit == "1")


@pytest.mark.parametrize(("syn", "synack", "mode"), FEEDBACK)
def test_congestion_feedback(syn: str, synack: str, mode: str) -> None:
    r = row(f"""
C S{congestion(syn)} 0   0   0  5000  @0
S SA{congestion(synack)} 0   1   0  5000  @40
C A    1   1   0  5000  @41
""")
    assert (r.handshake, r.accurate_ecn, r.ecn) == ("complete", mode == "accurate", mode != "none")


def opened(client: bytes, server: bytes, *, data: bytes = b"", flags: str = "S") -> list[tuple[int, bytes]]:
    """Return a handshake whose SYN and SYN/ACK have these options, the SYN perhaps data and more flags."""
    back = {"src": "10.0.0.2", "dst": "10.0.0.1"}
    syn = build.tcp(data, seq=100, flags=flags, options=client)
    synack = build.tcp(sport=80, dport=40000, seq=900, ack=101 + len(data), flags="SA", options=server)
    ack = build.tcp(seq=101 + len(data), ack=901, flags="A")
    return [
        (START, build.eth(build.ip4(syn))),
        (START + 40 * MS, build.eth(build.ip4(synack, **back))),
        (START + 41 * MS, build.eth(build.ip4(ack))),
    ]


# RFC 8684 section 3.1: MP_CAPABLE (subtype 0) version 1, without a key on the SYN, with one on the SYN/ACK;
# section 3.2: MP_JOIN (subtype 1).
CAPABLE, CAPABLE_ANSWER = bytes.fromhex("1e04 0181"), bytes.fromhex("1e0c 0181 0102030405060708")
JOIN, JOIN_ANSWER = bytes.fromhex("1e0c 1000 aabbccdd 01020304"), bytes.fromhex("1e10 1000 0102030405060708 01020304")


@pytest.mark.parametrize(
    ("client", "server", "expected"),
    [
        (CAPABLE, CAPABLE_ANSWER, True),
        (JOIN, JOIN_ANSWER, True),
        (CAPABLE, b"", False),
        (b"", b"", False),
    ],
)
def test_multipath(client: bytes, server: bytes, expected: bool) -> None:
    assert only(followed(opened(client, server))).multipath is expected


def test_fast_open_is_told_by_its_option_and_data() -> None:
    """RFC 7413 section 4.1: an empty option asks for a cookie; a SYN with a cookie may carry data."""
    asks = only(followed(opened(bytes.fromhex("2202"), bytes.fromhex("220a 0102030405060708"))))
    assert (asks.fast_open, asks.deviations) == (True, ("unclosed",))
    uses = only(followed(opened(bytes.fromhex("220a 0102030405060708"), b"", data=b"GET /")))
    assert (uses.fast_open, uses.deviations) == (True, ("data_with_syn", "unclosed"))
    assert (uses.handshake, frames(uses), uses.client_bytes, uses.client_isn) == ("complete", (1, 2, 3), 5, 100)


@pytest.mark.referee
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_sees_the_same_flags_and_options(tmp_path: Path) -> None:
    """What these tests build is what they say: AE, CWR, ECE, the subtypes of multipath, the fast open cookie."""
    packets = opened(CAPABLE, CAPABLE_ANSWER, flags="SaCE") + opened(JOIN, bytes.fromhex("220a 0102030405060708"))
    path = tmp_path / "options.pcap"
    path.write_bytes(build.pcap_file(packets, nanoseconds=True))
    fields = ("tcp.flags.ae", "tcp.flags.cwr", "tcp.flags.ece", "tcp.options.mptcp.subtype", "tcp.options.tfo.cookie")
    asked = [part for name in fields for part in ("-e", name)]
    done = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-T", "fields", *asked], capture_output=True, text=True, check=True
    )
    assert [line.split("\t") for line in done.stdout.splitlines()] == [
        ["1", "1", "1", "0", ""],
        ["0", "0", "0", "0", ""],
        ["0", "0", "0", "", ""],
        ["0", "0", "0", "1", ""],
        ["0", "0", "0", "", "0102030405060708"],
        ["0", "0", "0", "", ""],
    ]


def test_windows_are_scaled_once_the_syns_told() -> None:
    flows = followed(
        packets_of(
            script("""
C S    0   0   0   500  @0   ws=7
S SA   0   1   0   600  @40  ws=2
C A    1   1   0    10  @40
S A    1   1   0    10  @41
""")
        )
    )
    assert flows.segments.window.tolist() == [500, 600, 10 << 7, 10 << 2]


def test_one_packet_connections() -> None:
    kinds = {
        "C S 0 0 0 500 @0": ("no_synack", "S0"),
        "S SA 0 1 0 500 @0": ("no_final_ack", "OTH"),
        "C A 1 1 0 500 @0": ("midstream", "OTH"),
        "C FA 1 1 0 500 @0": ("midstream", "OTH"),
        "C R 1 0 0 500 @0": ("midstream", "OTH"),
    }
    assert {line: (row(line).handshake, row(line).conn_state) for line in kinds} == kinds
