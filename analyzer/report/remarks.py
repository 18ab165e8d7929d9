"""What was peculiar about one connection, in a sentence each, with the frames that prove it.

How it opened, what happened on the way, how it ended, where the evidence tells another story than Wireshark's label,
and bytes that came twice with different contents. Nothing is said of what was in order.

The sentences are those of :mod:`analyzer.tcp_words`; the few here say what no single deviation says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from analyzer import sentences, tcp_words
from analyzer.decode.table import Flag
from analyzer.flows import deviations
from analyzer.flows.model import DEVIATIONS, NEEDED, NEEDLESS, REORDERED, Connections, Label, Segments
from analyzer.report.escape import Prose
from analyzer.report.sides import SIDES, other, who
from analyzer.report.wording import joined, plural, say
from analyzer.schema import TcpRow
from analyzer.units import human_bytes, human_ms

MAX_OPINIONS = 12
"""Second opinions written out for a connection; the counts before them, and the exports, have all."""

MAX_CONFLICTS = 12
"""Conflicting segments written out for a connection."""

MAX_PROOF = 8
"""Frames named after a sentence."""

_OPENING = DEVIATIONS[: DEVIATIONS.index("fin_with_ack")]
_SAID_BY = {
    "three_way": ("fin_with_ack",),
    "simultaneous": ("simultaneous_close",),
    "half_closed": ("unclosed",),
    "reset": ("rst_instead_of_fin", "rst_after_fin"),
    "none": ("unclosed",),
}
"""How a connection closed → deviations whose sentence already says so."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One sentence, and the frames that prove it (``more`` of them are left out)."""

    text: str
    frames: tuple[int, ...] = ()
    more: int = 0


def remark(text: str, frames: Iterable[int | None] = ()) -> Remark:
    """Return a remark with its first frames."""
    known = tuple(frame for frame in frames if frame is not None)
    return Remark(text, known[:MAX_PROOF], max(len(known) - MAX_PROOF, 0))


def remarks(
    row: TcpRow, segments: Segments, connections: Connections | None = None, meanings: Mapping[int, str] | None = None
) -> Iterator[Remark]:
    """Say what was out of the ordinary in how a connection opened, ran and ended.

    Args:
        row: the connection; segments: of the whole capture.
        connections: all of them, to name the one that used the same ports before.
        meanings: frame of an ICMP error → what it says.
    """
    found = deviations.details(row, segments, connections)
    half_open = was_half_open(row, segments)
    yield from _not_opened(row, segments, meanings or {})
    yield from (_of(deviation) for deviation in found if deviation.code in _OPENING)
    yield from _opening(row, segments, found, half_open)
    yield from _running(row, segments)
    yield from (_of(deviation) for deviation in found if deviation.code not in _OPENING)
    if not half_open:
        yield from _closing(row)


def _of(deviation: deviations.Deviation) -> Remark:
    return remark(tcp_words.deviation(deviation.code, deviation.args), deviation.frames)


def was_half_open(row: TcpRow, segments: Segments) -> bool:
    """Tell whether the client asked for a connection, got its answer, and reset that instead of completing it."""
    if row.handshake != "no_final_ack" or row.rst_by != "client":
        return False
    part = segments.of(row.stream)
    other = (segments.flags[part] & (Flag.SYN | Flag.RST)) == 0
    later = segments.frame[part] > (row.synack_frame or 0)
    return not bool((other & later & segments.from_client[part]).any())


def older_answer(row: TcpRow, segments: Segments) -> Remark | None:
    """Say that a SYN was answered with an ACK of an older connection, where nothing opened but that came back."""
    if row.handshake != "no_synack" or not row.server_packets:
        return None
    frames = deviations.stray_acks(row, segments, "server")
    if not frames:
        return None
    return remark(sentences.phrase(tcp_words.OLD_ACK, "tcp.old_ack", {"frame": frames[0]}), frames)


def _not_opened(row: TcpRow, segments: Segments, meanings: Mapping[int, str]) -> Iterator[Remark]:
    meaning = meanings.get(row.unreachable_frame) if row.unreachable_frame is not None else None
    words = tcp_words.handshake_why(row, meaning)
    if words:
        proof = {"unreachable": (row.unreachable_frame,), "refused": (row.rst_frame,)}.get(
            row.handshake_why or "", row.syn_frames
        )
        yield remark(words, proof)
    elif old := older_answer(row, segments):
        yield old
    elif row.handshake == "no_synack" and row.server_packets:
        yield remark(say("The SYN/ACK is not in this capture, but other packets of the server are."), row.syn_frames)
    elif row.handshake == "no_synack":
        sent = plural(len(row.syn_frames), "SYN")
        yield remark(say("The client sent {syns} and nobody answered.", syns=sent), row.syn_frames)
    elif row.handshake == "refused":
        yield remark(say("The server answered the SYN with a reset: nothing listens on that port."), (row.rst_frame,))
    if row.unreachable_frame is not None and row.handshake_why != "unreachable":
        said = say("An ICMP error quotes this connection. It went on all the same.")
        if meaning:
            told = Prose(sentences.fill("{meaning}", {"meaning": meaning}))
            said = say("An ICMP error quotes this connection: {meaning}. It went on all the same.", meaning=told)
        yield remark(said, (row.unreachable_frame,))


