"""A connection's story on the page: which sentences, with which frames, and nothing that does not apply."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import chain
from typing import Any

import numpy as np
import pytest

from analyzer import sentences, tcp_states, tcp_words
from analyzer.analysis import Analysis
from analyzer.flows.quality import Episode, Transfer
from analyzer.report import connections as connections_module
from analyzer.report import wording
from analyzer.report.cells import Clock
from analyzer.report.connection_words import opened_key
from analyzer.report.connections import FEW, MANY, MAX_CONNECTIONS, ConnectionFact, connections
from analyzer.report.performance import MAX_EPISODES, MAX_TRANSFERS, performance
from analyzer.report.remarks import MAX_CONFLICTS, MAX_OPINIONS, MAX_PROOF, conflicts, opinions, remark, remarks
from analyzer.report.render import render
from analyzer.report.wording import say
from analyzer.schema import IcmpRow, TcpConflict, TcpOpinion
from tests.flows.script import followed, packets_of, script
from tests.report import fixture
from tests.report.fixture import MS, START
from tests.report.pages import Page
from tests.report.test_graphs import NOTHING


def said(text: str, **given: Any) -> list[tuple[str, tuple[int, ...]]]:
    """Return the remarks about a script's only connection."""
    flows = followed(packets_of(script(text)))
    row = replace(flows.connections.row(0), **given)
    return [(found.text, found.frames) for found in remarks(row, flows.segments, flows.connections)]


NORMAL = """
C S    0   0   0  5000  @0     ws=7
S SA   0   1   0  5000  @40    ws=7
C A    1   1   0   500  @40.1
C PA   1   1 100   500  @50
S A    1 101   0   500  @90
"""


def test_an_ordinary_connection_has_only_its_close_to_tell() -> None:
    told = said(
        NORMAL
        + """
        C FA 101   1   0   500  @100
        S A    1 102   0   500  @140
        S FA   1 102   0   500  @150
        C A  102   2   0   500  @150.1
        """
    )
    assert told == [
        ("Four packets close it: each side's FIN and its acknowledgement. The client was first.", (6, 7, 8, 9))
    ]


def test_a_deviation_replaces_the_plain_sentence_about_the_close() -> None:
    told = said(
        NORMAL
        + """
        C FA 101   1   0   500  @100
        S FA   1 102   0   500  @140
        C A  102   2   0   500  @140.1
        """
    )
    assert len(told) == 1
    assert "FIN and ACK travelled together" in told[0][0]
    assert 7 in told[0][1]


def test_a_lost_syn_says_what_it_cost_and_shows_both() -> None:
    told = said(
        """
        C S    0   0   0  5000  @0
        C S    0   0   0  5000  @1000
        S SA   0   1   0  5000  @1040
        C A    1   1   0   500  @1040.1
        """
    )
    texts = [text for text, _ in told]
    assert texts[0].startswith("The client sent its SYN 2 times within 1.00 s")
    assert "The first SYN went unanswered; repeating it cost 1.00 s of the 1.04 s it took to connect." in texts
    assert told[0][1] == (1, 2)


def test_refused_filtered_and_unreachable_are_told_apart() -> None:
    refused = said("C S 0 0 0 5000 @0\nS RA 0 1 0 0 @40")
    assert refused[0][0].startswith("Refused: ")
    assert refused[0][1] == (2,)
    analysis = fixture.rich()
    row = fixture.tcp(0, handshake="no_synack", syn_frames=(80, 81), syn_frame=80)
    texts = {}
    for why, frame in (("filtered", None), ("unreachable", 90)):
        found = list(
            remarks(
                replace(row, handshake_why=why, unreachable_frame=frame),
                analysis.segments,
                None,
                {90: "host unreachable"},
            )
        )
        texts[why] = (found[0].text, found[0].frames)
    assert texts["filtered"][0].startswith("Filtered: the client sent 2 SYNs")
    assert texts["filtered"][1] == (80, 81)
    assert texts["unreachable"][0].startswith("Unreachable: ")
    assert "host unreachable" in texts["unreachable"][0]
    assert texts["unreachable"][1] == (90,)


