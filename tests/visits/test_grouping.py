"""Which requests belong to one visit, and which request caused which."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.visits.grouping import join, split
from tests.visits.scene import Scene, answer, get, hello

PAGE = "http://shop.example/"


def visits(analysis: Analysis) -> list[list[str | None]]:
    """Return the targets of each visit."""
    return [[analysis.http[at].target for at in visit.http_rows] for visit in analysis.visits]


def causes(analysis: Analysis) -> dict[str | None, str | None]:
    """Return what caused what, by target."""
    rows = analysis.http
    return {row.target: rows[row.initiator].target for row in rows if row.initiator is not None}


def test_page_and_its_parts(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    scene.exchange(120, get("/a.css", Referer=PAGE), answer(kind="text/css"), client_port=40001)
    scene.exchange(130, get("/b.png", Referer=PAGE + "a.css"), answer(kind="image/png"), client_port=40002)
    scene.exchange(400, get("/favicon.ico"), answer(404, kind="text/plain"), client_port=40003)
    analysis = scene.analysis(tmp_path)
    assert visits(analysis) == [["/", "/a.css", "/b.png", "/favicon.ico"]]
    assert causes(analysis) == {"/a.css": "/", "/b.png": "/a.css"}
    (visit,) = analysis.visits
    assert (visit.url, visit.final_url, visit.requests, visit.failed_requests) == (PAGE, PAGE, 4, 1)


def test_referer_cut_to_the_origin(tmp_path: Path) -> None:
    """What a page asks another host for names only where the page is from (Referrer-Policy)."""
    scene = Scene()
    scene.exchange(0, get("/deep/page.html"), answer())
    ad = get("/ad.js", "ads.example", Referer=PAGE)
    scene.exchange(3000, ad, answer(kind="text/javascript"), client_port=40001, server="10.0.0.3")
    analysis = scene.analysis(tmp_path)
    assert visits(analysis) == [["/deep/page.html", "/ad.js"]]
    assert causes(analysis) == {"/ad.js": "/deep/page.html"}


def test_origin_of_a_page_that_was_redirected_to(tmp_path: Path) -> None:
    """A redirect is no page and asks for nothing: what names only the origin was caused by the page behind it."""
    scene = Scene()
    scene.exchange(0, get("/"), answer(302, Location="/en/"))
    scene.exchange(120, get("/en/"), answer(), client_port=40001)
    ad = get("/ad.js", "ads.example", Referer=PAGE)
    scene.exchange(300, ad, answer(kind="text/javascript"), client_port=40002, server="10.0.0.3")
    analysis = scene.analysis(tmp_path)
    assert visits(analysis) == [["/", "/en/", "/ad.js"]]
    assert causes(analysis) == {"/en/": "/", "/ad.js": "/en/"}


def test_socket_of_a_page_names_its_origin(tmp_path: Path) -> None:
    """A browser sends no Referer when it opens a WebSocket, but always Origin (RFC 6455 section 4.1, point 8)."""
    asked = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    switched = (
        b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    )
    scene = Scene()
    scene.exchange(0, get("/deep/page.html"), answer())
    own = get("/chat", "ws.example", Origin="http://shop.example", **asked)
    scene.exchange(5000, own, switched, client_port=40001, server="10.0.0.3")
    scene.exchange(6000, get("/other", "ws.example", **asked), switched, client_port=40002, server="10.0.0.3")
    scene.exchange(7000, get("/null", "ws.example", Origin="null", **asked), switched, client_port=40003)
    analysis = scene.analysis(tmp_path)
    assert visits(analysis) == [["/deep/page.html", "/chat"], ["/other"], ["/null"]]
    assert causes(analysis) == {"/chat": "/deep/page.html"}


def test_link_followed_is_a_new_visit(tmp_path: Path) -> None:
    """Ten seconds later, with a Referer, a page: somebody clicked. It has a cause all the same."""
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    scene.exchange(10_000, get("/next", Referer=PAGE), answer(), client_port=40001)
    analysis = scene.analysis(tmp_path)
    assert visits(analysis) == [["/"], ["/next"]]
    assert causes(analysis) == {"/next": "/"}


def test_revisit_answered_from_the_cache(tmp_path: Path) -> None:
    """A 304 names no type: what the request accepts says that a page was wanted."""
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    cached = b"HTTP/1.1 304 Not Modified\r\n\r\n"
    again = get("/two", Referer=PAGE, Accept="text/html,*/*")
    scene.exchange(9000, again, cached, client_port=40001)
    assert visits(scene.analysis(tmp_path)) == [["/"], ["/two"]]


def test_api_calls_stand_alone(tmp_path: Path) -> None:
    """A program that calls an API without Referer: each call is a visit of its own."""
    scene = Scene()
    for k in range(3):
        call = get(f"/api/{k}")
        scene.exchange(200 * k, call, answer(kind="application/json"), client_port=40000 + k)
    assert visits(scene.analysis(tmp_path)) == [["/api/0"], ["/api/1"], ["/api/2"]]


@pytest.mark.parametrize(("method", "together"), [("GET", True), ("PUT", False), ("DELETE", False)])
def test_parts_of_a_page_are_fetched(tmp_path: Path, method: str, together: bool) -> None:
    """Who stores or deletes a picture right after a page, without a Referer, does something else."""
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    asked = get("/a.png").replace(b"GET", method.encode(), 1)
    scene.exchange(300, asked, answer(204, 0, kind="text/plain"), client_port=40001)
    assert (len(visits(scene.analysis(tmp_path))) == 1) is together


def test_call_of_a_page_belongs_to_it(tmp_path: Path) -> None:
    """The same call with a Referer is the page's, also a minute later."""
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    poll = get("/api", Referer=PAGE)
    scene.exchange(60_000, poll, answer(kind="application/json"), client_port=40001)
    assert visits(scene.analysis(tmp_path)) == [["/", "/api"]]


