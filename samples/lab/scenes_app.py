"""Sample ``web-app``: one page that does what pages do, and everything else that curl can ask of the same site.

Recorded twice at once, at the client (``web-app``) and at the server (``web-app-server``): the same packets, seen
12 ms apart, so that what each side can know of a request's time can be compared.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from lab import app, browser, net, services, site
from lab.client import curl
from lab.scene import Lab, require

API = "198.51.100.81"
CONFIG = """
    gzip on; gzip_types text/css text/javascript text/plain application/json; gzip_min_length 1000;
    brotli on; brotli_types text/css text/javascript; brotli_min_length 1000;
    keepalive_timeout 10s;
    map $http_upgrade $connection_to_chat {{ default upgrade; '' close; }}
    server {{
        listen 198.51.100.80:80; server_name shop.example;
        return 301 http://www.shop.example$request_uri;
    }}
    server {{
        listen 198.51.100.80:80; server_name www.shop.example; root {root};
        add_header Cache-Control "public, max-age=600";
        location = / {{ add_header Cache-Control no-store always; return 302 /en/; }}
        location = /ping {{ return 204; }}
        location = /order {{ return 307 http://www.shop.example/orders; }}
        location = /order-old {{ return 308 http://www.shop.example/orders; }}
        location = /js/library.js {{ gzip off; brotli off; }}
        location /members/ {{ auth_basic "members"; auth_basic_user_file {home}/users; }}
        location ~ ^/(login$|quick-login|account|orders|api/) {{
            proxy_pass http://127.0.0.1:9000; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Host $host;
        }}
        location = /chat {{
            proxy_pass http://127.0.0.1:9001; proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_to_chat;
        }}
    }}
    server {{
        listen 198.51.100.81:80; server_name cdn.assets.example; root {root}/cdn;
        keepalive_timeout 0;
        add_header Set-Cookie "visitor=example-visitor-0001; Path=/; Max-Age=31536000";
    }}
"""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>The example shop</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/css/shop.css">
<script src="/js/library.js" defer></script>
<script src="/js/app.js" defer></script>
<script src="http://cdn.assets.example/widget.js" defer></script>
</head>
<body>
<h1>The example shop</h1>
<p id="news">No news yet.</p>
<p><img src="/img/apple.png" width="64" height="48" alt="apple"> <img src="/img/bread.png" width="64" height="48"
alt="bread"> <img src="http://cdn.assets.example/pixel.png" width="1" height="1" alt=""></p>
{text}
</body>
</html>
"""
SCRIPT = """'use strict';
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Ask again and again: most answers are empty.
async function poll() {
  for (let number = 1; number <= 6; number += 1) {
    const answer = await fetch(`/api/news?poll=${number}`);
    if (answer.status === 200) document.getElementById('news').textContent = (await answer.json()).text;
    await sleep(250);
  }
}

// Ask, and be answered when there is something to say, or after a while without; then ask again at once.
async function wait() {
  let id = 2;
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const answer = await fetch(`/api/wait?after=${id}&attempt=${attempt}`);
    if (answer.status === 200) {
      const news = await answer.json();
      document.getElementById('news').textContent = news.text;
      id = news.id;
    }
  }
}

// Another origin, with a header of our own: the browser asks for permission first.
async function prices() {
  await (await fetch('http://api.shop.example:8080/prices', { headers: { 'X-Client': 'shop' } })).json();
}

function chat() {
  const said = ['What does the cheese cost?', 'long ' + 'list of cheeses, '.repeat(120), 'bye'];
  return new Promise((resolve) => {
    const socket = new WebSocket('ws://www.shop.example/chat', 'chat.shop.example');
    socket.onmessage = () => socket.send(said.shift());
    socket.onclose = resolve;
  });
}

poll().then(wait).then(prices).then(chat).then(() => navigator.sendBeacon('/api/done'));
"""
SITE = "http://www.shop.example"
DIRECT = "http://api.shop.example:8080"
SIZES = {"img/apple.png": (64, 48), "img/bread.png": (64, 48), "cdn/pixel.png": (1, 1)}


def _files(root: Path) -> None:
    dice = random.Random(64)
    text = "\n".join(f"<p>Item {dice.randrange(10**9)} costs {dice.randrange(10**6)} cents.</p>" for _ in range(90))
    style = "\n".join(f".item-{n} {{ color: #{dice.randrange(1 << 24):06x}; margin: {n}px; }}" for n in range(120))
    library = "\n".join(
        f"export_{n:03} = function (a, b) {{ return a * {dice.randrange(1000)} + b; }};" for n in range(400)
    )
    colours = (*list(site.COLOURS.values())[:2], (0, 0, 0))
    pictures = {name: site.picture(colour, *SIZES[name]) for name, colour in zip(SIZES, colours, strict=True)}
    site.write(
        root,
        {
            "en/index.html": PAGE.format(text=text).encode(),
            "login.html": b"<!doctype html><title>Log in</title><form method=post action=/login><input name=user>"
            b"<input name=password type=password><button>Log in</button></form>\n",
            "css/shop.css": f"body {{ font: 16px sans-serif; margin: 2em; }}\n{style}\n".encode(),
            "js/library.js": f"var {', '.join(f'export_{n:03}' for n in range(400))};\n{library}\n".encode(),
            "js/app.js": SCRIPT.encode(),
            "members/list.html": b"<p>three members</p>\n",
            "cdn/widget.js": b"document.title += ' (with widget)';\n",
            **pictures,
        },
    )


@contextlib.contextmanager
def back_end(lab: Lab) -> Iterator[Path]:
    """Run the back end (app.py) in the server's namespace; give its access log."""
    log, own = lab.home / "app-access.log", lab.home / "app.log"
    command = ["/usr/bin/python3", str(Path(app.__file__)), str(log)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(lab.home), "PYTHONDONTWRITEBYTECODE": "1"}
    program = services.Program(net.start(command, net.SERVER, log=own, env=environment), own)
    try:
        services.wait_until(log.exists, f"the back end: {own.read_text()}")
        for port in (9000, 9001):
            services.wait_until(functools.partial(services.answers, net.SERVER, "127.0.0.1", port), f"port {port}")
        yield log
    finally:
        program.stop(signal.SIGKILL)


def _chat(lab: Lab, how: str) -> None:
    """Hold the chat of chat_client.py from the client's namespace."""
    log = lab.home / f"chat-{how}.log"
    command = ["/usr/bin/python3", str(Path(__file__).with_name("chat_client.py")), how]
    process = net.start(command, net.CLIENT, log=log, resolv_conf=lab.resolv_conf, env={"PATH": os.environ["PATH"]})
    try:
        code = process.wait(20)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    require(code == 0, f"a chat ({how}): {log.read_text()[-500:]}")


def _one_after_the_other(lab: Lab, *steps: list[str]) -> None:
    """One curl for all steps: what is asked of the same host shares a connection."""
    arguments: list[str] = []
    for step in steps:
        arguments += [*(["--next", "-s", "-S"] if arguments else []), "-o", "/dev/null", *step]
    curl(lab, *arguments)
    time.sleep(0.1)


def _play(lab: Lab, root: Path) -> None:
    done = lab.home / "access.log"
    browser.visit(
        "http://shop.example/", lab.home, lab.resolv_conf, until=lambda: "/api/done" in done.read_text()
    )  # fmt: skip
    time.sleep(0.3)

    login = f"user=demo&password={app.PASSWORD}"
    jar = str(lab.home / "cookies")
    _one_after_the_other(
        lab,
        [f"{SITE}/login.html"],
        ["-L", "-c", jar, "-b", jar, "-e", f"{SITE}/login.html", "-d", login, f"{SITE}/login"],
        ["-b", jar, f"{SITE}/account"],
    )
    _one_after_the_other(lab, [f"{SITE}/quick-login?{login}"])
    _one_after_the_other(lab, ["--anyauth", "-u", "demo:example", f"{SITE}/members/list.html"])
    _one_after_the_other(lab, ["-H", f"Authorization: Bearer {app.TOKEN}", f"{SITE}/api/profile"])
    _one_after_the_other(
        lab,
        ["-L", "-d", "item=apple&note=as+red+as+possible%21", f"{SITE}/order"],
        ["-L", "-d", "item=bread", f"{SITE}/order-old"],
        ["-X", "PATCH", "-H", "Content-Type: application/json", "-d", '{"item": "cheese"}', f"{SITE}/orders/4711"],
        ["-X", "OPTIONS", f"{SITE}/orders"],
    )
    _one_after_the_other(
        lab,
        ["--compressed", f"{SITE}/en/"],
        ["-H", "Accept-Encoding: gzip", f"{SITE}/en/"],
        ["--compressed", f"{SITE}/api/report"],
        [f"{SITE}/en/"],
    )
    size = (root / "en/index.html").stat().st_size
    _one_after_the_other(
        lab,
        ["-H", f'If-None-Match: "{site.MODIFIED:x}-{size:x}"', f"{SITE}/en/"],
        ["-H", "If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT", f"{SITE}/img/apple.png"],
        ["-r", "0-99", f"{SITE}/img/apple.png"],
        ["-r", "0-9,100-109", f"{SITE}/img/apple.png"],
        ["-r", "1000000-", f"{SITE}/img/apple.png"],
        ["-I", f"{SITE}/img/apple.png"],
        [f"{SITE}/ping"],
    )
    photo = str(root / "img/bread.png")
    _one_after_the_other(
        lab,
        ["-H", "Expect: 100-continue", "-T", photo, f"{SITE}/api/files/photo.png"],
        ["-H", "Transfer-Encoding: chunked", "-H", "Expect:", "-T", photo, f"{SITE}/api/files/again.png"],
        ["-F", "title=Bread, from this morning", "-F", f"photo=@{photo};type=image/png", f"{SITE}/api/form"],
        ["-X", "DELETE", f"{SITE}/api/files/photo.png"],
    )
    _one_after_the_other(lab, [f"{DIRECT}/article"], [f"{DIRECT}/ticker"], [f"{DIRECT}/legacy"])
    _chat(lab, "deflate")
    _chat(lab, "plain")


EXPECTED = (
    ("/", 301), ("/", 302), ("/en/", 200), ("/en/", 304),
    ("/img/apple.png", 304), ("/api/news?poll=1", 204), ("/api/news?poll=6", 200),
    ("/api/wait?after=3&attempt=2", 204), ("/prices", 204), ("/prices", 200), ("/api/done", 204), ("/login", 303),
    ("/account", 200),
    ("/members/list.html", 401), ("/members/list.html", 200), ("/order", 307), ("/order-old", 308), ("/orders", 201),
    ("/img/apple.png", 206), ("/img/apple.png", 416), ("/ping", 204), ("/api/files/photo.png", 201), ("/article", 200),
)  # fmt: skip


def web_app(lab: Lab, target: Path) -> None:
    """A page with redirects, polling, a long poll, a chat and a third party; then log-ins, uploads, ranges and more."""
    root = lab.home / "www"
    _files(root)
    password = base64.b64encode(hashlib.sha1(b"example").digest()).decode()
    (lab.home / "users").write_text(f"demo:{{SHA}}{password}\n")
    about = "A page with redirects, polling, a long poll and a chat; then log-ins, uploads, ranges. Recorded at the "
    config = CONFIG.format(root=root, home=lab.home)
    with (
        back_end(lab) as direct_log,
        services.nginx(lab.home, config, modules=["ngx_http_brotli_filter_module"]) as access_log,
    ):
        with (
            services.name_servers(lab.home),
            services.recorder(target, lab.home, comment=f"{about}client."),
            services.recorder(
                target.with_stem(f"{target.stem}-server"), lab.home, comment=f"{about}server.",
                namespace=net.SERVER, device="wan0", only="tcp",
            ),
        ):  # fmt: skip
            _play(lab, root)
            time.sleep(0.3)
        lab.keep_log(access_log, direct_log)
        lab.keep_answers()
    for path, status in EXPECTED:
        require(lab.count("http", path, status) >= 1, f"{status} for {path}")
    require(lab.count("http", "/chat", 101) == 3, "three chats")
