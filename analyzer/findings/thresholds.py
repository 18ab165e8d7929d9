"""Every number a rule compares with, in one place, each with its reason."""

from __future__ import annotations

UNANSWERED_SYNS = 2
"""One unanswered SYN may be the end of the capture; a repeated one is a client that really waited (MEASURES)."""
SCAN_TARGETS = 20
"""A program that tries more closed or silent ports than this is looking for something, not failing to reach it."""
PROBED_PORTS = 3
"""A service that is down fails on its own ports; strangers try more than these."""
QUIET_MS = 5000.0
"""Silence this long after a query, inside the capture, means no answer came (clients retry within 1 to 5 s)."""
SLOW_DNS_MS = 1000.0
"""Resolvers answer within tens to hundreds of milliseconds; a second is noticed by a person (MEASURES)."""
RETRY_COST_MS = 300.0
"""Clients that race two resolvers, or are recorded twice, repeat a query within milliseconds at no cost; a lost query
is repeated after a third of a second (glibc, Windows: 1 s) at the earliest."""
ONE_WAY_QUERIES = 5
"""With this many questions and not one packet towards the asker, the recorder did not see that direction."""
SLOW_SERVER_MS = 500.0
"""Server time that a person notices on every click; below it the network usually decides (MEASURES)."""
HEAVY_LOSS_SHARE = 0.03
"""TCP slows down visibly from about 3 % loss on (MEASURES)."""
HEAVY_LOSS_COUNT = 5
"""Fewer retransmissions say nothing about a rate (MEASURES)."""
SYN_LOSS_MS = 500.0
"""The first SYN timeout is 1 s (RFC 6298 section 2); anything near it is a lost SYN, not a slow path."""
FALLBACK_MS = 5000.0
"""A client that finds one address of a name dead goes on with the next one within seconds (RFC 8305 section 5)."""
ARP_ATTEMPTS = 2
"""One unanswered ARP request is common (a host checks who is there); a repeated one is somebody waiting."""
MOVE_NS = 1_000_000_000
"""Two owners of an address heard within a second of each other are both there; further apart, one may have left."""
PROXY_ADDRESSES = 5
"""A machine that answers for this many addresses is a router that answers for others, or pretends to be all."""
MAX_FRAMES = 60
"""Frames cited by one finding; more are evidence nobody reads."""
MAX_RESETS_WEIGHED = 5000
"""Resets of which it is looked up what they threw away; thousands of them are a program's habit, or an attack."""
MAX_FINDINGS_PER_CODE = 200
"""Rows of one code; a SYN flood or a broken API gives more, and the counts are in the tables."""
REDIRECT_HOPS = 2
"""One redirect is how names, paths and https are put right; a second one could have been joined with the first."""
PERSONAL_FIELDS = 2
"""One address or name may be a search; two different kinds together are a person who filled in a form."""
KEY_BYTES = 8
"""What opens an account is at least as long as the shortest password that sites take; shorter are counts and flags."""
KEY_DIGITS = 16
"""A key made of digits alone is at least this long (53 bits); shorter are numbers of rows and moments in time."""
COST_NOTICED_MS = 100.0
"""A tenth of a second is where people begin to notice a wait (R. Miller, 1968); a smaller cost is not worth a word."""
COMPRESSION_BYTES = 14_600
"""Ten segments: what a server may send in the first round trip (RFC 6928); saving less saves no round trip."""
CLOSED_CONNECTIONS = 3
"""Two connections in a row happen by accident; more are a habit."""
REUSE_WITHIN_MS = 5000.0
"""Servers keep an idle connection for 5 s at least (Apache's KeepAliveTimeout; nginx: 75 s)."""
AGAIN_BYTES = 14_600
"""Fetching less than this twice costs no second round trip (see COMPRESSION_BYTES)."""
REDIRECT_LOOP = 3
"""An address that redirects this often in one chain leads in a circle; twice it may be to set a cookie."""
REDIRECT_LIMIT = 10
"""Chains this long are most likely circles with changing addresses; browsers give up after twenty."""
# visits
SLOW_VISIT_MS = 1000.0
"""A second is where a wait breaks a person's flow of thought (R. Miller, 1968; J. Nielsen, 1993)."""
VERY_SLOW_VISIT_MS = 4000.0
"""After some four seconds people turn away from a page (Akamai and Jupiter Research, 2006)."""
WASTED_BYTES = 100_000
"""A tenth of a megabyte is a second on a slow mobile network; less is told in the visit's own account."""
