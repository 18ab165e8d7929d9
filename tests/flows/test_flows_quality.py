"""How connections ran, against numbers worked out by hand from the scripts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analyzer.flows.quality import Course, course
from analyzer.schema import TcpRow
from tests.flows.script import MS, START, Line, followed, frame_of, only, packets_of, script
from tests.flows.talk import flows_of, talk

NEAR_CLIENT = """
    C S   0   0   0  60000  @0
    S SA  0   1   0  60000  @100
    C A   1   1   0  60000  @100
"""
NEAR_SERVER = """
    C S   0   0   0  60000  @0
    S SA  0   1   0  60000  @0
    C A   1   1   0  60000  @100
"""


def ran(text: str, *, client: bool) -> tuple[TcpRow, Course]:
    """Follow a script; return the row and the course of one side."""
    flows = followed(packets_of(script(text)))
    return only(flows), course(flows.segments, 0, client=client)


def limits(row: TcpRow, side: str) -> tuple[float | None, ...]:
    """Return (transfer, receiver, sender, network) in ms."""
    names = ("transfer_ms", "receiver_limited_ms", "sender_limited_ms", "network_limited_ms")
    return tuple(getattr(row, f"{side}_{name}") for name in names)


# ── round trips ──────────────────────────────────────────────────────────────────────────────────────────────────

ASKING = """
    C S   0   0   0  60000  @0
    S SA  0   1   0  60000  @40
    C A   1   1   0  60000  @40
    C PA  1   1 100  60000  @50
    S A   1 101   0  60000  @90     # 40 ms
    C PA 101  1 100  60000  @200
    S PA  1 201 500  60000  @260    # 60 ms: the answer took the ACK along, 20 ms late
    C A 201 501   0  60000  @260    # 0 ms
    C PA 201 501 100 60000  @400
    S A 501 301   0  60000  @480    # 80 ms: 40 ms held back
