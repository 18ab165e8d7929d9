"""Every number a rule compares with, in one place, each with its reason; by layer, from the recording to the visits."""

from __future__ import annotations

# ── all rules ─────────────────────────────────────────────────────────────────────────────────────────────────────────

MAX_FINDINGS_PER_CODE = 200
"""Rows of one code; a SYN flood or a broken API gives more, and the counts are in the tables."""
MAX_FRAMES = 60
"""Frames cited by one finding; more are evidence nobody reads."""
COST_NOTICED_MS = 100.0
"""A tenth of a second is where people begin to notice a wait (R. Miller, 1968); a smaller cost is not worth a word."""
SCAN_TARGETS = 20
"""A program that tries more closed or silent ports than this is looking for something, not failing to reach it."""

# ── the recording ─────────────────────────────────────────────────────────────────────────────────────────────────────

RECORDED_TWICE = 3
"""One packet twice may be the network's doing; several come from a recorder that listens at two places."""
CLOCK_BACK_MS = 1000.0
"""Recorders with several queues write packets some milliseconds out of order; a second is a clock that was set."""
ONE_RECORDING_NS = 24 * 3600 * 1_000_000_000
"""A file without a packet for longer was put together from several: nobody recorded the silence between."""

# ── ARP and NDP ───────────────────────────────────────────────────────────────────────────────────────────────────────

ARP_ATTEMPTS = 2
"""One unanswered ARP request is common (a host checks who is there); a repeated one is somebody waiting."""
ARP_SLOW_MS = 500.0
"""Machines answer within a millisecond, sleeping ones on Wi-Fi within three beacons (0.3 s); more is noticed."""
MOVE_NS = 1_000_000_000
"""Two owners of an address heard within a second of each other are both there; further apart, one may have left."""
PROXY_ADDRESSES = 5
"""A machine that answers for this many addresses is a router that answers for others, or pretends to be all."""
PROBE_DEFENCE_NS = 2_000_000_000
"""An address is contested by who speaks up until two seconds after the last probe (RFC 5227 section 1.1)."""
NDP_ANNOUNCED_NS = 4_000_000_000
"""Whoever moves an IPv6 address says so three times, a second apart (RFC 4861 section 7.2.6), and then is silent."""
ARP_SCAN_TARGETS = 30
"""A host talks to few of its neighbours at once; one that asks for this many addresses in a row looks for hosts."""
ARP_SCAN_NS = 10_000_000_000
"""Scanners try a network of 254 addresses within seconds; a router's ordinary questions are spread over minutes."""
ARP_STORM_ASKER = 15
"""Broadcasts per second by one asker: switches that inspect ARP shut a port that sends more (Cisco's default)."""
ARP_STORM_ASKER_SECONDS = 10
"""A scanner is through with a network sooner; an asker that keeps it up this long does not stop by itself."""
ARP_STORM_ALL = 100
"""Broadcasts per second by all: each interrupts every machine; a network of a thousand hosts has some ten."""
ARP_STORM_ALL_SECONDS = 3
"""A burst after a power cut is over sooner; in a loop broadcasts multiply until somebody stops it."""
ARP_STORM_REPEATS = 5
"""Requests per address, on average: a router asks two or three times for each of many absent hosts."""

# ── DHCP ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

DHCP_ATTEMPTS = 2
"""A client that asks again has waited four seconds (RFC 2131 section 4.1); one message may be the capture's end."""
DHCP_SLOW_MS = 3000.0
"""Servers check for a second that an address is free (RFC 2131 section 2.2); with the client's own pauses that is
two, and four seconds are a lost message."""
DHCP_VERY_SLOW_MS = 10_000.0
"""After ten seconds without an address people unplug cables, and some systems give themselves one (RFC 3927)."""
DHCP_LATER_NS = 60_000_000_000
"""A client that is refused or not heard asks anew at once; within a minute it is the same wish for an address."""
TAKEN_OVER_NS = 60_000_000_000
"""A claim works from the next packet on; a host that sends none for a minute has forgotten it and asks anew."""

