"""Samples ``dns-iterative`` and ``dns-trouble``: how a name is found from the root on, and how it is not found."""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path

from lab import names, net, services
from lab.client import curl
from lab.forwarder import Rule
from lab.scene import Lab, require

ROOT, EXAMPLE, TEST = "203.0.113.1", "203.0.113.11", "203.0.113.12"
SHOP, BOOKS, GARDEN = "203.0.113.53", "203.0.113.54", "203.0.113.55"
HINTS = f". 3600000 IN NS a.root.example.\na.root.example. 3600000 IN A {ROOT}\n"
_TOLD = re.compile(r"info: ((?:resolving|response for|reply from|query response was) .*)")

TREE = {
    ROOT: {
        ".": names.zone(
            ".", "a.root.example.", f"a.root.example. IN A {ROOT}",
            "example. IN NS a.nic.example.", f"a.nic.example. IN A {EXAMPLE}",
            "test. IN NS a.nic.test.", f"a.nic.test. IN A {TEST}", ttl=86400,
        )
    },
    EXAMPLE: {
        "example": names.zone(
            "example.", "a.nic.example.", f"a.nic IN A {EXAMPLE}", f"a.root IN A {ROOT}",
            "shop IN NS ns.shop", f"ns.shop IN A {SHOP}", "books IN NS ns.books", f"ns.books IN A {BOOKS}", ttl=3600,
        )
    },
    TEST: {
        "test": names.zone(
            "test.", "a.nic.test.", f"a.nic IN A {TEST}", "garden IN NS ns.garden", f"ns.garden IN A {GARDEN}", ttl=3600
        )
    },
    SHOP: {
        "shop.example": names.zone(
            "shop.example.", "ns.shop.example.", f"ns IN A {SHOP}", "www IN A 198.51.100.80", "@ IN A 198.51.100.80"
        )
    },
    BOOKS: {
        "books.example": names.zone("books.example.", "ns.books.example.", f"ns IN A {BOOKS}", "www IN A 198.51.100.81")
    },
    GARDEN: {
        "garden.test": names.zone("garden.test.", "ns.garden.test.", f"ns IN A {GARDEN}", "www IN A 198.51.100.82")
    },
}  # fmt: skip
"""Each server's zones. ``example`` and ``test`` have servers of their own; so has each of the three sites."""


def dig(*arguments: str) -> str:
    """Ask with dig from the client's namespace; return what it printed. No answer is not an error here."""
    return net.run("dig", "-r", *arguments, namespace=net.CLIENT, check=False)


def dns_iterative(lab: Lab, target: Path) -> None:
    """A resolver with an empty cache walks from the root to the answer, five times, each time knowing more."""
    names.route(ROOT, EXAMPLE, TEST, BOOKS, GARDEN)
    asked = (
        ("www.shop.example", "198.51.100.80"), ("www.books.example", "198.51.100.81"),
        ("www.garden.test", "198.51.100.82"), ("www.shop.example", "198.51.100.80"),
        ("nothing.shop.example", "NXDOMAIN"),
    )  # fmt: skip
    comment = (
        "A resolver (unbound, empty cache, QNAME minimisation) answers five questions of one client by asking root, "
        "top-level and authoritative servers. Recorded at the resolver."
    )
    with contextlib.ExitStack() as running:
        for address, zones in TREE.items():
            running.enter_context(names.authority(lab.home, address, zones))
        log = running.enter_context(names.walking_resolver(lab.home, HINTS))
        with services.recorder(target, lab.home, comment=comment, namespace=net.RESOLVER):
            for name, answer in asked:
                require(answer in dig("@192.0.2.53", name, "A"), f"{name} is {answer}")
                time.sleep(1.2)  # so that a time to live is seen to be a second or more shorter
        told = _TOLD.findall(log.read_text())
    lab.witnesses["resolver"] = told
    require(sum(line == "query response was REFERRAL" for line in told) >= 5, "five referrals")


