"""The moments of a connection: which frames opened and closed it, and the filters that select just these."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analyzer.flows.model import Label
from analyzer.report.moments import MAX_NAMED, Moment, first_to_close, moments
from tests.flows.script import followed, packets_of, script
from tests.report import fixture

OPENED = """
C S    0   0   0  5000  @0
S SA   0   1   0  5000  @40
C A    1   1   0  5000  @41
"""


def told(text: str) -> dict[str, Moment]:
    """Return the moments of a script's only connection by their titles."""
    flows = followed(packets_of(script(text)))
    return {moment.title: moment for moment in moments(flows.connections.row(0), flows.segments, {})}


def frames(moment: Moment) -> list[tuple[str, list[int]]]:
    return [(step.name, [frame for frame, _ in step.frames]) for step in moment.steps]


def test_the_handshake_by_frame() -> None:
    found = told(OPENED)
    assert list(found) == ["Opening"]  # nothing was sent again, and nobody closed
    assert frames(found["Opening"]) == [("SYN", [1]), ("SYN/ACK", [2]), ("ACK", [3])]
    assert (found["Opening"].words, found["Opening"].display_filter) == ("", "frame.number in {1..3}")


def test_a_lost_syn_has_its_filter() -> None:
    found = told("C S 0 0 0 5000 @0\nC S 0 0 0 5000 @1000\nS SA 0 1 0 5000 @1040\nC A 1 1 0 5000 @1041")
    assert list(found) == ["SYN repeated", "Opening"]
    repeated = found["SYN repeated"]
    assert repeated.words == "The SYN was sent 2 times before the connection was open."
    assert (frames(repeated), repeated.display_filter) == ([("SYN", [1, 2])], "frame.number in {1..2}")
    assert found["Opening"].display_filter == "frame.number in {1..4}"


@pytest.mark.parametrize(
    ("text", "title", "words", "steps"),
    [
        ("C S 0 0 0 5000 @0", "Opening", "No SYN/ACK was captured.", [("SYN", [1])]),
        (
            "C S 0 0 0 5000 @0\nC S 0 0 0 5000 @1000",
            "SYN repeated",
            "The SYN was sent 2 times, and no SYN/ACK was captured.",
            [("SYN", [1, 2])],
        ),
        ("C S 0 0 0 5000 @0\nS RA 0 1 0 0 @9", "Opening", "No SYN/ACK was captured.", [("SYN", [1]), ("RST", [2])]),
    ],
)
def test_what_did_not_open(text: str, title: str, words: str, steps: list[tuple[str, list[int]]]) -> None:
    found = told(text)
    assert list(found) == [title]
    assert (found[title].words, frames(found[title])) == (words, steps)


def test_the_server_closed_first() -> None:
    closing = told(OPENED + "S FA 1 1 0 5000 @50\nC FA 1 2 0 5000 @60\nS A 2 2 0 5000 @70")["Closing"]
    assert closing.words == "The server closed first."
    assert frames(closing) == [
        ("FIN of the server", [4]),
        ("ACK of the client", [5]),
        ("FIN of the client", [5]),
        ("ACK of the server", [6]),
    ]
    assert closing.display_filter == "frame.number in {4..6}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("C FA 1 1 0 5000 @50\nS A 1 2 0 5000 @60", "The client closed; the server sent no FIN."),
        (
            "C FA 1 1 0 5000 @50\nS FA 1 1 0 5000 @51\nC A 2 2 0 5000 @60\nS A 2 2 0 5000 @61",
            "Both sides closed at once: their FINs crossed.",
        ),
        ("S RA 1 1 0 0 @50", "The server reset it."),
        ("C FA 1 1 0 5000 @50\nS RA 1 2 0 0 @60", "The client closed; the server sent no FIN. The server reset it."),
    ],
)
def test_who_closed(text: str, words: str) -> None:
    assert told(OPENED + text)["Closing"].words == words


def test_who_was_first_to_close_does_not_depend_on_who_reset_it() -> None:
    row = fixture.tcp(0, close="reset", closed_by="server", rst_by="server", client_fin_frame=8, rst_frame=9)
    assert first_to_close(row) == "client"
    assert first_to_close(replace(row, client_fin_frame=None)) is None


def test_what_was_sent_again() -> None:
    again = int(Label.RETRANSMISSION)
    lines = [(n, float(n), ">" if n % 2 else "<", "A", 1, 1, 9, again) for n in range(1, 41)]
    (moment,) = moments(fixture.tcp(0), fixture.segments([lines]), {1: "frame-1"})
    mine, theirs = moment.steps
    assert (moment.title, mine.name, theirs.name) == (
        "Sent again",
        "retransmitted by the client",
        "retransmitted by the server",
    )
    assert mine.frames[:2] == ((1, "frame-1"), (3, ""))
    assert (len(mine.frames), mine.more) == (MAX_NAMED, 20 - MAX_NAMED)
    assert moment.display_filter == "frame.number in {1..40}"


def test_a_repeated_syn_belongs_to_the_opening_alone() -> None:
    analysis = fixture.rich()
    found = moments(analysis.connections.row(5), analysis.segments, {})
    assert [moment.title for moment in found] == ["SYN repeated"]


def test_more_frames_than_a_filter_takes_are_selected_by_their_label() -> None:
    again = int(Label.RETRANSMISSION)
    lines = [(3 * n, float(n), "<", "A", 1, 1, 9, again) for n in range(1, 100)]
    (moment,) = moments(fixture.tcp(0), fixture.segments([lines]), {})
    assert moment.display_filter == "tcp.stream eq 0 && tcp.analysis.retransmission"
