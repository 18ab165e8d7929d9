"""Samples ``first-visit`` and ``plain-visit``: a browser opens the shop, comes back, and finds it unchanged."""

from __future__ import annotations

import time
from pathlib import Path

from lab import browser, services, site
from lab.scene import Lab, require

COMMON = """
    gzip on; gzip_types text/css text/javascript; gzip_min_length 1000;
    keepalive_timeout 3s;
"""
FILES = """
        root {root};
        add_header Cache-Control no-cache always;
        location /js/ {{ add_header Cache-Control no-cache always; }}
"""
SECURE = (
    COMMON
    + """
    server {{
        listen 198.51.100.80:80; server_name shop.example www.shop.example;
        location / {{ add_header Cache-Control no-store always; return 301 https://$host$request_uri; }}
    }}
    server {{
        listen 198.51.100.80:443 ssl; server_name shop.example www.shop.example;
        ssl_certificate {chain}; ssl_certificate_key {key}; ssl_protocols TLSv1.3;
"""
    + FILES
    + "    }}\n"
)
PLAIN = (
    COMMON
    + "    server {{\n        listen 198.51.100.80:80; server_name shop.example www.shop.example;\n"
    + FILES
    + "    }}\n"
)

OBJECTS = ("/", "/css/shop.css", "/js/shop.js", "/img/apple.png", "/img/bread.png", "/img/cheese.png")


def _two_visits(
    lab: Lab, target: Path, url: str, config: str, comment: str, key_log: Path | None = None, trusted_key: str = ""
) -> None:
    with services.nginx(lab.home, config) as access_log, services.name_servers(lab.home):
        with services.recorder(target, lab.home, comment=comment, key_log=key_log):
            for _ in range(2):
                browser.visit(url, lab.home, lab.resolv_conf, key_log, trusted_key)
                time.sleep(0.5)
        lab.keep_log(access_log)
        lab.keep_answers()


def first_visit(lab: Lab, target: Path) -> None:
    """http:// answered by 301 to https:// (TLS 1.3), the page and its parts; the second visit is answered by 304s."""
    root = lab.home / "www"
    site.make(root)
    chain, key = services.certificates(lab.home, "shop.example")
    key_log = lab.home / "keys.txt"
    _two_visits(
        lab, target, "http://www.shop.example/", SECURE.format(root=root, chain=chain, key=key),
        "A browser opens http://www.shop.example/, is sent to https, loads the page, and comes back once. "
        "Recorded at the client. TLS secrets of the test server are inside.", key_log, browser.key_pin(chain),
    )  # fmt: skip
    target.with_suffix(".keys").write_bytes(key_log.read_bytes())
    _check(lab, "https")
    require(lab.count("http", "/", 301) == 2, "two redirects in nginx's log")


def plain_visit(lab: Lab, target: Path) -> None:
    """The same shop without TLS, so that every request and answer can be read."""
    root = lab.home / "www"
    site.make(root)
    _two_visits(
        lab, target, "http://www.shop.example/", PLAIN.format(root=root),
        "A browser opens http://www.shop.example/ (no TLS), loads page, style, script and pictures, and comes back "
        "once. Recorded at the client.",
    )  # fmt: skip
    _check(lab, "http")


def _check(lab: Lab, scheme: str) -> None:
    for path in OBJECTS:
        require(lab.count(scheme, path, 200) == 1, f"one 200 for {path}")
        require(lab.count(scheme, path, 304) == 1, f"one 304 for {path}")
