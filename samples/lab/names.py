"""Name servers beyond the lab's usual two: one nsd for each level of the tree, unbound that walks it.

Every nsd has addresses of its own in 203.0.113.0/24 and serves only its own zones, so that a resolver has to ask one
after the other. ``example`` and ``test`` are the only top-level domains (RFC 2606); the root's own server has its name
below one of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lab import net
from lab.services import NSD, Program, answers, wait_until

SOA = "IN SOA {master} hostmaster.{origin} 2026010101 7200 3600 1209600 {negative}"
UNBOUND = """\
server:
  interface: 192.0.2.53
  access-control: 192.0.2.0/24 allow
  do-ip6: no
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{home}"
  pidfile: "{home}/unbound.pid"
  root-hints: "{home}/root.hints"
  module-config: "iterator"
  qname-minimisation: yes
  local-zone: "test." nodefault
  do-not-query-localhost: yes
  trust-anchor-signaling: no
  use-syslog: no
  logfile: ""
  log-time-ascii: no
  verbosity: 2
  num-threads: 1
  outgoing-port-avoid: 0-32767
remote-control:
  control-enable: no
"""


def route(*addresses: str) -> None:
    """Give the server's namespace more addresses, and the router the way to them."""
    for address in addresses:
        net.run("ip", "address", "add", f"{address}/32", "dev", "wan0", namespace=net.SERVER)
        net.run("ip", "route", "add", f"{address}/32", "via", "198.51.100.80", namespace=net.ROUTER)


@contextlib.contextmanager
def authority(home: Path, address: str, zones: Mapping[str, str | None]) -> Iterator[None]:
    """Run an nsd for ``zones`` (name → master file) at an address; a zone without a file cannot be loaded."""
    place = home / f"nsd-{address}"
    place.mkdir()
    conf = NSD.format(home=place, address=address)
    for number, (name, text) in enumerate(zones.items()):
        conf += f'zone:\n  name: "{name}"\n  zonefile: {number}.zone\n'
        if text is not None:
            (place / f"{number}.zone").write_text(text)
    (place / "nsd.conf").write_text(conf)
    log = place / "nsd.log"
    program = Program(net.start(["nsd", "-d", "-c", str(place / "nsd.conf")], net.SERVER, log=log), log)
    try:
        wait_until(lambda: answers(net.SERVER, address, 53), f"nsd at {address}")
        yield
    finally:
        program.stop()


def zone(origin: str, master: str, *records: str, ttl: int = 300, negative: int = 120) -> str:
    """Write a master file (RFC 1035 section 5) with its SOA and NS records."""
    soa = SOA.format(master=master, origin=origin.lstrip("."), negative=negative)
    head = [f"$ORIGIN {origin}", f"$TTL {ttl}", f"@ {soa}", f"@ IN NS {master}"]
    return "\n".join([*head, *records, ""])


@contextlib.contextmanager
def walking_resolver(home: Path, hints: str) -> Iterator[Path]:
    """Run unbound as the client's resolver, knowing nothing but where the root is; give its log."""
    (home / "root.hints").write_text(hints)
    (home / "unbound.conf").write_text(UNBOUND.format(home=home))
    log = home / "unbound.log"
    command = ["unbound", "-d", "-p", "-c", str(home / "unbound.conf")]
    program = Program(net.start(command, net.RESOLVER, log=log), log)
    try:
        wait_until(lambda: answers(net.RESOLVER, "192.0.2.53", 53), f"unbound: {log.read_text()}")
        yield log
    finally:
        program.stop()


@contextlib.contextmanager
def forwarding_resolver(
    home: Path, *options: str, namespace: str = net.RESOLVER, address: str = "192.0.2.53", extra: Sequence[str] = ()
) -> Iterator[None]:
    """Run dnsmasq as a resolver that asks others; what it says goes where :meth:`lab.scene.Lab.keep_answers` looks."""
    log = home / "dnsmasq.log"
    command = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root",
               f"--listen-address={address}", "--bind-interfaces", "--log-queries=extra", "--log-facility=-",
               f"--pid-file={home}/dnsmasq.pid", "--port=53", *options, *extra]  # fmt: skip
    program = Program(net.start(command, namespace, log=log), log)
    try:
        wait_until(lambda: answers(namespace, address, 53), f"dnsmasq: {log.read_text()}")
        yield
    finally:
        program.stop()