# ── DNS ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

QUIET_MS = 5000.0
"""Silence this long after a query, inside the capture, means no answer came (clients retry within 1 to 5 s)."""
SLOW_DNS_MS = 1000.0
"""Resolvers answer within tens to hundreds of milliseconds; a second is noticed by a person (MEASURES)."""
RETRY_COST_MS = 300.0
"""Clients that race two resolvers, or are recorded twice, repeat a query within milliseconds at no cost; a lost query
is repeated after a third of a second (glibc, Windows: 1 s) at the earliest."""
ONE_WAY_QUERIES = 5
"""With this many questions and not one packet towards the asker, the recorder did not see that direction."""
TCP_PATIENCE_MS = 5000.0
"""A client that got a cut answer asks again at once; this long after it, it did not."""
DEAD_NAMES = 3
"""Two questions may be lost on the way; a resolver that leaves three names without a word does not work."""
LEFT_MS = 900.0
"""Systems turn to the next resolver after a second at the earliest (Windows: 1 s, glibc: 5 s); timers are coarse."""
STORM_NAMES = 100
"""Names that do not exist, asked for by one client within a minute: people mistype one, browsers try three."""
STORM_MS = 60_000.0
"""Search lists and programs that start ask in bursts; a minute later those are over."""
STORM_SHARE = 0.5
"""Of a busy client's questions some always fail; a client that asks mostly for nothing looks for something."""
FORGED_ANSWERS = 20
"""Answers to no question for one client: a late or repeated one happens, guessing ids takes thousands (RFC 5452)."""
START_MS = 10_000.0
"""Answers this early may belong to questions before the capture began; resolvers answer or give up within seconds."""
CHAIN_NAMES = 5
"""Content networks use two or three aliases; each further one may be another search for the resolver."""
ASKED_AGAIN = 5
"""Questions for a name whose answer the client still had: a few are several programs, more are no cache at all."""

# ── ICMP ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

LOST_PINGS = 2
"""The first ping of a run is often lost while the neighbour's address is looked up; a second one is lost on the way."""
SILENT_PINGS = 3
"""Pings without any answer that say something: one or two may be a question whether an address is in use."""
UNINVITED = 3
"""More senders than this, to more ports than this, are strangers that try what is open, not a service that is down."""
SLOW_PING_MS = 300.0
"""Round trips on the ground take less than this all around the world; talk becomes hard (ITU-T G.114: 150 ms a way)."""
JITTER_MS = 50.0
"""Variation that the buffers of telephony and video (20 to 50 ms) no longer take."""
MEASURED_PINGS = 5
"""Fewer round trips make no standard deviation worth the name, and one stray makes the average of four."""
FOREIGN_REPLIES = 5
"""Replies with other data than was sent: a few are broken or late, this many carry something."""

# ── TCP: opening and resets ───────────────────────────────────────────────────────────────────────────────────────────

UNANSWERED_SYNS = 2
"""One unanswered SYN may be the end of the capture; a repeated one is a client that really waited (MEASURES)."""
SYN_AGAIN_MS = 200.0
"""Systems repeat a SYN after a second (RFC 6298), the impatient ones after a third; sooner it was recorded twice."""
SYN_LOSS_MS = 500.0
"""The first SYN timeout is 1 s (RFC 6298 section 2); anything near it is a lost SYN, not a slow path."""
FALLBACK_MS = 5000.0
"""A client that finds one address of a name dead goes on with the next one within seconds (RFC 8305 section 5)."""
SLOW_CONNECT_MS = 300.0
"""The longest cables between two continents give about 300 ms; more is a satellite or a queue that is too long."""
SLOW_OPENING_SHARE = 0.5
"""A connection whose later round trips take less than half as long was not slow to open for its distance."""
PROBED_PORTS = 3
"""A service that is down fails on its own ports; strangers try more than these."""
KNOCKED_TARGETS = 3
"""Whoever opens connections only to drop them may check one service; from three on it looks what there is."""
HOME_CONNECTIONS = 5
"""A machine that opens this many connections, and takes none, is somebody's own computer."""
HALF_OPEN = 100
"""Clients that vanish between two packets are rare; a server's queue of half-open connections begins at 128."""
MAX_RESETS_WEIGHED = 5000
"""Resets of which it is looked up what they threw away; thousands of them are a program's habit, or an attack."""

