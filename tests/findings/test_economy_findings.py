"""Findings about what browsing cost: where each rule fires, with its evidence and cost, and near misses."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from analyzer.schema import FindingRow
from analyzer.sentences import finding_text
from analyzer.visits.grouping import join
from tests.visits.scene import Scene, answer, found, get


def told(scene: Scene, folder: Path, code: str) -> list[FindingRow]:
    """The findings of a code; each of their sentences must have all its words."""
    hits = found(scene.analysis(folder), code)
    for hit in hits:
        text = finding_text(hit.title_key, hit.args)
        assert "unknown" not in f"{text.title} {text.why} {text.advice}", hit.title_key
    return hits


def redirect(location: str, status: int = 301) -> bytes:
    return f"HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


# ── HTTP-REDIRECTS ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g/"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q"),
        ("g#s", "http://a/b/c/g"),
        (";x", "http://a/b/c/;x"),
        ("", "http://a/b/c/d;p?q"),
        (".", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../..", "http://a/"),
        ("../../../g", "http://a/g"),
        ("/./g", "http://a/g"),
        ("g;x=1/../y", "http://a/b/c/y"),
    ],
)
def test_relative_locations(reference: str, expected: str) -> None:
    """RFC 3986 section 5.4, without the fragment, which is not sent."""
    assert join("http://a/b/c/d;p?q", reference) == expected


def chain(*steps: tuple[str, bytes]) -> Scene:
    """Addresses that a client was sent along, 150 ms apart, each on its own connection."""
    scene = Scene()
    for number, (url, reply) in enumerate(steps):
        host, _, path = url.removeprefix("http://").partition("/")
        scene.exchange(150 * number, get(f"/{path}", host), reply, client_port=40000 + number)
    return scene


def test_two_redirects(tmp_path: Path) -> None:
    """From the first request (40 ms) to the third (340 ms)."""
    scene = chain(
        ("http://a.example/x", redirect("http://b.example/y")),
        ("http://b.example/y", redirect("../z", 302)),
        ("http://b.example/z", answer()),
    )
    (finding,) = told(scene, tmp_path, "HTTP-REDIRECTS")
    assert (finding.title_key, finding.severity, finding.blame) == ("HTTP-REDIRECTS", "note", "server")
    assert (finding.cost_ms, finding.frames) == (300, (5, 11, 16)), "both redirects, and the request they led to"
    args = {name: finding.args[name] for name in ("first", "last", "hops", "statuses", "chains")}
    assert args == {
        "first": "http://a.example/x",
        "last": "http://b.example/z",
        "hops": 2,
        "statuses": ["301", "302"],
        "chains": 1,
    }


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_one_redirect_is_no_finding(tmp_path: Path, status: int) -> None:
    scene = chain(("http://a.example/", redirect("http://b.example/", status)), ("http://b.example/", answer()))
    assert told(scene, tmp_path, "HTTP-REDIRECTS") == []


@pytest.mark.parametrize("status", [300, 304, 305, 200])
def test_other_codes_are_no_redirects(tmp_path: Path, status: int) -> None:
    scene = chain(
        ("http://a.example/", redirect("/b", status)),
        ("http://a.example/b", redirect("/c", status)),
        ("http://a.example/c", answer()),
    )
    assert told(scene, tmp_path, "HTTP-REDIRECTS") == []


def test_two_redirects_that_nobody_followed(tmp_path: Path) -> None:
    """Asked for somewhere else, and minutes later: two redirects, no chain."""
    scene = Scene()
    scene.exchange(0, get("/a"), redirect("/b"))
    scene.exchange(90_000, get("/b"), redirect("/c"), client_port=40001)
    assert told(scene, tmp_path, "HTTP-REDIRECTS") == []


def test_to_https(tmp_path: Path) -> None:
    """The answer came 60 ms after the request; what followed is encrypted."""
    scene = chain(("http://shop.example/", redirect("https://shop.example/")))
    (finding,) = told(scene, tmp_path, "HTTP-REDIRECTS")
    assert (finding.title_key, finding.severity, finding.cost_ms) == ("HTTP-REDIRECTS.https", "info", 60)
    assert finding.frames == (4, 5)


def test_the_same_chain_again_is_one_finding(tmp_path: Path) -> None:
    scene = Scene()
    for k in range(3):
        scene.exchange(10_000 * k, get("/", "shop.example"), redirect("https://shop.example/"), client_port=40000 + k)
    (finding,) = told(scene, tmp_path, "HTTP-REDIRECTS")
    assert (finding.args["chains"], finding.cost_ms) == (3, 180)


def test_other_addresses_of_the_same_server_are_the_same_finding(tmp_path: Path) -> None:
    scene = Scene()
    for k in range(3):
        there = redirect(f"https://shop.example/{k}")
        scene.exchange(10_000 * k, get(f"/{k}", "shop.example"), there, client_port=40000 + k)
    (finding,) = told(scene, tmp_path, "HTTP-REDIRECTS")
    assert (finding.args["chains"], finding.args["first"]) == (3, "http://shop.example/0")


def hop(scene: Scene, ms: float, path: str, port: int) -> None:
    """An address that leads over a second one to /end."""
    steps = ((path, redirect("/via", 302)), ("/via", redirect("/end", 302)), ("/end", answer()))
    for k, (where, reply) in enumerate(steps):
        scene.exchange(ms + 150 * k, get(where), reply, client_port=port + k)


def test_chains_from_several_addresses_are_counted_as_such(tmp_path: Path) -> None:
    scene = Scene()
    for k in range(3):
        hop(scene, 10_000 * k, f"/{k}", 40000 + 10 * k)
    (finding,) = told(scene, tmp_path, "HTTP-REDIRECTS")
    title = finding_text(finding.title_key, finding.args).title
    assert title == "3 addresses of shop.example, such as http://shop.example/0, led on twice or more (6 redirects)"


def test_a_chain_from_one_address_again_and_again(tmp_path: Path) -> None:
    scene = Scene()
    for k in range(3):
        hop(scene, 10_000 * k, "/start", 40000 + 10 * k)
    (finding,) = told(scene, tmp_path, "HTTP-REDIRECTS")
    title = finding_text(finding.title_key, finding.args).title
    assert title == (
        "http://shop.example/start led to http://shop.example/end only after 2 redirects (status 302; 3 times)"
    )


def test_circles_from_several_addresses(tmp_path: Path) -> None:
    scene = Scene()
    for k in range(2):
        for n in range(4):
            scene.exchange(10_000 * k + 150 * n, get(f"/{k}"), redirect(f"/{k}"), client_port=40000 + 10 * k + n)
    (finding,) = told(scene, tmp_path, "HTTP-REDIRECTS")
    title = finding_text(finding.title_key, finding.args).title
    assert (
        title == "2 addresses of shop.example, such as http://shop.example/0, were redirected in a circle (8 redirects)"
    )


def test_circle(tmp_path: Path) -> None:
    scene = chain(*[(f"http://a.example/{'ab'[k % 2]}", redirect(f"/{'ba'[k % 2]}", 302)) for k in range(6)])
    (finding,) = told(scene, tmp_path, "HTTP-REDIRECTS")
    assert (finding.title_key, finding.severity, finding.args["hops"]) == ("HTTP-REDIRECTS.loop", "warning", 6)


def test_back_to_where_it_began_once(tmp_path: Path) -> None:
    """A page that sends a visitor away to set a cookie, and takes it back: a chain, no circle."""
    scene = chain(
        ("http://a.example/", redirect("http://login.example/", 302)),
        ("http://login.example/", redirect("http://a.example/", 302)),
        ("http://a.example/", answer()),
    )
    (finding,) = told(scene, tmp_path, "HTTP-REDIRECTS")
    assert finding.title_key == "HTTP-REDIRECTS"


def test_redirected_parts_of_a_page(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    for k in range(3):
        named = {"Referer": "http://shop.example/"}
        steps = [(f"/{k}a", redirect(f"/{k}b")), (f"/{k}b", redirect(f"/{k}c")), (f"/{k}c", answer(kind="image/png"))]
        for n, (path, reply) in enumerate(steps):
            scene.exchange(150 + 150 * n + k, get(path, **named), reply, client_port=40001 + 10 * k + n)
    (finding,) = told(scene, tmp_path, "HTTP-REDIRECTS")
    assert (finding.title_key, finding.severity) == ("HTTP-REDIRECTS.parts", "info")
    assert (finding.args["chains"], finding.args["hops"], len(finding.frames)) == (3, 6, 9)


# ── HTTP-CACHE ───────────────────────────────────────────────────────────────────────────────────────────────────

HELD = {"If-None-Match": '"v1"'}


def test_what_a_cache_saved(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/a.css"), answer(200, 777, ETag='"v1"'))
    scene.exchange(1000, get("/a.css", **HELD), b"HTTP/1.1 304 X\r\n\r\n", client_port=40001)
    scene.exchange(2000, get("/b.css", **HELD), b"HTTP/1.1 304 X\r\n\r\n", client_port=40002)
    (finding,) = told(scene, tmp_path, "HTTP-CACHE")
    assert (finding.title_key, finding.severity, finding.frames) == ("HTTP-CACHE", "info", (11, 17))
    assert (finding.args["count"], finding.args["saved_bytes"]) == (2, 777)


def test_saved_by_an_unknown_amount(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/a.css", **HELD), b"HTTP/1.1 304 X\r\n\r\n")
    (finding,) = told(scene, tmp_path, "HTTP-CACHE")
    assert finding.title_key == "HTTP-CACHE.unknown"


def again(folder: Path, *, size: int = 20_000, asks: dict[str, str] | None = None, **more: str) -> list[FindingRow]:
    """A style sheet fetched twice, a second apart."""
    reply = answer(200, size, kind="text/css", **{name.replace("_", "-"): value for name, value in more.items()})
    scene = Scene()
    for k in range(2):
        scene.exchange(1000 * k, get("/a.css", **(asks or {})), reply, client_port=40000 + k)
    return told(scene, folder, "HTTP-CACHE")


def test_fetched_again_although_marked(tmp_path: Path) -> None:
    (finding,) = again(tmp_path, ETag='"v1"')
    assert (finding.title_key, finding.severity, finding.blame) == ("HTTP-CACHE.again", "note", "client")
    assert (finding.args["again_bytes"], finding.args["count"]) == (20_000, 1)


def test_fetched_again_because_nothing_was_marked(tmp_path: Path) -> None:
    (finding,) = again(tmp_path)
    assert (finding.title_key, finding.blame) == ("HTTP-CACHE.unmarked", "server")


def test_fetched_again_with_good_reason(tmp_path: Path) -> None:
    assert again(tmp_path, size=5_000, ETag='"v1"') == [], "too small to matter"
    assert again(tmp_path, Cache_Control="no-store") == []
    assert again(tmp_path, asks={"Cache-Control": "no-cache"}, ETag='"v1"') == [], "the reload button"
    assert again(tmp_path, asks=HELD, ETag='"v1"') == [], "the client asked, the server sent it all the same"


def test_another_program_s_copy(tmp_path: Path) -> None:
    scene = Scene()
    for k in range(2):
        request = get("/a.css", **{"User-Agent": f"program/{k}"})
        scene.exchange(1000 * k, request, answer(200, 20_000, kind="text/css", ETag='"v1"'), client_port=40000 + k)
    assert told(scene, tmp_path, "HTTP-CACHE") == []


def test_a_file_that_changed(tmp_path: Path) -> None:
    scene = Scene()
    for k in range(2):
        reply = answer(200, 20_000, kind="text/css", ETag=f'"v{k}"')
        scene.exchange(1000 * k, get("/a.css"), reply, client_port=40000 + k)
    assert told(scene, tmp_path, "HTTP-CACHE") == []


# ── HTTP-NO-COMPRESSION ──────────────────────────────────────────────────────────────────────────────────────────

GZIP = {"Accept-Encoding": "gzip, deflate"}
TEXT = b"".join(b"line %d of a long text that says the same again and again\n" % n for n in range(800))


def compression(folder: Path, body: bytes, *, coded: str = "", asks: dict[str, str] = GZIP) -> list[FindingRow]:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{coded}Content-Length: {len(body)}\r\n\r\n".encode()
    scene = Scene()
    scene.exchange(0, get("/log.txt", **asks), head + body)
    return told(scene, folder, "HTTP-NO-COMPRESSION")


def test_text_that_was_not_compressed(tmp_path: Path) -> None:
    (finding,) = compression(tmp_path, TEXT)
    assert (finding.severity, finding.blame, finding.args["whole_bytes"]) == ("note", "server", len(TEXT))
    missed = finding.args["missed_bytes"]
    assert isinstance(missed, int)
    assert len(TEXT) // 2 < missed < len(TEXT)


def test_compressed_or_short_or_not_wanted(tmp_path: Path) -> None:
    assert compression(tmp_path, gzip.compress(TEXT), coded="Content-Encoding: gzip\r\n") == []
    assert compression(tmp_path, TEXT[:10_000]) == []
    assert compression(tmp_path, TEXT, asks={}) == []


# ── HTTP-NO-KEEPALIVE ────────────────────────────────────────────────────────────────────────────────────────────


def connections(folder: Path, count: int, *, apart: float = 500, asks: dict[str, str] | None = None,
                says: dict[str, str] | None = None, server_closes: bool = False) -> list[FindingRow]:  # fmt: skip
    scene = Scene()
    for k in range(count):
        p = scene.exchange(apart * k, get(f"/{k}", **(asks or {})), answer(**(says or {})), client_port=40000 + k)
        if server_closes:
            p.at(apart * k + 110).close(by="server")
    return told(scene, folder, "HTTP-NO-KEEPALIVE")


def test_the_server_closes_every_time(tmp_path: Path) -> None:
    """Four connections, of which three were opened for nothing: 40 ms each."""
    (finding,) = connections(tmp_path, 4, says={"Connection": "close"}, server_closes=True)
    assert (finding.severity, finding.blame, finding.cost_ms) == ("note", "server", 120)
    assert (finding.title_key, finding.args["count"], finding.args["by"]) == ("HTTP-NO-KEEPALIVE", 3, "server")
    assert finding.frames == (11, 21, 31), "their SYNs, each behind ten packets"


def test_the_server_closes_without_a_word(tmp_path: Path) -> None:
    (finding,) = connections(tmp_path, 4, server_closes=True)
    assert finding.args["by"] == "server"


def test_the_client_closes_every_time(tmp_path: Path) -> None:
    (finding,) = connections(tmp_path, 4, asks={"Connection": "close"})
    assert (finding.blame, finding.args["by"], finding.severity) == ("client", "client", "note")


def test_nobody_closes(tmp_path: Path) -> None:
    (finding,) = connections(tmp_path, 4)
    assert (finding.title_key, finding.severity, finding.blame) == ("HTTP-NO-KEEPALIVE.unused", "info", "client")


def test_few_connections_or_far_apart(tmp_path: Path) -> None:
    assert connections(tmp_path, 3, says={"Connection": "close"}) == []
    assert connections(tmp_path, 6, apart=20_000, says={"Connection": "close"}) == []


def test_several_connections_at_once(tmp_path: Path) -> None:
    """Browsers open six for the parts of a page: no answer had come when the others were opened."""
    assert connections(tmp_path, 6, apart=5, says={"Connection": "close"}) == []


def test_one_connection_for_all(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.exchange(0, get("/"), answer())
    for k in range(1, 6):
        p.at(500 * k).client.send(get(f"/{k}"))
        p.at(500 * k + 60).server.send(answer())
    assert told(scene, tmp_path, "HTTP-NO-KEEPALIVE") == []


# ── HTTP-THIRD-PARTY ─────────────────────────────────────────────────────────────────────────────────────────────


def parts(folder: Path, *hosts: str) -> list[FindingRow]:
    scene = Scene()
    scene.exchange(0, get("/", "www.shop.example"), answer())
    for number, host in enumerate(hosts, 1):
        request = get(f"/{number}.png", host, Referer="http://www.shop.example/")
        reply = answer(200, 100, kind="image/png", **{"CF-RAY": "x"})
        scene.exchange(150 + number, request, reply, client_port=40000 + number)
    return told(scene, folder, "HTTP-THIRD-PARTY")


def test_other_sites(tmp_path: Path) -> None:
    (finding,) = parts(tmp_path, "img.shop.example", "ads.other.test", "count.third.test", "ads.other.test")
    assert (finding.severity, finding.args["host"]) == ("info", "www.shop.example")
    assert (finding.args["count"], finding.args["of"], finding.args["third_bytes"]) == (3, 5, 300)
    assert (finding.args["others"], finding.args["networks"]) == (
        ["ads.other.test", "count.third.test"],
        ["Cloudflare"],
    )


def test_only_its_own_site(tmp_path: Path) -> None:
    assert parts(tmp_path, "img.shop.example", "shop.example") == []
