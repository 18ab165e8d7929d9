"""Every number a rule compares with, in one place, each with its reason."""

from __future__ import annotations

UNANSWERED_SYNS = 2
"""One unanswered SYN may be the end of the capture; a repeated one is a client that really waited (MEASURES)."""
QUIET_MS = 5000.0
"""Silence this long after a query, inside the capture, means no answer came (clients retry within 1 to 5 s)."""
SLOW_DNS_MS = 1000.0
"""Resolvers answer within tens to hundreds of milliseconds; a second is noticed by a person (MEASURES)."""
SLOW_SERVER_MS = 500.0
"""Server time that a person notices on every click; below it the network usually decides (MEASURES)."""
PROMPT_ACK_MS = 250.0
"""A server that acknowledges within this is reachable and alive: the rest of the wait is its own (MEASURES)."""
HEAVY_LOSS_SHARE = 0.03
"""TCP slows down visibly from about 3 % loss on (MEASURES)."""
HEAVY_LOSS_COUNT = 5
"""Fewer retransmissions say nothing about a rate (MEASURES)."""
SYN_LOSS_MS = 500.0
"""The first SYN timeout is 1 s (RFC 6298 section 2); anything near it is a lost SYN, not a slow path."""
ARP_ATTEMPTS = 2
"""One unanswered ARP request is common (a host checks who is there); a repeated one is somebody waiting."""
MAX_FRAMES = 60
"""Frames cited by one finding; more are evidence nobody reads."""
MAX_FINDINGS_PER_CODE = 200
"""Rows of one code; a SYN flood or a broken API gives more, and the counts are in the tables."""
