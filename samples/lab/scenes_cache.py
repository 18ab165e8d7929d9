"""Sample ``redirects-and-cache``: sent on and on, and what a browser keeps, asks about, or fetches again."""

from __future__ import annotations

import random
import time
from pathlib import Path

from lab import browser, services, site
from lab.client import curl
from lab.scene import Lab, require

CONFIG = """
    gzip on; gzip_types text/css text/javascript; gzip_min_length 1000;
    keepalive_timeout 3s;
    server {{
        listen 198.51.100.80:80; server_name shop.example;
        return 301 http://www.shop.example$request_uri;
    }}
    server {{
        listen 198.51.100.80:80; server_name www.shop.example; root {root};
        add_header Cache-Control no-cache always;
        location = / {{ add_header Cache-Control no-store always; return 302 /en/; }}
        location = /css/shop.css {{ add_header Cache-Control "public, max-age=3600"; }}
        location = /js/shop.js {{ add_header Cache-Control no-cache; add_header Last-Modified ""; }}
        location = /js/plain.js {{
            add_header Cache-Control no-cache; add_header Last-Modified ""; etag off; gzip off;
        }}
        location = /img/apple.png {{ add_header Cache-Control no-cache; etag off; }}
        location = /img/bread.png {{ add_header Cache-Control no-store; }}
        location = /old {{ return 301 /older; }}
        location = /older {{ return 302 /en/; }}
        location = /order {{ return 307 /orders; }}
        location = /order-old {{ return 308 /orders; }}
        location = /orders {{ return 200 "ordered\\n"; }}
        location = /round {{ return 302 /and-round; }}
        location = /and-round {{ return 302 /round; }}
    }}
"""
PAGE = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>The example shop</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/css/shop.css">
<script src="/js/shop.js" defer></script>
<script src="/js/plain.js" defer></script>
<p><img src="/img/apple.png" width="32" height="24" alt="apple">
<img src="/img/bread.png" width="32" height="24" alt="bread"></p>
"""
SITE = "http://www.shop.example"
TOO_MANY_REDIRECTS = 47
"""curl's exit code."""


def _files(root: Path) -> None:
    dice = random.Random(5)
    style = "\n".join(f".item-{n} {{ color: #{dice.randrange(1 << 24):06x}; margin: {n}px; }}" for n in range(80))
    script = "\n".join(f"var price_{n:03} = {dice.randrange(10**5)};" for n in range(100))
    site.write(
        root,
        {
            "en/index.html": PAGE,
            "css/shop.css": f"{style}\n".encode(),
            "js/shop.js": f"{script}\n".encode(),
            "js/plain.js": f"{script.replace('price', 'amount')}\n".encode(),
            "img/apple.png": site.picture(site.COLOURS["apple"], 32, 24),
            "img/bread.png": site.picture(site.COLOURS["bread"], 32, 24),
        },
    )


AGAIN = (("/css/shop.css", 200, 1), ("/en/", 304, 1), ("/js/shop.js", 304, 1), ("/img/apple.png", 304, 1),
         ("/js/plain.js", 200, 2), ("/img/bread.png", 200, 2), ("/", 302, 2), ("/orders", 200, 2))  # fmt: skip
"""Target, status, how often: what the log must show of both visits and of curl."""


def redirects_and_cache(lab: Lab, target: Path) -> None:
    """A browser comes twice and finds each kind of freshness; curl follows redirects, and gives up in a loop."""
    root = lab.home / "www"
    _files(root)
    comment = (
        "A browser opens http://shop.example/ twice: redirects, a fresh copy, two kinds of 304, two things fetched "
        "again. Then curl follows 301, 302, 307, 308 and a loop. Recorded at the client."
    )
    with services.nginx(lab.home, CONFIG.format(root=root)) as access_log, services.name_servers(lab.home):
        with services.recorder(target, lab.home, comment=comment):
            for _ in range(2):
                browser.visit("http://shop.example/", lab.home, lab.resolv_conf)
                time.sleep(0.5)
            curl(lab, "-L", "-o", "/dev/null", f"{SITE}/old")
            time.sleep(0.3)
            curl(lab, "-L", "-d", "item=apple", "-o", "/dev/null", f"{SITE}/order")
            time.sleep(0.3)
            curl(lab, "-L", "-d", "item=bread", "-o", "/dev/null", f"{SITE}/order-old")
            time.sleep(0.3)
            curl(lab, "-L", "--max-redirs", "4", "-o", "/dev/null", f"{SITE}/round", fails=TOO_MANY_REDIRECTS)
        lab.keep_log(access_log)
        lab.keep_answers()
    for path, status, times in AGAIN:
        require(lab.count("http", path, status) == times, f"{times} times {status} for {path}")
    require(lab.count("http", "/round", 302) == 3, "three times round")
