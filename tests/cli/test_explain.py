"""``analyze explain``: the story of each kind of capture, and what a wrong call gets."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from rich.cells import cell_len

from analyzer.explain_lines import broken
from analyzer.explain_text import in_order
from analyzer.schema import Step
from analyzer.text_ladder import PIPE_WIDTH
from tests import build
from tests.cli.conftest import SECOND, Analyze, lookup, unanswered
from tests.conftest import SAMPLES
from tests.playbook import Playbook

VISIT_1 = """\
Visit 1: http://shop.example/index.html
It began at the beginning of the recording and took 40 ms: 1 request over 1 connection, 5 B.
Quick: 40 ms in all, """


def flat(text: str) -> str:
    """Return a text as if its lines had no end: Chinese goes on without a space."""
    return re.sub(r"\s+", " ", re.sub(r"(?<=[\u3000-\uffef])\n\s+(?=[\u3000-\uffef])", "", text))


def test_one_visit_step_by_step(analyze: Analyze, capture: Path) -> None:
    """The capture of tests/cli/conftest.py: nine packets, 10 ms apart."""
    result = analyze("explain", capture)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"{capture}\n")
    assert "9 packets over 80 ms, recorded from 1970-01-01 00:00:01 UTC." in flat(result.out)
    assert VISIT_1 in result.out
    said = flat(result.out)
    steps = (
        "1 +0 ms 20 ms TCP 10.0.0.1 opened a connection to 10.0.0.2 port 80 in 20 ms (three-way handshake).",
        "– TLS No TLS:",
        "2 +30 ms 0 ms Request 10.0.0.1 sent GET /index.html to shop.example. frame 4 · frame.number == 4",
        "3 +40 ms 10 ms Response shop.example answered 200 OK after 10 ms and sent 5 B.",
    )
    assert all(step in said for step in steps)
    assert [said.index(step) for step in steps] == sorted(said.index(step) for step in steps)
    assert "frames 1–3 · frame.number in {1..3}" in said
    assert "\x1b" not in result.out


def test_it_speaks_chinese(analyze: Analyze, capture: Path) -> None:
    said = flat(analyze("explain", capture, "--lang", "zh").out)
    assert "访问 1：http://shop.example/index.html" in said
    assert "10.0.0.1 与 10.0.0.2 的 80 端口建立连接，用时 20 ms（三次握手）。" in said
    assert "10.0.0.1 向 shop.example 发送请求 GET /index.html。" in said
    assert "第 1–3 帧 · frame.number in {1..3}" in said
    assert "frames" not in said


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("sample", ["first-visit", "status-codes", "loss", "ping", "web-app"])
def test_no_line_is_wider_than_the_page(sample: str, lang: str, analyze: Analyze) -> None:
    out = analyze("explain", SAMPLES / f"{sample}.pcapng", "--lang", lang).out
    assert out.count("\n") > 10
    assert max(cell_len(line) for line in out.splitlines()[1:]) <= PIPE_WIDTH
    assert not re.search(r"(?m)^ *[，。、；：）]", out)


def test_many_visits_are_listed_and_the_telling_ones_told(analyze: Analyze) -> None:
    """24 visits: the one that failed and took longest is the 504 (samples/expected/status-codes.json)."""
    out = analyze("explain", SAMPLES / "status-codes.pcapng").out
    assert "What happened: 24 visits." in out
    assert "  24  " in out
    assert "Visit 23: http://shop.example/upstream-silent" in out
    assert out.count("\nVisit ") == 3
    alone = analyze("explain", SAMPLES / "status-codes.pcapng", "--visit", 5).out
    assert "Visit 5: http://shop.example/order" in alone
    assert alone.count("\nVisit ") == 1
    assert "What happened" not in alone


def test_findings_stand_with_their_visit(analyze: Analyze) -> None:
    out = flat(analyze("explain", SAMPLES / "status-codes.pcapng", "--visit", 23).out)
    assert "error shop.example answered 504 Gateway Time-out to GET /upstream-silent Why it matters: A proxy" in out
    assert "blame: the server" in out
    assert "upstream-down" not in out


def test_the_walk_of_a_resolver_is_a_tree(analyze: Analyze) -> None:
    """What the four name servers of the sample logged (samples/expected/dns-iterative.json), root first."""
    out = analyze("explain", SAMPLES / "dns-iterative.pcapng").out
    walk = out.split("192.0.2.10 asked 192.0.2.53 for www.garden.test (A)")[1].split("name lookup")[0]
    places = [
        (part, re.search(rf"(?m)^( *)· {re.escape(part)}", walk))
        for part in ("Root server 203.0.113.1:", "203.0.113.12, a server of the top", "203.0.113.55, in charge of")
    ]
    assert all(found for _, found in places)
    depths = [len(found[1]) for _, found in places if found]
    assert depths == sorted(set(depths))
    said = flat(walk)
    assert "asked for test (A), it referred to the servers of test after 24 ms." in said
    assert "asked for www.garden.test (A), it answered 198.51.100.82 after 25 ms." in said
    assert "1 lookup was answered by the resolver from its cache: www.shop.example." in flat(out)
    assert out.count("203.0.113.55") == 1


def test_the_walk_for_a_visit_stands_below_its_lookup(analyze: Analyze) -> None:
    out = flat(analyze("explain", SAMPLES / "dns-iterative.pcapng", "--lang", "zh").out)
    walk = "解析器沿域名树逐级进行了迭代查询： · shop.example 的权威服务器 203.0.113.53：对 nothing.shop.example（A）"
    assert walk in out


def test_a_visit_that_failed_says_where_and_through_whom(analyze: Analyze) -> None:
    out = flat(analyze("explain", SAMPLES / "dns-trouble.pcapng").out)
    assert "1 +0 ms 25 ms nothing.shop.example failed: DNS" in out
    assert "and came to nothing after 25 ms (DNS). The client asked for a name that does not exist" in out


def test_what_was_spent_in_vain_and_spared(analyze: Analyze) -> None:
    """Two redirects and one uncompressed text (samples/expected/web-app.json)."""
    out = flat(analyze("explain", SAMPLES / "web-app.pcapng", "--visit", 1).out)
    assert "What it spent in vain, and what it was spared in vain 2 redirects before the right address" in out
    assert "spared 3 answers travelled compressed" in out
    assert "Quick: 311 ms in all, most of it on the way there and back" in out


def test_details_are_told_once(analyze: Analyze) -> None:
    out = flat(analyze("explain", SAMPLES / "redirects-and-cache.pcapng").out)
    assert out.count("each side confirms the other's number plus one") == 1
    assert out.count("The status 302 means:") == 1
    assert "4 TCP connections without any data, such as stream" in out


def test_addresses_and_neighbours(analyze: Analyze) -> None:
    """The machine "desk" got 192.0.2.10 (samples/expected/dhcp-lease.json), after nobody else claimed it."""
    out = flat(analyze("explain", SAMPLES / "dhcp-lease.pcapng").out)
    assert "The way to other networks leads through 192.0.2.1 (02:00:00:00:00:01)." in out
    assert "Before it used 192.0.2.10, a machine asked whether another one has it; none did." in out
    assert "DHCP" not in out.split("Besides the visits")[1]  # its visit tells it


def test_a_capture_without_visits_says_what_is_there(analyze: Analyze) -> None:
    """The pings of the sample, as the programs counted them (samples/expected/ping.json)."""
    out = flat(analyze("explain", SAMPLES / "ping.pcapng").out)
    assert "Nobody visited anything here" in out
    assert "192.0.2.10 pinged 198.51.100.80: 4 echo requests, 3 answers, 25 % lost" in out
    assert "192.0.2.10 pinged 198.51.100.81: 2 echo requests, no answer." in out
    assert "Nobody answered for 192.0.2.77 (3 requests without an answer)." in out
    told = "192.0.2.1 reported to 192.0.2.10 about its packets to 203.0.113.200, 2 times: destination unreachable"
    assert told in out


ASKER, ASKED, BYSTANDER = "10.0.0.1", "10.0.0.2", "10.0.0.254"


def icmp(ms: float, source: str, message: bytes) -> tuple[int, bytes]:
    """An ICMP message between the two, or of a router to the first."""
    to = ASKED if source == ASKER else ASKER
    return SECOND + round(ms * 1e6), build.eth(build.ip4(message, src=source, dst=to, proto=1))


def ping(ms: float, kind: int, number: int, data: bytes = b"x" * 32) -> tuple[int, bytes]:
    """An echo request (8) or a reply (0)."""
    source = ASKER if kind == 8 else ASKED
    return icmp(ms, source, build.icmp4(kind, 0, struct.pack(">HH", 7, number), data))


def test_pings_are_counted_alike_everywhere(analyze: Analyze, tmp_path: Path) -> None:
    """Six answered, two lost, one under way at the end: 8 counted, 25 % lost, in the account and in the finding."""
    packets = [ping(n * 1000, 8, n) for n in range(9)]
    packets += [ping(n * 1000 + 5, 0, n) for n in (0, 1, 2, 5, 6, 7)]
    out = flat(analyze("explain", capture_of(tmp_path, packets)).out)
    assert (
        "10.0.0.1 pinged 10.0.0.2: 8 echo requests, 6 answers, 25 % lost; the round trip took 5.00 ms at least" in out
    )
    assert "1 more was under way when the capture ends." in out
    assert "10.0.0.1 pinged 10.0.0.2 8 times, 2 of them without an answer (25 % lost)" in out


def test_a_tunnel_of_pings_is_not_told_as_silence(analyze: Analyze, tmp_path: Path) -> None:
    packets = [ping(n * 1000, 8, n) for n in range(6)] + [ping(n * 1000 + 5, 0, n, b"y" * 32) for n in range(6)]
    packets.append(ping(9000, 8, 9))
    out = flat(analyze("explain", capture_of(tmp_path, packets)).out)
    assert "6 echo requests; what came back is no answer: 6 replies with other data than was sent." in out
    assert "6 echo replies from 10.0.0.2 to 10.0.0.1 return other data" in out


def test_a_ping_right_before_the_end_is_not_told_as_lost(analyze: Analyze, tmp_path: Path) -> None:
    out = flat(analyze("explain", capture_of(tmp_path, [ping(0, 8, 1)])).out)
    assert "10.0.0.1 pinged 10.0.0.2 1 time right before the capture ends; answers may have come later." in out


def test_who_reported_what_about_whom(analyze: Analyze, tmp_path: Path) -> None:
    """The asked host closes its port; a router on the way reports about another host; a third error quotes nothing."""
    refused = build.ip4(build.udp(b"x" * 8, sport=4000, dport=9), src=ASKER, dst=ASKED, proto=17)
    lost = build.ip4(build.udp(b"x" * 8, sport=4000, dport=9), src=ASKER, dst="10.9.9.9", proto=17)
    packets = [
        icmp(0, ASKED, build.icmp4(3, 3, 0, refused[:28])),
        icmp(10, BYSTANDER, build.icmp4(3, 1, 0, lost[:28])),
        icmp(20, BYSTANDER, build.icmp4(3, 1, 0, b"")),
    ]
    out = flat(analyze("explain", capture_of(tmp_path, packets)).out)
    assert "10.0.0.2 told 10.0.0.1, 1 time, that no program there takes its packets: " in out
    assert "10.0.0.254 reported to 10.0.0.1 about its packets to 10.9.9.9, 1 time: " in out
    assert "10.0.0.254 sent 10.0.0.1 an error without saying what about, 1 time: " in out


def capture_of(folder: Path, packets: list[tuple[int, bytes]]) -> Path:
    path = folder / "made.pcap"
    path.write_bytes(build.pcap_file(sorted(packets), nanoseconds=True))
    return path


def test_a_question_without_an_answer(analyze: Analyze, tmp_path: Path) -> None:
    (tmp_path / "dns.pcap").write_bytes(lookup(b"printer"))
    out = flat(analyze("explain", "dns.pcap").out)
    assert "1 lookup got no answer: printer." in out
    assert "Nobody visited anything here" in out


def test_a_connection_that_never_opened(analyze: Analyze, tmp_path: Path) -> None:
    (tmp_path / "syn.pcap").write_bytes(unanswered())
    out = flat(analyze("explain", "syn.pcap").out)
    assert "came to nothing after 3.00 s (TCP). Who is to blame cannot be told from here" in out
    assert "10.0.0.1 tried 10.0.0.2 port 80 3 times and got no answer." in out
    assert "10.0.0.1 tried 3 times to connect to 10.0.0.2 port 80 and nobody answered" in out


def test_a_capture_of_nothing(analyze: Analyze, tmp_path: Path) -> None:
    (tmp_path / "empty.pcap").write_bytes(build.pcap_file([]))
    result = analyze("explain", "empty.pcap")
    assert result.code == 0
    assert "without a packet: there is nothing to tell." in result.out


def test_packets_that_nobody_explains(analyze: Analyze, tmp_path: Path) -> None:
    (tmp_path / "udp.pcap").write_bytes(
        build.pcap_file([(SECOND, build.eth(build.ip4(build.udp(b"x", sport=9, dport=9), proto=17)))])
    )
    assert "Frames that are not explained here: other UDP 1." in flat(analyze("explain", "udp.pcap").out)


def hostile(target: str) -> bytes:
    book = Playbook(mss=60_000)
    book.handshake()
    book.at(50).client.send(f"GET {target} HTTP/1.1\r\nHost: a.example\r\n\r\n".encode())
    return book.pcap()


def test_a_hostile_target_neither_escapes_nor_breaks_the_page(analyze: Analyze, tmp_path: Path) -> None:
    (tmp_path / "hostile.pcap").write_bytes(hostile("/\x1b[2J\u202e[bold]" + "龍" * 200 + "\x9b31m"))
    result = analyze("explain", "hostile.pcap", "--lang", "zh")
    assert result.code == 0
    assert not re.search("[\x1b\x9b\u202e]", result.out)
    assert "[bold]" in result.out
    assert max(map(cell_len, result.out.splitlines())) <= PIPE_WIDTH


def test_secrets_are_masked_until_asked_for(analyze: Analyze, tmp_path: Path) -> None:
    (tmp_path / "secret.pcap").write_bytes(hostile("/?password=hunter2"))
    assert "hunter2" not in analyze("explain", "secret.pcap").out
    assert "hunter2" in flat(analyze("explain", "secret.pcap", "--reveal").out)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--visit", "9"], "there is no visit 9; it has one"),
        (["--visit", "0"], "--visit"),
        (["--visit", "x"], "--visit"),
        (["--lang", "tlh"], "--lang"),
        (["another.pcap"], "another.pcap"),
    ],
)
def test_a_wrong_call_is_one_line_and_2(options: list[str], words: str, analyze: Analyze, capture: Path) -> None:
    result = analyze("explain", capture, *options)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert words in result.err


def test_visits_are_counted_for_who_asks_too_far(analyze: Analyze) -> None:
    many = analyze("explain", SAMPLES / "status-codes.pcapng", "--visit", 99)
    assert (many.code, "there is no visit 99; it has visits 1 to 24" in many.err) == (2, True)
    none = analyze("explain", SAMPLES / "ping.pcapng", "--visit", 1)
    assert (none.code, "there are no visits in it" in none.err) == (2, True)


def test_an_unreadable_capture(analyze: Analyze) -> None:
    assert analyze("explain", "nowhere.pcap").code == 3


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("one two three", 8, ["one two", "three"]),
        ("it took 25 ms.", 12, ["it took", "25 ms."]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("一二三四五", 4, ["一二", "三四", "五"]),
        ("一二，三", 5, ["一", "二，", "三"]),
        ("见（一）", 4, ["见", "（一", "）"]),
        ("用时 24 ms", 8, ["用时", "24 ms"]),
        ("", 10, [""]),
    ],
)
def test_lines_break_where_people_break_them(text: str, width: int, lines: list[str]) -> None:
    assert broken(text, width) == lines


def test_steps_stand_in_the_order_of_their_times() -> None:
    def step(name: str, time: int | None, why: str | None = None) -> Step:
        return Step(name, (), time, None, f"step.{name}", {}, why)

    arp, late, tcp, tls = step("arp", None, "cached"), step("dns", 90), step("tcp", 30), step("tls", None, "plain")
    request, close = step("request", 60), step("close", None)
    assert in_order((arp, late, tcp, tls, request, close)) == [arp, tcp, tls, request, late, close]


# ── captures of others ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.shared
def test_a_trace_is_told_hop_by_hop(analyze: Analyze, shared_captures: Path) -> None:
    """tshark: nine senders of answers to 27 echo requests, the first 192.168.100.1; the router is a Cisco's."""
    out = analyze("explain", shared_captures / "icmp" / "ppa3-icmp_traceroute.pcapng").out
    hops = re.findall(r"(?m)^    · Hop (\d+): ([\d.]+), [\d.]+ ms$", out)
    assert [int(number) for number, _ in hops] == list(range(1, 10))
    assert (hops[0][1], hops[8][1]) == ("192.168.100.1", "4.2.2.1")
    assert "leads through 00:12:80:4b:c0:7f (Cisco Systems, Inc)" in flat(out)
    assert "reported to" not in out  # the answers to the probes are the trace's


