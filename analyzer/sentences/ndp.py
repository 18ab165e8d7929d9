"""What the findings about IPv6 neighbours (NDP) say: for each code, the statement, why it matters, and what to try.

The rules for templates are those of :mod:`analyzer.sentences`, which takes them in; each comment lists the arguments of
the entries that follow.
"""

from __future__ import annotations

NDP: dict[str, tuple[str, str, str]] = {}
