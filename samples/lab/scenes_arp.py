"""Samples ``arp`` and ``dhcp-lease``: neighbours find each other, claim addresses, and get theirs from a server."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from lab import names, net, services
from lab.client import curl
from lab.scene import Lab, require

WEB = 'server {{ listen 198.51.100.80:80; server_name shop.example; location / {{ return 200 "bread, cheese\\n"; }} }}'
FREE, TAKEN, ABSENT, CLAIMED_TWICE = "192.0.2.20", "192.0.2.53", "192.0.2.77", "192.0.2.40"
GATEWAY = "192.0.2.1"


def _arping(*arguments: str, namespace: str = net.CLIENT) -> str:
    """Run arping on eth0; no answer is not an error here."""
    return net.run("arping", "-I", "eth0", *arguments, namespace=namespace, check=False)


def _ping(*arguments: str) -> str:
    return net.run("ping", "-n", *arguments, namespace=net.CLIENT, check=False)


def _more_machines() -> None:
    """Bring in a printer and a camera that both claim one address, and a second router that can take over.

    The second router sends on what it gets through the first one, which then has another address. All three know
    whom they have to know: no questions of theirs are flooded to the client, who would not see the answers.
    """
    net.plug(net.PRINTER, "p-printer", [f"{CLAIMED_TWICE}/24"])
    net.plug(net.CAMERA, "p-camera", [f"{CLAIMED_TWICE}/24"])
    net.plug(net.STANDBY, "p-standby", ["192.0.2.2/24"])
    net.run("ip", "route", "add", "default", "via", "192.0.2.3", namespace=net.STANDBY)
    net.run("sysctl", "-qw", "net.ipv4.ip_forward=1", namespace=net.STANDBY)
    for device in ("all", "eth0"):
        net.run("sysctl", "-qw", f"net.ipv4.conf.{device}.send_redirects=0", namespace=net.STANDBY)
        net.run("sysctl", "-qw", f"net.ipv4.conf.{device}.rp_filter=0", namespace=net.STANDBY)
    for device in ("all", "lan"):
        net.run("sysctl", "-qw", f"net.ipv4.conf.{device}.send_redirects=0", namespace=net.ROUTER)
    for namespace in (net.PRINTER, net.CAMERA, net.STANDBY):
        _introduce(namespace, "eth0", "192.0.2.10", net.CLIENT)
    _introduce(net.STANDBY, "eth0", "192.0.2.3", net.ROUTER)


def _introduce(namespace: str, device: str, address: str, whose: str) -> None:
    net.run("ip", "neigh", "replace", address, "lladdr", net.MACS[whose], "dev", device, namespace=namespace)


def _take_over() -> None:
    """Move the gateway's address to the second router, which then says so (as RFC 5227 section 3 has it)."""
    net.run("ip", "address", "del", f"{GATEWAY}/24", "dev", "lan", namespace=net.ROUTER)
    net.run("ip", "address", "add", "192.0.2.3/24", "dev", "lan", namespace=net.ROUTER)
    _introduce(net.ROUTER, "lan", "192.0.2.10", net.CLIENT)
    _introduce(net.ROUTER, "lan", "192.0.2.2", net.STANDBY)
    net.run("ip", "route", "replace", "192.0.2.10/32", "via", "192.0.2.2", "dev", "lan", namespace=net.ROUTER)
    net.run("ip", "address", "add", f"{GATEWAY}/24", "dev", "eth0", namespace=net.STANDBY)
    _arping("-U", "-c", "1", GATEWAY, namespace=net.STANDBY)


