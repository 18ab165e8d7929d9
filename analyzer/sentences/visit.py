"""What the findings about visits as a whole say: for each code, the statement, why it matters, and what to try.

The rules for templates are those of :mod:`analyzer.sentences`, which takes them in; each comment lists the arguments of
the entries that follow.
"""

from __future__ import annotations

VISIT: dict[str, tuple[str, str, str]] = {}
