"""Who ended a connection: the first FIN of each side and the first reset, in the order they were recorded.

The one that came first says who did not want to go on. A program that gives up (a timeout, ``^C``, a closed tab)
mostly closes with a FIN; the reset follows only when the other side goes on sending (RFC 9293 section 3.10.4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzer.flows.model import Connections, Segments


@dataclass(frozen=True, slots=True)
class End:
    """A side's first FIN, or the first reset of a connection.

    Attributes:
        side: ``client`` or ``server``.
        frame: that carried it; time: ns, when.
        reset: it was a RST.
    """

    side: str
    frame: int
    time: int
    reset: bool = False

    def turned(self) -> End:
        """Return it with the sides exchanged."""
        return End("server" if self.side == "client" else "client", self.frame, self.time, self.reset)


NOBODY: tuple[End, ...] = ()
"""Of a connection that was open when the capture ended, or whose end was not recorded."""


def ends(connections: Connections, segments: Segments, stream: int) -> tuple[End, ...]:
    """Return how a connection was ended, in the order of frames; at most two FINs and a reset."""
    found = [
        (frame, side, False)
        for side in ("client", "server")
        if (frame := connections.number(f"{side}_fin_frame", stream)) is not None
    ]
    if (frame := connections.number("rst_frame", stream)) is not None:
        found.append((frame, "client" if int(connections.columns["rst_by_client"][stream]) == 1 else "server", True))
    if not found:
        return NOBODY
    part = segments.of(stream)
    frames, times = segments.frame[part], segments.time[part]
    return tuple(
        End(side, frame, int(times[np.searchsorted(frames, frame)]), reset) for frame, side, reset in sorted(found)
    )