"""


def test_round_trips_are_the_sides_own_and_delayed_acks_are_left_out() -> None:
    row, mine = ran(ASKING, client=True)
    assert (row.client_rtt_samples, row.client_rtt_min_ms) == (2, 40)
    assert (row.client_rtt_p50_ms, row.client_rtt_p95_ms) == (40, 60)  # nearest rank: 1st and 2nd of 2
    assert (row.server_rtt_samples, row.server_rtt_min_ms, row.server_rtt_p95_ms) == (1, 0, 0)
    assert mine.rtt.data_frame.tolist() == [4, 6, 9]
    assert mine.rtt.ack_frame.tolist() == [5, 7, 10]
    assert mine.rtt.ms.tolist() == [40, 60, 80]
    assert mine.rtt.delayed.tolist() == [False, False, True]
    assert mine.rtt.time.tolist() == [START + at * MS for at in (90, 260, 480)]


def test_the_handshake_shows_that_the_only_ack_was_held_back() -> None:
    row = ran(ASKING.split("C PA 101")[0].replace("@90", "@240"), client=True)[0]
    assert (row.client_rtt_samples, row.client_rtt_min_ms, row.client_rtt_p50_ms) == (0, None, None)


@pytest.mark.parametrize(("ack_ms", "delayed"), [(64.9, False), (65, True), (540, True), (540.1, False)])
def test_an_ack_is_delayed_from_25_to_500_ms(ack_ms: float, delayed: bool) -> None:
    text = ASKING.split("C PA 101")[0] + f"C PA 101 1 100 60000 @1000\nS A 1 201 0 60000 @{1000 + ack_ms + 0}"
    assert ran(text, client=True)[1].rtt.delayed.tolist() == [False, delayed]


def test_an_ack_of_two_segments_is_not_delayed_however_late() -> None:
    text = (
        ASKING.split("C PA 101")[0]
        + """
        C PA 101 1 100 60000 @200
        C PA 201 1 100 60000 @210
        S A  1 301  0  60000 @300   # of the newer one: 90 ms
    """
    )
    rtt = ran(text, client=True)[1].rtt
    assert (rtt.ms.tolist(), rtt.delayed.tolist()) == ([40, 90], [False, False])


def test_an_ack_while_another_segment_is_under_way_is_not_delayed() -> None:
    text = (
        ASKING.split("C PA 101")[0]
        + """
        C PA 101 1 100 60000 @200
        C PA 201 1 100 60000 @210
        S A  1  201  0 60000 @280
    """
    )
    rtt = ran(text, client=True)[1].rtt
    assert (rtt.ms.tolist(), rtt.delayed.tolist()) == ([40, 80], [False, False])


def test_percentiles_are_nearest_ranks() -> None:
    lines = [ASKING.split("C PA")[0]]
    for k in range(20):  # round trips of 40 to 59 ms
        lines.append(f"C PA {1 + k * 10} 1 10 60000 @{1000 + k * 100}")
        lines.append(f"S A 1 {11 + k * 10} 0 60000 @{1040 + k * 101}")
    row = ran("\n".join(lines), client=True)[0]
    assert row.client_rtt_samples == 20
    assert (row.client_rtt_min_ms, row.client_rtt_p50_ms, row.client_rtt_p95_ms) == (40, 49, 58)


def test_near_and_far_side() -> None:
    talk = "C PA 1 1 100 60000 @{}\nS PA 1 101 200 60000 @{}\nC A 101 201 0 60000 @{}"
    near_client, _ = ran(NEAR_CLIENT + talk.format(200, 300, 300), client=True)
    near_server, _ = ran(NEAR_SERVER + talk.format(200, 200, 300), client=True)
    assert (near_client.client_rtt_min_ms, near_client.server_rtt_min_ms) == (100, 0)
    assert (near_server.client_rtt_min_ms, near_server.server_rtt_min_ms) == (0, 100)


def test_no_sample_over_what_was_sent_again_until_that_is_behind() -> None:
    text = (
        NEAR_CLIENT
        + """
        C PA   1 1 100 60000 @200
        C PA   1 1 100 60000 @500    # again
        S A    1 101 0 60000 @600    # of which one?
        C PA 101 1 100 60000 @700
        S A    1 201 0 60000 @800
    """
    )
    row, mine = ran(text, client=True)
    assert (mine.rtt.data_frame.tolist(), mine.rtt.ms.tolist()) == ([7], [100])
    assert row.client_retransmissions == 1


def test_no_sample_of_what_waited_behind_a_hole() -> None:
    text = (
        NEAR_SERVER
        + """
        C PA    1    1   10 60000 @100
        S A     1   11 1000 60000 @101
        S A  1001   11 1000 60000 @101
        S A  2001   11 1000 60000 @101
        C A    11 1001    0 60000 @201   # a sample: 100 ms
        C A    11 1001    0 60000 @202
        S A  1001   11 1000 60000 @401
        C A    11 3001    0 60000 @501   # the third segment had arrived long before
    """
    )
    assert ran(text, client=False)[1].rtt.ms.tolist() == [100]


def test_no_sample_where_the_recorder_missed_the_data() -> None:
    text = NEAR_CLIENT + "C PA 1 1 100 60000 @200\nS A 1 301 0 60000 @300"
    row, mine = ran(text, client=True)
    assert row.server_acked_unseen == 1
    assert mine.rtt.ms.size == 0


def test_no_sample_of_a_keep_alive() -> None:
    text = (
        NEAR_CLIENT
        + """
        C PA   1 1 100 60000 @200
        S A    1 101 0 60000 @300
        C A  100 1   1 60000 @5000
        S A    1 101 0 60000 @5100
    """
    )
    row, mine = ran(text, client=True)
    assert row.client_keep_alives == 1
    assert mine.rtt.ms.tolist() == [100]


# ── in flight ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_flight_and_window() -> None:
    text = (
        NEAR_SERVER
        + """
        C PA    1    1   10  5000 @100
        S A     1   11 1000 60000 @101
        S A  1001   11 1000 60000 @102
        C A    11 1001    0  4000 @201
        S A  2001   11  500 60000 @202
        C A    11 2501    0  5000 @301
    """
    )
    row, served = ran(text, client=False)
    assert row.server_max_in_flight_bytes == 2000
    assert row.client_max_in_flight_bytes == 10
    assert served.flight.frame.tolist() == [5, 6, 7, 8, 9]
    assert served.flight.bytes.tolist() == [1000, 2000, 1000, 1500, 0]
    assert served.window.frame.tolist() == [3, 4, 7, 9]
    assert served.window.bytes.tolist() == [60000, 5000, 4000, 5000]
    assert served.window.edge.tolist() == [60001, 5001, 5001, 7501]


def test_what_follows_the_other_sides_reset_is_not_in_flight() -> None:
    text = (
        NEAR_CLIENT
        + """
        C PA    1    1   10 60000 @100
        S A     1   11 1000 60000 @200
        C A    11 1001    0 60000 @200
        C RA   11 1001    0 60000 @200
        S A  1001   11 1000 60000 @200
        C R    11    0    0     0 @200
        S A  2001   11 1000 60000 @200
        C R    11    0    0     0 @200
    """
    )
    assert ran(text, client=False)[0].server_max_in_flight_bytes == 1000


# ── what held the sender back ────────────────────────────────────────────────────────────────────────────────────


def bulk(opening: str, sent: list[tuple[float, int]], acks: list[tuple[float, int, int]]) -> str:
    """Write a server's data (ms, size) and the client's ACKs (ms, bytes, window) as a script after a request."""
    lines: list[tuple[float, int, str]] = [(100, 0, f"C PA 1 1 10 {acks[0][2]} @100")]
    position, at_server = 1, acks[1][0] > sent[0][0]  # an ACK and what it sets off: seen in this order at the server
    for at, size in sent:
        lines.append((at, 2, f"S A {position} 11 {size} 60000 @{at}"))
        position += size
    for at, covered, window in acks[1:]:
        lines.append((at, 1 if at_server else 3, f"C A 11 {1 + covered} 0 {window} @{at}"))
    lines.sort(key=lambda line: line[:2])
    return opening + "\n".join(line[2] for line in lines)


FAST = (
    NEAR_SERVER
    + """
    C PA    1    1   10 60000 @100
    S A     1   11 1000 60000 @101
    S A  1001   11 1000 60000 @102      # lost behind the recorder
    S A  2001   11 1000 60000 @103
    S A  3001   11 1000 60000 @104
    S A  4001   11 1000 60000 @105
    C A    11 1001    0 60000 @201
    C A    11 1001    0 60000 @203
    C A    11 1001    0 60000 @204
    C A    11 1001    0 60000 @205
    S A  1001   11 1000 60000 @206
    C A    11 5001    0 60000 @306
