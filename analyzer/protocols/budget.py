"""What reading one capture may still cost where the cost does not follow from the capture's size.

A compressed body of a kilobyte may unfold to a megabyte, so a bound for each body is not enough: ten thousand bodies
just below it would take hours. All conversations of a capture share one :class:`Budget`; what would go beyond it is
left out and said once.
"""

from __future__ import annotations

from dataclasses import dataclass

UNFOLDED_BYTES = 2 << 30
"""Most bytes that all coded bodies of a capture are unfolded to for their sizes: some ten seconds of work. Pages unfold
5:1, so an honest capture needs 400 MB of compressed pages in clear to get there."""

SAMPLED_BYTES = 8 << 20
"""Most bytes of text that are compressed to see what compression would have saved: 0.1 s of work."""


@dataclass(slots=True)
class Budget:
    """What is left of it; ``…_told`` once the reader knows that it is spent."""

    unfolded_bytes: int = UNFOLDED_BYTES
    sampled_bytes: int = SAMPLED_BYTES
    unfolded_told: bool = False
    sampled_told: bool = False
