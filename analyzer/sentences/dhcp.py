"""What the findings about addresses handed out (DHCP) say: for each code, statement, why it matters, what to try.

The rules for templates are those of :mod:`analyzer.sentences`, which takes them in; each comment lists the arguments of
the entries that follow.
"""

from __future__ import annotations

DHCP: dict[str, tuple[str, str, str]] = {}