def test_an_older_connection_answers() -> None:
    """RFC 9293 section 3.5.1: what the server says is no answer to this SYN, but nobody is silent either."""
    told = said("C S 0 0 0 500 @0\nS A -100 -300 0 500 @10\nC S 0 0 0 500 @1000\nS A -100 -300 0 500 @1010")
    assert told == [
        (
            "The server answered the SYN with an ACK of an older connection (frame 2), which it still remembers on "
            "these ports: that opens nothing.",
            (2, 4),
        ),
        (
            "The client sent its SYN 2 times within 1.00 s: the server had answered with an ACK of an older connection "
            "(frame 2), which opens nothing.",
            (1, 3),
        ),
    ]
    assert opened("C S 0 0 0 500 @0\nS A -100 -300 0 500 @10") == "not opened"


def test_a_server_that_was_heard_is_not_said_to_be_silent() -> None:
    text = "C S 0 0 0 500 @0\nS PA 1 1 9 500 @10"
    assert said(text)[0] == ("The SYN/ACK is not in this capture, but other packets of the server are.", (1,))
    assert opened(text) == "SYN/ACK missing"
    assert opened("C S 0 0 0 500 @0\nC PA 1 1 9 500 @10") == "SYN/ACK missing"
    assert opened("C S 0 0 0 500 @0") == "never answered"


HALF_OPEN = "C S 0 0 0 500 @0\nS SA 0 1 0 500 @10\n"


def test_a_client_that_resets_the_answer() -> None:
    """A half-open scan: the port is open, and that is all that the client wanted to know."""
    reset = "The client reset it instead of completing the handshake."
    assert said(HALF_OPEN + "C R 1 0 0 0 @11") == [(reset, (2, 3))]
    assert opened(HALF_OPEN + "C R 1 0 0 0 @11") == "half open, then reset"
    for other in ("", "S R 1 0 0 0 @11", "C PA 1 0 9 500 @11\nC R 10 0 0 0 @12"):
        assert reset not in [text for text, _ in said(HALF_OPEN + other)]
    again = said(HALF_OPEN + "C R 1 0 0 0 @11\n" + HALF_OPEN.replace("@", "@10") + "C R 1 0 0 0 @1111")
    assert [text for text, _ in again] == [
        "The client sent its SYN 2 times within 100 ms: it tried again after its own reset (frame 3).",
        "The server sent its SYN/ACK 2 times within 1.00 s: it answered each SYN.",
        reset,
    ]


def test_an_ack_that_completes_nothing() -> None:
    told = said(HALF_OPEN + "C A 1 500000 0 500 @11\nS R 500000 0 0 0 @20")
    assert told[0] == (
        "The client's ACK (frame 3) acknowledges what the server never sent, so it does not complete the handshake.",
        (2, 3),
    )


RESENT = """
S PA   1 101 100   500  @100
S PA 101 101 100   500  @101
S PA 201 101 100   500  @102
S PA 301 101 100   500  @103
C A  101 101   0   500  @104
C A  101 101   0   500  @105
C A  101 101   0   500  @106
C A  101 101   0   500  @107
"""


@pytest.mark.parametrize(
    ("last", "label"),
    [
        ("S PA 101 101 100 500 @115", "fast_retransmissions"),
        ("C A 101 201 0 500 @110\nS PA 101 101 100 500 @315", "spurious_retransmissions"),
        ("S PA 101 101 100 500 @315", "retransmissions"),
    ],
)
def test_every_kind_of_retransmission_is_counted(last: str, label: str) -> None:
    """RFC 5681 section 3.2: three duplicate ACKs, and the segment that they ask for; or one after a timeout."""
    flows = followed(packets_of(script(NORMAL + RESENT + last)))
    row = flows.connections.row(0)
    assert getattr(row, f"server_{label}") == 1
    texts = [found.text for found in remarks(row, flows.segments, flows.connections)]
    assert "1 segment was sent again (0 by the client, 1 by the server)." in texts


