"""Samples ``polling`` and ``two-visits``: a page that keeps asking, and pages that load at the same time."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from lab import browser, names, net, services, site, slow_sites
from lab.client import curl
from lab.scene import Lab, require
from lab.scenes_app import back_end

POLLING = """
    keepalive_timeout 10s;
    server {{
        listen 198.51.100.80:80; server_name www.shop.example; root {root};
        add_header Cache-Control no-cache;
        location /api/ {{
            proxy_pass http://127.0.0.1:9000; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Host $host;
        }}
    }}
"""
PAGE = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>News of the example shop</title>
<link rel="icon" href="data:,">
<script src="/js/news.js" defer></script>
<p id="news">No news yet.</p>
"""
SCRIPT = b"""'use strict';
const news = document.getElementById('news');

function ask(target, then) {
  const request = new XMLHttpRequest();
  request.open('GET', target);
  request.setRequestHeader('X-Requested-With', 'XMLHttpRequest');
  request.onload = () => then(request);
  request.send();
}

// Polling: every 300 ms, whether there is news or not.
let polls = 0;
const timer = setInterval(() => {
  polls += 1;
  if (polls === 10) clearInterval(timer);
  ask(`/api/news?poll=${polls}`, (answer) => {
    if (answer.status === 200) news.textContent = JSON.parse(answer.responseText).text;
  });
}, 300);

// Long polling: the server holds the request until there is something to say, or until it has waited long enough.
function wait(after, attempt) {
  ask(`/api/wait?after=${after}&attempt=${attempt}`, (answer) => {
    if (attempt === 3) navigator.sendBeacon('/api/done');
    else wait(answer.status === 200 ? JSON.parse(answer.responseText).id : after, attempt + 1);
  });
}
wait(2, 1);
"""


def polling(lab: Lab, target: Path) -> None:
    """A page asks for news every 300 ms, mostly in vain, and beside it waits in three long polls."""
    root = lab.home / "www"
    site.write(root, {"index.html": PAGE, "js/news.js": SCRIPT})
    comment = "A page asks for news every 300 ms (AJAX) and waits in three long polls. Recorded at the client."
    done = lab.home / "access.log"
    with back_end(lab), services.nginx(lab.home, POLLING.format(root=root)) as access_log:
        with services.name_servers(lab.home), services.recorder(target, lab.home, comment=comment):
            browser.visit(
                "http://www.shop.example/", lab.home, lab.resolv_conf, until=lambda: "/api/done" in done.read_text()
            )
            time.sleep(0.3)
            lab.keep_answers()
        lab.keep_log(access_log)
    for number in range(1, 11):
        status = 200 if number in (3, 6) else 204
        require(lab.count("http", f"/api/news?poll={number}", status) == 1, f"poll {number}")
    require(sum(row[2].startswith("/api/wait") for row in lab.served) == 3, "three long polls")


SECRET = """
    server {{
        listen 198.51.100.82:443 ssl; server_name www.garden.test; root {root};
        ssl_certificate {chain}; ssl_certificate_key {key}; ssl_protocols TLSv1.3;
        limit_rate 12k;
    }}
"""
START = """<!doctype html><title>Start</title><script>
window.open('http://www.books.example/');
location.replace('http://www.shop.example/');
</script>
"""


@contextlib.contextmanager
def _slow_sites(lab: Lab) -> Iterator[Path]:
    """Run slow_sites.py in the server's namespace; give its access log."""
    log, own = lab.home / "slow-access.log", lab.home / "slow.log"
    command = ["/usr/bin/python3", "-m", "lab.slow_sites", str(log)]
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(lab.home), "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(Path(slow_sites.__file__).parents[1]),
    }  # fmt: skip
    program = services.Program(net.start(command, net.SERVER, log=own, env=environment), own)
    try:
        services.wait_until(log.exists, f"the slow sites: {own.read_text()}")
        for address in slow_sites.ADDRESSES:
            services.wait_until(functools.partial(services.answers, net.SERVER, address, 80), address)
        yield log
    finally:
        program.stop(signal.SIGKILL)


def two_visits(lab: Lab, target: Path) -> None:
    """One browser loads two slow pages in two tabs at once; a third site is opened over https meanwhile."""
    names.route("198.51.100.82")
    root = lab.home / "www"
    site.write(root, {"index.html": b"<!doctype html><title>Garden</title>\n" + b"<p>Roses.</p>\n" * 400})
    chain, key = services.certificates(lab.home, "garden.test")
    start = lab.home / "start.html"
    start.write_text(START)
    zones = {
        name: names.zone(f"{name}.", "ns.shop.example.", f"{host} IN A {address}")
        for name, host, address in (
            ("shop.example", "www", "198.51.100.80"), ("books.example", "www", "198.51.100.81"),
            ("assets.example", "cdn", "198.51.100.81"), ("garden.test", "www", "198.51.100.82"),
        )
    }  # fmt: skip
    comment = (
        "Two tabs of one browser load http://www.shop.example/ and http://www.books.example/ at the same time, curl "
        "opens https://www.garden.test/ meanwhile. Recorded at the client, without TLS secrets."
    )
    with (
        _slow_sites(lab) as slow_log,
        services.nginx(
            lab.home, SECRET.format(root=root, chain=chain, key=key), port=443, address="198.51.100.82"
        ) as access_log,
        names.authority(lab.home, "203.0.113.53", zones),
        names.forwarding_resolver(lab.home, "--server=203.0.113.53"),
    ):
        with services.recorder(target, lab.home, comment=comment):

            def begun() -> bool:
                return "/js/" in slow_log.read_text()

            def done() -> bool:
                if begun() and not garden:
                    garden.append(True)
                    curl(lab, "--cacert", str(lab.home / "ca.pem"), "-o", "/dev/null", "https://www.garden.test/")
                return slow_log.read_text().count("status=200") == slow_sites.REQUESTS

            garden: list[bool] = []
            browser.visit(start.as_uri(), lab.home, lab.resolv_conf, until=done)
            time.sleep(0.3)
        lab.keep_log(access_log, slow_log)
        lab.keep_answers()
    for host, targets in slow_sites.SITES.items():
        for path in targets:
            require(lab.count("http", path, 200) >= 1, f"{host}{path}")
    require(lab.count("https", "/", 200) == 1, "the garden")
