#!/usr/bin/env python3
"""Make the samples again: real programs talk inside network namespaces, tcpdump records them at the client.

usage: sudo python3 samples/make_samples.py [name…]        all samples, or those named
       sudo python3 samples/make_samples.py --clean        only remove what an interrupted run left

Needs Linux, root, /dev/net/tun and the Debian packages iproute2 ethtool procps tcpdump nginx-light dnsmasq-base nsd
unbound curl openssl bind9-dnsutils iputils-ping iputils-arping udhcpc chromium util-linux, for web-app and polling also
python3-websockets and libnginx-mod-http-brotli-filter; run it with Debian's python3. Each sample is written to
samples/<name>.pcapng; what servers, resolver and forwarder wrote about it to samples/expected/<name>.log. The facts
in samples/expected/<name>.json are written by hand and not touched.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path

from lab import (
    net,
    scenes_app,
    scenes_arp,
    scenes_cache,
    scenes_closes,
    scenes_dns,
    scenes_loss,
    scenes_ping,
    scenes_status,
    scenes_tabs,
    scenes_visit,
)
from lab.forwarder import Forwarder
from lab.scene import Lab

HERE = Path(__file__).resolve().parent
SCENES: dict[str, Callable[[Lab, Path], None]] = {
    "first-visit": scenes_visit.first_visit,
    "plain-visit": scenes_visit.plain_visit,
    "status-codes": scenes_status.status_codes,
    "handshake-and-close": scenes_closes.handshake_and_close,
    "loss": scenes_loss.loss,
    "ping": scenes_ping.ping,
    "web-app": scenes_app.web_app,  # and web-app-server
    "dns-iterative": scenes_dns.dns_iterative,
    "dns-trouble": scenes_dns.dns_trouble,
    "arp": scenes_arp.arp,
    "dhcp-lease": scenes_arp.dhcp_lease,
    "redirects-and-cache": scenes_cache.redirects_and_cache,
    "polling": scenes_tabs.polling,
    "two-visits": scenes_tabs.two_visits,
}
PROGRAMS = (
    "ip", "ethtool", "sysctl", "tcpdump", "nginx", "dnsmasq", "nsd", "unbound", "curl", "openssl", "dig", "ping",
    "arping", "udhcpc", "chromium", "chrt",
    "/usr/lib/python3/dist-packages/websockets", "/usr/share/nginx/modules/ngx_http_brotli_filter_module.so",
)  # fmt: skip


def make(name: str) -> None:
    """Make one sample in a fresh lab, with cold caches, and leave nothing else behind."""
    print(f"{name}: {(SCENES[name].__doc__ or '').splitlines()[0]}")
    home = Path(tempfile.mkdtemp(prefix="capsample-"))
    home.chmod(0o755)
    forwarder = Forwarder()
    try:
        net.build()
        forwarder.start()
        recorded = home / f"{name}.pcapng"
        lab = Lab(home, forwarder)
        SCENES[name](lab, recorded)
        record = lab.record()
        print(textwrap.indent(record, "    "), end="")
        for path in sorted(home.glob(f"{name}*")):
            shutil.copyfile(path, HERE / path.name)
            (HERE / "expected" / f"{path.stem}.log").write_text(record)
    finally:
        forwarder.stop()
        net.remove()
        shutil.rmtree(home, ignore_errors=True)


def main(arguments: list[str]) -> int:
    """Make the samples named, or all."""
    if unknown := [a for a in arguments if a not in SCENES and a != "--clean"]:
        print(f"unknown: {' '.join(unknown)}; there are: {' '.join(SCENES)}", file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        print("network namespaces need root: sudo python3 samples/make_samples.py", file=sys.stderr)
        return 2
    if missing := [program for program in PROGRAMS if not (shutil.which(program) or Path(program).exists())]:
        print(f"missing programs: {' '.join(missing)} (see the top of this file for the packages)", file=sys.stderr)
        return 2
    if not Path("/dev/net/tun").exists():
        print("/dev/net/tun is missing: modprobe tun", file=sys.stderr)
        return 2
    if "--clean" in arguments:
        net.remove()
        return 0
    for name in arguments or SCENES:
        make(name)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