@contextlib.contextmanager
def _pinging(home: Path, address: str, count: int) -> Iterator[Path]:
    """Ping an address five times a second meanwhile, and wait for the last one."""
    log = home / "ping.log"
    command = ["ping", "-n", "-c", str(count), "-i", "0.2", "-W", "1", address]
    process = net.start(command, net.CLIENT, log=log, env={"PATH": os.environ["PATH"]})
    try:
        yield log
        process.wait(30)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def arp(lab: Lab, target: Path) -> None:
    """Asked and answered, announced, probed, taken, claimed twice, absent; and the gateway's address moves."""
    _more_machines()
    comment = (
        "ARP: requests, probes, announcements, an address that is taken, one that two machines claim, an absent "
        "neighbour, and a gateway whose address moves to another machine. Recorded at the client."
    )
    said: list[str] = []
    lab.witnesses["arping"] = said
    with services.nginx(lab.home, WEB.format()) as access_log:
        with services.recorder(target, lab.home, comment=comment):
            said += _arping("-U", "-c", "1", "192.0.2.10").splitlines()
            said += _arping("-A", "-c", "1", "192.0.2.10").splitlines()
            said += _arping("-D", "-c", "3", FREE).splitlines()
            require("Received 0" in said[-1], "a probe without an answer")
            net.run("ip", "address", "add", f"{FREE}/24", "dev", "eth0", namespace=net.CLIENT)
            said += _arping("-U", "-c", "2", "-s", FREE, FREE).splitlines()
            said += _arping("-D", "-c", "1", TAKEN).splitlines()
            require("Received 1" in said[-1], "a probe that finds the address taken")
            curl(lab, "-o", "/dev/null", "http://198.51.100.80/before")
            time.sleep(0.2)
            require("2 received" in _ping("-c", "2", "-i", "0.3", CLAIMED_TWICE), "the printer or the camera")
            require("Unreachable" in _ping("-c", "1", "-W", "4", ABSENT), "an absent neighbour")
            with _pinging(lab.home, "198.51.100.80", 15) as pinged:
                time.sleep(1.5)
                _take_over()
            require("15 received" in pinged.read_text(), "every ping answered")
            curl(lab, "-o", "/dev/null", "http://198.51.100.80/after")
        lab.keep_log(access_log)
    require(lab.count("http", "/before", 200) == lab.count("http", "/after", 200) == 1, "two pages")


LEASE_SCRIPT = """#!/bin/sh
# What udhcpc calls: put the lease on the interface. The client's resolv.conf is a file of the lab.
[ "$1" = bound ] || exit 0
ip address replace "$ip/$mask" dev "$interface"
ip route replace default via "$router"
echo "nameserver $dns" > "{resolv_conf}"
"""


def dhcp_lease(lab: Lab, target: Path) -> None:
    """A client without an address gets one, makes sure that nobody has it, and opens a page."""
    net.run("ip", "-4", "address", "flush", "dev", "eth0", namespace=net.CLIENT)
    lab.resolv_conf.write_text("")
    script = lab.home / "lease.sh"
    script.write_text(LEASE_SCRIPT.format(resolv_conf=lab.resolv_conf))
    script.chmod(0o755)
    comment = "A client gets its address by DHCP, probes it with ARP, and opens http://shop.example/. Recorded there."
    options = (
        "--server=203.0.113.53", "--dhcp-range=192.0.2.10,192.0.2.49,1h", "--dhcp-option=option:router,192.0.2.1",
        "--dhcp-option=option:dns-server,192.0.2.53", f"--dhcp-host={net.MACS[net.CLIENT]},192.0.2.10",
        "--domain=lan.example", "--dhcp-authoritative", "--no-ping", "--log-dhcp",
        f"--dhcp-leasefile={lab.home}/leases",
    )  # fmt: skip
    zone = names.zone("shop.example.", "ns.shop.example.", "ns IN A 203.0.113.53", "@ IN A 198.51.100.80")
    with (
        services.nginx(lab.home, WEB.format()) as access_log,
        names.authority(lab.home, "203.0.113.53", {"shop.example": zone}),
        names.forwarding_resolver(lab.home, *options),
    ):
        with services.recorder(target, lab.home, comment=comment):
            command = ["udhcpc", "-i", "eth0", "-f", "-q", "-n", "-a", "-s", str(script), "-x", "hostname:desk"]
            environment = {"PATH": os.environ["PATH"]}
            process = net.start(command, net.CLIENT, log=lab.home / "udhcpc.log", env=environment)
            try:
                require(process.wait(20) == 0, f"a lease: {(lab.home / 'udhcpc.log').read_text()}")
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
            curl(lab, "-o", "/dev/null", "http://shop.example/")
        lab.keep_log(access_log)
        lab.keep_answers()
        lines = (lab.home / "dnsmasq.log").read_text().splitlines()
    lab.witnesses["dhcp server"] = [line.partition(": ")[2] for line in lines if " DHCP" in line and "(eth0)" in line]
    lab.witnesses["dhcp client"] = (lab.home / "udhcpc.log").read_text().splitlines()
    require(lab.count("http", "/", 200) == 1, "a page")
