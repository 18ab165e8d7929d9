"""Every code has its sentence, and every sentence says it with the right numbers."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import tcp_words
from analyzer.flows import model
from analyzer.schema import TcpConflict, TcpOpinion
from analyzer.tcp_words import agreed, conflict, deviation, handshake_why, isn_lines, opinion
from tests.flows.script import row

GAP = "\u202f"
VERDICTS = ("needed", "needless", "reordered", "captured_twice", "doubled")
EVIDENCE = ("dsack", "sack", "ip_id", "timestamp", "acknowledged", "same_packet", "alike")


OPENED = row("C S 0 0 0 5000 @0 ws=7\nS SA 0 1 0 5000 @40 ws=2\nC A 1 1 0 5000 @41")


# ── deviations ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_code_has_a_sentence() -> None:
    assert {key.split(".")[0] for key in tcp_words.DEVIATIONS} == set(model.DEVIATIONS)
    assert set(tcp_words.HANDSHAKE_WHYS) == set(model.HANDSHAKE_WHYS) - {""}


@pytest.mark.parametrize("key", list(tcp_words.DEVIATIONS))
def test_a_sentence_stands_without_its_arguments(key: str) -> None:
    code, _, variant = key.partition(".")
    text = deviation(code, {"variant": variant})
    assert text[0].isupper()
    assert text.endswith(".")
    assert not re.search(r"[{}]|None|\.\.", text)


def test_a_variant_without_a_sentence_falls_back() -> None:
    assert deviation("unclosed", {"variant": "of a later version"}) == deviation("unclosed", {})
    assert deviation("something_new", {}) == "something new"


def test_deviation() -> None:
    assert deviation("syn_repeated", {"who": "client", "times": 3, "over_ms": 3000.0}) == (
        "The client sent its SYN 3 times within 3.00 s: no answer had reached it in time."
    )
    args = {"who": "client", "other": "server", "data_bytes": 1500, "segments": 1}
    assert deviation("data_after_fin", args) == (
        "After the client's FIN the server still sent 1.5 kB of data in 1 segment: a FIN closes one direction only, "
        "which is called half-close."
    )
    args = {"variant": "known", "previous": 4, "after_ms": 12.5, "who": "client"}
    assert deviation("time_wait_reused", args).startswith(
        "The same addresses and ports were used again 12 ms after stream 4 had closed: the client still kept them"
    )


# ── why nobody agreed ────────────────────────────────────────────────────────────────────────────────────────────


def test_handshake_why() -> None:
    assert handshake_why(OPENED) == ""
    refused = row("C S 0 0 0 5000 @0\nS RA 0 1 0 0 @1")
    assert handshake_why(refused).startswith("Refused: the server answered the SYN with a reset (frame 2)")
    silent = replace(OPENED, handshake_why="filtered", syn_frames=(1, 2))
    assert handshake_why(silent).startswith("Filtered: the client sent 2 SYNs and nothing at all came back.")
    assert "1 SYN and" in handshake_why(replace(silent, syn_frames=(1,)))
    far = replace(OPENED, handshake_why="unreachable", unreachable_frame=9)
    assert handshake_why(far, "host unreachable").endswith("(frame 9) says why: host unreachable.")
    assert "(frame 9)" in handshake_why(far)
    assert "\x1b" not in handshake_why(far, "\x1b[2J")
    for why in ("one_sided", "capture_end"):
        assert handshake_why(replace(OPENED, handshake_why=why)).endswith(".")


# ── second opinions and conflicts ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("evidence", EVIDENCE)
@pytest.mark.parametrize("frames", [(), (7,), (7, 9), (7, 8, 9)])
def test_every_opinion_is_a_sentence(verdict: str, evidence: str, frames: tuple[int, ...]) -> None:
    text = opinion(TcpOpinion(12, "server", "retransmission", verdict, evidence, frames))
    assert text.startswith("Wireshark calls frame 12 of the server a retransmission; ")
    assert text.endswith(f"{tcp_words.VERDICTS[verdict]}.")
    assert all(str(frame) in text for frame in frames)
    assert not re.search(r"[{}]|unknown|_|  ", text)
    assert text.count(", so ") <= 1


def test_opinion() -> None:
    late = TcpOpinion(12, "client", "retransmission", "reordered", "timestamp", (10, 11))
    assert opinion(late) == (
        "Wireshark calls frame 12 of the client a retransmission; its timestamp is older than that of frames seen "
        "before it (frames 10 and 11), so it was sent first: it was overtaken on its way, not lost."
    )
    twice = TcpOpinion(12, "client", "retransmission", "needless", "dsack", (15,))
    assert opinion(twice) == (
        "Wireshark calls frame 12 of the client a retransmission; the server reported afterwards (see frame 15) that "
        "it got these bytes twice (DSACK), so it was sent again without need."
    )


def test_of_a_packet_without_a_number_no_number_is_said_to_be_the_same() -> None:
    text = opinion(TcpOpinion(5, "client", "retransmission", "captured_twice", "alike", (4,)))
    assert text == (
        "Wireshark calls frame 5 of the client a retransmission; it equals an earlier one (frame 4) in all that its "
        "sender chose, and came within a millisecond of it, so it was sent once and recorded twice."
    )


def test_what_the_network_doubled_is_no_matter_of_the_recording() -> None:
    text = opinion(TcpOpinion(532, "server", "retransmission", "doubled", "dsack", (531, 536)))
    assert text == (
        "Wireshark calls frame 532 of the server a retransmission; it equals an earlier packet in all that its sender "
        "chose, and the client reported (see frames 531 and 536) that both arrived (DSACK), so it was sent once, and "
        "the network made two of it."
    )


def test_an_opinion_of_a_later_version_is_a_sentence_too() -> None:
    text = opinion(TcpOpinion(1, "client", "new_label", "new_verdict", "new_evidence", (2,)))
    assert (
        text == "Wireshark calls frame 1 of the client new label; other evidence (frame 2) tells more, so new verdict."
    )


def test_conflict() -> None:
    found = TcpConflict(12, 8, "client", 1460, 5)
    assert conflict(found) == (
        "Frame 12 sends bytes of the client again with other contents: from byte 1461 of its data on, 5 bytes differ "
        "from frame 8, whose bytes count here. A receiver that keeps the later ones reads something else."
    )
    assert "1 byte differs from" in conflict(replace(found, bytes=1))
    assert f"byte 10{GAP}001 of" in conflict(replace(found, position=10_000))


# ── options ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_agreed() -> None:
    assert dict(agreed(OPENED)) == {
        "window_scale": "client times 128, server times 4",
        "sack": "no",
        "timestamps": "no",
        "ecn": "no",
    }
    full = replace(
        OPENED,
        client_mss=1460,
        server_mss=1460,
        client_window_scale=14,
        server_window_scale=14,
        sack_permitted=True,
        fast_open=True,
        accurate_ecn=True,
        multipath=True,
    )
    assert [name for name, _ in agreed(full)] == list(tcp_words.OPTIONS)
    assert dict(agreed(full)) == {
        "mss": "1460 bytes each",
        "window_scale": f"times 16{GAP}384 each",
        "sack": "yes",
        "timestamps": "no",
        "fast_open": "asked for",
        "ecn": "no",
        "accurate_ecn": "yes",
        "multipath": "yes",
    }
    assert dict(agreed(replace(full, server_mss=None)))["mss"] == "client 1460 bytes"


def test_nothing_is_agreed_on_what_was_not_seen() -> None:
    assert agreed(row("C PA 1 1 9 500 @0\nS A 1 10 0 500 @1")) == ()
    assert dict(agreed(row("C S 0 0 0 500 @0\nS SA 0 1 0 500 @1")))["window_scale"] == (
        "not used: both sides must ask for it"
    )


# ── initial sequence numbers ─────────────────────────────────────────────────────────────────────────────────────


def test_isn_lines() -> None:
    r = replace(OPENED, client_isn=1_000_001_232, server_isn=77)
    assert isn_lines(r, {"client": (2, 1_000_001_233), "server": (3, 78)}) == (
        f"The client's initial sequence number (ISN) is 1{GAP}000{GAP}001{GAP}232.",
        f"The server acknowledges 1{GAP}000{GAP}001{GAP}233 = ISN + 1 (frame 2), because a SYN counts as one byte.",
        "The server's initial sequence number (ISN) is 77.",
        "The client acknowledges 78 = ISN + 1 (frame 3), because a SYN counts as one byte.",
    )
    assert isn_lines(r)[1] == (
        f"Its first byte of data has the number 1{GAP}000{GAP}001{GAP}233 = ISN + 1, because a SYN counts as one byte."
    )


def test_isn_lines_pass_the_wrap() -> None:
    last = replace(OPENED, client_isn=2**32 - 1)
    told = f"(after 4{GAP}294{GAP}967{GAP}295 the count begins again at 0)."
    assert isn_lines(last)[1] == (
        f"Its first byte of data has the number 0 = ISN + 1, because a SYN counts as one byte {told}"
    )
    assert isn_lines(last, {"client": (2, 0)})[1] == (
        f"The server acknowledges 0 = ISN + 1 (frame 2), because a SYN counts as one byte {told}"
    )


def test_isn_lines_with_data_on_the_syn() -> None:
    r = replace(OPENED, client_isn=2**32 - 50)
    assert isn_lines(r, {"client": (2, 51)})[1] == (
        "The server acknowledges 51 = ISN + 101 (frame 2), because a SYN counts as one byte, and 100 bytes of data had "
        "come too."
    )


def test_isn_lines_say_nothing_of_what_was_not_captured() -> None:
    assert isn_lines(row("C PA 1 1 9 500 @0")) == ()
    assert len(isn_lines(row("C S 0 0 0 500 @0"))) == 2


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**20))
def test_the_arithmetic_is_right_at_every_number(isn: int, data: int) -> None:
    r = replace(OPENED, client_isn=isn, server_isn=None)
    number = (isn + 1 + data) % 2**32
    line = isn_lines(r, {"client": (2, number)})[1]
    told, step = re.match(r"The server acknowledges ([\d\u202f]+) = ISN \+ ([\d\u202f]+) \(", line).groups()  # type: ignore[union-attr]
    assert (int(isn) + int(step.replace(GAP, ""))) % 2**32 == int(told.replace(GAP, "")) == number
    assert int(step.replace(GAP, "")) == data + 1
