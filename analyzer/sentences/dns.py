"""What the findings about names (DNS) say: for each code, the statement, why it matters, and what to try.

The rules for templates are those of :mod:`analyzer.sentences`, which takes them in; each comment lists the arguments of
the entries that follow.
"""

from __future__ import annotations

DNS: dict[str, tuple[str, str, str]] = {
    # name, qtype, rcode, server
    "DNS-FAILED": (
        "The name {name} could not be resolved: {server} answered {rcode}",
        "Without an address nothing can be opened. NXDOMAIN means the name does not exist; SERVFAIL means the resolver "
        "could not find out; REFUSED means it will not answer this client.",
        "Check the spelling and the search domain. For SERVFAIL ask another resolver: if that one answers, the first "
        "is broken or DNSSEC validation fails.",
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
}
