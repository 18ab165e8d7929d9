"""Numbers for "what comes next": one integer says which header starts at a reading position.

An Ethernet type stands for itself (0-0xFFFF, as IEEE assigned it); everything that has no Ethernet type gets a number
above. Every step of decoding reads the header its number names, and leaves behind the number of the next one, so
that a tunnel in a tunnel needs no code of its own.
"""

from __future__ import annotations

from typing import Final

IPV4: Final = 0x0800
ARP: Final = 0x0806
RARP: Final = 0x8035
IPV6: Final = 0x86DD
TRANSPARENT_ETHERNET: Final = 0x6558
PPP: Final = 0x880B
MPLS: Final = 0x8847
MPLS_UPSTREAM: Final = 0x8848
PPPOE: Final = 0x8864

LINK: Final = 0x10000
"""LINK + n: a packet of LINKTYPE_ n."""

IP_PROTOCOL: Final = 0x20000
"""IP_PROTOCOL + n: what an IP header of protocol n carries, when that is a tunnel."""

UDP_PORT: Final = 0x30000
"""UDP_PORT + n: what a datagram of well-known port n carries, when that is a tunnel."""

LLC: Final = 0x40000
"""IEEE 802.2 LLC."""

IP: Final = 0x40001
"""An IP header whose version nibble says which."""

PSEUDOWIRE: Final = 0x40002
"""Below the last MPLS label, neither IPv4 nor IPv6."""

AFTER_IPV4: Final = 0x50000
"""AFTER_IPV4 + n: a datagram put together from fragments, of IPv4 protocol n."""

AFTER_IPV6: Final = 0x60000
"""AFTER_IPV6 + n: the same, of IPv6 next header n."""

NOTHING: Final = -1
"""Known to hold nothing that this package reads."""

ETHERNET: Final = LINK + 1