# ── TCP: losses and waits ─────────────────────────────────────────────────────────────────────────────────────────────

HEAVY_LOSS_SHARE = 0.03
"""TCP slows down visibly from about 3 % loss on (MEASURES)."""
HEAVY_LOSS_COUNT = 5
"""Fewer retransmissions say nothing about a rate (MEASURES)."""
DEAR_LOSS_MS = 1000.0
"""Losses that cost a second were waited for, be they few: it is the first timeout of many systems (RFC 6298)."""
SENT_TIMES = 3
"""One loss is repaired by the second transmission; a third one means that the repair was lost as well."""
BACKOFF_MS = 500.0
"""Less is a burst of probes after one loss (RFC 8985); timers that double take longer from the second time on."""
PADDING_BYTES = 6
"""An ACK without options fills 54 of the 60 bytes of the shortest Ethernet frame; some recorders keep the rest."""
KEEP_ALIVES_UNANSWERED = 3
"""One or two probes may be lost; programs that count give up after three to nine (Linux: 9)."""
KEEP_ALIVE_SPAN_MS = 1000.0
"""Probes closer together than a second are copies of each other, not a program that waits for an answer."""
MAX_STREAMS_WEIGHED = 5000
"""Connections looked at segment by segment for one rule; more in trouble are one cause, and the worst come first."""

# ── TCP: windows ──────────────────────────────────────────────────────────────────────────────────────────────────────

CLOSED_WINDOW_MS = 100.0
"""Receivers that are merely busy open their window again within a round trip; a tenth of a second is noticed."""
WAITED_FOR_ROOM_MS = 1000.0
"""Data this soon after a window opened were waiting for it; later ones may be the program's next turn."""
WINDOW_LIMIT_MS = 500.0
"""A transfer held back for less than this would not be noticeably quicker with a larger window."""
WINDOW_LIMIT_SHARE = 0.5
"""The window is what limits a transfer when it accounts for most of its time."""
WINDOW_LIMIT_BYTES = 100_000
"""Smaller transfers are over before the window matters: they fit into one or two of the usual 64 kB."""

# ── TCP: the path's size ──────────────────────────────────────────────────────────────────────────────────────────────

BIG_SEGMENT = 1221
"""Every path takes smaller TCP segments than this: IPv6 guarantees 1220 bytes (RFC 8200 section 5), and nobody builds
links for IPv4 that take less. A smaller one that is lost again and again met a full queue."""
STUCK_SENDS = 4
"""The segment and three repetitions all lost while others pass: at 5 % random loss that happens once in 160,000."""
STUCK_MS = 3000.0
"""Three repetitions after 0.4, 0.8 and 1.6 s at the earliest (RFC 6298): sooner, they are no timeouts."""
SHRUNK_SENDS = 3
"""The segment and two repetitions before the sender tries a smaller one, as Windows does; Linux repeats more often."""
SHRUNK_MS = 1000.0
"""Two timeouts take 0.6 s at the least (0.2 and 0.4 s, Linux), and most systems begin with more."""
SHRUNK_SHARE = 0.9
"""Senders that look for the path's size go down by a step (1460 to 1024 or 536); less is another cut of the data."""
MAX_STARTS = 8
"""Segments of one direction looked at that were sent so often: a path's size is found at the first of them."""

# ── TLS ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