@pytest.mark.shared
def test_a_lease_outside_of_visits(analyze: Analyze, shared_captures: Path) -> None:
    """tshark: the ACK of 10.0.2.2 gives 10.0.2.15 to the host that calls itself pythagoras."""
    out = flat(analyze("explain", shared_captures / "dhcp" / "joy-pcaps-dhcp.pcap").out)
    assert "pythagoras got the address 10.0.2.15 from 10.0.2.2 after 0.26 ms (DHCP)." in out


@pytest.mark.shared
def test_a_router_that_announces_itself(analyze: Analyze, shared_captures: Path) -> None:
    """tshark: the advertisement of fe80::1 has the prefix fc00:10:1:4::/64."""
    out = flat(analyze("explain", shared_captures / "icmp" / "russo-nd_rsra.pcapng").out)
    assert "fe80::1 announced the way out of the network, and the IPv6 prefixes fc00:10:1:4::/64." in out


@pytest.mark.shared
def test_commands_are_words_of_the_program(analyze: Analyze, shared_captures: Path) -> None:
    out = flat(analyze("explain", shared_captures / "oicq" / "nDPI-pcap-oicq.pcap", "--lang", "zh").out)
    assert "1 个账号的 29 次 QQ 交换（OICQ）：注销。" in out


@pytest.mark.shared
def test_repairs_that_cost_little_are_no_finding_but_said(analyze: Analyze, shared_captures: Path) -> None:
    """tshark: frames 3, 5 and 7 are duplicate ACKs, frame 8 a fast retransmission."""
    out = flat(analyze("explain", shared_captures / "tcp" / "ppa3-tcp_dupack.pcapng").out)
    assert "1 segment was sent again on stream 0." in out
    assert "3 times a receiver said that data before what arrived was missing (duplicate ACK), on stream 0." in out
    assert "Nothing here is out of the ordinary" not in out
    assert "1 TCP connection, 5.47 kB: 172.31.136.85 to 195.81.202.68 port 80 (stream 0)." in out


