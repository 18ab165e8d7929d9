"""The packets that findings cite, as a small value without an open file.

An :class:`Evidence` keeps each packet once, as it may be handed on (:mod:`analyzer.evidence.mask`), and says how many
of a finding's frames it has. A finding is known by its code and its frames, so the order of findings does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from analyzer.schema import FindingRow

Cited = tuple[str, tuple[int, ...]]
"""Code and frames of a finding."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet as it may be handed on.

    Attributes:
        frame: 1-based, of the capture it comes from; time: ns since the epoch, 0 where the capture has none.
        interface: number of the recorder's interface; link_type: its LINKTYPE_ number.
        ticks_per_second: resolution of the interface's times.
        wire: length on the wire; ``data`` is shorter where something was cut, by the recorder or by us.
    """

    frame: int
    time: int
    interface: int
    link_type: int
    ticks_per_second: int
    wire: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Evidence:
    """Packets by frame, and for each finding that has evidence how many of its frames are there (the first ones)."""

    packets: Mapping[int, Packet] = field(default_factory=dict)
    kept: Mapping[Cited, int] = field(default_factory=dict)

    def of(self, finding: FindingRow) -> tuple[Packet, ...]:
        """Return the packets of a finding, in the order of frames; empty when there are none."""
        count = self.kept.get((finding.code, finding.frames), 0)
        return tuple(self.packets[frame] for frame in finding.frames[:count] if frame in self.packets)