def test_two_clients_never_mix(tmp_path: Path) -> None:
    """Same URL, same moment, even a Referer that names what only the other one asked for."""
    scene = Scene()
    scene.exchange(0, get("/"), answer(302, 0, Location="/home"))
    home = get("/home", Referer=PAGE)
    scene.exchange(120, home, answer(), client="10.0.0.7")
    scene.exchange(130, get("/a.css", Referer=PAGE), answer(kind="text/css"), client="10.0.0.8")
    analysis = scene.analysis(tmp_path)
    assert visits(analysis) == [["/"], ["/home"], ["/a.css"]]
    assert causes(analysis) == {}


# ── redirects ────────────────────────────────────────────────────────────────────────────────────────────────────


def moved(status: int = 302, to: str = "/home", after: float = 20, request: bytes = b"", first: bytes = b"") -> Scene:
    """One request redirected at 100 ms, another one sent ``after`` it on the same connection."""
    scene = Scene()
    p = scene.exchange(0, first or get("/"), answer(status, 0, Location=to))
    p.at(100 + after).client.send(request or get("/home"))
    p.at(160 + after).server.send(answer())
    return scene


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_followed(tmp_path: Path, status: int) -> None:
    analysis = moved(status).analysis(tmp_path)
    assert visits(analysis) == [["/", "/home"]]
    assert causes(analysis) == {"/home": "/"}
    (visit,) = analysis.visits
    assert (visit.redirects, visit.url, visit.final_url) == (1, PAGE, PAGE + "home")
    assert [step.step for step in visit.steps if step.absent_why is None].count("redirect") == 1


@pytest.mark.parametrize(
    "to", ["http://shop.example/home", "http://SHOP.example:80/home#top", "home", "//shop.example/home"]
)
def test_ways_to_write_a_location(tmp_path: Path, to: str) -> None:
    assert visits(moved(to=to).analysis(tmp_path)) == [["/", "/home"]]


