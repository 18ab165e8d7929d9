"""Answers are paired by what acknowledgement numbers prove: whatever the recorder missed, doubled or swapped."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.flows.build import follow
from analyzer.flows.stream import memory_stream
from analyzer.options import Options
from analyzer.pipeline import analyze
from analyzer.schema import HttpRow
from tests import build
from tests.playbook import MS, Playbook, Segment

Packets = list[tuple[int, bytes]]
Pairs = list[tuple[str | None, int | None]]


def rows_of(packets: Packets) -> list[HttpRow]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "capture.pcap"
        path.write_bytes(build.pcap_file(packets, nanoseconds=True))
        return list(analyze(str(path)).http)


def pairs(book: Playbook) -> Pairs:
    return [(row.target, row.status) for row in rows_of(book.packets)]


def get(path: str, extra: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: a.example\r\n{extra}\r\n".encode()


def answer(status: int, body: bytes = b"", extra: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body


def opened() -> Playbook:
    book = Playbook()
    book.handshake()
    return book


# ── conversations of random clients ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Ask:
    """One request and its answer; ``segments`` are cut to this size."""

    method: str
    status: int
    request: bytes
    response: bytes
    size: int


@dataclass
class Network:
    """Two programs, and what is under way between them.

    A packet bears the acknowledgement of the moment it was sent, and is recorded when it passes the recorder: at the
    client, its own when sent and the server's when they arrive.
    """

    book: Playbook
    at_client: bool
    under_way: dict[str, deque[tuple[Segment, tuple[int, bytes]]]] = field(
        default_factory=lambda: {"client": deque(), "server": deque()}
    )
    packets: Packets = field(default_factory=list)
    clock: int = 0

    def record(self, packet: bytes) -> None:
        self.clock += MS
        self.packets.append((Playbook.ns(1000) + self.clock, packet))

    def send(self, side: str, data: bytes, size: int) -> None:
        sender = self.book.client if side == "client" else self.book.server
        for low in range(0, len(data), size):
            segment = Segment(side, sender.sent, data[low : low + size])
            sender.sent += len(segment.data)
            self._emit(segment)

    def ack(self, side: str) -> None:
        sender = self.book.client if side == "client" else self.book.server
        self._emit(Segment(side, sender.sent, b"", "A"))

    def _emit(self, segment: Segment) -> None:
        self.book.emit(segment, delivered=False)
        packet = self.book.packets.pop()
        if self.at_client == (segment.side == "client"):
            self.record(packet[1])
        self.under_way[segment.side].append((segment, packet))

    def deliver(self, side: str) -> None:
        """Let the oldest segment that a side has sent arrive."""
        segment, packet = self.under_way[side].popleft()
        if self.at_client != (side == "client"):
            self.record(packet[1])
        sender = self.book.client if side == "client" else self.book.server
        sender.arrived.append((segment.offset, segment.offset + len(segment.data)))


def asks(chance: Random) -> list[Ask]:
    out = []
    for number in range(chance.randint(2, 7)):
        method = chance.choice(["GET", "GET", "GET", "HEAD", "POST"])
        content = b"u" * chance.randint(1, 90) if method == "POST" else b""
        length = f"Content-Length: {len(content)}\r\n" if content else ""
        request = f"{method} /{number} HTTP/1.1\r\nHost: a\r\n{length}\r\n".encode() + content
        body, status = b"d" * chance.randint(0, 120), 210 + number
        if chance.random() < 0.5:
            response = b"HTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n\r\n" % status
            coded = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
        else:
            response, coded = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)), body
        response += b"" if method == "HEAD" else coded
        out.append(Ask(method, status, request, response, chance.choice([40, 90, 1460, 1460])))
    return out


@dataclass(frozen=True)
class Talk:
    """What was asked, by what kind of client, and the packets of the handshake and of all that follows."""

    asked: list[Ask]
    kind: str
    opening: Packets
    packets: Packets


def conversation(kind: str, seed: int) -> Talk:
    """Return a conversation made up by chance.

    Kinds of clients: ``waits`` for each answer; ``batch`` sends some requests at once and waits for all their answers;
    ``slides``: has so and so many requests open, and sends the next one when an answer is there.
    """
    chance = Random(seed)
    talk = asks(chance)
    book = Playbook()
    book.handshake()
    opening, book.packets = book.packets, []
    network = Network(book, chance.random() < 0.5)
    width = chance.randint(2, 4) if kind != "waits" else 1
    request_ends = _ends([ask.request for ask in talk])
    response_ends = _ends([ask.response for ask in talk])
    asked = told = 0
    while told < len(talk) or network.under_way["server"]:
        got = sum(end <= book.client.got for end in response_ends[:told])
        read = sum(end <= book.server.got for end in request_ends[:asked])
        open_ = asked - got
        may = [f"deliver {side}" for side in ("client", "server") if network.under_way[side]]
        if asked < len(talk) and (open_ == 0 if kind != "slides" else open_ < width):
            may.append("ask")
        if told < read:
            may.append("tell")
        what = chance.choice(may)
        if what == "ask":
            count = width if kind == "batch" or (kind == "slides" and not asked) else 1
            for ask in talk[asked : asked + count]:
                network.send("client", ask.request, ask.size)
                asked += 1
        elif what == "tell":
            network.send("server", talk[told].response, talk[told].size)
            told += 1
        else:
            side = what.removeprefix("deliver ")
            network.deliver(side)
            if chance.random() < 0.25:
                network.ack("server" if side == "client" else "client")
    while network.under_way["client"]:
        network.deliver("client")
    book.packets = network.packets
    network.packets, ended = [], len(network.packets)
    book.at(5000 + ended).close()
    return Talk(talk, kind, opening, book.packets)


def _ends(messages: list[bytes]) -> list[int]:
    out, reached = [], 0
    for message in messages:
        reached += len(message)
        out.append(reached)
    return out


def recorded(packets: Packets, chance: Random) -> Packets:
    """Record packets badly: some not, some twice, some neighbours in the wrong order (with or without their times)."""
    count = len(packets)
    lost = {chance.randrange(count) for _ in range(chance.randint(0, 5))}
    if chance.random() < 0.5:  # a burst
        low = chance.randrange(count)
        lost |= set(range(low, low + chance.randint(1, 6)))
    twice = {chance.randrange(count) for _ in range(chance.randint(0, 2))}
    out: Packets = []
    for at, packet in enumerate(packets):
        if at not in lost:
            out += [packet] * (2 if at in twice else 1)
    for _ in range(chance.randint(0, 2)):
        if len(out) > 1:
            at = chance.randrange(len(out) - 1)
            (first, a), (second, b) = out[at], out[at + 1]
            out[at : at + 2] = [(first, b), (second, a)] if chance.random() < 0.5 else [(second, b), (first, a)]
    return out


def check(talk: list[Ask], rows: list[HttpRow]) -> int:
    """Hold the rows to the truth; return how many are paired."""
    truth = {f"/{number}": ask.status for number, ask in enumerate(talk)}
    paired = [row for row in rows if row.target is not None and row.status is not None]
    wrong = [(row.target, row.status) for row in paired if row.status != truth[row.target or ""]]
    assert not wrong
    statuses = [row.status for row in rows if row.status is not None]
    assert len(statuses) == len(set(statuses)), "no answer is told twice"
    targets = [row.target for row in rows if row.target is not None]
    assert len(targets) == len(set(targets)), "and no request"
    return len(paired)


seeds = st.integers(0, 2**40)


@given(st.sampled_from(["waits", "batch", "slides"]), seeds)
@settings(max_examples=60, deadline=None)
def test_with_nothing_lost_all_are_paired(kind: str, seed: int) -> None:
    talk = conversation(kind, seed)
    assert check(talk.asked, rows_of(talk.opening + talk.packets)) == len(talk.asked)


@given(st.sampled_from(["waits", "batch"]), seeds, seeds)
@settings(max_examples=200, deadline=None)
def test_no_status_lands_on_another_url(kind: str, seed: int, losses: int) -> None:
    talk = conversation(kind, seed)
    check(talk.asked, rows_of(talk.opening + recorded(talk.packets, Random(losses))))


# ── what a recorder can miss, one case at a time ─────────────────────────────────────────────────────────────────────


def in_turn(lost: set[str], pause: float = 100) -> Playbook:
    """Ask for /a to /d, one after the other; a (answered 201) to d (204). ``lost`` names what was not recorded:
    requests by their letter, responses by their status."""
    p = opened()
    for number, letter in enumerate("abcd"):
        p.at(50 + pause * number).client.send(get(f"/{letter}"), captured=letter not in lost)
        status = 201 + number
        p.at(90 + pause * number).server.send(answer(status, letter.encode()), captured=str(status) not in lost)
        p.client.ack(captured=str(status) not in lost)
    p.at(9000).close()
    return p


def at_once(lost: set[str]) -> Playbook:
    """Send /a, /b and /c in segments of their own without waiting, and then, when all is answered, /d."""
    p = opened()
    for letter in "abc":
        p.at(50).client.send(get(f"/{letter}"), captured=letter not in lost)
    for number, letter in enumerate("abc"):
        p.at(95).server.send(answer(201 + number, letter.encode()), captured=str(201 + number) not in lost)
    p.client.ack()
    p.at(150).client.send(get("/d"), captured="d" not in lost)
    p.at(190).server.send(answer(204, b"d"), captured="204" not in lost)
    p.client.ack()
    p.at(300).close()
    return p


def test_a_lost_answer_and_the_next_request_lost_with_it() -> None:
    # The 203 acknowledges 33 bytes behind /b that are not in the capture: it answers what was in them.
    for pause in (100, 2800):
        assert pairs(in_turn({"202", "c"}, pause)) == [("/a", 201), ("/b", None), (None, 203), ("/d", 204)]


def test_the_first_answer_and_the_second_request_lost() -> None:
    assert pairs(in_turn({"201", "b"})) == [("/a", None), (None, 202), ("/c", 203), ("/d", 204)]


def test_an_answer_lost_between_others_costs_one_pair() -> None:
    assert pairs(in_turn({"201"})) == [("/a", None), ("/b", 202), ("/c", 203), ("/d", 204)]
    assert pairs(in_turn({"203"})) == [("/a", 201), ("/b", 202), ("/c", None), ("/d", 204)]


def test_one_answer_of_a_batch_lost() -> None:
    # Equal acknowledgements: /b and /c did not wait. Three requests, and the hole has swallowed one answer.
    assert pairs(at_once({"201"})) == [("/a", None), ("/b", 202), ("/c", 203), ("/d", 204)]
    assert pairs(at_once({"202"})) == [("/a", 201), ("/b", None), ("/c", 203), ("/d", 204)]
    assert pairs(at_once({"203"})) == [("/a", 201), ("/b", 202), ("/c", None), ("/d", 204)]
    assert [row.pipelined for row in rows_of(at_once({"201"}).packets)] == [False, True, True, False]


def test_one_request_of_a_batch_lost() -> None:
    assert set(pairs(at_once({"a"}))) == {(None, 201), ("/b", 202), ("/c", 203), ("/d", 204)}
    assert set(pairs(at_once({"b"}))) == {("/a", 201), (None, 202), ("/c", 203), ("/d", 204)}
    assert set(pairs(at_once({"c"}))) == {("/a", 201), ("/b", 202), (None, 203), ("/d", 204)}


def test_a_request_and_another_answer_of_a_batch_lost() -> None:
    # Where /d was lost too, nothing tells how many requests came before /b.
    assert set(pairs(at_once({"a", "203"}))) >= {("/d", 204)}
    rows = pairs(at_once({"a", "203", "d"}))
    assert not [row for row in rows if None not in row]


def test_the_answers_behind_a_head_with_a_hole() -> None:
    p = opened()
    for letter in "abc":
        p.at(50).client.send(get(f"/{letter}"))
    first = answer(200, b"x" * 90)
    p.at(90).server.send(first[:25])
    p.server.send(first[25:], captured=False)
    p.server.send(answer(201))
    p.server.send(answer(202))
    p.client.ack()
    p.at(200).close()
    assert pairs(p) == [("/a", 200), ("/b", 201), ("/c", 202)]


def test_an_answer_to_a_head_request_that_was_lost_may_have_no_body() -> None:
    """Its length reaches over the lost answer to /b into that to /c: what follows is not counted on from there."""
    p = opened()
    p.at(50).client.send(b"HEAD /a HTTP/1.1\r\nHost: a.example\r\n\r\n", captured=False)
    p.at(90).server.send(b"HTTP/1.1 201 X\r\nContent-Length: 150\r\n\r\n")
    for letter in "bc":
        p.at(150).client.send(get(f"/{letter}"))
    p.at(190).server.send(answer(202, b"b" * 28), captured=False)
    p.server.send(answer(203, b"c" * 90))
    p.at(250).client.send(get("/d"))
    p.at(290).server.send(answer(204))
    p.at(400).close()
    rows = pairs(p)
    assert ("/d", 204) in rows
    assert not set(rows) & {("/b", 203), ("/b", 204), ("/c", 204)}


def test_a_response_in_a_body_is_none() -> None:
    p = opened()
    text = b"HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nbad"
    first = answer(200, text, "Content-Type: message/http\r\n")
    at = len(first) - len(text)
    p.at(50).client.send(get("/a"))
    p.at(90).server.send(first[:20])
    p.server.send(first[20:at], captured=False)
    p.server.send(text)
    p.client.ack()
    p.at(150).client.send(get("/b"))
    p.at(190).server.send(answer(404))
    p.at(300).close()
    assert pairs(p) == [("/a", 200), ("/b", 404)]


def test_an_answer_that_begins_inside_a_segment_behind_a_hole() -> None:
    p = opened()
    p.at(50).client.send(get("/a"))
    p.client.send(get("/b"))
    p.at(90).server.send(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    p.server.send(b"1", captured=False)
    p.server.send(b"0\r\n" + b"z" * 16 + b"\r\n0\r\n\r\n" + answer(404))
    p.client.ack()
    p.at(200).close()
    assert pairs(p) == [("/a", 200), ("/b", 404)]


def test_neighbours_that_were_swapped_with_their_times() -> None:
    p = opened()
    p.at(50).client.send(get("/a"))
    p.at(90).server.send(answer(200))
    p.at(100).client.send(get("/b"))
    p.at(100.05).server.send(answer(404))
    p.at(200).close()
    (asked, request), (told, response) = p.packets[5:7]
    p.packets[5:7] = [(asked, response), (told, request)]
    assert pairs(p) == [("/a", 200), ("/b", 404)]


def test_a_request_recorded_before_the_end_of_the_answer_it_waited_for() -> None:
    p = opened()
    p.at(50).client.send(get("/a"))
    p.at(90).server.send(answer(200))
    p.at(90.02).client.send(get("/b"))
    p.at(130).server.send(answer(404))
    p.at(200).close()
    (early, told), (late, asked) = p.packets[4:6]
    p.packets[4:6] = [(early, asked), (late, told)]
    rows = rows_of(p.packets)
    assert [(row.target, row.status, row.pipelined) for row in rows] == [("/a", 200, False), ("/b", 404, False)]


def test_an_answer_nobody_asked_for() -> None:
    """RFC 9110 section 15.5.9: a server may send a 408 on a connection that was never used."""
    p = opened()
    p.at(9000).server.send(answer(408))
    p.at(9000).close(by="server")
    (row,) = rows_of(p.packets)
    assert (row.status, row.outcome, row.outcome_why) == (408, "not_captured", "unsolicited")


def test_one_direction_is_one_of_which_nothing_was_recorded() -> None:
    p = opened()
    p.at(50).client.send(get("/a"))
    p.at(90).server.send(answer(200))
    p.at(200).close()
    for side, expected in ((build.MAC_A, ("/a", None)), (build.MAC_B, (None, 200))):
        (row,) = rows_of([packet for packet in p.packets if packet[1][6:12] == build.mac(side)])
        assert (row.target, row.status, row.outcome_why) == (*expected, "one_direction")


def test_acknowledged_is_the_peer_s_offset(tmp_path: Path) -> None:
    p = Playbook(mss=20, client_isn=2**32 - 30, server_isn=2**32 - 5)
    p.handshake()
    request = get("/a")
    p.at(50).client.send(request)
    p.at(90).server.send(answer(200))
    p.at(100).client.send(get("/b"))
    path = tmp_path / "c.pcap"
    path.write_bytes(p.pcap())
    flows = follow(decode(open_capture(str(path), Options()), Options()))
    client, server = flows.stream(0, client=True), flows.stream(0, client=False)
    assert (client.has_acks, client.heard, server.heard) == (True, True, True)
    assert [client.acknowledged(at) for at in (0, len(request) - 1, len(request))] == [0, 0, len(answer(200))]
    assert server.acknowledged(0) == len(request)
    assert server.acknowledged(len(answer(200)) + 500) == len(request), "at least what the last one captured bears"
    assert client.acknowledged(-1) is None


def test_a_stream_in_memory_knows_no_acknowledgements() -> None:
    stream = memory_stream([(0, b"abc", 1, 1)])
    assert (stream.has_acks, stream.acknowledged(0), stream.heard) == (False, None, True)
    assert not memory_stream([], from_start=False).heard