def test_what_the_recorder_copied_was_not_sent_again() -> None:
    packets = packets_of(script(NORMAL))
    time, data = packets[3]
    flows = followed([*packets[:4], (time + 20_000, data), *packets[4:]])
    row = flows.connections.row(0)
    assert (row.client_retransmissions + row.client_spurious_retransmissions, row.client_duplicates_in_capture) == (
        1,
        1,
    )
    texts = [found.text for found in remarks(row, flows.segments, flows.connections)]
    assert not any("sent again" in text for text in texts)
    assert any(text.startswith("1 frame repeats a packet that had been recorded before") for text in texts)


def test_all_differing_opinions_are_counted_though_few_are_kept() -> None:
    """The row keeps the first 50 (MAX_OPINIONS_PER_CONNECTION); here each of 60 segments is recorded twice."""
    text = NORMAL + "".join(f"C PA {101 + 10 * k} 1 10 500 @{100 + 5 * k}\n" for k in range(60))
    packets = packets_of(script(text))
    doubled = [p for time, data in packets[5:] for p in ((time, data), (time + 20_000, data))]
    flows = followed([*packets[:5], *doubled])
    row = flows.connections.row(0)
    assert len(row.opinions) == 50
    assert opinions(row, flows.segments)[0].startswith("60 times the evidence in the packets says something else")


def opened(text: str) -> str:
    flows = followed(packets_of(script(text)))
    return say(opened_key(flows.connections.row(0), flows.segments))


def test_only_the_first_frames_are_named() -> None:
    found = remark("x", range(1, 31))
    assert (found.frames, found.more) == (tuple(range(1, MAX_PROOF + 1)), 30 - MAX_PROOF)
    assert remark("x", (None, 4, None)).frames == (4,)


def opinion(frame: int) -> TcpOpinion:
    return TcpOpinion(frame, "server", "retransmission", "needless", "dsack", (frame + 2,))


def test_opinions_are_shown_where_they_differ_and_summed_up_where_they_agree() -> None:
    row = fixture.tcp(0, server_retransmissions=3, server_resent_needed=2, server_resent_needless=1)
    agrees = [found.text for found in remarks(row, fixture.segments([[]]))]
    (said,) = (text for text in agrees if text.startswith("The evidence in the packets agrees with Wireshark's labels"))
    assert said.endswith(": of what looks sent again or late, 2 repaired a loss and 1 sent without need.")
    assert opinions(row, fixture.segments([[]])) == ("", ())
    differs = replace(row, opinions=(opinion(9),))
    assert not any("agrees" in found.text for found in remarks(differs, fixture.segments([[]])))
    summary, cases = opinions(differs, fixture.segments([[]]))
    assert summary == (
        "1 time the evidence in the packets says something else than Wireshark's label. "
        "Of all segments that look sent again or late: 2 repaired a loss and 1 sent without need."
    )
    assert len(cases) == 1
    assert cases[0].frames == (9,)
    assert cases[0].text.startswith("Wireshark calls frame 9 of the server a retransmission; ")


def test_long_lists_are_cut() -> None:
    row = fixture.tcp(
        0,
        opinions=tuple(opinion(n) for n in range(1, 200)),
        conflicts=tuple(TcpConflict(n + 1, n, "client", 0, 5) for n in range(1, 200)),
        client_conflicting_bytes=995,
        server_resent_needless=199,
    )
    assert len(opinions(row, fixture.segments([[]]))[1]) == MAX_OPINIONS
    summary, cases = conflicts(row)
    assert len(cases) == MAX_CONFLICTS
    assert summary.startswith("995 bytes were sent twice with different contents (995 by the client, 0 by the server).")
    analysis = one(row)
    text = Page(render(analysis)).text
    assert f"Showing {MAX_OPINIONS} of 199" in text
    assert f"Showing {MAX_CONFLICTS} of 199" in text


# ── how it ran ───────────────────────────────────────────────────────────────────────────────────────────────────


def transfer(number: int, ms: float, *limits: float | None) -> Transfer:
    start = START + number * 1000 * MS
    return Transfer(10 * number, 10 * number + 9, start, start + round(ms * MS), 5000, *limits)