def test_not_a_redirect(tmp_path: Path) -> None:
    assert visits(moved(304).analysis(tmp_path)) == [["/"], ["/home"]]


def test_too_late(tmp_path: Path) -> None:
    assert visits(moved(after=10_500).analysis(tmp_path)) == [["/"], ["/home"]]


def test_not_followed(tmp_path: Path) -> None:
    """Something else was asked for first, on the connection and of the host the redirect led to."""
    scene = moved(request=get("/else"))
    scene.exchange(400, get("/home"), answer(), client_port=40001)
    assert visits(scene.analysis(tmp_path)) == [["/"], ["/else"], ["/home"]]


def test_followed_elsewhere_while_the_connection_goes_on(tmp_path: Path) -> None:
    """Sent to another host, a browser uses the freed connection for the next request first."""
    scene = moved(to="http://cdn.example/x", request=get("/else"))
    scene.exchange(150, get("/x", "cdn.example"), answer(), client_port=40001, server="10.0.0.3")
    analysis = scene.analysis(tmp_path)
    assert causes(analysis) == {"/x": "/"}
    assert visits(analysis) == [["/", "/x"], ["/else"]]


def test_consumed_once(tmp_path: Path) -> None:
    scene = moved()
    scene.exchange(500, get("/home"), answer(), client_port=40001)
    analysis = scene.analysis(tmp_path)
    assert visits(analysis) == [["/", "/home"], ["/home"]]
    assert [row.initiator for row in analysis.http] == [None, 0, None]


def post(path: str) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 2\r\n\r\nhi".encode()


@pytest.mark.parametrize(
    ("status", "second", "together"),
    [
        (303, get("/home"), True),  # the form's answer is fetched
        (302, get("/home"), True),
        (307, post("/home"), True),  # sent on as it is
        (303, post("/home"), False),  # another form
    ],
)
def test_method(tmp_path: Path, status: int, second: bytes, together: bool) -> None:
    analysis = moved(status, request=second, first=post("/")).analysis(tmp_path)
    assert (len(analysis.visits) == 1) is together