"""
)
FIRST = (0, 0, 60000)


def test_the_receivers_window_seen_at_the_server() -> None:
    # Two segments fill the window of 2000; only an ACK 100 ms later makes room.
    text = bulk(
        NEAR_SERVER.replace("C A   1   1   0  60000", "C A   1   1   0  2000"),
        [(101, 1000), (101, 1000), (201, 1000), (201, 1000), (301, 1000)],
        [(0, 0, 2000), (201, 2000, 2000), (301, 4000, 2000), (401, 5000, 2000)],
    )
    row, served = ran(text.replace("C S   0   0   0  60000", "C S   0   0   0  2000"), client=False)
    assert limits(row, "server") == (300, 200, 0, 100)  # the last 100 ms: the way of the last byte and its ACK
    assert row.server_throughput_bytes == pytest.approx(5000 / 0.3)
    (only_one,) = served.transfers
    assert (only_one.first_frame, only_one.last_frame, only_one.bytes) == (5, 11, 5000)
    assert (only_one.start_time, only_one.end_time) == (START + 101 * MS, START + 401 * MS)
    assert (only_one.receiver_limited_ms, only_one.sender_limited_ms, only_one.network_limited_ms) == (200, 0, 100)


def test_the_receivers_window_seen_at_the_client() -> None:
    # The same sending: the recorder sees the ACK that makes room at once, the sender learns of it a round trip later.
    text = bulk(
        NEAR_CLIENT.replace("C A   1   1   0  60000", "C A   1   1   0  2000"),
        [(201, 1000), (201, 1000), (301, 1000), (301, 1000), (401, 1000)],
        [(0, 0, 2000), (201, 2000, 2000), (301, 4000, 2000), (401, 5000, 2000)],
    )
    row = ran(text.replace("C S   0   0   0  60000", "C S   0   0   0  2000"), client=False)[0]
    assert limits(row, "server") == (200, 200, 0, 0)


@pytest.mark.parametrize("closed_ms", [300, 5000])
def test_a_closed_window_is_the_receivers_however_long(closed_ms: int) -> None:
    opened = 202 + closed_ms
    text = bulk(
        NEAR_SERVER,
        [(101, 1000), (101, 1000), (opened, 1000)],
        [FIRST, (201, 1000, 1000), (202, 2000, 0), (opened, 2000, 60000), (opened + 100, 3000, 60000)],
    ).replace("C A   1   1   0  60000", "C A   1   1   0  2000")
    text = text.replace("C PA 1 1 10 60000", "C PA 1 1 10 2000")
    row, served = ran(text, client=False)
    assert row.client_zero_windows == 1
    assert len(served.transfers) == 1
    assert limits(row, "server") == (opened + 100 - 101, opened - 101, 0, 100)


@pytest.mark.parametrize(
    ("opening", "sent", "acked", "expected"),
    [
        (NEAR_SERVER, 101, 201, (400, 0, 300, 100)),
        (NEAR_CLIENT, 201, 201, (300, 0, 300, 0)),
    ],
)
def test_the_program_gives_nothing(
    opening: str, sent: float, acked: float, expected: tuple[float, float, float, float]
) -> None:
    # A segment and a half at once, the same again 300 ms later, in a wide window.
    text = bulk(
        opening,
        [(sent, 1000), (sent, 500), (sent + 300, 1000), (sent + 300, 500)],
        [FIRST, (acked, 1500, 60000), (acked + 300, 3000, 60000)],
    )
    row, served = ran(text, client=False)
    assert limits(row, "server") == expected
    assert len(served.transfers) == 1


@pytest.mark.parametrize(("opening", "sent"), [(NEAR_SERVER, 101), (NEAR_CLIENT, 201)])
def test_waiting_for_acks_is_the_networks(opening: str, sent: float) -> None:
    # Two segments, then four, then eight, each round when the ACKs of the one before it arrive.
    acked = sent + 100 if opening == NEAR_SERVER else sent
    rounds = [(k, count) for k, count in enumerate((2, 4, 8))]
    text = bulk(
        opening,
        [(sent + 100 * k, 1000) for k, count in rounds for _ in range(count)],
        [FIRST, *((acked + 100 * k, 1000 * (2 * count - 2), 60000) for k, count in rounds)],
    )
    transfer = 300 if opening == NEAR_SERVER else 200
    assert limits(ran(text, client=False)[0], "server") == (transfer, 0, 0, transfer)


def test_segments_spread_over_the_round_trip_are_the_networks() -> None:
    # Paced: full segments every 10 ms while the first ACK is 100 ms away.
    text = bulk(NEAR_SERVER, [(101 + 10 * k, 1000) for k in range(8)], [FIRST, (201, 4000, 60000), (271, 8000, 60000)])
    assert limits(ran(text, client=False)[0], "server") == (170, 0, 0, 170)


def test_small_segments_spread_over_the_round_trip_are_the_programs() -> None:
    # After a segment that is not full nothing was waiting to be sent.
    text = bulk(
        NEAR_SERVER,
        [(101, 1000), *((111 + 10 * k, 200) for k in range(8))],
        [FIRST, (281, 2600, 60000)],
    )
    assert limits(ran(text, client=False)[0], "server") == (180, 0, 70, 110)


def test_small_segments_that_no_ack_can_have_caused_are_the_programs() -> None:
    # Seen at the client, whose ACKs need 100 ms to show in what the server sends; it sends every 30 ms.
    text = bulk(
        NEAR_CLIENT,
        [(201, 1000), *((211 + 30 * k, 200) for k in range(6))],
        [FIRST, (201, 1000, 60000), *((211 + 30 * k, 1200 + 200 * k, 60000) for k in range(6))],
    )
    assert limits(ran(text, client=False)[0], "server") == (160, 0, 150, 10)


def test_a_turn_of_the_other_side_ends_a_transfer() -> None:
    text = (
        NEAR_CLIENT
        + """
        C PA   1    1  100 60000 @200
        S PA   1  101 1000 60000 @350    # the server thought about it for 50 ms
        C A  101 1001    0 60000 @350
        C PA 101 1001  100 60000 @700    # the person, too
        S PA 1001 201 1000 60000 @800
        C A  201 2001    0 60000 @800
    """
    )
    row, asked = ran(text, client=True)
    assert [(t.first_frame, t.last_frame, t.bytes) for t in asked.transfers] == [(4, 4, 100), (7, 7, 100)]
    assert limits(row, "client") == (200, 0, 0, 200)  # the first ACK was held back for the answer: 100 ms, not 150
    served = course(followed(packets_of(script(text))).segments, 0, client=False)
    assert [(t.first_frame, t.last_frame, t.bytes) for t in served.transfers] == [(5, 5, 1000), (8, 8, 1000)]
    assert limits(row, "server") == (0, 0, 0, 0)


def test_data_of_the_other_side_that_is_no_turn() -> None:
    # Seen at the client, which says something while the download runs: what comes next was under way already.
    text = bulk(NEAR_CLIENT, [(201, 1000), (231, 1000)], [FIRST, (201, 1000, 60000), (231, 2000, 60000)])
    chatty = text.replace("S A 1001 11 1000", "C PA 11 1001 20 60000 @210\nS A 1001 11 1000")
    assert len(ran(chatty, client=False)[1].transfers) == 1
    later = chatty.replace("S A 1001 11 1000 60000 @231", "S A 1001 31 1000 60000 @311").replace("@231", "@311")
    assert len(ran(later, client=False)[1].transfers) == 2


@pytest.mark.parametrize(("pause", "count"), [(1000, 1), (1002, 2)])
def test_silence_of_more_than_a_second_ends_a_transfer(pause: int, count: int) -> None:
    text = bulk(
        NEAR_SERVER, [(101, 1000), (101 + pause, 1000)], [FIRST, (201, 1000, 60000), (201 + pause, 2000, 60000)]
    )
    row, served = ran(text, client=False)
    assert len(served.transfers) == count
    assert row.server_transfer_ms == (pause + 100 if count == 1 else 200)


def test_an_ack_after_a_silence_is_not_the_end_of_a_transfer() -> None:
    # The client's own ACK was not recorded; its next request says seconds later that it had everything.
    text = (
        NEAR_SERVER
        + """
        C PA    1    1   10 60000 @100
        S A     1   11 1000 60000 @101
        C PA   11 1001   10 60000 @5000
        S A  1001   21 1000 60000 @5001
        C A    21 2001    0 60000 @5101
    """
    )
    row, served = ran(text, client=False)
    assert [t.end_time - t.start_time for t in served.transfers] == [0, 100 * MS]
    assert row.server_transfer_ms == 100


def test_duplicate_acks_are_a_clock_too() -> None:
    # While a hole is repaired every duplicate ACK lets the sender send a new segment.
    text = (
        FAST.split("S A  1001   11 1000 60000 @206")[0]
        + """
        S A  5001   11 1000 60000 @205
        C A    11 1001    0 60000 @255
        S A  6001   11 1000 60000 @255
        C A    11 5001    0 60000 @355
    """
    )
    row = ran(text, client=False)[0]
    assert row.server_sender_limited_ms == 0
    # Without the duplicate ACK before it, the last segment would have come out of the blue.
    row = ran(text.replace("C A    11 1001    0 60000 @255\n", ""), client=False)[0]
    assert row.server_sender_limited_ms == 50


def test_a_repair_while_the_window_has_no_room_is_the_networks() -> None:
    text = bulk(
        NEAR_SERVER.replace("C A   1   1   0  60000", "C A   1   1   0  2000"),
        [(101, 1000), (101, 1000), (401, 1000)],
        [(0, 0, 2000), (501, 2000, 2000)],
    ).replace("S A 2001", "S A 1")
    assert limits(ran(text, client=False)[0], "server") == (400, 0, 0, 400)


def test_the_first_window_that_was_seen_does_not_tell_of_the_one_before_it() -> None:
    # A server that answers before the handshake ends knows the window of the SYN.
    text = """
        C S     0    0    0  60000 @0
        S SA    0    1    0  60000 @0
        S A     1    1 1000  60000 @1
        S A  1001    1  500  60000 @1
        C A     1    1    0  60000 @100
        C A     1 1501    0  60000 @101
        S A  1501    1 1000  60000 @301
        C A     1 2501    0  60000 @401
    """
    assert limits(ran(text, client=False)[0], "server") == (400, 0, 300, 100)
    at_client = """
        C S     0    0    0  60000 @0
        S SA    0    1    0  60000 @100
        C A     1    1    0  60000 @100
        S A     1    1 1000  60000 @101
        S A  1001    1  500  60000 @101
        C A     1 1501    0  60000 @101
        S A  1501    1 1000  60000 @401
        C A     1 2501    0  60000 @401
    """
    assert limits(ran(at_client, client=False)[0], "server") == (300, 0, 300, 0)


# ── loss ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_timeout() -> None:
    text = (
        NEAR_SERVER
        + """
        C PA    1    1   10 60000 @100
        S A     1   11 1000 60000 @101
        S A     1   11 1000 60000 @401
        C A    11 1001    0 60000 @501
    """
    )
    row, served = ran(text, client=False)
    assert limits(row, "server") == (400, 0, 0, 400)
    (episode,) = served.episodes
    assert (episode.frames, episode.kind, episode.cost_ms) == ((6,), "timeout", 300)
    assert (episode.start_time, episode.end_time) == (START + 101 * MS, START + 401 * MS)
    assert (row.server_loss_episodes, row.server_loss_ms) == (1, 300)
    assert (row.client_loss_episodes, row.client_loss_ms) == (0, 0)
    assert served.rtt.ms.size == 0
    assert served.transfers[0].bytes == 1000


def test_a_fast_retransmission() -> None:
    row, served = ran(FAST, client=False)
    assert row.server_fast_retransmissions == 1
    (episode,) = served.episodes
    assert (episode.frames, episode.kind, episode.cost_ms) == ((14,), "fast", 104)
    assert limits(row, "server") == (205, 0, 0, 205)
    assert row.server_throughput_bytes == pytest.approx(5000 / 0.205)


def test_repairs_whose_waits_overlap_are_one_episode() -> None:
    text = (
        NEAR_SERVER
        + """
        C PA    1    1   10 60000 @100
        S A     1   11 1000 60000 @101
        S A  1001   11 1000 60000 @102
        S A     1   11 1000 60000 @402
        S A     1   11 1000 60000 @1002
        C A    11 1001    0 60000 @1102
        S A  1001   11 1000 60000 @1103
        C A    11 2001    0 60000 @1203
        S A  2001   11 1000 60000 @1204
        S A  2001   11 1000 60000 @1504
        C A    11 3001    0 60000 @1604
    """
    )
    row, served = ran(text, client=False)
    assert [(e.frames, e.kind, e.cost_ms) for e in served.episodes] == [
        ((7, 8, 10), "timeout", 1002),
        ((13,), "timeout", 300),
    ]
    assert (row.server_loss_episodes, row.server_loss_ms) == (2, 1302)


def test_bytes_the_recorder_never_saw_are_missed_from_the_first_that_came_after_them() -> None:
    text = (
        NEAR_CLIENT
        + """
        C PA    1    1   10 60000 @100
        S A     1   11 1000 60000 @201
        S A  2001   11 1000 60000 @203
        C A    11 1001    0 60000 @203
        S A  1001   11 1000 60000 @310
        C A    11 3001    0 60000 @310
    """
    )
    (episode,) = ran(text, client=False)[1].episodes
    assert (episode.frames, episode.kind, episode.cost_ms) == ((8,), "other", 107)


def test_what_was_sent_for_nothing_is_no_loss() -> None:
    text = (
        NEAR_CLIENT
        + """
        C PA    1    1   10 60000 @100
        S A     1   11 1000 60000 @201
        C A    11 1001    0 60000 @201
        S A     1   11 1000 60000 @501
        C A    11 1001    0 60000 @501
    """
    )
    row, served = ran(text, client=False)
    assert row.server_spurious_retransmissions == 1
    assert (row.server_loss_episodes, row.server_loss_ms, served.episodes) == (0, 0, ())


OPEN_40 = """
    C S   0    0    0 @0                 # 1
    S SA  0    1    0 @40                # 2
    C A   1    1    0 @40                # 3