def _opening(
    row: TcpRow, segments: Segments, found: Iterable[deviations.Deviation], half_open: bool
) -> Iterator[Remark]:
    if row.handshake == "midstream":
        yield Remark(
            say("It was already open when the capture began, so its handshake and round-trip time are unknown.")
        )
    elif half_open:
        words = say("The client reset it instead of completing the handshake.")
        yield remark(words, (row.synack_frame, row.rst_frame))
    elif row.handshake == "no_final_ack":
        stray = deviations.stray_acks(row, segments, "client")
        if stray:
            words = say(
                "The client's ACK (frame {frame}) acknowledges what the server never sent, so it does not complete the "
                "handshake.",
                frame=stray[0],
            )
            yield remark(words, (row.synack_frame, *stray))
        else:
            yield remark(say("The ACK that completes the handshake is not in this capture."), row.synack_frames)
    if row.syn_loss_ms and row.handshake != "no_synack":
        answered = any(d.code == "syn_repeated" and d.args["variant"] in _NOT_LOST for d in found)
        yield remark(_syn_lost(row, row.syn_loss_ms, first=not answered), row.syn_frames)


def _syn_lost(row: TcpRow, lost_ms: float, *, first: bool) -> Prose:
    """Say what it cost that a SYN went unanswered; ``first``: it was the first one."""
    cost = human_ms(lost_ms)
    if row.connect_ms is None:
        if first:
            return say("The first SYN went unanswered; repeating it cost {cost}.", cost=cost)
        return say("A SYN went unanswered; repeating it cost {cost}.", cost=cost)
    whole = human_ms(row.connect_ms)
    if first:
        return say(
            "The first SYN went unanswered; repeating it cost {cost} of the {whole} it took to connect.",
            cost=cost,
            whole=whole,
        )
    return say(
        "A SYN went unanswered; repeating it cost {cost} of the {whole} it took to connect.", cost=cost, whole=whole
    )


_NOT_LOST = ("refused", "old", "reset")
"""Variants of ``syn_repeated``: the SYN before had been answered somehow."""


def sent_again(row: TcpRow) -> int:
    """Count what both sides sent again, without what the recorder or the network copied, and what was only late."""
    return row.client_sent_again + row.server_sent_again


def _running(row: TcpRow, segments: Segments) -> Iterator[Remark]:
    resent = sent_again(row)
    if resent and (row.client_bytes or row.server_bytes):  # of SYNs and FINs alone the deviations tell
        yield Remark(
            say(
                "{segments} ({client} by the client, {server} by the server).",
                segments=plural(resent, "segment was sent again", "segments were sent again"),
                client=row.client_sent_again,
                server=row.server_sent_again,
            )
        )
    judged = "" if differing(row, segments) else _judged(row)
    if judged:
        yield Remark(
            say(
                "The evidence in the packets agrees with Wireshark's labels: of what looks sent again or late, "
                "{judged}.",
                judged=judged,
            )
        )
    missing = row.client_missing_bytes + row.server_missing_bytes
    if missing == 1:
        yield Remark(say("{bytes} was sent but is not in this capture.", bytes=human_bytes(missing)))
    elif missing:
        yield Remark(say("{bytes} were sent but are not in this capture.", bytes=human_bytes(missing)))
    for side in SIDES:
        if times := getattr(row, f"{side}_zero_windows"):
            yield Remark(
                say(
                    "The {side} told the other side to stop sending because its buffer was full ({segments} with a "
                    "window of zero).",
                    side=who(side),
                    segments=plural(times, "segment"),
                )
            )
    if twice := row.client_duplicates_in_capture + row.server_duplicates_in_capture:
        yield Remark(
            plural(
                twice,
                "frame repeats a packet that had been recorded before; that is a matter of the recording, not of the "
                "network.",
                "frames repeat a packet that had been recorded before; that is a matter of the recording, not of the "
                "network.",
            )
        )
    if doubled := row.client_doubled + row.server_doubled:
        yield Remark(
            plural(
                doubled,
                "packet was sent once and arrived twice: the network doubled it.",
                "packets were sent once and arrived twice: the network doubled them.",
            )
        )


