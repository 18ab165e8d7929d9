"""The referee's own rules: what counts as agreement, and how tshark's fields become facts."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.referee import Comparison, TsharkNotFoundError, differences, find_tshark, report_lines
from analyzer.referee.facts import endpoint, host_name
from analyzer.referee.theirs import tshark_facts


def test_every_fact_of_either_side_counts_once() -> None:
    ours = {"a": {(1,): "x", (2,): "y", (3,): "only ours"}, "only ours": {(): 1}}
    theirs = {"a": {(1,): "x", (2,): "z", (4,): "only theirs"}}
    a, only = differences(ours, theirs)
    assert (a.kind, a.agree, a.total) == ("a", 1, 4)
    assert a.differences == [((2,), "y", "z"), ((3,), "only ours", None), ((4,), None, "only theirs")]
    assert (only.kind, only.agree, only.total) == ("only ours", 0, 1)


@pytest.mark.parametrize(
    ("ours", "theirs", "agree"),
    [(1.0, 1.0014, True), (1.0, 1.002, False), (10, 10, True), (1.0, "1.0", False), (None, 0, False)],
)
def test_times_agree_within_what_tshark_prints(ours: object, theirs: object, agree: bool) -> None:
    (comparison,) = differences({"t": {(): ours}}, {"t": {(): theirs}})
    assert comparison.agree == agree


def test_the_report_counts_and_shows_safely() -> None:
    bad = [((number,), "\x1b[2J", "x" * 500) for number in range(5)]
    lines = list(report_lines("a\nb", [Comparison("tls.sni", 5, bad), Comparison("dns.question", 10)], show=2))
    assert lines[0] == "a⟨U+000A⟩b: tshark agrees on 15 of 20 facts (75.00 %)"
    assert "tls.sni" in lines[1]
    assert "50.00 %" in lines[1]
    assert lines[2].startswith("      0: ours ⟨U+001B⟩[2J, tshark's xxx")
    assert lines[4] == "      … and 3 more"
    assert len(lines) == 6
    assert next(iter(report_lines("a", []))).endswith("(nothing to compare)")


def test_names_and_addresses_are_compared_in_one_form() -> None:
    assert endpoint("::ffff:10.0.0.1", 80) == endpoint("::ffff:a00:1", 80)
    assert endpoint(None, 80) == "None 80"
    assert host_name("WWW.Example.ORG.") == "www.example.org"
    assert host_name("<Root>") == ""


def tcp_frame(number: int, source: str, flags: int, **fields: list[str]) -> dict[str, list[str]]:
    ends = ("10.0.0.1", "40000", "10.0.0.2", "80")
    a, b, c, d = ends if source == "client" else (*ends[2:], *ends[:2])
    return {
        "frame_number": [str(number)],
        "frame_protocols": ["eth:ethertype:ip:tcp"],
        "ip_src": [a],
        "ip_dst": [c],
        "tcp_stream": ["0"],
        "tcp_srcport": [b],
        "tcp_dstport": [d],
        "tcp_flags": [f"0x{flags:04x}"],
        **fields,
    }


def test_the_handshake_is_the_first_of_each_frame() -> None:
    frames = [
        tcp_frame(1, "client", 0x02),
        tcp_frame(2, "client", 0x02),  # the SYN again
        tcp_frame(3, "server", 0x12, tcp_ack=["1"]),
        tcp_frame(4, "server", 0x10, tcp_ack=["1"]),  # not the client's ACK
        tcp_frame(5, "client", 0x14, tcp_ack=["1"]),  # a reset acknowledges nothing here
        tcp_frame(6, "client", 0x10, tcp_ack=["1"], tcp_analysis_initial_rtt=["0.001331000"]),
        tcp_frame(7, "client", 0x10, tcp_ack=["1"]),
    ]
    facts = tshark_facts(frames, "tshark")
    assert facts["tcp.handshake_frames"] == {(0,): (1, 3, 6)}
    assert facts["tcp.client"] == {(0,): "10.0.0.1 40000"}
    assert facts["tcp.endpoints"] == {(0,): "10.0.0.1 40000 10.0.0.2 80"}
    assert facts["tcp.initial_rtt"] == {(0,): 1.331}
    assert facts["capture.packets"] == {(): 7}


def test_responses_go_to_their_requests() -> None:
    frames = [
        tcp_frame(1, "server", 0x18, http_response_code=["404"]),  # its request came before the capture
        tcp_frame(2, "client", 0x18, http_request_method=["GET", "GET"], http_request_uri=["/a", "/b"]),
        tcp_frame(3, "client", 0x18, http_request_method=["POST"], http_request_uri=["/c"]),
        tcp_frame(4, "server", 0x18, http_response_code=["100", "200", "304"]),
        tcp_frame(5, "server", 0x18, http_response_code=["500"], http_request_in=["3"]),
    ]
    assert set(tshark_facts(frames, "tshark")["http.transactions"]) == {
        (0, None, None, 404, "no. 1"),
        (0, "GET", "/a", 200, "no. 1"),
        (0, "GET", "/b", 304, "no. 1"),
        (0, "POST", "/c", 500, "no. 1"),
    }


def test_what_tshark_decrypts_is_not_compared() -> None:
    inside = {"frame_protocols": ["eth:ethertype:ip:tcp:tls:http"], "http_request_uri": ["/"]}
    frame = tcp_frame(1, "client", 0x18, http_request_method=["GET"]) | inside
    assert "http.transactions" not in tshark_facts([frame], "tshark")


def test_what_an_icmp_error_quotes_is_not_traffic() -> None:
    quoted = tcp_frame(1, "client", 0x02) | {"icmp_type": ["3"], "dns_qry_name": ["x"], "dns_flags_response": ["0"]}
    assert set(tshark_facts([quoted], "tshark")) == {"capture.packets"}


def test_mdns_is_not_dns() -> None:
    frame = {"frame_number": ["1"], "dns_flags_response": ["0"], "dns_qry_name": ["A.example"]}
    dns = tshark_facts([frame | {"frame_protocols": ["eth:ip:udp:dns"]}], "tshark")
    assert dns["dns.question"] == {(1, "a.example"): "seen"}
    assert "dns.question" not in tshark_facts([frame | {"frame_protocols": ["eth:ip:udp:mdns"]}], "tshark")


def test_without_tshark_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from analyzer.__main__ import main

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TsharkNotFoundError):
        find_tshark()
    assert main(["verify", "any.pcap"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "analyze: verify needs tshark, and it is not installed (Debian: apt install tshark)\n"


def test_a_config_file_beside_the_capture_names_no_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    evil = tmp_path / "evil"
    evil.write_text("#!/bin/sh\n")
    evil.chmod(0o755)
    (tmp_path / "config.ini").write_text(f"[tshark]\ntshark_path = {evil}\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TsharkNotFoundError):
        find_tshark()
