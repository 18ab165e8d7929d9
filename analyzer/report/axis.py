"""A time axis for drawings without a script: positions in percent of it, and round numbers along it.

Percentages fit any width. What is short gets at least :data:`MIN_WIDTH`, so that it stays visible; nothing stands
outside the axis.
"""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.units import NS_PER_MS, round_number

MIN_WIDTH = 0.25
"""Percent of the axis that a phase gets at least, so that it stays visible."""

FRAME = 0.3
"""Percent of the axis between what is framed and its frame."""

LEAST_STEP = NS_PER_MS // 100
"""Between ticks, in ns; their numbers have two decimals of a millisecond."""

MAX_STEPS = 6
"""From tick to tick along an axis: the numbers of more would run into each other on a phone."""

LATE = 88.0
"""Percent of the axis from which on a tick's number stands left of it, so that it is not cut off."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar: ``left`` and ``width`` in percent of the axis, and what it is."""

    phase: str
    left: float
    width: float
    words: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the axis.

    Attributes:
        late: whether its number stands left of it.
        spare: whether a narrow screen leaves its number out.
    """

    left: float
    label: str
    late: bool = False
    spare: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """From one instant to another, in ns."""

    start: int
    end: int

    def place(self, low: int, high: int) -> tuple[float, float]:
        """Return (left, width) in percent of an interval, clipped to the axis."""
        whole = max(self.end - self.start, 1)
        left = min(max((low - self.start) / whole * 100, 0.0), 100.0 - MIN_WIDTH)
        width = max(min((high - low) / whole * 100, 100.0 - left), MIN_WIDTH)
        return round(left, 2), round(width, 2)

    def around(self, low: int, high: int) -> tuple[float, float]:
        """Return (left, width) in percent of a frame around an interval, a little wider than what it frames."""
        left, width = self.place(low, high)
        first, last = max(left - FRAME, 0.0), min(left + width + FRAME, 100.0)
        return round(first, 2), round(last - first, 2)

    def clipped(self, low: int, high: int) -> tuple[int, int] | None:
        """Return the part of an interval that lies on the axis, None where there is none."""
        low, high = max(low, self.start), min(high, self.end)
        return (low, high) if low <= high else None

    def ticks(self) -> tuple[Tick, ...]:
        """Place about five round ticks: steps of 1, 2 or 5 times a power of ten milliseconds."""
        whole = self.end - self.start
        if whole <= 0:
            return (Tick(0.0, "0 ms"),)
        step = LEAST_STEP * round_number(-(-whole // (LEAST_STEP * MAX_STEPS)))
        marks = [(k, step * k / whole * 100) for k in range(whole // step + 1)]
        return tuple(Tick(round(left, 2), _tick(step * k / NS_PER_MS), left >= LATE, k % 2 == 1) for k, left in marks)


def _tick(milliseconds: float) -> str:
    return f"{milliseconds / 1000:g} s" if milliseconds >= 1000 else f"{milliseconds:g} ms"
