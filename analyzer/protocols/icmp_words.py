"""What ICMP types and codes mean, in words for people.

Sources: RFC 792, 950, 1191, 1256, 1812 section 5.2.7, 4443, 4861, 2710, 3810, 8335; IANA "ICMP Parameters" and
"ICMPv6 Parameters".
"""

from __future__ import annotations

from functools import lru_cache

_TYPES4 = {
    0: "echo reply",
    3: "destination unreachable",
    4: "source quench",
    5: "redirect",
    8: "echo request",
    9: "router advertisement",
    10: "router solicitation",
    11: "time exceeded",
    12: "parameter problem",
    13: "timestamp request",
    14: "timestamp reply",
    15: "information request",
    16: "information reply",
    17: "address mask request",
    18: "address mask reply",
    30: "traceroute",
    40: "security failure (Photuris)",
    42: "extended echo request",
    43: "extended echo reply",
}

_CODES4 = {
    (3, 0): "network unreachable",
    (3, 1): "host unreachable",
    (3, 2): "protocol unreachable",
    (3, 3): "port unreachable",
    (3, 4): "packet too big and fragmentation not allowed",
    (3, 5): "source route failed",
    (3, 6): "network unknown",
    (3, 7): "host unknown",
    (3, 8): "source host isolated",
    (3, 9): "network administratively prohibited",
    (3, 10): "host administratively prohibited",
    (3, 11): "network unreachable for this type of service",
    (3, 12): "host unreachable for this type of service",
    (3, 13): "communication administratively prohibited",
    (3, 14): "host precedence violation",
    (3, 15): "precedence cutoff in effect",
    (5, 0): "use another router for this network",
    (5, 1): "use another router for this host",
    (5, 2): "use another router for this network and type of service",
    (5, 3): "use another router for this host and type of service",
    (11, 0): "TTL expired in transit",
    (11, 1): "fragments did not all arrive in time",
    (12, 0): "error at the byte pointed to",
    (12, 1): "a required option is missing",
    (12, 2): "bad length",
}

_TYPES6 = {
    1: "destination unreachable",
    2: "packet too big",
    3: "time exceeded",
    4: "parameter problem",
    128: "echo request",
    129: "echo reply",
    130: "multicast listener query",
    131: "multicast listener report",
    132: "multicast listener done",
    133: "router solicitation",
    134: "router advertisement",
    135: "neighbor solicitation",
    136: "neighbor advertisement",
    137: "redirect",
    138: "router renumbering",
    139: "node information query",
    140: "node information response",
    141: "inverse neighbor discovery solicitation",
    142: "inverse neighbor discovery advertisement",
    143: "multicast listener report (version 2)",
    144: "home agent address discovery request",
    145: "home agent address discovery reply",
    146: "mobile prefix solicitation",
    147: "mobile prefix advertisement",
    148: "certification path solicitation",
    149: "certification path advertisement",
    151: "multicast router advertisement",
    152: "multicast router solicitation",
    153: "multicast router termination",
    155: "RPL control",
    157: "duplicate address request",
    158: "duplicate address confirmation",
    160: "extended echo request",
    161: "extended echo reply",
}

_CODES6 = {
    (1, 0): "no route to destination",
    (1, 1): "communication administratively prohibited",
    (1, 2): "beyond the scope of the source address",
    (1, 3): "address unreachable",
    (1, 4): "port unreachable",
    (1, 5): "source address failed ingress or egress policy",
    (1, 6): "route to destination rejected",
    (1, 7): "error in source routing header",
    (3, 0): "hop limit expired in transit",
    (3, 1): "fragments did not all arrive in time",
    (4, 0): "bad header field",
    (4, 1): "unknown next header",
    (4, 2): "unknown option",
    (4, 3): "incomplete header chain in the first fragment",
}


@lru_cache(maxsize=1024)
def meaning(protocol: int, kind: int, code: int) -> str:
    """Return what a type and code of protocol 1 (ICMP) or 58 (ICMPv6) mean: ``destination unreachable: port …``."""
    types, codes = (_TYPES4, _CODES4) if protocol == 1 else (_TYPES6, _CODES6)
    word = types.get(kind, f"type {kind}")
    detail = codes.get((kind, code))
    if detail is not None:
        return f"{word}: {detail}"
    return f"{word}, code {code}" if code else word
