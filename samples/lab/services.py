"""The programs of the lab: name servers, nginx, the recorder; each started and ended by this module, by its own pid."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import net, pcapng

ZONE = """\
$ORIGIN shop.example.
$TTL 300
@    IN SOA ns.shop.example. hostmaster.shop.example. 2026010101 7200 3600 1209600 120
     IN NS  ns
     IN A   198.51.100.80
ns   IN A   203.0.113.53
www  IN CNAME @
api  IN A   198.51.100.81
six  IN AAAA 2001:db8:2::80
"""

OTHERS_ZONE = """\
$ORIGIN assets.example.
$TTL 300
@    IN SOA ns.assets.example. hostmaster.assets.example. 2026010101 7200 3600 1209600 120
     IN NS  ns
ns   IN A   203.0.113.53
cdn  IN A   198.51.100.81
"""

NSD = """\
server:
  ip-address: {address}
  username: ""
  zonesdir: "{home}"
  xfrdir: "{home}"
  database: ""
  pidfile: "{home}/nsd.pid"
  xfrdfile: "{home}/xfrd.state"
  zonelistfile: "{home}/zones.list"
  cookie-secret-file: "{home}/cookies"
  server-count: 1
  hide-version: yes
remote-control:
  control-enable: no
"""
"""Configuration of a name server, without its zones."""
NSD_ZONES = """\
zone:
  name: shop.example
  zonefile: shop.example.zone
zone:
  name: assets.example
  zonefile: assets.example.zone
"""

NGINX = """\
{modules}
daemon off;
master_process off;
pid {home}/nginx.pid;
error_log {home}/error.log info;
events {{ worker_connections 64; }}
http {{
    types {{ text/html html; text/css css; text/javascript js; image/png png; image/svg+xml svg; text/plain txt; }}
    default_type application/octet-stream;
    server_tokens off;
    sendfile on;
    tcp_nopush off;
    client_body_temp_path {home}/t1; proxy_temp_path {home}/t2; fastcgi_temp_path {home}/t3;
    uwsgi_temp_path {home}/t4; scgi_temp_path {home}/t5;
    log_format facts '$msec connection=$connection/$connection_requests $scheme "$request" '
                     'status=$status body=$body_bytes_sent seconds=$request_time sent=$bytes_sent '
                     'length=$request_length upstream=$upstream_response_time client=$remote_addr:$remote_port '
                     'host=$host';
    access_log {home}/access.log facts;
    {config}
}}
"""


@dataclass(slots=True)
class Program:
    """A started program and where its output went."""

    process: subprocess.Popen[bytes]
    log: Path

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it, and wait until it has ended."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def wait_until(ready: Callable[[], bool], what: str, seconds: float = 10) -> None:
    """Wait for something to become true, or raise TimeoutError."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(0.02)


def answers(namespace: str, address: str, port: int) -> bool:
    """Tell whether a port is served, by trying to bind it. Sends nothing."""
    with net.inside(namespace), socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return True
        return False


@contextlib.contextmanager
def name_servers(home: Path) -> Iterator[None]:
    """Run nsd with both zones far away and dnsmasq as the client's caching resolver."""
    (home / "shop.example.zone").write_text(ZONE)
    (home / "assets.example.zone").write_text(OTHERS_ZONE)
    nsd_conf = home / "nsd.conf"
    nsd_conf.write_text(NSD.format(home=home, address="203.0.113.53") + NSD_ZONES)
    nsd = Program(net.start(["nsd", "-d", "-c", str(nsd_conf)], net.SERVER, log=home / "nsd.log"), home / "nsd.log")
    command = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root",
               "--server=203.0.113.53", "--listen-address=192.0.2.53", "--bind-interfaces", "--log-queries=extra",
               "--log-facility=-", f"--pid-file={home}/dnsmasq.pid", "--port=53"]  # fmt: skip
    dnsmasq = Program(net.start(command, net.RESOLVER, log=home / "dnsmasq.log"), home / "dnsmasq.log")
    try:
        wait_until(lambda: answers(net.SERVER, "203.0.113.53", 53), "nsd")
        wait_until(lambda: answers(net.RESOLVER, "192.0.2.53", 53), "dnsmasq")
        yield
    finally:
        dnsmasq.stop()
        nsd.stop()


@contextlib.contextmanager
def nginx(
    home: Path, config: str, port: int = 80, modules: Sequence[str] = (), address: str = "198.51.100.80"
) -> Iterator[Path]:
    """Run nginx in the server's namespace, with modules of Debian's packages; give the path of its access log."""
    conf = home / "nginx.conf"
    loaded = "\n".join(f"load_module /usr/share/nginx/modules/{module}.so;" for module in modules)
    conf.write_text(NGINX.format(home=home, config=config, modules=loaded))
    log = home / "nginx.log"
    program = Program(net.start(["nginx", "-e", str(log), "-c", str(conf)], net.SERVER, log=log), log)
    try:
        wait_until(lambda: answers(net.SERVER, address, port), "nginx")
        yield home / "access.log"
    finally:
        program.stop()


@contextlib.contextmanager
def recorder(
    target: Path,
    home: Path,
    *,
    comment: str,
    key_log: Path | None = None,
    namespace: str = net.CLIENT,
    device: str = "eth0",
    only: str = "not (ip6[6] == 0)",
) -> Iterator[None]:
    """Record an interface, the client's if not told otherwise, while the block runs; write ``target`` afterwards.

    Multicast listener reports (the only packets here with a hop-by-hop header), which an interface sends for itself,
    are not recorded: they belong to no scenario.
    """
    raw, log = home / f"raw-{namespace}.pcap", home / f"tcpdump-{namespace}.log"
    command = ["tcpdump", "-n", "-i", device, "-w", str(raw), "-U", "--immediate-mode", "-s", "65535", "-Z", "root",
               "--time-stamp-precision=nano", only]  # fmt: skip
    program = Program(net.start(command, namespace, log=log), log)
    wait_until(lambda: b"listening on" in log.read_bytes(), "tcpdump")
    try:
        yield
    finally:
        time.sleep(0.2)
        program.stop(signal.SIGINT)
    secrets = key_log.read_bytes() if key_log and key_log.exists() else b""
    drops = next((int(line.split()[0]) for line in log.read_text().splitlines() if "dropped by kernel" in line), 0)
    count = pcapng.convert(raw, target, comment=comment, interface=device, key_log=secrets, drops=drops)
    print(f"  {target.name}: {count} packets, {target.stat().st_size} bytes, {drops} dropped by the recorder")


def certificates(home: Path, name: str) -> tuple[Path, Path]:
    """Make a test authority and a certificate of it for ``name`` and ``www.name``; return (chain, key)."""
    ca, ca_key, leaf, key, request = (home / n for n in ("ca.pem", "ca.key", "leaf.pem", "leaf.key", "leaf.csr"))
    extensions = home / "leaf.ext"
    extensions.write_text(
        f"subjectAltName=DNS:{name},DNS:www.{name}\nbasicConstraints=critical,CA:FALSE\n"
        "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
    )
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    for command in (
        ["req", "-x509", *curve, "-keyout", ca_key, "-out", ca, "-days", "3650",
         "-subj", "/O=Example/CN=Example Test CA"],
        ["req", *curve, "-keyout", key, "-out", request, "-subj", f"/CN={name}"],
        ["x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-out", leaf, "-days", "3649",
         "-extfile", extensions],
    ):  # fmt: skip
        subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True, env=environment)
    chain = home / "chain.pem"
    chain.write_bytes(leaf.read_bytes() + ca.read_bytes())
    return chain, key