def _closing(row: TcpRow) -> Iterator[Remark]:
    """Say how it ended, unless a deviation has said it."""
    if any(code in row.deviations for code in _SAID_BY.get(row.close, ())):
        return
    known = row.closed_by if row.closed_by in SIDES else None
    first = who(known) if known else say("one side")
    second = who(other(known)) if known else say("other side")
    fins = tuple(sorted(frame for frame in (row.client_fin_frame, row.server_fin_frame) if frame is not None))
    if row.close == "three_way":
        words = say(
            "Three packets close it, because the {second}'s FIN and ACK travelled together. The {first} was first.",
            second=second,
            first=first,
        )
        yield remark(words, fins)
    elif row.close == "four_way":
        words = say(
            "Four packets close it: each side's FIN and its acknowledgement. The {first} was first.", first=first
        )
        acked = (row.client_fin_acked_frame, row.server_fin_acked_frame)
        yield remark(words, sorted(frame for frame in (*fins, *acked) if frame is not None))
    elif row.close == "simultaneous":
        yield remark(say("Both sides sent their FIN before either had seen the other's."), fins)
    elif row.close == "half_closed":
        words = say(
            "Only the {first} closed its direction; the other stayed open to the end of the capture.", first=first
        )
        yield remark(words, fins)
    elif row.close == "reset" and row.handshake != "refused":
        words = say(
            "The {side} reset the connection; whatever was still on its way was thrown away.",
            side=who(row.rst_by) if row.rst_by else say("one side"),
        )
        yield remark(words, (row.rst_frame,))
    if row.close != "reset" and row.rst_frame is not None and "rst_after_fin" not in row.deviations:
        yield remark(say("A reset followed the regular close; it did no harm."), (row.rst_frame,))


_VERDICTS: tuple[tuple[str, Callable[[int], Prose]], ...] = (
    ("resent_needed", lambda n: plural(n, "repaired a loss", "repaired a loss")),
    ("resent_needless", lambda n: plural(n, "sent without need", "sent without need")),
    ("reordered", lambda n: plural(n, "overtaken on the way, not lost", "overtaken on the way, not lost")),
    (
        "duplicates_in_capture",
        lambda n: plural(n, "recorded twice, not sent twice", "recorded twice, not sent twice"),
    ),
    (
        "doubled",
        lambda n: plural(n, "doubled by the network, not sent twice", "doubled by the network, not sent twice"),
    ),
)
"""Column of the ``tcp`` table, without its side → what the evidence says of the segments it counts."""


def _judged(row: TcpRow) -> Prose:
    """Sum up what the evidence says of the segments that look sent again or late, empty where it says nothing."""
    counts = [(getattr(row, f"client_{name}") + getattr(row, f"server_{name}"), counted) for name, counted in _VERDICTS]
    return joined([counted(count) for count, counted in counts if count])


_STANDS_FOR = (
    (Label.RETRANSMISSION | Label.FAST_RETRANSMISSION, NEEDED),
    (Label.SPURIOUS_RETRANSMISSION, NEEDLESS),
    (Label.OUT_OF_ORDER, REORDERED),
)
"""Wireshark's labels → the verdict that they stand for."""


def differing(row: TcpRow, segments: Segments) -> int:
    """Count the segments of which the evidence says something else than Wireshark's label; the row lists the first."""
    part = segments.of(row.stream)
    low, high = np.searchsorted(segments.judged, (part.start, part.stop))
    if low == high:  # most connections have nothing to judge
        return len(row.opinions)
    verdict, label = segments.verdicts(part), segments.label[part]
    differs = verdict != 0
    for labels, expected in _STANDS_FOR:
        differs &= ((label & int(labels)) == 0) | (verdict != expected)
    return max(int(np.count_nonzero(differs)), len(row.opinions))


def opinions(row: TcpRow, segments: Segments) -> tuple[str, tuple[Remark, ...]]:
    """Say where the evidence tells another story than Wireshark's labels: a summary, and the first cases.

    Both are empty where they agree.
    """
    times = differing(row, segments)
    if not times:
        return "", ()
    summary = say(
        "{times} the evidence in the packets says something else than Wireshark's label. Of all segments that look "
        "sent again or late: {judged}.",
        times=plural(times, "time"),
        judged=_judged(row),
    )
    cases = tuple(remark(tcp_words.opinion(found), (found.frame,)) for found in row.opinions[:MAX_OPINIONS])
    return summary, cases


def conflicts(row: TcpRow) -> tuple[str, tuple[Remark, ...]]:
    """Say which bytes were sent twice with different contents: a summary (empty for none), and the first cases."""
    total = row.client_conflicting_bytes + row.server_conflicting_bytes
    if not row.conflicts and not total:
        return "", ()
    summary = say(
        "{bytes} ({client} by the client, {server} by the server). That happens where a packet was damaged, a capture "
        "was made anonymous, or a device on the way pads or changes data; and it is a trick to show a guard other data "
        "than the receiver gets.",
        bytes=plural(
            total, "byte was sent twice with different contents", "bytes were sent twice with different contents"
        ),
        client=row.client_conflicting_bytes,
        server=row.server_conflicting_bytes,
    )
    cases = tuple(
        remark(tcp_words.conflict(found), (found.first_frame, found.frame)) for found in row.conflicts[:MAX_CONFLICTS]
    )
    return summary, cases
