"""The two sides of a connection: their keys in the columns, and what they are called."""

from __future__ import annotations

from analyzer.report.escape import Prose
from analyzer.report.wording import say

SIDES = ("client", "server")
"""The sides, as the names of columns begin."""


def other(side: str) -> str:
    """Return the side that a side talks to."""
    return "server" if side == "client" else "client"


def who(side: str) -> Prose:
    """Return what a side is called inside a sentence."""
    return say("client") if side == "client" else say("server")


def whose(side: str) -> Prose:
    """Return what a side is called where it stands alone, as in a table."""
    return say("the client") if side == "client" else say("the server")
