"""The moments of a connection that somebody has to prove: how it opened, what was sent again, who closed it first.

Each has a sentence, the frames by name ("SYN 78"), and a display filter that selects just these frames.

Source: RFC 9293 sections 3.5 (the handshake) and 3.6 (closing; a FIN closes one direction).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from analyzer.flows.model import Label, Segments
from analyzer.provenance import MAX_FILTER_FRAMES, frames_filter, runs, stream_filter
from analyzer.report.escape import Prose
from analyzer.report.sides import SIDES, other, who
from analyzer.report.wording import paragraph, plural, say
from analyzer.schema import TcpRow

MAX_NAMED = 8
"""Frames named one by one in a moment; its filter selects all of them."""

AGAIN = Label.RETRANSMISSION | Label.FAST_RETRANSMISSION | Label.SPURIOUS_RETRANSMISSION


@dataclass(frozen=True, slots=True)
class Step:
    """Some packets of a moment: what they are ("FIN of the server"), and their frames with their places in the ladder.

    ``frames`` holds (frame, anchor), the anchor empty where the ladder does not draw it; ``more`` counts frames left
    out.
    """

    name: str
    frames: tuple[tuple[int, str], ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment: its title, what happened in a sentence (perhaps empty), its packets, and a filter for their frames."""

    title: str
    words: str
    steps: tuple[Step, ...]
    display_filter: str


def moments(row: TcpRow, segments: Segments, anchors: Mapping[int, str]) -> tuple[Moment, ...]:
    """Draw up the moments of a connection.

    Args:
        row: the connection; segments: of the whole capture.
        anchors: frame → where the ladder draws it.
    """
    made = (_asked(row, anchors), _opening(row, anchors), _again(row, segments, anchors), _closing(row, anchors))
    return tuple(moment for moment in made if moment is not None)


def _step(name: str, frames: Iterable[int | None], anchors: Mapping[int, str]) -> Step | None:
    """Return some packets, None when there is none."""
    known = [frame for frame in frames if frame is not None]
    if not known:
        return None
    named = tuple((frame, anchors.get(frame, "")) for frame in known[:MAX_NAMED])
    return Step(name, named, len(known) - len(named))


def _moment(title: str, words: str, steps: Iterable[Step | None], frames: Iterable[int | None]) -> Moment | None:
    known = [frame for frame in frames if frame is not None]
    made = tuple(step for step in steps if step is not None)
    return Moment(title, words, made, Prose(frames_filter(known))) if made else None


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _asked(row: TcpRow, anchors: Mapping[int, str]) -> Moment | None:
    """Return the SYNs where one was not enough."""
    if len(row.syn_frames) < 2:
        return None
    times = plural(len(row.syn_frames), "time")
    words = (
        say("The SYN was sent {times}, and no SYN/ACK was captured.", times=times)
        if row.synack_frame is None
        else say("The SYN was sent {times} before the connection was open.", times=times)
    )
    return _moment(say("SYN repeated"), words, (_step(Prose("SYN"), row.syn_frames, anchors),), row.syn_frames)


def _opening(row: TcpRow, anchors: Mapping[int, str]) -> Moment | None:
    asked = row.syn_frames or ((row.syn_frame,) if row.syn_frame is not None else ())
    agreed = row.synack_frames or ((row.synack_frame,) if row.synack_frame is not None else ())
    refused = row.rst_frame if row.handshake == "refused" else None
    frames = (*asked, *agreed, row.ack_frame, refused)
    if len(asked) > 1 and frames == (*asked, None, None):
        return None  # the SYNs have been told
    steps = (
        _step(Prose("SYN"), asked, anchors),
        _step(Prose("SYN/ACK"), agreed, anchors),
        _step(Prose("ACK"), (row.ack_frame,), anchors),
        _step(Prose("RST"), (refused,), anchors),
    )
    words = Prose() if agreed or not asked else say("No SYN/ACK was captured.")
    return _moment(say("Opening"), words, steps, frames)


# ── sent again ───────────────────────────────────────────────────────────────────────────────────────────────────


def _again(row: TcpRow, segments: Segments, anchors: Mapping[int, str]) -> Moment | None:
    """Return the segments that Wireshark calls retransmissions; the SYNs apart, which are part of the opening."""
    part = segments.of(row.stream)
    found = np.flatnonzero(segments.label[part] & int(AGAIN))
    if not found.size:
        return None
    opening = {*row.syn_frames, *row.synack_frames}
    frames = {
        side: [
            frame
            for frame in segments.frame[part][found[segments.from_client[part][found] == (side == "client")]].tolist()
            if frame not in opening
        ]
        for side in SIDES
    }
    both = sorted(frame for mine in frames.values() for frame in mine)
    steps = (_step(say("retransmitted by the {side}", side=who(side)), mine, anchors) for side, mine in frames.items())
    made = _moment(say("Sent again"), Prose(), steps, both)
    if made is not None and len(runs(both)) > MAX_FILTER_FRAMES:  # a list of frames would select more than these
        told = f"{stream_filter(row.stream)} && tcp.analysis.retransmission"
        return Moment(made.title, made.words, made.steps, Prose(told))
    return made


# ── closing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _closing(row: TcpRow, anchors: Mapping[int, str]) -> Moment | None:
    fins = {"client": row.client_fin_frame, "server": row.server_fin_frame}
    acked = {"client": row.client_fin_acked_frame, "server": row.server_fin_acked_frame}
    first = first_to_close(row)
    order = SIDES if first in (None, "client") else SIDES[::-1]
    reset = None if row.handshake == "refused" else row.rst_frame
    steps: list[Step | None] = []
    for side in order:
        steps.append(_step(say("FIN of the {side}", side=who(side)), (fins[side],), anchors))
        steps.append(_step(say("ACK of the {side}", side=who(other(side))), (acked[side],), anchors))
    by = say("RST of the {side}", side=who(row.rst_by)) if row.rst_by in SIDES else Prose("RST")
    steps.append(_step(by, (reset,), anchors))
    frames = (*fins.values(), *acked.values(), reset)
    return _moment(say("Closing"), paragraph(_closed(row, first, reset)), steps, frames)


def first_to_close(row: TcpRow) -> str | None:
    """Return the side whose FIN came first; None without a FIN, and when both crossed."""
    if row.close != "reset" and row.closed_by in SIDES:  # of a reset, the column names who sent that
        return row.closed_by
    fins = {side: frame for side in SIDES if (frame := getattr(row, f"{side}_fin_frame")) is not None}
    return None if row.closed_by == "both" or not fins else min(fins, key=fins.__getitem__)


def _closed(row: TcpRow, first: str | None, reset: int | None) -> Iterator[Prose]:
    """Say who closed the connection, and who was first."""
    if row.closed_by == "both":
        yield say("Both sides closed at once: their FINs crossed.")
    elif first is not None:
        if getattr(row, f"{other(first)}_fin_frame") is None:
            yield say("The {side} closed; the {other} sent no FIN.", side=who(first), other=who(other(first)))
        else:
            yield say("The {side} closed first.", side=who(first))
    if reset is not None and row.rst_by in SIDES:
        yield say("The {side} reset it.", side=who(row.rst_by))
