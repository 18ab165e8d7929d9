"""Who is the gateway: the station that packets for other networks are handed to, and what told its address.

Rules:

* A packet leaves the local network when a lease gave its sender a netmask that its destination is not under, or a
  router announced the sender's prefix and none for the destination (``netmask``); or when it goes from a private
  address to a public one (``public_address``).
* Where neither is known, a station that is handed packets for :data:`SEVERAL` networks besides the sender's own is no
  end of them (``several_networks``). Networks are told apart by their first 24 bits (IPv6: 64), the usual sizes.
* The weakest sign is that ARP knows a packet's station by another address than the packet's destination, and that a
  router had part in the answers (``passed_on``, see :mod:`routed`).
* The gateway's address is never guessed from a packet: an ARP row, a neighbour discovery row or a lease tells it. ARP
  answers to the hosts that use it come first, then what it said unasked. A station that answers for several addresses
  (proxy ARP) is known by the one that a lease names as router, else by none (``ambiguous``).

Sources: RFC 1122 section 3.3.1.1 (local or remote), RFC 1918, RFC 6598, RFC 4193 (private addresses), RFC 4861
section 6.3.4 (prefixes).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from analyzer.addresses import host_text
from analyzer.decode.hops import Hops, mac_text
from analyzer.decode.table import PacketTable
from analyzer.problems import Problem, ProblemLog
from analyzer.schema import ArpRow, DhcpRow, Gateway, NdpRow
from analyzer.visits.routed import passed_on, took_over

SEVERAL = 3
"""Machines have an address or two more; one that is handed packets for three other networks passes them on."""
MAX_GATEWAYS = 16
"""Gateways listed, the busiest first; a capture inside a backbone has more, and nobody reads them."""
MAX_HOSTS = 16
"""Hosts listed of one gateway."""
MAX_FIRST_FRAMES = 5
"""First frames cited, each between other hosts."""
MAX_NETWORKS = 32
"""Networks of leases, and prefixes, compared with every host; a capture has a handful."""

PRIVATE4 = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
LOCAL4 = tuple(map(ip_network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")))
PRIVATE6, PUBLIC6 = ip_network("fc00::/7"), ip_network("2000::/3")

WHYS = ("passed_on", "several_networks", "public_address", "netmask")
"""From the weakest reason to the strongest."""

Mask = NDArray[np.bool_]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Hosts:
    """Columns over the host table: (h,) bool each, and (h, 8) uint8, the bytes that name the usual network."""

    four: Mask
    private: Mask
    public: Mask
    network: NDArray[np.uint64]


def gateways(
    table: PacketTable,
    hops: Hops,
    arp: Sequence[ArpRow],
    ndp: Sequence[NdpRow],
    dhcp: Sequence[DhcpRow],
    problems: ProblemLog | None = None,
) -> tuple[Gateway, ...]:
    """Return the gateways of a capture, the busiest first.

    Args:
        table: the packets; hops: who handed them to whom.
        arp, ndp, dhcp: the tables that may tell a gateway's address.
        problems: told where there is more than is looked at or listed.
    """
    problems = ProblemLog() if problems is None else problems
    if not len(hops):
        return ()
    hosts = _about(table.hosts)
    strength = _strength(table, hosts, hops, arp, _netmasks(table.hosts, ndp, dhcp, problems))
    away = np.flatnonzero(strength >= 0)
    four = hosts.four[hops.dst[away]]
    groups: dict[tuple[int, bool], list[int]] = {}
    for at, mac, version in zip(away.tolist(), hops.to_mac[away].tolist(), four.tolist(), strict=True):
        groups.setdefault((mac, version), []).append(at)
    ranked = sorted(groups.items(), key=lambda item: (-int(hops.packets[item[1]].sum()), item[1][0]))
    ranked = _first(ranked, MAX_GATEWAYS, "stations that pass packets on; the busiest {} are listed", problems)
    told, former = _Told(arp, ndp, dhcp), took_over(hops, away)
    return tuple(
        replace(
            _gateway(table, hops, strength, mac, version, at, told),
            took_over=mac_text(former[mac]) if mac in former else None,
        )
        for (mac, version), at in ranked
    )


def _about(hosts: NDArray[np.uint8]) -> _Hosts:
    four = hosts[:, 0] == 4
    private, local = np.zeros(len(hosts), np.bool_), np.zeros(len(hosts), np.bool_)
    for network in PRIVATE4:
        private |= four & _inside(hosts, network.network_address.packed, network.prefixlen)
    for network in LOCAL4:
        local |= four & _inside(hosts, network.network_address.packed, network.prefixlen)
    public = four & ~private & ~local
    private |= ~four & _inside(hosts, PRIVATE6.network_address.packed, PRIVATE6.prefixlen)
    public |= ~four & _inside(hosts, PUBLIC6.network_address.packed, PUBLIC6.prefixlen)
    network_bytes = hosts[:, 1:9].copy()
    network_bytes[four, 3:] = 0
    # One bit of no meaning in either family tells an IPv4 network from an IPv6 one.
    network_bytes[four, 7] = 1
    return _Hosts(four, private, public, network_bytes.view(np.uint64)[:, 0])


def _inside(hosts: NDArray[np.uint8], prefix: bytes, bits: int) -> Mask:
    """Return (h,) bool: which addresses begin with the first ``bits`` of a prefix (of either family)."""
    whole, rest = divmod(bits, 8)
    found = (hosts[:, 1 : 1 + whole] == np.frombuffer(prefix[:whole], np.uint8)).all(axis=1)
    if rest:
        found &= hosts[:, 1 + whole] >> (8 - rest) == prefix[whole] >> (8 - rest)
    return np.asarray(found)


def _strength(
    table: PacketTable,
    hosts: _Hosts,
    hops: Hops,
    arp: Sequence[ArpRow],
    netmasks: Iterable[tuple[Mask, Mask]],
) -> NDArray[np.int8]:
    """Return (hops,) int8: index into :data:`WHYS` for what leaves the local network, -1 for the rest."""
    src, dst = hops.src, hops.dst
    out = np.full(len(hops), -1, np.int8)
    outward = hosts.private | hosts.public  # no broadcasts, groups, or addresses of one link
    out[passed_on(table, hops, arp) & outward[dst]] = 0
    out[_several(hosts, hops)] = 1
    out[hosts.private[src] & hosts.public[dst]] = 2
    for sender, inside in netmasks:
        known = sender[src] & outward[dst]
        out[known & inside[dst]] = -1
        out[known & ~inside[dst]] = 3
    return out


def _several(hosts: _Hosts, hops: Hops) -> Mask:
    """Return (hops,) bool: packets for a network that is not the sender's, by a station that is handed several."""
    outward = hosts.private | hosts.public
    away = outward[hops.src] & outward[hops.dst] & (hosts.network[hops.src] != hosts.network[hops.dst])
    away &= hosts.four[hops.src] == hosts.four[hops.dst]
    at = np.flatnonzero(away)
    macs, group = np.unique(hops.to_mac[at], return_inverse=True)
    networks, number = np.unique(hosts.network[hops.dst[at]], return_inverse=True)
    pairs = np.unique(group.astype(np.int64) * max(networks.size, 1) + number)
    count = np.bincount(pairs // max(networks.size, 1), minlength=macs.size)
    found = np.zeros(len(hops), np.bool_)
    found[at] = (count >= SEVERAL)[group]
    return found


def _first(found: list[T], most: int, what: str, problems: ProblemLog) -> list[T]:
    """Return the first of a list, and tell where that leaves some out."""
    if len(found) > most:
        problems.add(Problem("LIMIT-REACHED", "link", f"{len(found)} {what.format(most)}"))
    return found[:most]


def _netmasks(
    raw: NDArray[np.uint8], ndp: Sequence[NdpRow], dhcp: Sequence[DhcpRow], problems: ProblemLog
) -> Iterable[tuple[Mask, Mask]]:
    """Yield (which hosts are told so, which addresses are local to them) for each lease, and for all prefixes."""
    four = raw[:, 0] == 4
    number = raw[:, 1:5].copy().view(">u4")[:, 0]
    told: dict[tuple[bytes, int], set[int]] = {}
    for row in dhcp:
        if row.version == 4 and row.outcome == "bound" and row.address and row.subnet_mask:
            mask = int.from_bytes(ip_address(row.subnet_mask).packed, "big")
            bits = mask.bit_count()
            # Less is nonsense, more a point-to-point link where everything is remote; and there may be no holes.
            if 8 <= bits < 32 and mask == (1 << 32) - (1 << 32 - bits):
                network = ip_network(f"{row.address}/{bits}", strict=False)
                own = int.from_bytes(ip_address(row.address).packed, "big")
                told.setdefault((network.network_address.packed, bits), set()).add(own)
    leases = sorted(told.items())
    for (packed, bits), members in _first(leases, MAX_NETWORKS, "networks in leases; the first {} are used", problems):
        yield four & np.isin(number, np.fromiter(members, np.uint32, len(members))), four & _inside(raw, packed, bits)
    prefixes = {p.prefix for row in ndp if row.outcome_why is None for p in row.prefixes if p.on_link and p.valid_s}
    local = np.zeros(len(raw), np.bool_)
    for prefix in _first(sorted(prefixes), MAX_NETWORKS, "IPv6 prefixes; the first {} are used", problems):
        text, _, size = prefix.rpartition("/")
        local |= ~four & _inside(raw, ip_address(text).packed, int(size))
    if local.any():
        yield local, local


class _Told:
    """What the tables say of the addresses behind a hardware address."""

    def __init__(self, arp: Sequence[ArpRow], ndp: Sequence[NdpRow], dhcp: Sequence[DhcpRow]) -> None:
        self.dhcp = dhcp
        self.arp: dict[str, list[tuple[int, ArpRow]]] = {}
        self.ndp: dict[str, list[tuple[int, NdpRow]]] = {}
        for at, row in enumerate(arp):
            if row.outcome != "malformed":
                for mac in {row.answer_mac, row.asker_mac} - {None}:
                    self.arp.setdefault(str(mac), []).append((at, row))
        for at, heard in enumerate(ndp):
            if heard.outcome_why is None:
                for mac in {heard.answer_mac, heard.asker_mac} - {None}:
                    self.ndp.setdefault(str(mac), []).append((at, heard))

    def leases(self, users: frozenset[str]) -> list[tuple[int, str]]:
        """Return (row, router) of the leases that the users of a gateway were given."""
        return [
            (at, router)
            for at, row in enumerate(self.dhcp)
            if row.outcome == "bound" and row.address in users
            for router in row.routers
        ]

    def by_arp(self, mac: str, users: frozenset[str]) -> list[tuple[int, str, int]]:
        """Return (how good, address, row): answers to users, then what was said unasked, then who asks."""
        out = []
        for at, row in self.arp.get(mac, ()):
            if row.answer_mac == mac and row.target_ip:
                out.append((0 if row.asker_ip in users else 1, row.target_ip, at))
            elif row.asker_mac == mac and row.asker_ip and row.asker_ip != "0.0.0.0":
                out.append((1 if row.kind in ("announcement", "gratuitous") else 2, row.asker_ip, at))
        return out

    def by_ndp(self, mac: str) -> list[tuple[int, str, int]]:
        """Return (how good, address, row): a router's own advertisement, then an answer that says it is a router."""
        out = []
        for at, row in self.ndp.get(mac, ()):
            routing = row.kind.startswith("router_")
            if row.kind == "router_advertisement" and row.lifetime_s and row.asker_ip:
                out.append((0, row.asker_ip, at))
            elif row.answer_mac == mac and row.answer_ip and (row.lifetime_s if routing else row.router):
                out.append((0 if routing else 1, row.answer_ip, at))
        return out


def _gateway(
    table: PacketTable, hops: Hops, strength: NDArray[np.int8], mac: int, four: bool, at: list[int], told: _Told
) -> Gateway:
    where = np.array(at)
    senders = [host_text(table.hosts[host].tobytes()) for host in dict.fromkeys(hops.src[where].tolist())]
    far = {host_text(table.hosts[host].tobytes()) for host in set(hops.dst[where].tolist())}
    first, last = hops.first[where], int(hops.last[where].max())
    ip, why, row = _address(mac_text(mac), frozenset(senders), far, told, four)
    return Gateway(
        mac=mac_text(mac),
        ip=ip,
        ip_why=why,
        arp_row=row if why == "arp" else None,
        ndp_row=row if why == "ndp" else None,
        dhcp_row=row if why == "dhcp" else None,
        why=WHYS[int(strength[where].max())],
        hosts=tuple(senders[:MAX_HOSTS]),
        host_count=len(senders),
        packets=int(hops.packets[where].sum()),
        frames=tuple(dict.fromkeys([*(np.sort(first)[:MAX_FIRST_FRAMES] + 1).tolist(), last + 1])),
        first_time=int(table.index.time[int(first.min())]),
        last_time=int(table.index.time[last]),
        version=4 if four else 6,
    )


def _address(
    mac: str, users: frozenset[str], far: set[str], told: _Told, four: bool
) -> tuple[str | None, str, int | None]:
    """Return (the gateway's own address, what told it, in which row).

    Addresses that it is handed packets for are none of its own, even where it answers for them (proxy ARP).
    """
    word = "arp" if four else "ndp"
    claims = [claim for claim in (told.by_arp(mac, users) if four else told.by_ndp(mac)) if claim[1] not in far]
    leases = told.leases(users) if four else []
    routers = {router for _, router in leases}
    named = [claim for claim in claims if claim[1] in routers]
    best = named or [claim for claim in claims if claim[0] == min(claims)[0]]
    counts = Counter(address for _, address, _ in best)
    if len(counts) == 1:
        return best[0][1], word, best[0][2]
    if not counts and len(routers) == 1:
        return leases[0][1], "dhcp", leases[0][0]
    return None, "ambiguous" if counts else "not_captured", None