"""
NO_LOSS = {
    "needless: the client reports that it got it twice": """
        S PA  1    1 1000 @50                            # 4
        S PA  1    1 1000 @300                           # 5
        C A   1 1001    0 @340 sack=1-1001               # 6
    """,
    "needless: the client had told that it has it above a hole": """
        S PA  1    1 1000 @50                            # 4
        S PA  2001 1 1000 @51                            # 5
        C A   1 1001    0 @91  sack=2001-3001            # 6
        S PA  2001 1 1000 @300                           # 7
    """,
    "late, by its timestamp": """
        S PA  1    1 1000 @50  ts=930/140                # 4
        S PA  2001 1 1000 @51  ts=932/140                # 5
        S PA  1001 1 1000 @151 ts=931/140                # 6
    """,
    "recorded again behind a router": """
        S PA  1    1 1000 @50 id=7                       # 4
        S PA  1001 1 1000 @51 id=8                       # 5
        S PA  1    1 1000 @95 id=7 ttl=63                # 6
    """,
    "doubled by the network": """
        S PA  1    1 1000 @50 id=7                       # 4
        S PA  1001 1 1000 @51 id=8                       # 5
        S PA  1    1 1000 @95 id=7 ttl=63                # 6
        C A   1 2001    0 @96 sack=1-1001                # 7
    """,
}


@pytest.mark.parametrize("name", NO_LOSS)
def test_what_the_second_opinion_proves_to_be_no_loss_costs_nothing(name: str) -> None:
    flows = flows_of(talk(OPEN_40 + NO_LOSS[name]))
    row = only(flows)
    assert row.server_retransmissions + row.server_fast_retransmissions == 1  # says Wireshark
    assert (row.server_loss_episodes, row.server_loss_ms) == (0, 0)
    assert course(flows.segments, 0, client=False).episodes == ()


def test_a_repair_that_wireshark_calls_out_of_order_is_one() -> None:
    """The hole was told of more than a round trip before; what is late by less than that is the newest data."""
    flows = flows_of(
        talk(
            OPEN_40
            + """
            S PA  1    1 1000 @50                            # 4
            S PA  2001 1 1000 @51                            # 5
            C A   1 1001    0 @51 sack=2001-3001             # 6
            S PA  3001 1 1000 @120                           # 7
            S PA  1001 1 1000 @123                           # 8
            """
        )
    )
    row = only(flows)
    assert (row.server_out_of_order, row.server_retransmissions, row.server_resent_needed) == (1, 0, 1)
    assert (row.server_loss_episodes, row.server_loss_ms) == (1, 72)
    assert [e.frames for e in course(flows.segments, 0, client=False).episodes] == [(8,)]


def test_what_the_network_doubled_was_sent_once() -> None:
    text = OPEN_40 + "S PA 1 1 1000 @50 id=7\nS PA 1 1 1000 @50.1 id=7\nC A 1 1001 0 @90 sack=1-1001\n"
    twice = course(flows_of(talk(text)).segments, 0, client=False)
    assert (twice.rtt.ms.tolist(), twice.flight.bytes.max()) == ([40], 1000)


def test_repeats_to_somebody_who_is_gone_are_no_loss() -> None:
    text = (
        NEAR_CLIENT
        + """
        C PA    1    1   10 60000 @100
        C FA   11    1    0 60000 @150
        S A     1   12 1000 60000 @250
        S A     1   12 1000 60000 @650
    """
    )
    row = ran(text, client=False)[0]
    assert (row.server_retransmissions, row.server_loss_episodes) == (1, 0)


def test_a_packet_recorded_twice_changes_nothing() -> None:
    lines = script(FAST)
    once = only(followed(packets_of(lines)))
    packets = [p for p in packets_of(lines) for _ in range(2)]
    twice = only(followed([(at + (k % 2) * 10_000, packet) for k, (at, packet) in enumerate(packets)]))
    assert twice.server_duplicates_in_capture > 0
    for name in (f.removeprefix("server_") for f in once.__slots__ if f.startswith("server_")):
        if any(word in name for word in ("rtt", "flight", "limited", "transfer", "loss_", "throughput")):
            assert getattr(twice, f"server_{name}") == getattr(once, f"server_{name}"), name


# ── what cannot be told ──────────────────────────────────────────────────────────────────────────────────────────

MEASURED = (
    "rtt_min_ms",
    "rtt_p50_ms",
    "rtt_p95_ms",
    "max_in_flight_bytes",
    "transfer_ms",
    "receiver_limited_ms",
    "sender_limited_ms",
    "network_limited_ms",
    "throughput_bytes",
)


@pytest.mark.parametrize("side", ["client", "server"])
def test_a_one_sided_capture_cannot_tell(side: str) -> None:
    lines = [line for line in script(FAST) if line.client == (side == "client")]
    flows = followed(packets_of(lines))
    row = only(flows)
    assert (row.client_rtt_samples, row.server_rtt_samples) == (0, 0)
    for name in MEASURED:
        assert getattr(row, f"{side}_{name}") is None, name
    found = course(flows.segments, 0, client=side == "client")
    assert (found.rtt.ms.size, found.flight.bytes.size, found.transfers) == (0, 0, ())


def test_a_side_that_sent_nothing_has_no_numbers() -> None:
    row = ran(NEAR_CLIENT, client=True)[0]
    for side in ("client", "server"):
        assert [getattr(row, f"{side}_{name}") for name in (*MEASURED, "loss_ms")] == [None] * 10
        assert (getattr(row, f"{side}_rtt_samples"), getattr(row, f"{side}_loss_episodes")) == (0, 0)


def test_without_the_handshake_windows_cannot_be_read() -> None:
    lines = [line for line in script(FAST) if "S" not in line.flags]
    row = only(followed(packets_of(lines)))
    assert row.server_transfer_ms == 205
    assert limits(row, "server")[1:] == (None, None, None)
    assert row.server_rtt_samples == 1  # up to the hole
    assert row.server_max_in_flight_bytes == 5000


def test_a_clock_that_runs_backwards_takes_no_time() -> None:
    lines = script(FAST)
    back = [replace(line, time=START + (len(lines) - k) * MS) for k, line in enumerate(lines)]
    flows = followed(packets_of(back))
    row = only(flows)
    assert row.server_rtt_samples == 0
    assert limits(row, "server") == (0, 0, 0, 0)
    assert row.server_throughput_bytes is None
    assert (course(flows.segments, 0, client=False).rtt.ms >= 0).all()


def test_two_connections_at_the_same_time() -> None:
    lines = [line for line in script(FAST) if "S" not in line.flags and line.client is False]
    unheard = packets_of([*lines[:3], Line(True, "A", 11, 1, 0, 60000, lines[-1].time)], client_port=20000)
    flows = followed(sorted([*packets_of(script(FAST)), *unheard, *packets_of(script(FAST), client_port=20001)]))
    rows = list(flows.connections.rows())
    assert [row.server_loss_episodes for row in rows] == [1, 1, 0]
    assert [row.server_loss_ms for row in rows] == [104, 104, 0]
    assert [row.server_max_in_flight_bytes for row in rows] == [5000, 5000, 3000]


def test_no_such_stream() -> None:
    flows = followed(packets_of(script(NEAR_CLIENT)))
    for stream in (-1, 1):
        with pytest.raises(IndexError):
            course(flows.segments, stream, client=True)


def test_data_far_outside_every_window_is_left_out() -> None:
    lines = script(FAST)
    far = Line(False, "PA", 1_500_000_000, 11, 1000, 60000, lines[9].time)
    packets = [(line.time, frame_of(line, ident=k + 1)) for k, line in enumerate([*lines[:10], far, *lines[10:]])]
    assert only(followed(packets)).server_max_in_flight_bytes == 5000