def test_what_held_a_transfer_back_adds_up() -> None:
    course = replace(NOTHING, transfers=(transfer(1, 100.0, 20.0, 50.0, 30.0),))
    made = performance(fixture.tcp(0), {"client": NOTHING, "server": course})
    assert made is not None
    (bar,) = made.bars
    assert bar.title == "the server to the client: 5 kB in 100 ms"
    assert bar.words == "receiver 20 ms (20 %), sender 50 ms (50 %), network 30 ms (30 %)"
    assert [(part.left, part.width) for part in bar.parts] == [(0.0, 20.0), (20.0, 50.0), (70.0, 30.0)]
    assert bar.frames == (10, 19)


def test_what_did_not_hold_it_back_is_not_named() -> None:
    course = replace(NOTHING, transfers=(transfer(1, 100.0, 0.0, 0.0, 100.0), transfer(2, 0.0, 0.0, 0.0, 0.0)))
    made = performance(fixture.tcp(0), {"client": course, "server": NOTHING})
    assert made is not None
    assert [bar.words for bar in made.bars] == ["network 100 ms (100 %)"]


def test_an_unknown_window_gives_no_bar_but_a_reason() -> None:
    course = replace(NOTHING, transfers=(transfer(1, 100.0, None, None, None),))
    made = performance(fixture.tcp(0), {"client": course, "server": NOTHING})
    assert made is not None
    assert made.bars == ()
    assert made.sentences[0].startswith("What held the transfers back cannot be told")


def test_the_largest_transfers_stand_in_order_of_time() -> None:
    found = tuple(replace(transfer(n, 9.0, 3.0, 3.0, 3.0), bytes=n % 10) for n in range(1, 31))
    course = replace(NOTHING, transfers=found)
    made = performance(fixture.tcp(0), {"client": NOTHING, "server": course})
    assert made is not None
    assert (len(made.bars), made.bars_total) == (MAX_TRANSFERS, 30)
    assert [bar.frames[0] for bar in made.bars] == [70, 80, 90, 170, 180, 190, 280, 290]


def test_without_a_course_the_connection_s_sums_are_shown() -> None:
    row = fixture.tcp(
        0,
        server_unique_bytes=132_000,
        server_transfer_ms=1000.0,
        server_throughput_bytes=132_000.0,
        server_max_in_flight_bytes=43_800,
        server_receiver_limited_ms=0.0,
        server_sender_limited_ms=250.0,
        server_network_limited_ms=750.0,
        server_loss_episodes=2,
        server_loss_ms=450.0,
        server_rtt_samples=12,
        server_rtt_min_ms=0.05,
        server_rtt_p50_ms=0.4,
        server_rtt_p95_ms=40.0,
    )
    made = performance(row)
    assert made is not None
    assert made.sentences == (
        "The server's 132 kB were transferred in 1.00 s, at 132 kB a second, with at most 43.8 kB on their way at "
        "once.",
        "2 losses in the server's data cost 450 ms in all.",
    )
    small = replace(row, server_unique_bytes=14_000)  # all of it goes out at once: no rate
    assert performance(small).sentences == made.sentences[1:]  # type: ignore[union-attr]
    assert [bar.words for bar in made.bars] == ["sender 250 ms (25 %), network 750 ms (75 %)"]
    assert made.trips is not None
    assert [[cell.text for cell in line.cells] for line in made.trips.rows] == [
        ["recorder → client → recorder", "12", "50 µs", "0.40 ms", "40 ms"]
    ]
    assert performance(fixture.tcp(0)) is None


def test_losses_come_dearest_first() -> None:
    episodes = tuple(Episode((n, n + 1), START, START + MS, float(n), "timeout") for n in range(1, 40))
    made = performance(fixture.tcp(0), {"client": replace(NOTHING, episodes=episodes)})
    assert made is not None
    assert made.episodes is not None
    assert (len(made.episodes.rows), made.episodes.total) == (MAX_EPISODES, 39)
    more = performance(fixture.tcp(0), {"client": replace(NOTHING, episodes=episodes, more_episodes=5)})
    assert more is not None
    assert more.episodes is not None
    assert more.episodes.total == 44
    first = [cell.text for cell in made.episodes.rows[0].cells]
    assert first == ["the client", "the sender waited in vain for an acknowledgement (timeout)", "39 ms", "39, 40"]


# ── on the page ──────────────────────────────────────────────────────────────────────────────────────────────────