SLOW_TLS_MS = 500.0
"""Beyond its round trips a handshake takes a few milliseconds of computing; half a second is noticed by everybody."""
FULL_HANDSHAKES = 3
"""Two full handshakes in a row may be two programs; more are a client or server that does not resume."""
FORBIDDEN_SINCE = {
    "SSLv2": "2011-03-01",  # RFC 6176
    "SSLv3": "2015-06-01",  # RFC 7568
    "TLSv1.0": "2021-03-23",  # RFC 8996
    "TLSv1.1": "2021-03-23",  # RFC 8996
    "RC4": "2015-02-01",  # RFC 7465
    "3DES": "2016-08-24",  # CVE-2016-2183 (Sweet32)
    "DES": "2006-04-01",  # RFC 4346 and NIST's withdrawal of FIPS 46-3 a year before
    "RC2": "2006-04-01",
    "EXPORT": "2006-04-01",  # RFC 4346 appendix A.5
    "NULL": "",
    "anon": "",
    "RSA": "2014-01-01",  # keys shorter than WEAK_RSA_BITS
    "DSA": "2014-01-01",
    "MD2": "2011-03-01",
    "MD5": "2011-03-01",  # RFC 6151
    "SHA-1": "2017-01-01",  # browsers refuse it from then on
}
"""Day from which something is not to be used any more: before it was normal and is a note. Empty: at no time."""
RECORDED_SINCE = "1995-01-01"
"""SSL is from 1995: an earlier date is a recorder without a clock, by which nothing is judged."""
CERTIFICATE_DAYS = 14
"""Certificates are renewed weeks before their end (automatic ones after two thirds); two weeks left is late."""
CERTIFICATE_LIFE_SHARE = 1 / 6
"""Of a certificate that lives for days only, this part has to be left; automatic renewal comes at a third."""
CLOCK_WRONG_DAYS = 365
"""Nobody installs a certificate a year before it begins: the recorder's clock, or its times, are wrong."""
WEAK_RSA_BITS = 2048
"""Shorter RSA keys are not to be used after 2013 (NIST SP 800-131A; CA/Browser Forum baseline requirements)."""
MAIL_PORTS = frozenset({25, 587})
"""Mail servers encrypt to whoever answers (RFC 3207, RFC 7435): nobody compares names there."""

# ── HTTP ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

SLOW_SERVER_MS = 500.0
"""Server time that a person notices on every click; below it the network usually decides (MEASURES)."""
REDIRECT_HOPS = 2
"""One redirect is how names, paths and https are put right; a second one could have been joined with the first."""
REDIRECT_LOOP = 3
"""An address that redirects this often in one chain leads in a circle; twice it may be to set a cookie."""
REDIRECT_LIMIT = 10
"""Chains this long are most likely circles with changing addresses; browsers give up after twenty."""
COMPRESSION_BYTES = 14_600
"""Ten segments: what a server may send in the first round trip (RFC 6928); saving less saves no round trip."""
AGAIN_BYTES = 14_600
"""Fetching less than this twice costs no second round trip (see COMPRESSION_BYTES)."""
CLOSED_CONNECTIONS = 3
"""Two connections in a row happen by accident; more are a habit."""
REUSE_WITHIN_MS = 5000.0
"""Servers keep an idle connection for 5 s at least (Apache's KeepAliveTimeout; nginx: 75 s)."""
PERSONAL_FIELDS = 2
"""One address or name may be a search; two different kinds together are a person who filled in a form."""
KEY_BYTES = 8
"""What opens an account is at least as long as the shortest password that sites take; shorter are counts and flags."""
KEY_DIGITS = 16
"""A key made of digits alone is at least this long (53 bits); shorter are numbers of rows and moments in time."""

# ── visits ────────────────────────────────────────────────────────────────────────────────────────────────────────────

SLOW_VISIT_MS = 1000.0
"""A second is where a wait breaks a person's flow of thought (R. Miller, 1968; J. Nielsen, 1993)."""
VERY_SLOW_VISIT_MS = 4000.0
"""After some four seconds people turn away from a page (Akamai and Jupiter Research, 2006)."""
EXPLAINED_SHARE = 0.5
"""Who took half of the time is to blame for it (analyzer.visits.blame); another finding about that half tells all."""
WASTED_BYTES = 100_000
"""A tenth of a megabyte is a second on a slow mobile network; less is told in the visit's own account."""
