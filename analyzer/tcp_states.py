"""The states of a TCP endpoint in plain words (RFC 9293 section 3.3.2).

A capture shows segments, not endpoints: a state here is what the endpoint must have been in after the segments
that were seen. The end of TIME_WAIT is a timer inside the endpoint and never visible, so TIME_WAIT is always
*inferred*.
"""

from __future__ import annotations

from analyzer.language import translated

STATES: dict[str, str] = {
    "CLOSED": "There is no connection at this side.",
    "LISTEN": "This side waits for somebody to connect.",
    "SYN_SENT": "This side asked to connect and waits for an answer.",
    "SYN_RCVD": "This side was asked to connect, agreed, and waits for the confirmation.",
    "ESTABLISHED": "The connection is open: data may flow both ways.",
    "FIN_WAIT_1": "This side said it has nothing more to send and waits for the other to acknowledge that.",
    "FIN_WAIT_2": "The other side knows that this one is done; this one waits for the other to finish too.",
    "CLOSE_WAIT": "The other side is done; this one has acknowledged that and may still send.",
    "CLOSING": "Both sides said they are done at the same moment and wait for each other's acknowledgement.",
    "LAST_ACK": "This side said it is done too and waits for the last acknowledgement.",
    "TIME_WAIT": "All is done; this side keeps the port reserved for a while in case a late packet arrives.",
}
"""State → one plain sentence, in the order a connection passes through them."""


UNSEEN = "The capture does not show which state this side was in."
"""Said of a side whose state nobody knows."""


def explain(state: str, lang: str | None = None) -> str:
    """Say in one plain sentence what a state means."""
    known = state if state in STATES else "UNKNOWN"
    return translated(STATES.get(state, UNSEEN), f"state.{known}", lang)
