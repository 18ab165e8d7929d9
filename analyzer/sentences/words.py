"""Single words and joints of sentences: what stands for a missing value, how lists are joined, who did something.

The rules for templates are those of :mod:`analyzer.sentences`, which takes them in.
"""

from __future__ import annotations

WORDS: dict[str, str] = {
    "unknown": "unknown",
    "yes": "yes",
    "no": "no",
    "nothing": "nothing",
    "comma": ", ",
    "comma.clauses": ", ",
    # items, more: what is listed, and how many are not
    "more": "{items} and {more} more",
    # step, why: a step of a journey without a sentence of its own
    "absent": "No {step}: {why}.",
    "not_known": "not known from this capture",
}
"""Key → word or joint."""

SIDES = (
    "client",
    "server",
    "client and the server",
    "client and server",
    "client or the server",
    "both",
    "network",
)
"""Who did something: values of the arguments ``by``, ``closed_by``, ``who``, ``other``, ``first``, ``sender`` and
``heard``."""

PARTS = ("network", "gateway", "resolvers", "key", "signature")
"""What something is about: values of ``what`` (in which two offers of an address differ), beginnings of ``weak``."""

SPOKEN = frozenset(
    {"by", "closed_by", "who", "other", "first", "sender", "heard", "kinds", "meaning", "what", "weak", "commands"}
)
"""Arguments whose values are words of this program, not of the capture: they are translated, piece by piece where they
are put together with a colon (``destination unreachable: port unreachable``)."""

STAND_INS = (
    "a message",
    "that is no HTTP request",
    "a request",
    "that was not captured",
    "without an address",
    "an unreadable name",
    "(no name)",
)
"""What stands for a value that the capture does not have."""

PHRASED = frozenset({"method", "target", "name", "names", "seen"})
"""Arguments whose values are mostly the capture's, and some the program's: of these only phrases are translated, since
a field may well be named ``key``, but no method is ``a request``."""

CLAUSES = frozenset({"kinds"})
"""Arguments whose items are clauses, not names: other languages part them with a stronger mark than a comma."""