def test_redirect_in_a_circle_ends(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    for k in range(20):
        p.at(50 + 50 * k).client.send(get("/"))
        p.at(90 + 50 * k).server.send(answer(302, 0, Location="/"))
    analysis = scene.analysis(tmp_path)
    assert [row.initiator for row in analysis.http] == [None, *range(19)]
    assert analysis.visits[0].redirects == 19


@pytest.mark.parametrize("location", ["http://[::1", "http://x:99999999/", "//", "\\\\", "http://[zz]/", "http:///x"])
def test_location_that_cannot_be_read(tmp_path: Path, location: str) -> None:
    assert isinstance(join(PAGE, location), str)
    assert split(location).hostname in (None, "x")
    analysis = moved(to=location).analysis(tmp_path)
    assert len(analysis.http) == 2


# ── what a person did, and what a page did ───────────────────────────────────────────────────────────────────────────

NAVIGATES = "text/html,application/xhtml+xml,*/*;q=0.8"


def form(path: str, **headers: str) -> bytes:
    fields = {"Content-Type": "application/x-www-form-urlencoded", "Referer": PAGE, "Content-Length": "3", **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\nHost: shop.example\r\n{lines}\r\na=1".encode()


@pytest.mark.parametrize(
    ("status", "headers", "own"),
    [
        (303, {"Accept": NAVIGATES}, True),
        (200, {"Accept": NAVIGATES}, True),
        (303, {}, True),  # a program that plays a browser
        (200, {"Accept": "*/*"}, False),  # a script
        (303, {"Accept": NAVIGATES, "X-Requested-With": "XMLHttpRequest"}, False),
        (303, {"Accept": NAVIGATES, "Sec-Fetch-Dest": "iframe"}, False),
        (200, {"Accept": NAVIGATES, "Content-Type": "application/json"}, False),
    ],
)
def test_a_form_that_is_sent(tmp_path: Path, status: int, headers: dict[str, str], own: bool) -> None:
    """Half a second after the page was there: logging in is a thing of its own, and no part of the page."""
    scene = Scene()
    p = scene.exchange(0, get("/"), answer())
    p.at(600).client.send(form("/login", **headers))
    p.at(660).server.send(answer(status, 0, Location="/account"))
    p.at(670).client.send(get("/account"))
    p.at(730).server.send(answer())
    analysis = scene.analysis(tmp_path)
    if own:
        assert visits(analysis)[:2] == [["/"], ["/login", *(["/account"] if status == 303 else [])]]
    else:
        assert visits(analysis)[0][:2] == ["/", "/login"]
    assert causes(analysis)["/login"] == "/"


def test_what_a_person_asked_for(tmp_path: Path) -> None:
    """A link is followed within half a second; the browser says that a person did it (Fetch Metadata section 2.4)."""
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    clicked = {"Referer": PAGE, "Sec-Fetch-User": "?1"}
    frame = get("/frame", **clicked, **{"Sec-Fetch-Dest": "iframe"})
    scene.exchange(200, frame, answer(), client_port=40001)
    click = get("/next", **clicked, **{"Sec-Fetch-Dest": "document"})
    scene.exchange(600, click, answer(), client_port=40002)
    assert visits(scene.analysis(tmp_path)) == [["/", "/frame"], ["/next"]]


def test_html_that_a_script_asked_for(tmp_path: Path) -> None:
    """Suggestions for a search come as HTML, ten seconds after the page: they are no page."""
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    script = {"X-Requested-With": "XMLHttpRequest"}
    scene.exchange(10_000, get("/suggest", Referer=PAGE, **script), answer(), client_port=40001)
    analysis = scene.analysis(tmp_path)
    assert visits(analysis) == [["/", "/suggest"]]
    assert analysis.visits[0].duration_ms == 100


def test_style_sheet_from_the_cache(tmp_path: Path) -> None:
    """The second page uses the first one's sheet, which is not asked for again: its picture belongs to the second."""
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    scene.exchange(120, get("/a.css", Referer=PAGE), answer(kind="text/css"), client_port=40001)
    sheet = PAGE + "a.css"
    scene.exchange(240, get("/1.png", Referer=sheet), answer(kind="image/png"), client_port=40002)
    scene.exchange(20_000, get("/next", Referer=PAGE), answer(), client_port=40003)
    scene.exchange(22_500, get("/2.png", Referer=sheet), answer(kind="image/png"), client_port=40004)
    analysis = scene.analysis(tmp_path)
    assert visits(analysis) == [["/", "/a.css", "/1.png"], ["/next", "/2.png"]]
    assert causes(analysis) == {"/a.css": "/", "/1.png": "/a.css", "/next": "/", "/2.png": "/a.css"}
    assert analysis.visits[0].duration_ms == 340


def test_style_sheet_of_another_site(tmp_path: Path) -> None:
    """A visit to another host in between does not use the sheet."""
    scene = Scene()
    scene.exchange(0, get("/"), answer())
    scene.exchange(120, get("/a.css", Referer=PAGE), answer(kind="text/css"), client_port=40001)
    scene.exchange(20_000, get("/", "news.example"), answer(), client_port=40002, server="10.0.0.3")
    late = get("/2.png", Referer=PAGE + "a.css")
    scene.exchange(20_500, late, answer(kind="image/png"), client_port=40003)
    assert visits(scene.analysis(tmp_path)) == [["/", "/a.css", "/2.png"], ["/"]]


def test_credentials_that_were_asked_for(tmp_path: Path) -> None:
    """curl asks without a password, is told 401, and asks again on the same connection: one thing done."""
    scene = Scene()
    p = scene.exchange(0, get("/private"), answer(401, 0))
    p.at(101).client.send(get("/private", Authorization="Basic dTpw"))
    p.at(161).server.send(answer())
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    assert (visit.http_rows, visit.redirects, visit.failed_step) == ((0, 1), 0, None)
    assert causes(analysis) == {"/private": "/private"}


@pytest.mark.parametrize(("agent", "together"), [("curl/8.5.0", False), ("Mozilla/5.0 (X11)", True)])
def test_credentials_on_another_connection(tmp_path: Path, agent: str, together: bool) -> None:
    """A browser may open another connection for them; a second command of curl is a second thing."""
    named = {"User-Agent": agent}
    scene = Scene()
    scene.exchange(0, get("/private", **named), answer(401, 0))
    again = get("/private", **named, Authorization="Basic dTpw")
    scene.exchange(150, again, answer(), client_port=40001)
    assert (len(scene.analysis(tmp_path).visits) == 1) is together


@pytest.mark.parametrize(("after", "agent", "together"), [
    (20, "curl/8.5.0", True),
    (600, "curl/8.5.0", False),  # it was not told to follow, and somebody typed the next command
    (600, "Mozilla/5.0 (X11)", True),
])  # fmt: skip
def test_a_program_follows_at_once(tmp_path: Path, after: float, agent: str, together: bool) -> None:
    named = {"User-Agent": agent}
    analysis = moved(after=after, first=get("/", **named), request=get("/home", **named)).analysis(tmp_path)
    assert (len(analysis.visits) == 1) is together


def test_a_program_loads_no_parts(tmp_path: Path) -> None:
    """A script of curl asks for a page and then for a picture: two things, because curl loads no parts of pages."""
    named = {"User-Agent": "curl/8.5.0"}
    scene = Scene()
    p = scene.exchange(0, get("/", **named), answer())
    p.at(120).client.send(get("/a.png", **named))
    p.at(180).server.send(answer(kind="image/png"))
    assert visits(scene.analysis(tmp_path)) == [["/"], ["/a.png"]]


# ── tunnels ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def tunnel(scene: Scene, ms: float, authority: str, name: str, **facts: object) -> None:
    """A proxy (port 8080) is asked for a tunnel, through which TLS to a host begins."""
    p = scene.connection(server_port=8080, server="10.0.0.9", **facts)
    p.at(ms).handshake()
    p.at(ms + 40).client.send(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
    p.at(ms + 100).server.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
    p.at(ms + 110).client.send(hello(name))
    p.at(ms + 150).server.send(b"\x17\x03\x03\0\x20" + b"x" * 32)


@pytest.mark.parametrize(
    ("authority", "url"),
    [
        ("shop.example:443", "https://shop.example/"),
        ("shop.example:8443", "https://shop.example:8443/"),
        ("203.0.113.7:443", "https://shop.example/"),  # the client had looked the name up itself
        ("[2001:db8::7]:443", "https://shop.example/"),
    ],
)
def test_tls_in_a_tunnel(tmp_path: Path, authority: str, url: str) -> None:
    """One visit, to what the tunnel leads to; neither the proxy's address nor its port are in it."""
    scene = Scene()
    tunnel(scene, 0, authority, "shop.example")
    (visit,) = scene.analysis(tmp_path).visits
    assert (visit.url, visit.final_url, visit.http_rows, visit.tls_rows) == (url, url, (0,), (0,))
    assert [step.step for step in visit.steps].count("tcp") == 1
    assert [step.absent_why for step in visit.steps if step.step == "tls"] == [None]


def test_tunnels_begun_together(tmp_path: Path) -> None:
    """A page behind a proxy opens several, as it would open several connections."""
    scene = Scene()
    tunnel(scene, 0, "shop.example:443", "shop.example")
    tunnel(scene, 500, "cdn.example:443", "cdn.example", client_port=40001)
    tunnel(scene, 9000, "news.example:443", "news.example", client_port=40002)
    assert [visit.url for visit in scene.analysis(tmp_path).visits] == [
        "https://shop.example/",
        "https://news.example/",
    ]


def test_tunnel_that_was_refused(tmp_path: Path) -> None:
    scene = Scene()
    asked = b"CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n"
    scene.exchange(0, asked, answer(403), server_port=8080)
    (visit,) = scene.analysis(tmp_path).visits
    assert (visit.url, visit.tls_rows, visit.failed_requests) == ("shop.example:443", (), 1)


# ── encrypted visits ─────────────────────────────────────────────────────────────────────────────────────────────


def tls(scene: Scene, ms: float, name: str, *, last: float = 0, **facts: object) -> None:
    """A connection that begins TLS at ``ms`` and gets its last (unreadable) data ``last`` ms later."""
    p = scene.connection(server_port=443, **facts)
    p.at(ms).handshake()
    p.at(ms + 40).client.send(hello(name))
    p.at(ms + 40 + last).server.send(b"\x17\x03\x03\0\x20" + b"x" * 32)


def hosts(analysis: Analysis) -> list[list[str | None]]:
    return [[analysis.tls[at].sni for at in visit.tls_rows] for visit in analysis.visits]


def test_encrypted_connections_begun_together(tmp_path: Path) -> None:
    scene = Scene()
    tls(scene, 0, "shop.example", last=100)
    tls(scene, 500, "cdn.example", last=100, client_port=40001)
    tls(scene, 9000, "shop.example", last=100, client_port=40002)
    analysis = scene.analysis(tmp_path)
    assert hosts(analysis) == [["shop.example", "cdn.example"], ["shop.example"]]
    assert (analysis.visits[0].requests, analysis.visits[0].requests_why) == (None, "encrypted")
    assert analysis.visits[0].url == "https://shop.example/"


def test_connection_left_open_does_not_swallow_what_follows(tmp_path: Path) -> None:
    """A WebSocket or a notification channel stays open for an hour; a visit ten minutes later is another one."""
    scene = Scene()
    tls(scene, 0, "push.example", last=3_600_000)
    tls(scene, 600_000, "shop.example", last=100, client_port=40001)
    assert hosts(scene.analysis(tmp_path)) == [["push.example"], ["shop.example"]]


def test_from_http_to_https(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/"), answer(301, 0, Location="https://shop.example/"))
    tls(scene, 120, "shop.example", last=100, client_port=40001)
    analysis = scene.analysis(tmp_path)
    (visit,) = analysis.visits
    assert (visit.http_rows, visit.tls_rows, visit.redirects) == ((0,), (0,), 1)
    assert visit.final_url == "https://shop.example/"
    assert visit.requests is None


def test_https_of_another_host_is_not_the_redirects(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/"), answer(301, 0, Location="https://shop.example/"))
    tls(scene, 4000, "other.example", last=100, client_port=40001)
    assert len(scene.analysis(tmp_path).visits) == 2


# ── what a visit touched ─────────────────────────────────────────────────────────────────────────────────────────


def test_arp_is_charged_to_the_visit_that_waited(tmp_path: Path) -> None:
    """The hardware address came 2 ms before the SYN; the visit a minute later knew it already."""
    scene = Scene()
    scene.arp(0, 1, "02:00:00:00:00:01", "10.0.0.1", "00:00:00:00:00:00", "10.0.0.2")
    scene.arp(3, 2, "02:00:00:00:00:02", "10.0.0.2", "02:00:00:00:00:01", "10.0.0.1")
    scene.exchange(5, get("/"), answer())
    scene.exchange(60_000, get("/later"), answer(), client_port=40001)
    first, second = scene.analysis(tmp_path).visits
    assert (first.arp_rows, first.phases.arp_ms) == ((0,), 3)
    assert (second.arp_rows, second.phases.arp_ms) == ((), None)
    assert first.start_time == scene.packets[0][0], "the visit begins with its first packet"
    why = {step.step: step.absent_why for step in second.steps}
    assert why["arp"] == "cached"


def test_arp_for_another_neighbour_is_not_waited_for(tmp_path: Path) -> None:
    """The SYN goes to 02:…:02; that 02:…:99 was found 2 ms before it explains nothing."""
    scene = Scene()
    scene.arp(0, 1, "02:00:00:00:00:01", "10.0.0.1", "00:00:00:00:00:00", "10.0.0.99")
    scene.arp(3, 2, "02:00:00:00:00:99", "10.0.0.99", "02:00:00:00:00:01", "10.0.0.1")
    scene.exchange(5, get("/"), answer())
    (visit,) = scene.analysis(tmp_path).visits
    assert (visit.arp_rows, visit.phases.arp_ms) == ((), None)


def test_fast_open_is_not_paid_twice(tmp_path: Path) -> None:
    """The request leaves with the SYN: no part of its 100 ms is connecting."""
    scene = Scene()
    p = scene.connection()
    p.client.syn(get("/"))
    p.at(40).server.syn()
    p.at(40).client.ack()
    p.at(100).server.send(answer())
    (visit,) = scene.analysis(tmp_path).visits
    assert (visit.phases.connect_ms, visit.phases.wait_ms) == (0, 100)


def test_steps_of_a_whole_visit(tmp_path: Path) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example")
    p = scene.exchange(30, get("/"), answer())
    p.at(200).close()
    (visit,) = scene.analysis(tmp_path).visits
    present = [(step.step, step.frames) for step in visit.steps if step.absent_why is None]
    assert present == [
        ("dns", (1, 2)),
        ("tcp", (3, 4, 5)),
        ("request", (6,)),
        ("response", (7,)),
        ("close", (9, 10, 11, 12)),
    ]
    absent = {step.step: step.absent_why for step in visit.steps if step.absent_why is not None}
    assert absent == {"arp": "not_captured", "tls": "plain", "objects": "not_applicable"}


def test_twenty_thousand_requests(tmp_path: Path) -> None:
    """Pages, parts, redirects and Referers of 200 clients: grouped, each row once (and in time to be of use)."""
    scene = Scene()
    pages = 10
    for k in range(200):
        p = scene.connection(client=f"10.1.{k // 100}.{k % 100 + 1}", client_isn=77 + k)
        p.at(10 * k).handshake()
        ms = 10.0 * k + 45
        for page in range(pages):
            url = f"http://shop.example/{page}/new"
            p.at(ms).client.send(get(f"/{page}"))
            p.at(ms + 1).server.send(answer(302, 0, Location=f"/{page}/new"))
            p.at(ms + 2).client.send(get(f"/{page}/new"))
            p.at(ms + 3).server.send(answer())
            for part in range(8):
                p.at(ms + 4 + 2 * part).client.send(get(f"/{page}/{part}.png", Referer=url))
                p.at(ms + 5 + 2 * part).server.send(answer(kind="image/png"))
            ms += 10_000
    analysis = scene.analysis(tmp_path)
    assert len(analysis.http) == 20_000
    assert len(analysis.visits) == 2000
    assert {(len(visit.http_rows), visit.redirects) for visit in analysis.visits} == {(10, 1)}
    assert sum(row.initiator is not None for row in analysis.http) == 18_000


def test_farewell_after_the_close_is_not_waited_for(tmp_path: Path) -> None:
    """The client closes an idle connection after a minute, and the server's close_notify comes behind its FIN."""
    scene = Scene()
    p = scene.connection(server_port=443)
    p.at(0).handshake()
    p.at(40).client.send(hello("shop.example"))
    p.at(100).server.send(b"\x17\x03\x03\0\x20" + b"x" * 32)
    p.at(60_000).client.fin()
    p.at(60_040).server.send(b"\x17\x03\x03\0\x13" + b"x" * 19)
    (visit,) = scene.analysis(tmp_path).visits
    assert visit.duration_ms is not None
    assert visit.duration_ms < 200
