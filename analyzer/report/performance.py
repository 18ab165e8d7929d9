"""How well one connection ran, for readers: round trips of both legs, throughput, what held each transfer back, losses.

A transfer is a stretch of data that one side sends without the other's turn coming; the time it took is split into
what its receiver, its sender and the network are answerable for, and the three add up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from analyzer.report import cells
from analyzer.report.cells import Cell, Column, Row, Table
from analyzer.report.escape import Prose, safe
from analyzer.report.figures.rtt import leg
from analyzer.report.sides import SIDES, other, who, whose
from analyzer.report.wording import listed, message, plural, say
from analyzer.schema import TcpRow
from analyzer.units import human_bytes, human_fine_ms, human_ms

if TYPE_CHECKING:
    from analyzer.flows.quality import Course

MAX_TRANSFERS = 8
"""Transfers shown one by one, the largest; the numbers of the whole connection stand above them."""

MIN_RATED_BYTES = 14_600
"""Less than this goes out at once (RFC 6928: ten segments), so its rate would say nothing but the round trip."""

MAX_EPISODES = 12
"""Losses shown one by one, the dearest."""

LIMITS: tuple[tuple[str, str, str], ...] = (
    ("receiver", message("receiver"), message("the receiver's window was full, so nothing more might be sent")),
    ("sender", message("sender"), message("the sender had nothing to send, though more would have been allowed")),
    ("network", message("network"), message("the data was on its way, or was being sent again")),
)
"""Key of what limits a transfer, its name, and its meaning in a sentence."""


def limits() -> tuple[tuple[str, Prose, Prose], ...]:
    """Say what may limit a transfer: key, name and meaning."""
    return tuple((key, say(name), say(meaning)) for key, name, meaning in LIMITS)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a transfer's bar: percent of its width from the left, and its width."""

    key: str
    left: float
    width: float
    words: str


@dataclass(frozen=True, slots=True)
class Bar:
    """What limited a transfer, as a bar and in words; ``frames`` are its first and last."""

    title: str
    parts: tuple[Part, ...]
    words: str
    frames: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Performance:
    """How a connection ran; empty parts do not apply."""

    sentences: tuple[str, ...]
    trips: Table | None
    bars: tuple[Bar, ...]
    bars_total: int
    episodes: Table | None

    @property
    def limited(self) -> frozenset[str]:
        """Return what held any of the transfers back, as keys of :data:`LIMITS`."""
        return frozenset(part.key for bar in self.bars for part in bar.parts)


def performance(row: TcpRow, courses: Mapping[str, Course] | None = None) -> Performance | None:
    """Draw up how a connection ran; None when there is nothing to say.

    Args:
        row: its numbers; courses: sender → its course, for connections that are shown in full.
    """
    bars, total = _bars(row, courses or {})
    sentences = _sentences(row)
    if not bars and any(course.transfers for course in (courses or {}).values()):
        sentences.append(
            say(
                "What held the transfers back cannot be told: a SYN, which tells how large the windows are, is not in "
                "this capture."
            )
        )
    made = Performance(tuple(Prose(words) for words in sentences), _trips(row), bars, total, _episodes(courses or {}))
    return made if made.sentences or made.trips or made.bars or made.episodes else None


def _sentences(row: TcpRow) -> list[str]:
    out: list[str] = []
    for side in SIDES:
        rate, took = getattr(row, f"{side}_throughput_bytes"), getattr(row, f"{side}_transfer_ms")
        flight = getattr(row, f"{side}_max_in_flight_bytes")
        volume = getattr(row, f"{side}_unique_bytes")
        if rate is not None and took and volume >= MIN_RATED_BYTES:
            out.append(_transferred(side, human_bytes(volume), human_ms(took), human_bytes(round(rate)), flight))
        times, cost = getattr(row, f"{side}_loss_episodes"), getattr(row, f"{side}_loss_ms")
        if times:
            losses = plural(times, "loss", "losses")
            out.append(
                say("{losses} in the {side}'s data; what they cost is unknown.", losses=losses, side=who(side))
                if cost is None
                else say(
                    "{losses} in the {side}'s data cost {cost} in all.",
                    losses=losses,
                    side=who(side),
                    cost=human_ms(cost),
                )
            )
    return out


def _transferred(side: str, volume: str, took: str, rate: str, flight: int | None) -> Prose:
    """Say how fast a side's data went; ``flight``: the most that was on its way at once, in bytes."""
    if not flight:
        return say(
            "The {side}'s {volume} were transferred in {took}, at {rate} a second.",
            side=who(side),
            volume=volume,
            took=took,
            rate=rate,
        )
    return say(
        "The {side}'s {volume} were transferred in {took}, at {rate} a second, with at most {flight} on their way at "
        "once.",
        side=who(side),
        volume=volume,
        took=took,
        rate=rate,
        flight=human_bytes(flight),
    )


