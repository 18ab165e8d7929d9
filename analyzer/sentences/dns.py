"""What the findings about names (DNS) say: for each code, the statement, why it matters, and what to try.

The rules for templates are those of :mod:`analyzer.sentences`, which takes them in; each comment lists the arguments of
the entries that follow.
"""

from __future__ import annotations

DNS: dict[str, tuple[str, str, str]] = {
    # name, qtype, rcode, server
    "DNS-FAILED": (
        "The name {name} could not be resolved: {server} answered {rcode}",
        "{rcode_meaning} Without an address nothing can be opened.",
        "Ask another resolver for the same name: if that one answers, the trouble lies with the first.",
    ),
    # the same
    "DNS-FAILED.nxdomain": (
        "The name {name} could not be resolved: {server} answered {rcode}",
        "{rcode_meaning} Without an address nothing can be opened.",
        "Check the spelling and the search domain. A name that should be there is missing in its zone, or its "
        "registration has run out.",
    ),
    # the same
    "DNS-FAILED.refused": (
        "The name {name} could not be resolved: {server} answered {rcode}",
        "{rcode_meaning} Without an address nothing can be opened.",
        "Check whether {server} is meant to serve this client: resolvers refuse those outside their own network. Enter "
        "the resolver of the network that the client is in.",
    ),
    # the same
    "DNS-FAILED.servfail": (
        "The name {name} could not be resolved: {server} answered {rcode}",
        "{rcode_meaning} Without an address nothing can be opened.",
        "Ask another resolver: if that one answers, the first is broken. If none does, the zone's own servers do not "
        "answer, or its signatures (DNSSEC) are wrong.",
    ),
    # name, qtype, server, latency_ms
    "DNS-SLOW": (
        "Resolving {name} took {latency_ms}",
        "Nothing else can start before the name is resolved, so this is added to the waiting time of the whole page.",
        "Use a nearer or faster resolver, or look at which step of the resolver's own search is slow.",
    ),
    # name, qtype, server, attempts, latency_ms
    "DNS-RETRY": (
        "The lookup of {name} had to be repeated: {attempts:query|queries} until an answer came",
        "A DNS query over UDP that gets lost is repeated only after a timeout of seconds.",
        "Look for loss between the client and {server}, or an overloaded resolver.",
    ),
    # name, qtype, server, attempts
    "DNS-NO-ANSWER": (
        "{server} never answered the question for {name} ({attempts:query|queries})",
        "The client waits until it gives up, then tries another resolver or fails.",
        "Check that {server} is the right resolver and reachable, and that nothing blocks UDP port 53.",
    ),
    # server, names, name, client, attempts, others
    "DNS-RESOLVER-DEAD": (
        "{server} answered none of the questions for {names:name|names} ({attempts:query|queries})",
        "A resolver that never answers costs each lookup seconds, until another one is tried or the program gives up. "
        "Others that answered the same client here: {others}.",
        "Check that {server} is a resolver, runs and is reachable on UDP port 53; else take it out of the client's "
        "settings (resolv.conf, DHCP).",
    ),
    # name, qtype, server, client, count
    "DNS-TRUNCATED": (
        "The answer for {name} was too long for UDP and was asked for again over TCP ({count:time|times})",
        "A cut answer (TC flag) costs a second question and a connection before the name is known.",
        "Allow larger UDP answers (EDNS, 1232 bytes), or have the zone answer with fewer records.",
    ),
    "DNS-TRUNCATED.failed": (
        "The answer for {name} was cut short, and {server} did not answer over TCP",
        "Answers that do not fit into one datagram can only be had over TCP; without it these names never resolve.",
        "Allow TCP port 53 to {server}, and check that the server listens there (RFC 7766 requires it).",
    ),
    "DNS-TRUNCATED.lost": (
        "The answer for {name} was cut short, and {client} did not ask again over TCP",
        "Of a cut answer only the beginning is known, perhaps nothing at all.",
        "Check why {client} does not use TCP port 53: a firewall on the way out, or an old resolver library.",
    ),
    # client, count, name, server, duration_ms
    "DNS-STORM": (
        "Within {duration_ms} {client} asked for {count:name|names} that do not exist",
        "Nobody mistypes that often. It is a program with a wrong setting, a search for hosts, or malware that looks "
        "for its master under computed names.",
        "Find the program on {client} that asks for {name}. A search list that is added to every name shows as one "
        "common ending.",
    ),
    # name, client, server, count, data
    "DNS-CONFLICTING": (
        "{client} got {count:answer|answers} to one question for {name} that contradict each other",
        "More answers than questions came, and they differ: somebody on the way adds answers of his own (a filter, or "
        "a forger), and the first one counts.",
        "Compare the frames: time to live, IP identification and arrival time tell the two senders apart. Ask over "
        "TLS or HTTPS, or let DNSSEC decide.",
    ),
    "DNS-CONFLICTING.asked_twice": (
        "{client} asked for {name} twice and got different answers",
        "Servers that spread their visitors answer each question with other addresses; this is no error by itself.",
        "Look at the records if some of the addresses do not work.",
    ),
    # client, server, count, name
    "DNS-UNASKED": (
        "{server} sent {client} {count:answer|answers} to questions that are not in the capture",
        "The client's other questions are there, so these answers were late, doubled, or not asked for at all.",
        "Usually harmless. Compare ids and ports with the questions before them.",
    ),
    "DNS-UNASKED.many": (
        "{client} received {count:answer|answers} from {server} that it had not asked for",
        "Many answers with changing ids are how a forged answer is made to fit a question by chance, or how a flood "
        "with a forged sender looks to its victim.",
        "Check that {client} uses random ports and ids for its questions, and drop answers without a question at the "
        "firewall.",
    ),
    # server, name, reason, count
    "DNS-MALFORMED": (
        "{count:message|messages} between {client} and {server} on a DNS port cannot be read: {reason}",
        "Either another protocol runs over this port, or a program writes broken messages, by mistake or on purpose.",
        "Look at the bytes of the frames; the question was for {name}.",
    ),
    # server, name, rcode, count
    "DNS-LAME": (
        "{server} was named as a server of a zone, but does not know {name}",
        "A resolver that is sent to such a server loses a round trip or a timeout before it tries the next one.",
        "The owner of the zone should take {server} out of its NS records, or set the zone up there.",
    ),
    # name, names, target, server
    "DNS-CHAIN": (
        "{name} leads to {target} over {names:alias|aliases}",
        "Each alias (CNAME) may be in another zone, which the resolver has to look up before the address is known.",
        "Point the name nearer to its end, where you own it.",
    ),
    # client, count, name, waited_ms
    "DNS-UNCACHED": (
        "{client} asked {count:time|times} for names whose answers it still had",
        "An answer may be kept for its time to live; asking again for {name} cost {waited_ms} in all.",
        "Run a caching resolver on {client} (systemd-resolved, dnsmasq), or keep connections open instead of looking "
        "the name up for each.",
    ),
    # kind, client, server, count
    "DNS-ENCRYPTED": (
        "{client} looks names up over an encrypted connection to {server}",
        "Questions and answers over TLS, HTTPS or QUIC cannot be read here, so lookups that seem to be missing may be "
        "in there.",
        "Nothing has to be done. To see the names, record at the resolver, or give the program a key log.",
    ),
}