def test_a_finding_is_told_in_full_once(analyze: Analyze) -> None:
    """Both visits of the sample go through the gateway that changed (samples/expected/arp.json)."""
    out = flat(analyze("explain", SAMPLES / "arp.pcapng").out)
    title = "The gateway 192.0.2.1 was 02:00:00:00:00:01 and is now 02:00:00:00:00:02"
    assert out.count(title) == 2
    assert out.count(f"{title} (told in full above)") == 1
    assert out.count("Why it matters: All traffic to other networks") == 1
    assert "wanted the address 192.0.2.53, but 02:00:00:00:00:53 already uses it Why it matters:" in out


def test_messages_of_websockets_stand_with_their_visits(analyze: Analyze) -> None:
    assert "WebSocket message" not in analyze("explain", SAMPLES / "web-app.pcapng").out.split("Besides the visits")[1]


@pytest.mark.shared
def test_changes_of_names_are_no_lookups(analyze: Analyze, shared_captures: Path) -> None:
    """tshark: frames 9 and 11 are dynamic updates (opcode 5); the lease has no router (option 3)."""
    out = flat(analyze("explain", shared_captures / "arp" / "samples-dhcp-and-dyndns.pcap").out)
    assert "2 requests to change what the name server holds (DNS update), sent to 10.20.20.1: far-far-away," in out
    assert "name lookup" not in out
    assert "It was told whom to ask for names (10.20.20.1), but no way out of the network." in out


@pytest.mark.shared
def test_what_else_is_asked_of_dhcp(analyze: Analyze, shared_captures: Path) -> None:
    """tshark: one RELEASE by 192.168.1.253; 250 INFORMs of one machine, each answered, in 5 s."""
    folder = shared_captures / "dhcp"
    assert (
        "54:89:98:6a:18:bb gave up 192.168.1.253 (DHCP)."
        in analyze("explain", folder / "samples-dhcp_release.pcap").out
    )
    flood = flat(analyze("explain", folder / "zeek-dhcp_flood.pcap").out)
    assert re.search(r"asked for the other settings of the network \(DHCP\), 250 times within [45]\.\d+ s\.", flood)