def _trips(row: TcpRow) -> Table | None:
    """Return the round trips of both legs as a table, None without samples."""
    lines = []
    for side in SIDES:
        samples = getattr(row, f"{side}_rtt_samples")
        if samples:
            values = (getattr(row, f"{side}_rtt_{name}_ms") for name in ("min", "p50", "p95"))
            lines.append(
                Row(
                    "",
                    (
                        Cell(
                            leg(side),
                            title=say(
                                "the {other}'s acknowledgements of what the {side} sent",
                                other=who(other(side)),
                                side=who(side),
                            ),
                        ),
                        cells.count(samples),
                        *map(fine_ms, values),
                    ),
                )
            )
    columns = (
        Column(say("Round trip"), wide=True),
        Column(say("Samples"), numeric=True),
        Column(say("Lowest"), numeric=True),
        Column(say("Half at most"), numeric=True, title="p50"),
        Column(say("95 % at most"), numeric=True, title="p95"),
    )
    return Table("", say("Round trips"), columns, tuple(lines), len(lines)) if lines else None


def fine_ms(value: float | None) -> Cell:
    """Return a cell for a duration of which microseconds matter."""
    cell = cells.ms(value)
    return cell if value is None else replace(cell, text=human_fine_ms(value))


def _bars(row: TcpRow, courses: Mapping[str, Course]) -> tuple[tuple[Bar, ...], int]:
    """Return what limited each transfer: one by one where the course is known, else all of a side together."""
    found: list[tuple[int, int, Bar]] = []  # first frame, bytes, bar
    unlisted = sum(course.more_transfers for course in courses.values())
    for side in SIDES:
        if side not in courses:
            bar = _bar(
                say(
                    "the {side} to the {other}: {volume} in all",
                    side=who(side),
                    other=who(other(side)),
                    volume=human_bytes(getattr(row, f"{side}_unique_bytes")),
                ),
                *(getattr(row, f"{side}_{name}_limited_ms") for name, _, _ in LIMITS),
            )
            if bar is not None:
                found.append((0, 0, bar))
            continue
        for transfer in courses[side].transfers:
            took = (transfer.end_time - transfer.start_time) / 1e6
            frames = tuple(dict.fromkeys((transfer.first_frame, transfer.last_frame)))
            bar = _bar(
                say(
                    "the {side} to the {other}: {volume} in {took}",
                    side=who(side),
                    other=who(other(side)),
                    volume=human_bytes(transfer.bytes),
                    took=human_ms(max(took, 0.0)),
                ),
                transfer.receiver_limited_ms,
                transfer.sender_limited_ms,
                transfer.network_limited_ms,
                frames,
            )
            if bar is not None:
                found.append((transfer.first_frame, transfer.bytes, bar))
    largest = sorted(found, key=lambda item: -item[1])[:MAX_TRANSFERS]
    return tuple(bar for _, _, bar in sorted(largest, key=lambda item: item[0])), len(found) + unlisted


def _bar(
    title: str, receiver: float | None, sender: float | None, network: float | None, frames: tuple[int, ...] = ()
) -> Bar | None:
    """Return a bar, None when nothing took any time."""
    values = {"receiver": receiver or 0.0, "sender": sender or 0.0, "network": network or 0.0}
    total = sum(values.values())
    if total <= 0:
        return None
    parts, left = [], 0.0
    for key, name, _ in LIMITS:
        if values[key] > 0:
            width = values[key] / total * 100
            words = say(
                "{limit} {took} ({share} %)", limit=say(name), took=human_ms(values[key]), share=Prose(f"{width:.0f}")
            )
            parts.append(Part(key, round(left, 3), round(width, 3), words))
            left += width
    return Bar(title, tuple(parts), listed(part.words for part in parts), frames)


def _episodes(courses: Mapping[str, Course]) -> Table | None:
    """Return the losses of a connection, the dearest first; None without any."""
    found = [(side, episode) for side in SIDES if side in courses for episode in courses[side].episodes]
    found.sort(key=lambda item: (-item[1].cost_ms, item[1].start_time))
    rows = tuple(
        Row(
            "",
            (
                Cell(whose(side)),
                Cell(say(EPISODES[episode.kind]) if episode.kind in EPISODES else safe(episode.kind)),
                cells.ms(episode.cost_ms),
                Cell(", ".join(str(frame) for frame in episode.frames[:6]) + (" …" if len(episode.frames) > 6 else "")),
            ),
        )
        for side, episode in found[:MAX_EPISODES]
    )
    columns = (
        Column(say("Data of")),
        Column(say("Sent again because"), wide=True),
        Column(say("Cost"), numeric=True),
        Column(say("Frames")),
    )
    total = len(found) + sum(course.more_episodes for course in courses.values())
    return Table("", say("Losses"), columns, rows, total) if found else None


EPISODES = {
    "fast": message("duplicate ACKs told the sender of the hole (fast retransmission)"),
    "timeout": message("the sender waited in vain for an acknowledgement (timeout)"),
    "other": message("of something else: it neither waited long enough for a timeout, nor had duplicate ACKs told it"),
}
"""Kind of a loss → what made the sender repair it."""