SILENT = "203.0.113.99"
BIG = " ".join(f'"{chr(97 + part) * 250}"' for part in range(4))
TROUBLED = {
    "shop.example": names.zone(
        "shop.example.", "ns.shop.example.", f"ns IN A {SHOP}", "@ IN A 198.51.100.80", "@ IN AAAA 2001:db8:2::80",
        "@ IN MX 10 mail", "mail IN A 198.51.100.81", '@ IN TXT "v=spf1 mx -all"',
        '@ IN CAA 0 issue "ca.example"', "_imaps._tcp IN SRV 10 20 993 mail",
        '@ IN HTTPS 1 . alpn="h2,http/1.1" ipv4hint=198.51.100.80',
        "_8443._https IN SVCB 1 mail port=8443", f"big IN TXT {BIG}",
        "start IN CNAME one", "one IN CNAME two", "two IN CNAME three", "three IN CNAME four", "four IN CNAME @",
    ),
    "xn--bcher-kva.example": names.zone(
        "xn--bcher-kva.example.", "ns.shop.example.", "@ IN A 198.51.100.81"
    ),
    "100.51.198.in-addr.arpa": names.zone(
        "100.51.198.in-addr.arpa.", "ns.shop.example.", "80 IN PTR shop.example.", ttl=3600
    ),
    "broken.example": None,
}  # fmt: skip
WEB = 'server {{ listen 198.51.100.80:80; server_name shop.example; location / {{ return 200 "bread, cheese\\n"; }} }}'


def _first_query(server: str) -> Rule:
    return Rule("query lost", lambda p: p.way == "up" and p.destination == server and p.destination_port == 53)


def _look_up(lab: Lab, database: str, name: str, *servers: str) -> str:
    """Look a name up as programs do, through the C library, with these resolvers; empty when it was not found."""
    conf = lab.home / f"resolv-{'-'.join(servers)}.conf"
    conf.write_text("".join(f"nameserver {server}\n" for server in servers) + "options timeout:1 attempts:2\n")
    log = lab.home / "getent.log"
    log.write_text("")
    environment = {"PATH": os.environ["PATH"]}
    process = net.start(["getent", database, name], net.CLIENT, log=log, resolv_conf=conf, env=environment)
    process.wait(15)
    return log.read_text()


def dns_trouble(lab: Lab, target: Path) -> None:
    """Every way in which a look-up fails, waits or takes a detour; and one of each kind of record."""
    local = "@192.0.2.53"
    names.route(SILENT)
    rules = lab.forwarder.rules
    rules.append(Rule("silent resolver", lambda p: p.way == "up" and p.destination == SILENT, times=None))
    comment = (
        "Names that do not exist, a broken zone, a refusal, an answer too long for UDP, a resolver that is silent, a "
        "lost query, a chain of CNAMEs, an international name. Recorded at the client."
    )
    with (
        names.authority(lab.home, SHOP, TROUBLED),
        names.forwarding_resolver(lab.home, f"--server={SHOP}"),
        services.nginx(lab.home, WEB.format()) as access_log,
    ):
        with services.recorder(target, lab.home, comment=comment):
            require("NXDOMAIN" in dig(local, "nothing.shop.example", "A"), "NXDOMAIN")
            require("SERVFAIL" in dig(local, "www.broken.example", "A"), "SERVFAIL")
            require("REFUSED" in dig(local, "www.garden.test", "A"), "REFUSED")
            require("(TCP)" in dig(local, "+noedns", "big.shop.example", "TXT"), "truncated, then TCP")
            require("four.shop.example" in dig(local, "start.shop.example", "A"), "a chain of CNAMEs")
            require("198.51.100.81" in dig(local, "xn--bcher-kva.example", "A"), "an international name")
            for name, kind in (
                ("shop.example", "MX"), ("shop.example", "TXT"), ("shop.example", "CAA"), ("shop.example", "HTTPS"),
                ("_8443._https.shop.example", "SVCB"), ("_imaps._tcp.shop.example", "SRV"), ("shop.example", "SOA"),
                ("80.100.51.198.in-addr.arpa", "PTR"),
            ):  # fmt: skip
                require("ANSWER: 1," in dig(local, name, kind), f"{kind} of {name}")
            require("dnsmasq" in dig(local, "CH", "TXT", "version.bind"), "the resolver's version")
            time.sleep(0.3)
            rules.append(_first_query(SHOP))
            require("198.51.100.81" in _look_up(lab, "ahostsv4", "mail.shop.example", SHOP), "an answer to the retry")
            time.sleep(0.3)
            require("2001:db8:2::80" in _look_up(lab, "ahosts", "shop.example", SILENT, "192.0.2.53"), "both kinds")
            time.sleep(0.3)
            require(_look_up(lab, "ahostsv4", "mail.shop.example", SILENT) == "", "no answer at all")
            time.sleep(0.3)
            lab.resolv_conf.write_text(f"nameserver {SILENT}\nnameserver 192.0.2.53\noptions timeout:1 attempts:2\n")
            curl(lab, "-4", "-o", "/dev/null", "http://shop.example/")
        lab.keep_log(access_log)
        lab.keep_answers()
    require(lab.count("http", "/", 200) == 1, "a page")
    require(sum(line.startswith("query lost") for line in lab.forwarder.log) == 1, "one lost query")