def one(row: Any, **given: Any) -> Analysis:
    """Return an analysis of one connection."""
    analysis = fixture.rich()
    analysis.connections, analysis.segments = fixture.Prepared([row]), fixture.segments([[]])
    analysis.tls = analysis.http = analysis.findings = analysis.visits = ()
    for name, value in given.items():
        setattr(analysis, name, value)
    return analysis


def fact(analysis: Analysis, stream: int = 0) -> ConnectionFact:
    return next(f for f in connections(analysis, Clock(START)).rows if f.stream == str(stream))


def test_frames_lead_to_their_place_in_the_ladder() -> None:
    flows = followed(packets_of(script("C S 0 0 0 5000 @0\nC S 0 0 0 5000 @1000\nS SA 0 1 0 5000 @1040")))
    analysis = one(fixture.tcp(0), connections=flows.connections, segments=flows.segments)
    shown = fact(analysis)
    assert shown.ladder is not None
    repeated = next(sentence for sentence in shown.remarks if "SYN 2 times" in sentence.text)
    assert repeated.frames == ((1, "frame-1"), (2, "frame-2"))
    assert {"frame-1", "frame-2", "frame-3"} <= set(Page(render(analysis)).ids)


def test_a_frame_that_the_ladder_leaves_out_is_no_link() -> None:
    row = fixture.tcp(0, opinions=(opinion(9),), server_resent_needless=1)
    told = fact(one(row)).opinions
    assert told is not None
    assert told.cases[0].frames == ((9, ""),)


def test_the_handshake_s_arithmetic_and_options() -> None:
    row = fixture.tcp(
        0, client_isn=1000, server_isn=4294967295, client_mss=1460, server_mss=1400, sack_permitted=True, multipath=True
    )
    opening = fact(one(row)).opening
    assert opening is not None
    assert opening.lines[1] == "Its first byte of data has the number 1001 = ISN + 1, because a SYN counts as one byte."
    assert "begins again at 0" in opening.lines[3]
    settled = {name: value for name, value, _ in opening.options}
    assert settled["Maximum segment size"] == "client 1460 bytes, server 1400 bytes"
    assert settled["Selective ACK"] == settled["Multipath TCP"] == "yes"
    assert "Accurate ECN" not in settled
    assert fact(one(fixture.tcp(0, handshake="midstream"))).opening is None


def test_an_icmp_error_s_words_are_captured_text() -> None:
    row = fixture.tcp(0, handshake="no_synack", handshake_why="unreachable", unreachable_frame=90, syn_frames=(80,))
    error = IcmpRow(
        "error", 90, None, START, "x", "y", None, None, 64, None, 56, None, "error", 3, 1, "<b>host\u202e", 0, 80, None
    )
    html = render(one(row, icmp=(error,)))
    assert "<b>host" not in html
    assert "&lt;b&gt;host⟨U+202E⟩" in html


@pytest.mark.parametrize("name", ["rich", "hostile"])
def test_nothing_is_said_of_what_does_not_apply(name: str) -> None:
    for shown in connections(getattr(fixture, name)(), Clock(START)).rows:
        assert shown.opinions is None
        assert shown.conflicts is None
        assert all(sentence.text for sentence in shown.remarks)
        if not int(shown.volume.split()[0]) and shown.graphs:
            pytest.fail(f"stream {shown.stream} has graphs without data")


def test_a_row_is_found_by_its_time_and_its_trouble_has_a_word() -> None:
    rows = {shown.stream: shown for shown in connections(fixture.rich(), Clock(START)).rows}
    closed = rows["0"].mark
    assert (closed.start, closed.end, closed.duration, closed.stream) == ("3.030000", "3.480000", "450.000", "0")
    assert {stream: (shown.flag, shown.tone) for stream, shown in rows.items() if shown.tone} == {
        "2": ("reset", "bad"),
        "5": ("failed", "bad"),
        "6": ("failed", "bad"),
    }
    assert all(shown.flag == "" for shown in rows.values() if not shown.tone)
    again = fact(one(fixture.tcp(0, server_sent_again=3)))
    assert (again.flag, again.tone, again.mark.severity) == ("resent", "warn", "warning")


