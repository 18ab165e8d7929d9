"""Provenance: from frames and connections to a Wireshark display filter that selects exactly that evidence.

Filters are written from numbers and addresses only, never from captured text, so nothing can be injected.
"""

from __future__ import annotations

from collections.abc import Iterable

MAX_FILTER_FRAMES = 60
"""Runs listed in one frame filter; Wireshark accepts more, a person pasting it does not."""


def runs(frames: Iterable[int]) -> list[tuple[int, int]]:
    """Join sorted unique frame numbers into inclusive runs: 1,2,3,7 → (1, 3), (7, 7)."""
    out: list[tuple[int, int]] = []
    for frame in sorted(set(frames)):
        if out and frame == out[-1][1] + 1:
            out[-1] = (out[-1][0], frame)
        else:
            out.append((frame, frame))
    return out


def frames_filter(frames: Iterable[int]) -> str:
    """Return ``frame.number in {1..3, 7}``; empty text for no frames.

    With more than :data:`MAX_FILTER_FRAMES` runs the filter spans first to last frame instead.
    """
    parts = runs(frames)
    if not parts:
        return ""
    if len(parts) > MAX_FILTER_FRAMES:
        return f"frame.number >= {parts[0][0]} && frame.number <= {parts[-1][1]}"
    if len(parts) == 1 and parts[0][0] == parts[0][1]:
        return f"frame.number == {parts[0][0]}"
    return "frame.number in {" + ", ".join(str(a) if a == b else f"{a}..{b}" for a, b in parts) + "}"


def stream_filter(stream: int) -> str:
    """Return ``tcp.stream eq N``."""
    return f"tcp.stream eq {int(stream)}"


def frames_text(frames: Iterable[int], limit: int = 8) -> str:
    """Return ``1–3, 7`` for people, at most ``limit`` runs, the rest counted."""
    parts = runs(frames)
    shown = ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in parts[:limit])
    return shown + (f" … (+{len(parts) - limit})" if len(parts) > limit else "")