def test_who_closed_first_stands_in_the_row() -> None:
    shown = fact(one(fixture.tcp(0, close="four_way", closed_by="server", server_fin_frame=5, client_fin_frame=7)))
    assert shown.closed == "four packets, server first"
    (closing,) = shown.moments
    assert (closing.words, closing.display_filter) == ("The server closed first.", "frame.number in {5, 7}")


DATA = {"anchor", "stream", "client", "server", "display_filter", "tuple_filter", "mark", "spec", "ident", "key"}
DATA |= {"state", "kind", "tone", "opened_tone", "closed_tone", "flags", "detail", "application", "frames", "unit"}
"""Fields of facts that hold no words of ours: captured text, filters, keys, protocols, numbers with TCP's own names."""

TOKENS = re.compile("TIME_WAIT|[A-Z]+_?[A-Z]+|Sh[A-Za-z]+|[0-9.]+ (ms|kB)|p50|p95")


def words_of(value: Any) -> Iterator[str]:
    """Give the texts in some facts."""
    if isinstance(value, dict):
        yield from chain.from_iterable(words_of(item) for key, item in value.items() if key not in DATA)
    elif isinstance(value, tuple | list):
        yield from chain.from_iterable(map(words_of, value))
    elif isinstance(value, str):
        yield value


def unmarked(text: str) -> str:
    """Return what stands outside of all marks, and is not for plotly to fill in."""
    inner = re.sub("«[^«»]*»", "", re.sub(r"%\{.*?\}|<extra></extra>", "", text))
    return inner if inner == text else unmarked(inner)


def test_every_word_is_said_in_the_language_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """With each message put in marks, no word stands outside of them."""
    for module in (wording, sentences, tcp_words, tcp_states, connections_module):
        monkeypatch.setattr(module, "translated", lambda text, *_: f"«{text.replace(': ', '»: «')}»")
    monkeypatch.setattr(wording, "current", lambda: "xx")
    analysis = fixture.rich()
    analysis.tls = analysis.http = ()  # what they carry is named by another module
    rows = connections(analysis, Clock(START)).rows
    texts = [text for shown in rows for text in words_of(asdict(shown))]
    for shown in rows:
        for graph in shown.graphs:
            texts += [text for trace in graph.spec["data"] for text in (trace["name"], trace["hovertemplate"])]
            texts += [axis["title"]["text"] for key, axis in graph.spec["layout"].items() if key[1:5] == "axis"]
    assert any("«" in text for text in texts)
    for text in texts:
        assert not re.search("[A-Za-z]{2}", TOKENS.sub("", unmarked(text))), text


def test_a_flood_of_attempts_stays_small() -> None:
    """Only the first unanswered SYNs are listed; none has graphs, and only the first have their details."""
    count = 2000
    rows = [
        fixture.tcp(n, handshake="no_synack", handshake_why="filtered", syn_frames=(n + 1,), syn_frame=n + 1)
        for n in range(count)
    ]
    lists: list[list[tuple[int, float, str, str, int, int, int, int]]] = [
        [(n + 1, float(n), ">", "S", 0, 0, 0, 0)] for n in range(count)
    ]
    analysis = one(rows[0])
    analysis.connections, analysis.segments = fixture.Prepared(rows), fixture.segments(lists)
    made = connections(analysis, Clock(START))
    assert (len(made.rows), made.graphed) == (MANY.listed, 0)
    assert all(shown.performance is None for shown in made.rows)
    assert np.count_nonzero([shown.ladder is not None for shown in made.rows]) == MANY.ladders


def test_a_page_that_lists_all_connections_has_more_ladders_than_one_that_does_not() -> None:
    rows = [
        fixture.tcp(n, handshake="no_synack", handshake_why="filtered", syn_frames=(n + 1,), syn_frame=n + 1)
        for n in range(MAX_CONNECTIONS)
    ]
    analysis = one(rows[0])
    analysis.connections = fixture.Prepared(rows)
    analysis.segments = fixture.segments([[(n + 1, float(n), ">", "S", 0, 0, 0, 0)] for n in range(MAX_CONNECTIONS)])
    made = connections(analysis, Clock(START))
    assert (len(made.rows), made.total, made.ladders) == (MAX_CONNECTIONS, MAX_CONNECTIONS, FEW.ladders)
